// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The superblock in front of a dm-verity hash tree (cryptsetup's on-disk format, version 1), and where the tree's levels lie behind it. Pure values:
// nothing here reads a device or computes a hash.

#include "core/base/fd.h"
#include "core/base/uuid.h"

#include <cstdint>
#include <string>
#include <vector>

namespace Preon::Verity
{

constexpr std::size_t superblockSize = 512;

struct Superblock {
    Uuid uuid;
    std::string algorithm; // "sha256"
    std::uint32_t dataBlockSize = 4096, hashBlockSize = 4096; // bytes, powers of two
    std::uint64_t dataBlocks = 0;
    Bytes salt; // at most 256 bytes
    bool operator==(const Superblock &) const = default;

    std::uint64_t dataSize() const // bytes
    {
        return dataBlocks * dataBlockSize;
    }
};

// NotFound when there is no superblock, BadFormat when its numbers are impossible (also: data of more than 2^63 bytes),
// Unsupported for ChromeOS's hash type 0 and for algorithms other than SHA-1, SHA-256, SHA-384 and SHA-512.
Result<Superblock> parseSuperblock(ByteView bytes);

// Bytes of one digest; 0 for an unknown algorithm.
std::size_t digestSize(std::string_view algorithm);

struct Level {
    std::uint64_t offset = 0; // bytes from the start of the superblock
    std::uint64_t blocks = 0; // hash blocks
    bool operator==(const Level &) const = default;
};

struct Layout {
    std::vector<Level> levels; // the first holds the data blocks' digests, the last is one block. None when there is a single data block
    std::uint64_t size = 0; // bytes, superblock included
    std::uint32_t slotSize = 0; // bytes that one digest takes: its size rounded up to a power of two
    std::uint32_t digestsPerBlock = 0;
};

// For a superblock that parseSuperblock accepted.
Layout layoutOf(const Superblock &superblock);

} // namespace Preon::Verity
