// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/disk/gpt.h"
#include "core/repart/plan.h"

#include <algorithm>
#include <cstdlib>

#include <sys/mman.h>
#include <unistd.h>

using namespace Preon;

namespace
{
constexpr std::uint64_t diskSize = 4U << 20U;
constexpr std::size_t headSize = 34 * 512, tailSize = 33 * 512; // where the two copies of a table are
}

// A disk whose first and last sectors are the input. Whatever is read from them lies on the disk and does not overlap, and a plan keeps it.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    const Fd file(memfd_create("disk", MFD_CLOEXEC));
    if (ftruncate(file.get(), static_cast<off_t>(diskSize)) < 0)
        std::abort();
    const ByteView input = std::as_bytes(std::span(data, size));
    const ByteView head = input.first(std::min(size, headSize));
    const ByteView tail = input.subspan(head.size()).first(std::min(size - head.size(), tailSize));
    if (!writeAt(file, 0, head) || !writeAt(file, diskSize - tail.size(), tail))
        std::abort();
    const auto device = Disk::Device::open("/proc/self/fd/" + std::to_string(file.get()), Disk::Access::Read);
    const auto table = Disk::readTable(*device);
    if (!table)
        return 0;
    std::uint64_t end = 0;
    auto partitions = table->partitions;
    std::ranges::sort(partitions, {}, &Disk::Partition::start);
    for (const Disk::Partition &partition : partitions) {
        if (partition.start < end || partition.size == 0 || partition.start > diskSize || partition.size > diskSize - partition.start)
            std::abort();
        end = partition.start + partition.size;
    }
    Repart::Snapshot snapshot;
    snapshot.device = "disk.img";
    snapshot.table = *table;
    const auto plan = Repart::plan(snapshot);
    if (plan && plan->after.partitions != table->partitions)
        std::abort();
    return 0;
}
