// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/install/installed.h"

#include "core/boot/bootdisk.h"
#include "core/install/bootfacts.h"
#include "core/luks/integrity.h"

#include <algorithm>

namespace Preon::Install
{

namespace
{

// The header in memory, with nothing behind it.
Result<Luks::Volume> loadCopy(const Disk::Device &device, const Disk::Partition &partition)
{
    Bytes header(std::min(Luks::integrityOffset, partition.size));
    PREON_CHECK(readAt(device.fd(), partition.start, header));
    PREON_TRY(const Boot::MemoryFile copy, Boot::MemoryFile::copyOf(header));
    return Luks::Volume::load("/proc/self/fd/" + std::to_string(copy.fd().get()));
}

HomeHeader inspectHome(const Disk::Device &device, const Disk::Partition &partition)
{
    HomeHeader header{.number = partition.number};
    const auto volume = loadCopy(device, partition);
    if (!volume)
        return header;
    header.isProtected = volume->subsystem() == Luks::integritySubsystem;
    header.hasRecoveryKey = std::ranges::contains(volume->slots(), Luks::recoveryToken, &Luks::Slot::token);
    return header;
}

} // namespace

Result<void> inspectInstalled(TargetFacts &target)
{
    PREON_TRY(const Disk::Device device, Disk::Device::open(target.path, Disk::Access::Read));
    for (BootPartition &place : target.bootPartitions) {
        if (place.isFat)
            place.kernels = kernelsOn(device, place.partition);
        if (place.extended)
            continue;
        for (const Boot::OwnPartition &own : Boot::ownPartitions(target.table, place.partition.uuid, {})) {
            const auto partition = std::ranges::find(target.table.partitions, own.number, &Disk::Partition::number);
            if (own.role == Boot::Role::Home && !std::ranges::contains(target.homes, own.number, &HomeHeader::number))
                target.homes.push_back(inspectHome(device, *partition));
        }
    }
    return {};
}

} // namespace Preon::Install
