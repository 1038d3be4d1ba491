// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/repart/verity.h"

#include <algorithm>

namespace Preon::Repart
{

Result<Preon::Verity::BuiltTree> makeHashTree(const Disk::Device &data, const Disk::Range &range, const VerityPart &part, Progress &progress)
{
    if (range.length == 0 || range.length % part.dataBlock != 0)
        return fail(ErrorCode::BadArgument, "A hash tree cannot be made over " + std::to_string(range.length) + " bytes",
                    "they are not a whole number of blocks of " + std::to_string(part.dataBlock) + " bytes");
    const Preon::Verity::Superblock parameters{.uuid = part.uuid, .dataBlockSize = part.dataBlock, .hashBlockSize = part.hashBlock, .salt = part.salt};
    return Preon::Verity::buildTree(data, range, parameters, progress);
}

std::uint64_t areaOf(const Preon::Verity::BuiltTree &tree)
{
    // As veritysetup leaves a file: a superblock without a tree takes the block that a tree would begin behind.
    return std::max<std::uint64_t>(tree.layout.bytesUsed(tree.placement), tree.superblock.hashBlockSize);
}

} // namespace Preon::Repart
