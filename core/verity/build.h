// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Makes dm-verity hash trees, with the bytes and the root hash that veritysetup makes. The data is read once, on all cores; whoever writes the data anyway can
// hash it on the way (TreeBuilder). The tree is kept in memory until it is whole (1/128 of the data with the usual block sizes), so nothing half is ever written.

#include "core/base/progress.h"
#include "core/disk/content.h"
#include "core/verity/superblock.h"

namespace Preon::Verity
{

struct BuiltTree {
    Superblock superblock;
    Placement placement;
    Layout layout;
    Bytes rootHash;
    Bytes blocks; // all levels as they lie on the device, from layout.treeOffset on

    // Writes the tree, then the superblock, into a range of the device (which placement counts in). Touches nothing else there, as veritysetup, and does not
    // flush: what is half written does not have the root hash. BadArgument when the range is too small.
    Result<void> write(const Disk::Device &device, const Disk::Range &range) const;
    // Whether these very levels lie in the range already (its superblock is not looked at).
    Result<bool> isOn(const Disk::Device &device, const Disk::Range &range) const;
};

class TreeBuilder
{
public:
    // As checkSuperblock and checkPlacement; NoSpace when the tree does not fit into memory.
    static Result<TreeBuilder> create(Superblock superblock, const Placement &placement = {});

    const Superblock &superblock() const
    {
        return m_tree.superblock;
    }
    // Digests of whole data blocks, the first with this number. From any thread and in any order, but each block once; blocks beyond the superblock's
    // dataBlocks must not come.
    void add(std::uint64_t firstBlock, ByteView data);
    // After all blocks were added.
    Result<BuiltTree> finish(const Progress &progress) &&;

private:
    TreeBuilder() = default;
    std::span<std::byte> level(std::size_t index);
    BuiltTree m_tree;
};

// The tree of a range of a device. parameters.dataBlocks 0 means all whole blocks of the range; what is left behind them is not looked at. Reports bytes of data.
// BadArgument when the range has fewer blocks than asked for, or none.
Result<BuiltTree> buildTree(const Disk::Device &device, const Disk::Range &range, Superblock parameters, Progress &progress, const Placement &placement = {});

} // namespace Preon::Verity
