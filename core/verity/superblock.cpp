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
constexpr std::size_t versionAt = 8, hashTypeAt = 12, uuidAt = 16, algorithmAt = 32, algorithmLength = 32, dataBlockSizeAt = 64, hashBlockSizeAt = 68,
                      dataBlocksAt = 72, saltSizeAt = 80, saltAt = 88, largestSalt = 256;
constexpr std::uint32_t smallestBlock = 512, largestBlock = 512U << 10U, sector = 512;

std::uint64_t littleEndian(ByteView bytes, std::size_t at, std::size_t length)
{
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < length; ++i)
        value |= std::to_integer<std::uint64_t>(bytes[at + i]) << 8U * i;
    return value;
}

void putLittleEndian(Bytes &bytes, std::size_t at, std::size_t length, std::uint64_t value)
{
    for (std::size_t i = 0; i < length; ++i)
        bytes[at + i] = static_cast<std::byte>(value >> 8U * i);
}

std::uint64_t roundUp(std::uint64_t value, std::uint64_t step)
{
    return (value + step - 1) / step * step;
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

Result<void> checkSuperblock(const Superblock &superblock)
{
    const std::string bad = "The parameters of the hash tree make no sense";
    if (superblock.hashType > 1)
        return fail(ErrorCode::Unsupported, "The verity hash tree has type " + std::to_string(superblock.hashType), "only types 0 and 1 are known");
    if (digestSize(superblock.algorithm) == 0)
        return fail(ErrorCode::Unsupported, "The verity hash tree uses an unknown hash algorithm", superblock.algorithm);
    if (!isBlockSize(superblock.dataBlockSize) || !isBlockSize(superblock.hashBlockSize)) {
        return fail(ErrorCode::BadFormat, bad,
                    "blocks of " + std::to_string(superblock.dataBlockSize) + " and " + std::to_string(superblock.hashBlockSize) + " bytes",
                    "Use powers of two from 512 to 524288.");
    }
    // The tree is smaller than the data where blocks have equal size, and at most digest-size ÷ 512 of it otherwise: this bounds all later sums.
    constexpr std::uint64_t largest = std::numeric_limits<std::int64_t>::max();
    if (superblock.dataBlocks == 0 || superblock.dataBlocks > largest / std::max(superblock.dataBlockSize, superblock.hashBlockSize) / 4)
        return fail(ErrorCode::BadFormat, bad, std::to_string(superblock.dataBlocks) + " data blocks");
    if (superblock.salt.size() > largestSalt)
        return fail(ErrorCode::BadFormat, bad, "a salt of " + std::to_string(superblock.salt.size()) + " bytes, at most 256 are possible");
    return {};
}

Result<Superblock> parseSuperblock(ByteView bytes)
{
    if (bytes.size() < superblockSize || std::memcmp(bytes.data(), magic.data(), magic.size()) != 0)
        return fail(ErrorCode::NotFound, "There is no verity superblock");
    const std::string bad = "The verity superblock makes no sense";
    const std::uint64_t version = littleEndian(bytes, versionAt, 4);
    if (version != 1)
        return fail(ErrorCode::Unsupported, "The verity superblock has version " + std::to_string(version), "only version 1 is known");

    Superblock superblock;
    superblock.hashType = static_cast<std::uint32_t>(littleEndian(bytes, hashTypeAt, 4));
    std::array<std::byte, 16> uuid{};
    std::ranges::copy(bytes.subspan(uuidAt, uuid.size()), uuid.begin());
    superblock.uuid = Uuid(uuid);

    const auto *name = reinterpret_cast<const char *>(bytes.data() + algorithmAt);
    const std::size_t nameLength = ::strnlen(name, algorithmLength);
    superblock.algorithm.assign(name, nameLength);
    if (nameLength == algorithmLength)
        return fail(ErrorCode::BadFormat, bad, "the hash algorithm's name has no end");
    if (!std::ranges::all_of(superblock.algorithm, [](char letter) { return letter > ' ' && letter <= '~'; }))
        return fail(ErrorCode::BadFormat, bad, "the hash algorithm's name is none");

    superblock.dataBlockSize = static_cast<std::uint32_t>(littleEndian(bytes, dataBlockSizeAt, 4));
    superblock.hashBlockSize = static_cast<std::uint32_t>(littleEndian(bytes, hashBlockSizeAt, 4));
    superblock.dataBlocks = littleEndian(bytes, dataBlocksAt, 8);
    const std::uint64_t saltSize = littleEndian(bytes, saltSizeAt, 2);
    if (saltSize > largestSalt)
        return fail(ErrorCode::BadFormat, bad, "a salt of " + std::to_string(saltSize) + " bytes");
    const ByteView salt = bytes.subspan(saltAt, saltSize);
    superblock.salt.assign(salt.begin(), salt.end());
    if (auto checked = checkSuperblock(superblock); !checked)
        return std::unexpected(checked.error().code == ErrorCode::BadFormat ? Error{ErrorCode::BadFormat, bad, checked.error().why, {}} : checked.error());
    return superblock;
}

Bytes writeSuperblock(const Superblock &superblock)
{
    Bytes bytes(superblockSize);
    std::memcpy(bytes.data(), magic.data(), magic.size());
    putLittleEndian(bytes, versionAt, 4, 1);
    putLittleEndian(bytes, hashTypeAt, 4, superblock.hashType);
    std::ranges::copy(superblock.uuid.bytes(), bytes.begin() + uuidAt);
    std::memcpy(bytes.data() + algorithmAt, superblock.algorithm.data(), std::min(superblock.algorithm.size(), algorithmLength - 1));
    putLittleEndian(bytes, dataBlockSizeAt, 4, superblock.dataBlockSize);
    putLittleEndian(bytes, hashBlockSizeAt, 4, superblock.hashBlockSize);
    putLittleEndian(bytes, dataBlocksAt, 8, superblock.dataBlocks);
    putLittleEndian(bytes, saltSizeAt, 2, superblock.salt.size());
    std::copy_n(superblock.salt.begin(), std::min(superblock.salt.size(), largestSalt), bytes.begin() + saltAt);
    return bytes;
}

Result<void> checkPlacement(const Placement &placement, const Superblock &superblock)
{
    constexpr std::uint64_t furthest = 1ULL << 62U; // and so far at most from the tree's end: no sum overflows
    const std::uint64_t step = placement.superblock ? sector : superblock.hashBlockSize;
    if (placement.offset % step != 0 || placement.offset > furthest) {
        return fail(ErrorCode::BadArgument, "The hash tree cannot begin at byte " + std::to_string(placement.offset),
                    (placement.superblock ? "with a superblock" : "without a superblock") + std::string(" it must be a multiple of ") + std::to_string(step));
    }
    return {};
}

std::uint64_t Layout::bytesUsed(const Placement &placement) const
{
    return levels.empty() ? placement.offset + (placement.superblock ? superblockSize : 0) : size;
}

Layout layoutOf(const Superblock &superblock, const Placement &placement)
{
    Layout layout;
    layout.digestSize = static_cast<std::uint32_t>(digestSize(superblock.algorithm));
    layout.digestsPerBlock = std::bit_floor(superblock.hashBlockSize / layout.digestSize); // 512 ÷ 64 at least
    layout.slotSize = superblock.hashType == 0 ? layout.digestSize : std::bit_ceil(layout.digestSize);
    for (std::uint64_t digests = superblock.dataBlocks; digests > 1;) {
        const std::uint64_t blocks = digests / layout.digestsPerBlock + (digests % layout.digestsPerBlock != 0);
        layout.levels.push_back({0, blocks});
        layout.hashBlocks += blocks;
        digests = blocks;
    }
    // On disk the top comes first, at the hash block behind the superblock.
    layout.treeOffset = placement.superblock ? roundUp(placement.offset + superblockSize, superblock.hashBlockSize) : placement.offset;
    std::uint64_t offset = layout.treeOffset;
    for (auto level = layout.levels.rbegin(); level != layout.levels.rend(); ++level) {
        level->offset = offset;
        offset += level->blocks * superblock.hashBlockSize;
    }
    layout.size = offset;
    return layout;
}

Result<std::uint64_t> hashAreaSize(std::uint64_t dataBytes, Superblock parameters)
{
    parameters.dataBlocks = 1; // so that the block sizes are checked before they divide
    PREON_CHECK(checkSuperblock(parameters));
    parameters.dataBlocks = dataBytes / parameters.dataBlockSize + (dataBytes % parameters.dataBlockSize != 0);
    PREON_CHECK(checkSuperblock(parameters));
    return layoutOf(parameters).size;
}

} // namespace Preon::Verity
