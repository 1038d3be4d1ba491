// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The superblock of a hash tree, and the layout that follows from it: whatever is accepted must add up.
#include "core/verity/superblock.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    using namespace Preon;
    const auto superblock = Verity::parseSuperblock(std::as_bytes(std::span(data, size)));
    if (!superblock)
        return 0;
    const Verity::Layout layout = Verity::layoutOf(*superblock);
    std::uint64_t end = superblock->hashBlockSize;
    for (auto level = layout.levels.rbegin(); level != layout.levels.rend(); ++level) {
        if (level->offset != end || level->blocks == 0)
            std::abort();
        end += level->blocks * superblock->hashBlockSize;
    }
    const bool oneOnTop = layout.levels.empty() ? superblock->dataBlocks == 1 : layout.levels.back().blocks == 1;
    if (end != layout.size || !oneOnTop || superblock->dataSize() / superblock->dataBlockSize != superblock->dataBlocks)
        std::abort();
    return 0;
}
