// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/verity/superblock.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

namespace Preon::Verity
{

namespace
{

constexpr std::string_view magic{"verity\0\0", 8};
constexpr std::size_t uuidAt = 16, algorithmAt = 32, algorithmLength = 32, dataBlockSizeAt = 64, hashBlockSizeAt = 68, dataBlocksAt = 72, saltSizeAt = 80,
                      saltAt = 88, largestSalt = 256;
constexpr std::uint32_t smallestBlock = 512, largestBlock = 512U << 10U;

std::uint64_t littleEndian(ByteView bytes, std::size_t at, std::size_t length)
{
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < length; ++i)
        value |= std::to_integer<std::uint64_t>(bytes[at + i]) << 8U * i;
    return value;
}

bool isBlockSize(std::uint64_t size)
{
    return size >= smallestBlock && size <= largestBlock && std::has_single_bit(size);
}

} // namespace

std::size_t digestSize(std::string_view algorithm)
{
    if (algorithm == "sha1")
        return 20;
    if (algorithm == "sha256")
        return 32;
    if (algorithm == "sha384")
        return 48;
    if (algorithm == "sha512")
        return 64;
    return 0;
}

Result<Superblock> parseSuperblock(ByteView bytes)
{
    if (bytes.size() < superblockSize || std::memcmp(bytes.data(), magic.data(), magic.size()) != 0)
        return fail(ErrorCode::NotFound, "There is no verity superblock");
    const std::string bad = "The verity superblock makes no sense";
    const std::uint64_t version = littleEndian(bytes, 8, 4);
    const std::uint64_t hashType = littleEndian(bytes, 12, 4);
    if (version != 1)
        return fail(ErrorCode::Unsupported, "The verity superblock has version " + std::to_string(version), "only version 1 is known");
    if (hashType != 1)
        return fail(ErrorCode::Unsupported, "The verity hash tree has type " + std::to_string(hashType), "only type 1 is supported");

    Superblock superblock;
    std::array<std::byte, 16> uuid{};
    std::ranges::copy(bytes.subspan(uuidAt, uuid.size()), uuid.begin());
    superblock.uuid = Uuid(uuid);

    const auto *name = reinterpret_cast<const char *>(bytes.data() + algorithmAt);
    const std::size_t nameLength = ::strnlen(name, algorithmLength);
    superblock.algorithm.assign(name, nameLength);
    if (nameLength == algorithmLength)
        return fail(ErrorCode::BadFormat, bad, "the hash algorithm's name has no end");
    if (digestSize(superblock.algorithm) == 0)
        return fail(ErrorCode::Unsupported, "The verity hash tree uses an unknown hash algorithm", superblock.algorithm);

    const std::uint64_t dataBlockSize = littleEndian(bytes, dataBlockSizeAt, 4);
    const std::uint64_t hashBlockSize = littleEndian(bytes, hashBlockSizeAt, 4);
    if (!isBlockSize(dataBlockSize) || !isBlockSize(hashBlockSize))
        return fail(ErrorCode::BadFormat, bad, "blocks of " + std::to_string(dataBlockSize) + " and " + std::to_string(hashBlockSize) + " bytes");
    superblock.dataBlockSize = static_cast<std::uint32_t>(dataBlockSize);
    superblock.hashBlockSize = static_cast<std::uint32_t>(hashBlockSize);

    superblock.dataBlocks = littleEndian(bytes, dataBlocksAt, 8);
    constexpr std::uint64_t largest = std::numeric_limits<std::int64_t>::max();
    // The tree is smaller than the data where blocks have equal size, and at most digest-size ÷ 512 of it otherwise: this bounds all later sums.
    if (superblock.dataBlocks == 0 || superblock.dataBlocks > largest / std::max(dataBlockSize, hashBlockSize) / 4)
        return fail(ErrorCode::BadFormat, bad, std::to_string(superblock.dataBlocks) + " data blocks");

    const std::uint64_t saltSize = littleEndian(bytes, saltSizeAt, 2);
    if (saltSize > largestSalt)
        return fail(ErrorCode::BadFormat, bad, "a salt of " + std::to_string(saltSize) + " bytes");
    const ByteView salt = bytes.subspan(saltAt, saltSize);
    superblock.salt.assign(salt.begin(), salt.end());
    return superblock;
}

Layout layoutOf(const Superblock &superblock)
{
    Layout layout;
    layout.slotSize = static_cast<std::uint32_t>(std::bit_ceil(digestSize(superblock.algorithm)));
    layout.digestsPerBlock = superblock.hashBlockSize / layout.slotSize; // both powers of two, 512 ÷ 64 at least
    for (std::uint64_t digests = superblock.dataBlocks; digests > 1;) {
        const std::uint64_t blocks = digests / layout.digestsPerBlock + (digests % layout.digestsPerBlock != 0);
        layout.levels.push_back({0, blocks});
        digests = blocks;
    }
    // On disk the top comes first, behind the superblock's own hash block.
    std::uint64_t offset = superblock.hashBlockSize;
    for (auto level = layout.levels.rbegin(); level != layout.levels.rend(); ++level) {
        level->offset = offset;
        offset += level->blocks * superblock.hashBlockSize;
    }
    layout.size = offset;
    return layout;
}

} // namespace Preon::Verity
