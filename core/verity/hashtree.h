// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// A dm-verity hash tree, checked against its root hash and then used to check data, block by block and on all cores, as the kernel would at run time but
// all at once and with exact words. build.h makes such trees.

#include "core/base/progress.h"
#include "core/disk/content.h"
#include "core/verity/superblock.h"

#include <optional>
#include <string>

namespace Preon::Verity
{

// Where a tree is and what it was made with, as far as the device itself does not say.
struct TreeSource {
    std::uint64_t offset = 0; // bytes into the range; see Placement
    std::optional<Superblock> parameters; // of a tree without a superblock; dataBlocks must be right
};

// NotFound when there is none, otherwise as parseSuperblock. offset: bytes into the range, a multiple of 512.
Result<Superblock> readSuperblock(const Disk::Device &device, const Disk::Range &range, std::uint64_t offset = 0);

class HashTree
{
public:
    // Reads the superblock and all levels and checks them from the root hash down. Keeps the digests of the data blocks (1/128 of the data).
    // Corrupt names the first hash block that does not match or has something between its digests; BadFormat when the tree does not fit into the range;
    // Io when it cannot be read.
    static Result<HashTree> load(const Disk::Device &device, const Disk::Range &range, ByteView rootHash, Progress &progress, const TreeSource &source = {});

    const Superblock &superblock() const
    {
        return m_superblock;
    }
    // Bytes of data that the tree covers.
    std::uint64_t dataSize() const
    {
        return m_superblock.dataSize();
    }
    // The first block of `data` whose digest is not the tree's, as an index of the whole data; nullopt when all match. firstBlock: which block data starts
    // with; data is a whole number of data blocks, inside dataSize().
    std::optional<std::uint64_t> firstBadBlock(std::uint64_t firstBlock, ByteView data) const;

private:
    HashTree() = default;
    Superblock m_superblock;
    Layout m_layout;
    Bytes m_leaves; // the lowest level as it is on the device
};

// Checks all data that the tree covers. Reports bytes of data. Corrupt: "data block N (byte M) does not match"; N is the first bad one.
// BadFormat when the range is shorter than the data should be.
Result<void> verifyData(const Disk::Device &device, const Disk::Range &range, const HashTree &tree, Progress &progress);

// The error for a bad data block, the same words wherever it is found.
std::unexpected<Error> corruptBlock(const std::string &name, std::uint64_t block, const HashTree &tree);

} // namespace Preon::Verity
