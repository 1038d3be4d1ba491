// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/repart/split.h"

#include "core/disk/content.h"
#include "core/disk/parttypes.h"
#include "core/repart/filesystem.h"

#include <algorithm>
#include <climits>

#include <fcntl.h>
#include <unistd.h>

namespace Preon::Repart
{

namespace
{
constexpr std::string_view imageSuffix = ".raw"; // stands behind the partition's name

Result<std::string> expandedName(const PlannedPartition &planned, Specifiers specifiers)
{
    auto &values = specifiers.values;
    values.erase('V');
    values['t'] = Disk::partitionTypeName(planned.partition.type);
    values['T'] = planned.partition.type.hex();
    values['U'] = planned.partition.uuid.hex();
    values['n'] = std::to_string(planned.partition.number - 1);
    const auto name = specifiers.expand(*planned.splitName, NAME_MAX);
    if (!name)
        return fail(ErrorCode::BadArgument, "Failed to resolve specifiers in " + *planned.splitName);
    return *name;
}

Result<void> writeOne(const PlannedPartition &planned, const Disk::Device &device, const std::vector<Disk::Range> &data, Progress &progress)
{
    const Disk::Partition &partition = planned.partition;
    PREON_TRY(const Fd file, openFile(planned.splitPath, O_WRONLY | O_NOCTTY | O_NOFOLLOW | O_CREAT | O_EXCL, 0666));
    if (ftruncate(file.get(), static_cast<off_t>(partition.size)) < 0)
        return failErrno(planned.splitPath.string() + " could not be made as large as its partition");
    Bytes buffer(4U << 20U);
    for (const Disk::Range &range : data) {
        const std::uint64_t end = std::min(range.offset + range.length, partition.start + partition.size);
        for (std::uint64_t at = std::max(range.offset, partition.start); at < end;) {
            PREON_CHECK(progress.check());
            const std::span part(buffer.data(), std::min<std::uint64_t>(buffer.size(), end - at));
            PREON_CHECK(readAt(device.fd(), at, part));
            PREON_CHECK(writeAt(file, at - partition.start, part));
            at += part.size();
            progress.advance(part.size());
        }
    }
    return {};
}
}

Result<void> nameSplits(Plan &plan, const Specifiers &specifiers)
{
    std::string base = plan.device.filename().string(), suffix;
    if (base.ends_with(imageSuffix)) {
        suffix = imageSuffix;
        base.resize(base.size() - suffix.size());
    }
    for (std::size_t i = 0; i < plan.partitions.size(); ++i) {
        PlannedPartition &planned = plan.partitions[i];
        if (!planned.splitName)
            continue;
        PREON_TRY(const std::string name, expandedName(planned, specifiers));
        planned.splitPath = plan.device.parent_path() / (base + '.' + name + suffix);
        for (std::size_t k = 0; k < i; ++k) {
            if (plan.partitions[k].splitPath == planned.splitPath)
                return fail(ErrorCode::Exists,
                            plan.partitions[k].file.string() + " and " + planned.file.string() + " have the same resolved split name \""
                                + planned.splitPath.string() + "\", refusing.");
        }
    }
    return {};
}

Result<void> writeSplits(const Plan &plan, const Disk::Device &device, Progress &progress)
{
    PREON_TRY(const auto data, dataRanges(device));
    for (const PlannedPartition &planned : plan.partitions) {
        if (planned.splitPath.empty() || planned.deferred)
            continue;
        progress.phase("Writing " + planned.splitPath.filename().string(), planned.partition.size);
        if (auto written = writeOne(planned, device, data, progress); !written)
            return std::unexpected(written.error().during("The split file " + planned.splitPath.string() + " could not be written"));
    }
    return {};
}

} // namespace Preon::Repart
