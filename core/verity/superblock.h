// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The superblock in front of a dm-verity hash tree (cryptsetup's on-disk format, version 1), and where the tree's levels lie behind it. Pure values:
// nothing here reads a device or computes a hash.
// Specification: https://gitlab.com/cryptsetup/cryptsetup/-/wikis/DMVerity and the kernel's Documentation/admin-guide/device-mapper/verity.rst.

#include "core/base/fd.h"
#include "core/base/uuid.h"

#include <cstdint>
#include <string>
#include <vector>

namespace Preon::Verity
{

constexpr std::size_t superblockSize = 512;

struct Superblock {
    Uuid uuid{};
    std::uint32_t hashType = 1; // 1: salt before the block, digests at powers of two; 0, ChromeOS's first: salt behind it, digests without gaps
    std::string algorithm = "sha256"; // or "sha1", "sha384", "sha512"
    std::uint32_t dataBlockSize = 4096, hashBlockSize = 4096; // bytes, powers of two
    std::uint64_t dataBlocks = 0;
    Bytes salt{}; // at most 256 bytes
    bool operator==(const Superblock &) const = default;

    std::uint64_t dataSize() const // bytes
    {
        return dataBlocks * dataBlockSize;
    }
};

// BadFormat when the numbers are impossible (also: no data, or more than 2^63 bytes of it), Unsupported for hash types and algorithms other than those above.
Result<void> checkSuperblock(const Superblock &superblock);
// As checkSuperblock; NotFound when there is no superblock, Unsupported for versions other than 1.
Result<Superblock> parseSuperblock(ByteView bytes);
// The 512 bytes, for a superblock that checkSuperblock accepts.
Bytes writeSuperblock(const Superblock &superblock);

// Bytes of one digest; 0 for an unknown algorithm.
std::size_t digestSize(std::string_view algorithm);

// Where superblock and tree lie on the hash device.
struct Placement {
    std::uint64_t offset = 0; // bytes, a multiple of 512: where the superblock is, or the tree where there is none
    bool superblock = true;
    bool operator==(const Placement &) const = default;
};
// BadArgument for an offset that is no multiple of 512, or, without a superblock, of the hash block size.
Result<void> checkPlacement(const Placement &placement, const Superblock &superblock);

struct Level {
    std::uint64_t offset = 0; // bytes from the start of the hash device; a multiple of the hash block size
    std::uint64_t blocks = 0; // hash blocks
    bool operator==(const Level &) const = default;
};

struct Layout {
    std::vector<Level> levels; // the first holds the data blocks' digests, the last is one block. None when there is a single data block
    std::uint64_t hashBlocks = 0; // of all levels
    std::uint64_t treeOffset = 0; // bytes from the start of the hash device to the last level, which comes first
    std::uint64_t size = 0; // bytes from the start of the hash device to the end of the tree
    std::uint32_t digestSize = 0;
    std::uint32_t slotSize = 0; // bytes that one digest takes: with type 1 its size rounded up to a power of two
    std::uint32_t digestsPerBlock = 0; // a power of two

    // Bytes that must be there to be read: a superblock without a tree may be all that a file holds.
    std::uint64_t bytesUsed(const Placement &placement) const;
    // Where in a level (which starts at 0) the digest with this number lies.
    std::uint64_t slotOf(std::uint64_t digest, std::uint32_t hashBlockSize) const
    {
        return digest / digestsPerBlock * hashBlockSize + digest % digestsPerBlock * slotSize;
    }
};

// For a superblock that checkSuperblock accepts, and a placement that checkPlacement does.
Layout layoutOf(const Superblock &superblock, const Placement &placement = {});

// Bytes that a hash device needs for this many bytes of data (a rest counts as a block), superblock included: for planning a partition. dataBlocks and UUID of
// `parameters` do not matter. Errors as checkSuperblock.
Result<std::uint64_t> hashAreaSize(std::uint64_t dataBytes, Superblock parameters = {});

} // namespace Preon::Verity
