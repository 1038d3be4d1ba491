// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/install/removal.h"

#include "core/install/phases.h"

#include <algorithm>

namespace Preon::Install
{

namespace
{

// The largest header that LUKS2 knows (LUKS2 On-Disk Format Specification, chapters 2 and 3): twice 4 MiB of metadata and 128 MiB of key slots. What such
// a header says of its own size need not be believed then.
constexpr std::uint64_t largestHeader = 136U << 20U;
constexpr std::uint64_t piece = 4U << 20U;

Result<void> removeKernels(const Plan &plan, const Disk::Device &target, Progress &progress)
{
    progress.phase(PhaseName::removeKernels, 0);
    for (const RemovedFile &file : plan.removedFiles) {
        const auto place = std::ranges::find(plan.target.table.partitions, file.partition, &Disk::Partition::number);
        PREON_CHECK(Boot::Fat(target, place->start).remove(file.path));
        PREON_CHECK(target.flush());
    }
    return {};
}

bool holdsKeys(const Disk::Partition &partition)
{
    const Disk::Designator role = Disk::designator(partition.type);
    return role == Disk::Designator::Root || role == Disk::Designator::Swap;
}

std::uint64_t headerSize(const Disk::Partition &partition)
{
    return holdsKeys(partition) ? std::min(partition.size, largestHeader) : 0;
}

// Written over, not only discarded: a disk may give back what it was told to forget.
Result<void> eraseKeys(const Plan &plan, const Disk::Device &target, Progress &progress)
{
    std::uint64_t all = 0;
    for (const Disk::Partition &partition : plan.removed)
        all += headerSize(partition);
    progress.phase(PhaseName::eraseKeys, all);
    const Bytes zeroes(piece);
    for (const Disk::Partition &partition : plan.removed) {
        const std::uint64_t size = headerSize(partition);
        for (std::uint64_t at = 0; at < size; at += piece) {
            const ByteView part = ByteView(zeroes).first(std::min(piece, size - at));
            PREON_CHECK(writeAt(target.fd(), partition.start + at, part));
            progress.advance(part.size());
        }
    }
    return target.flush();
}

} // namespace

Result<void> removeSystem(const Plan &plan, const Disk::Device &target, Progress &progress)
{
    PREON_CHECK(removeKernels(plan, target, progress));
    PREON_CHECK(eraseKeys(plan, target, progress));
    for (const Disk::Partition &partition : plan.removed)
        PREON_CHECK(Disk::wipeSignatures(target, partition.start, partition.size));
    return target.flush();
}

} // namespace Preon::Install
