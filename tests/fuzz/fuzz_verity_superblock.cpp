// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The superblock of a hash tree, and the layout that follows from it: whatever is accepted must add up, wherever on the device it is, and survive being written.
#include "core/verity/superblock.h"

#include <cstdlib>

using namespace Preon;

namespace
{

void check(bool holds)
{
    if (!holds)
        std::abort();
}

void checkLayout(const Verity::Superblock &superblock, const Verity::Placement &placement)
{
    const Verity::Layout layout = Verity::layoutOf(superblock, placement);
    check(layout.treeOffset % superblock.hashBlockSize == 0);
    check(layout.treeOffset >= placement.offset + (placement.superblock ? Verity::superblockSize : 0));
    std::uint64_t end = layout.treeOffset;
    for (auto level = layout.levels.rbegin(); level != layout.levels.rend(); ++level) {
        check(level->offset == end && level->blocks != 0);
        end += level->blocks * superblock.hashBlockSize;
    }
    check(end == layout.size && end == layout.treeOffset + layout.hashBlocks * superblock.hashBlockSize);
    check(layout.levels.empty() ? superblock.dataBlocks == 1 : layout.levels.back().blocks == 1);
    check(superblock.dataSize() / superblock.dataBlockSize == superblock.dataBlocks);
    check(layout.slotSize >= layout.digestSize && std::uint64_t(layout.digestsPerBlock) * layout.slotSize <= superblock.hashBlockSize);
    if (!layout.levels.empty())
        check(layout.slotOf(superblock.dataBlocks - 1, superblock.hashBlockSize) + layout.slotSize <= layout.levels.front().blocks * superblock.hashBlockSize);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    const auto superblock = Verity::parseSuperblock(std::as_bytes(std::span(data, size)));
    if (!superblock)
        return 0;
    const auto again = Verity::parseSuperblock(Verity::writeSuperblock(*superblock));
    check(again && *again == *superblock);
    for (const std::uint64_t offset : {0ULL, 512ULL, 524288ULL, 1ULL << 62U}) {
        for (const bool withSuperblock : {true, false}) {
            const Verity::Placement placement{.offset = offset, .superblock = withSuperblock};
            if (Verity::checkPlacement(placement, *superblock))
                checkLayout(*superblock, placement);
        }
    }
    const auto area = Verity::hashAreaSize(superblock->dataSize(), *superblock);
    check(area && *area == Verity::layoutOf(*superblock).size);
    return 0;
}
