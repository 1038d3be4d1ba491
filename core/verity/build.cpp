// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/verity/build.h"

#include "core/verity/blockhasher.h"
#include "core/verity/parallel.h"

#include <algorithm>
#include <new>

#include <unistd.h>

namespace Preon::Verity
{

namespace
{

constexpr std::size_t chunkSize = 1U << 20U; // at least two of the largest blocks

// Hashes whole blocks into the slots of a level, beginning with the slot of this number. The level's other bytes stay as they are.
void hashInto(std::span<std::byte> level, const Layout &layout, std::uint32_t hashBlockSize, BlockHasher &hash, std::uint64_t first, ByteView data,
              std::size_t blockSize)
{
    for (std::size_t i = 0; i * blockSize < data.size(); ++i)
        std::ranges::copy(hash(data.subspan(i * blockSize, blockSize)), level.begin() + static_cast<std::ptrdiff_t>(layout.slotOf(first + i, hashBlockSize)));
}

Result<void> checkRoom(const Disk::Device &device, const Disk::Range &range, std::uint64_t needed)
{
    if (needed <= range.length)
        return {};
    return fail(ErrorCode::BadArgument, "The hash tree does not fit on " + device.path().string(),
                "it takes " + std::to_string(needed) + " bytes, there are " + std::to_string(range.length));
}

} // namespace

Result<void> BuiltTree::write(const Disk::Device &device, const Disk::Range &range) const
{
    PREON_CHECK(checkRoom(device, range, layout.bytesUsed(placement)));
    const std::string what = "The hash tree could not be written to " + device.path().string();
    if (auto written = writeAt(device.fd(), range.offset + layout.treeOffset, blocks); !written)
        return std::unexpected(written.error().during(what));
    if (!placement.superblock)
        return {};
    if (auto written = writeAt(device.fd(), range.offset + placement.offset, writeSuperblock(superblock)); !written)
        return std::unexpected(written.error().during(what));
    return {};
}

Result<bool> BuiltTree::isOn(const Disk::Device &device, const Disk::Range &range) const
{
    if (layout.bytesUsed(placement) > range.length)
        return false;
    Bytes found(blocks.size());
    PREON_CHECK(readAt(device.fd(), range.offset + layout.treeOffset, found));
    return found == blocks;
}

Result<TreeBuilder> TreeBuilder::create(Superblock superblock, const Placement &placement)
{
    PREON_CHECK(checkSuperblock(superblock));
    PREON_CHECK(checkPlacement(placement, superblock));
    TreeBuilder builder;
    builder.m_tree.superblock = std::move(superblock);
    builder.m_tree.placement = placement;
    builder.m_tree.layout = layoutOf(builder.m_tree.superblock, placement);
    const std::uint64_t size = builder.m_tree.layout.hashBlocks * builder.m_tree.superblock.hashBlockSize;
    const std::uint64_t memory = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const auto tooLarge = fail(ErrorCode::NoSpace, "The hash tree does not fit into memory",
                               "it takes " + std::to_string(size) + " bytes, the machine has " + std::to_string(memory));
    if (size > memory)
        return tooLarge;
    try {
        builder.m_tree.blocks.resize(size);
    } catch (const std::bad_alloc &) {
        return tooLarge;
    }
    builder.m_tree.rootHash.resize(builder.m_tree.layout.digestSize);
    return builder;
}

// The level above the last is the root hash alone.
std::span<std::byte> TreeBuilder::level(std::size_t index)
{
    if (index == m_tree.layout.levels.size())
        return m_tree.rootHash;
    const Level &place = m_tree.layout.levels[index];
    return std::span(m_tree.blocks).subspan(place.offset - m_tree.layout.treeOffset, place.blocks * m_tree.superblock.hashBlockSize);
}

void TreeBuilder::add(std::uint64_t firstBlock, ByteView data)
{
    BlockHasher hash(m_tree.superblock);
    hashInto(level(0), m_tree.layout, m_tree.superblock.hashBlockSize, hash, firstBlock, data, m_tree.superblock.dataBlockSize);
}

Result<BuiltTree> TreeBuilder::finish(const Progress &progress) &&
{
    const std::uint32_t blockSize = m_tree.superblock.hashBlockSize;
    for (std::size_t index = 0; index < m_tree.layout.levels.size(); ++index) {
        const ByteView blocks = level(index);
        const std::span<std::byte> above = level(index + 1);
        PREON_CHECK(forEachPart(blocks.size(), chunkSize, progress, [&]() -> PartWork {
            return [&](std::uint64_t offset, std::size_t length) -> Result<void> {
                BlockHasher hash(m_tree.superblock);
                hashInto(above, m_tree.layout, blockSize, hash, offset / blockSize, blocks.subspan(offset, length), blockSize);
                return {};
            };
        }));
    }
    return std::move(m_tree);
}

Result<BuiltTree> buildTree(const Disk::Device &device, const Disk::Range &range, Superblock parameters, Progress &progress, const Placement &placement)
{
    const std::string what = "A hash tree of " + device.path().string() + " cannot be made";
    const std::uint64_t asked = parameters.dataBlocks;
    parameters.dataBlocks = 1; // so that the block sizes are checked before they divide
    PREON_CHECK(checkSuperblock(parameters));
    const std::uint64_t there = range.length / parameters.dataBlockSize;
    if (asked > there || there == 0) {
        return fail(ErrorCode::BadArgument, what,
                    "there are " + std::to_string(there) + " blocks of " + std::to_string(parameters.dataBlockSize) + " bytes, "
                        + (asked > there ? std::to_string(asked) : "one") + " should be");
    }
    parameters.dataBlocks = asked == 0 ? there : asked;
    const std::uint32_t blockSize = parameters.dataBlockSize;
    PREON_TRY(TreeBuilder builder, TreeBuilder::create(std::move(parameters), placement));
    PREON_CHECK(forEachChunk(builder.superblock().dataSize(), chunkSize, progress, [&](std::uint64_t offset, std::span<std::byte> buffer) -> Result<void> {
        if (auto read = readAt(device.fd(), range.offset + offset, buffer); !read)
            return std::unexpected(read.error().during("Reading from " + device.path().string()));
        builder.add(offset / blockSize, buffer);
        return {};
    }));
    return std::move(builder).finish(progress);
}

} // namespace Preon::Verity
