// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/verity/hashtree.h"

#include "core/verity/blockhasher.h"
#include "core/verity/parallel.h"

#include <algorithm>
#include <cstring>

namespace Preon::Verity
{

namespace
{

constexpr std::size_t readAtOnce = 1U << 20U; // at least two of the largest blocks

// The first block of data whose digest differs from the one in `level`, where its digest has the number `first`; nullopt when none does.
std::optional<std::uint64_t> firstMismatch(BlockHasher &hash, ByteView data, std::size_t blockSize, ByteView level, std::uint64_t first, const Layout &layout,
                                           std::uint32_t hashBlockSize)
{
    for (std::size_t i = 0; i * blockSize < data.size(); ++i) {
        const ByteView digest = hash(data.subspan(i * blockSize, blockSize));
        if (std::memcmp(digest.data(), level.data() + layout.slotOf(first + i, hashBlockSize), digest.size()) != 0)
            return i;
    }
    return std::nullopt;
}

bool isZero(ByteView bytes)
{
    return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

// The first hash block of a level with this many digests that has anything but zeros beside them. The kernel does not look there, veritysetup does.
std::optional<std::uint64_t> firstUnclean(ByteView level, std::uint64_t digests, const Layout &layout, std::uint32_t hashBlockSize)
{
    const std::size_t gap = layout.slotSize - layout.digestSize;
    for (std::uint64_t block = 0; block * hashBlockSize < level.size(); ++block) {
        const ByteView bytes = level.subspan(block * hashBlockSize, hashBlockSize);
        const std::uint64_t used = std::min<std::uint64_t>(layout.digestsPerBlock, digests - block * layout.digestsPerBlock);
        for (std::uint64_t i = 0; gap != 0 && i < used; ++i) {
            if (!isZero(bytes.subspan(i * layout.slotSize + layout.digestSize, gap)))
                return block;
        }
        if (!isZero(bytes.subspan(used * layout.slotSize)))
            return block;
    }
    return std::nullopt;
}

std::unexpected<Error> corruptLevel(const Disk::Device &device, std::size_t level, std::uint64_t block, const char *what)
{
    return fail(ErrorCode::Corrupt, "The hash tree on " + device.path().string() + " is damaged",
                "hash block " + std::to_string(block) + " of level " + std::to_string(level) + what);
}

Result<void> checkFits(const Disk::Device &device, const Disk::Range &range, std::uint64_t needed)
{
    if (needed <= range.length)
        return {};
    return fail(ErrorCode::BadFormat, "The hash tree on " + device.path().string() + " is cut off",
                "it takes " + std::to_string(needed) + " bytes, there are " + std::to_string(range.length));
}

} // namespace

Result<Superblock> readSuperblock(const Disk::Device &device, const Disk::Range &range, std::uint64_t offset)
{
    const std::string name = device.path().string();
    PREON_CHECK(checkPlacement({.offset = offset, .superblock = true}, {}));
    Bytes head(superblockSize);
    if (range.length < head.size() || offset > range.length - head.size())
        return fail(ErrorCode::NotFound, "There is no verity superblock on " + name);
    PREON_CHECK(readAt(device.fd(), range.offset + offset, head));
    auto superblock = parseSuperblock(head);
    if (!superblock)
        return std::unexpected(superblock.error().during("The hash tree on " + name + " cannot be used"));
    return superblock;
}

Result<HashTree> HashTree::load(const Disk::Device &device, const Disk::Range &range, ByteView rootHash, Progress &progress, const TreeSource &source)
{
    const std::string name = device.path().string();
    HashTree tree;
    const Placement placement{.offset = source.offset, .superblock = !source.parameters};
    if (source.parameters) {
        tree.m_superblock = *source.parameters;
        PREON_CHECK(checkSuperblock(tree.m_superblock));
        PREON_CHECK(checkPlacement(placement, tree.m_superblock));
    } else {
        PREON_TRY(tree.m_superblock, readSuperblock(device, range, source.offset));
    }
    tree.m_layout = layoutOf(tree.m_superblock, placement);
    const Layout &layout = tree.m_layout;
    PREON_CHECK(checkFits(device, range, layout.bytesUsed(placement)));
    if (rootHash.size() != layout.digestSize) {
        return fail(ErrorCode::BadArgument, "The root hash has a wrong length",
                    std::to_string(rootHash.size()) + " bytes, " + tree.m_superblock.algorithm + " has " + std::to_string(layout.digestSize));
    }

    // From the top down: what a level's blocks must hash to is in the level above, which is known to be right by then.
    tree.m_leaves.assign(rootHash.begin(), rootHash.end());
    const std::uint32_t blockSize = tree.m_superblock.hashBlockSize;
    BlockHasher hash(tree.m_superblock);
    for (std::size_t level = layout.levels.size(); level-- > 0;) {
        const Level &place = layout.levels[level];
        PREON_CHECK(progress.check());
        Bytes blocks(place.blocks * blockSize);
        PREON_CHECK(readAt(device.fd(), range.offset + place.offset, blocks));
        if (const auto bad = firstMismatch(hash, blocks, blockSize, tree.m_leaves, 0, layout, blockSize)) {
            if (level + 1 == layout.levels.size())
                return fail(ErrorCode::Corrupt, "The hash tree on " + name + " does not have the expected root hash", "expected " + toHex(rootHash));
            return corruptLevel(device, level, *bad, " does not match");
        }
        const std::uint64_t digests = level == 0 ? tree.m_superblock.dataBlocks : layout.levels[level - 1].blocks;
        if (const auto bad = firstUnclean(blocks, digests, layout, blockSize))
            return corruptLevel(device, level, *bad, " has more in it than digests");
        tree.m_leaves = std::move(blocks);
    }
    return tree;
}

std::optional<std::uint64_t> HashTree::firstBadBlock(std::uint64_t firstBlock, ByteView data) const
{
    BlockHasher hash(m_superblock);
    if (const auto bad = firstMismatch(hash, data, m_superblock.dataBlockSize, m_leaves, firstBlock, m_layout, m_superblock.hashBlockSize))
        return firstBlock + *bad;
    return std::nullopt;
}

std::unexpected<Error> corruptBlock(const std::string &name, std::uint64_t block, const HashTree &tree)
{
    return fail(ErrorCode::Corrupt, "The data on " + name + " is damaged",
                "data block " + std::to_string(block) + " (at byte " + std::to_string(block * tree.superblock().dataBlockSize) + ") does not match its hash");
}

Result<void> verifyData(const Disk::Device &device, const Disk::Range &range, const HashTree &tree, Progress &progress)
{
    const std::string name = device.path().string();
    if (range.length < tree.dataSize()) {
        return fail(ErrorCode::BadFormat, "The data on " + name + " is cut off",
                    "the hash tree covers " + std::to_string(tree.dataSize()) + " bytes, there are " + std::to_string(range.length));
    }
    return forEachChunk(tree.dataSize(), readAtOnce, progress, [&](std::uint64_t offset, std::span<std::byte> buffer) -> Result<void> {
        PREON_CHECK(readAt(device.fd(), range.offset + offset, buffer));
        if (const auto bad = tree.firstBadBlock(offset / tree.superblock().dataBlockSize, buffer))
            return corruptBlock(name, *bad, tree);
        return {};
    });
}

} // namespace Preon::Verity
