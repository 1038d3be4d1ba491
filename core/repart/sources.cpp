// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/repart/sources.h"

#include "core/base/fd.h"
#include "core/disk/device.h"
#include "core/disk/parttypes.h"

#include <algorithm>
#include <sstream>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace Preon::Repart
{

namespace
{
using Path = std::filesystem::path;

constexpr int deepestStack = 8; // of device-mapper devices on each other

Result<Source> sourceAt(const Path &path)
{
    PREON_TRY(const Disk::Device device, Disk::Device::open(path, Disk::Access::Read));
    std::error_code error;
    const std::uint64_t size = device.isBlockDevice() ? device.size() : std::filesystem::file_size(path, error);
    if (error)
        return failErrno(error.value(), "The size of " + path.string() + " could not be read");
    if (size == 0 || size % 512 != 0)
        return fail(ErrorCode::BadArgument, path.string() + " cannot be copied to a partition",
                    "its size of " + std::to_string(size) + " bytes is no multiple of 512");
    return Source{.path = path, .offset = 0, .size = size, .uuid = {}, .label = {}};
}

// A file or device as it is; of a folder the block device that it is on.
Result<Source> namedSource(const Host &host, const Path &path, bool confined)
{
    PREON_TRY(Path resolved, host.resolved(path));
    struct stat status{};
    if (stat(resolved.c_str(), &status) < 0)
        return failErrno(resolved.string() + " could not be looked at");
    if (confined && !S_ISREG(status.st_mode))
        return fail(ErrorCode::Permission, "Copying from block device node is not permitted in --image=/--root= mode, refusing.");
    if (S_ISDIR(status.st_mode)) {
        const std::string number = std::to_string(major(status.st_dev)) + ':' + std::to_string(minor(status.st_dev));
        std::error_code error;
        const Path sysfs = std::filesystem::canonical(host.sysfs / "dev/block" / number, error);
        if (error)
            return fail(ErrorCode::NotFound, resolved.string() + " is on no block device");
        resolved = host.dev / sysfs.filename();
    }
    return sourceAt(resolved);
}

// /sys/class/block/NAME of what is mounted there; NotFound where it is no block device.
Result<Path> blockDeviceOf(const Host &host, const std::string &mountPoint)
{
    PREON_TRY(const std::string mounts, readTextFile(host.proc / "self/mountinfo"));
    std::istringstream lines(mounts);
    std::string number;
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string id, parent, device, root, point;
        words >> id >> parent >> device >> root >> point;
        if (point == mountPoint)
            number = device; // the last one covers the others
    }
    std::error_code error;
    const Path sysfs = std::filesystem::canonical(host.sysfs / "dev/block" / number, error);
    if (number.empty() || error)
        return fail(ErrorCode::NotFound, mountPoint + " is on no block device");
    return sysfs;
}

// The partitions that a device stands on, through device-mapper.
void addPartitions(const Path &sysfs, int depth, std::vector<Path> &partitions)
{
    std::error_code error;
    if (std::filesystem::exists(sysfs / "partition", error))
        partitions.push_back(sysfs);
    if (depth == deepestStack)
        return;
    for (std::filesystem::directory_iterator entries(sysfs / "slaves", error), end; !error && entries != end; entries.increment(error)) {
        std::error_code broken;
        const Path slave = std::filesystem::canonical(entries->path(), broken);
        if (!broken)
            addPartitions(slave, depth + 1, partitions);
    }
}

Result<Source> automaticSource(const Host &host, const Uuid &type)
{
    std::string mountPoint;
    switch (Disk::designator(type)) {
    case Disk::Designator::Usr:
    case Disk::Designator::UsrVerity:
        mountPoint = "/usr";
        break;
    case Disk::Designator::Root:
    case Disk::Designator::RootVerity:
        mountPoint = "/";
        break;
    default:
        return fail(ErrorCode::BadArgument, "CopyBlocks=auto finds no partitions of type " + Disk::partitionTypeName(type));
    }
    PREON_TRY(const Path sysfs, blockDeviceOf(host, mountPoint));
    std::vector<Path> partitions;
    addPartitions(sysfs, 0, partitions);
    for (const Path &partition : partitions) {
        PREON_TRY(const Disk::Device disk, Disk::Device::open(host.dev / partition.parent_path().filename(), Disk::Access::Read));
        PREON_TRY(const Disk::Table table, Disk::readTable(disk));
        PREON_TRY(const std::string number, readTextFile(partition / "partition"));
        for (const Disk::Partition &entry : table.partitions) {
            if (entry.type != type || std::to_string(entry.number) + '\n' != number)
                continue;
            PREON_TRY(Source source, sourceAt(host.dev / partition.filename()));
            source.uuid = entry.uuid;
            return source;
        }
    }
    return fail(ErrorCode::NotFound, "The running system has no partition of type " + Disk::partitionTypeName(type) + " to copy");
}
}

std::vector<std::size_t> missingSources(const Snapshot &snapshot)
{
    const bool fresh = snapshot.empty == Empty::Force || snapshot.empty == Empty::Create;
    std::vector<std::size_t> missing;
    std::map<Uuid, std::size_t> existing; // how many of a type are still to be matched
    for (const Disk::Partition &partition : snapshot.table.partitions) {
        if (!fresh && (!snapshot.ours || std::ranges::contains(*snapshot.ours, partition.uuid)))
            ++existing[partition.type];
    }
    for (std::size_t i = 0; i < snapshot.definitions.size(); ++i) {
        const Definition &definition = snapshot.definitions[i];
        if (std::size_t &left = existing[definition.type]; left > 0)
            --left;
        else if (definition.isCopied() && !snapshot.sources.contains(i))
            missing.push_back(i);
    }
    return missing;
}

Result<void> resolveSources(Snapshot &snapshot, const Host &host, bool confined)
{
    for (const std::size_t index : missingSources(snapshot)) {
        const Definition &definition = snapshot.definitions[index];
        if (confined && definition.copyBlocksAuto)
            return fail(ErrorCode::Permission, "Automatic discovery of backing block devices not permitted in --root= mode, refusing.");
        auto source = definition.copyBlocksAuto ? automaticSource(host, definition.type) : namedSource(host, definition.copyBlocks, confined);
        if (!source)
            return std::unexpected(source.error().during("The source of " + definition.path.string() + " could not be used"));
        snapshot.sources.emplace(index, std::move(*source));
    }
    return {};
}

Result<std::filesystem::path> rootDisk(const Host &host)
{
    // Where an overlay covers root, a link says which device the real one is on.
    std::error_code none;
    if (const Path named = std::filesystem::read_symlink(host.run / "systemd/volatile-root", none); !none)
        return Disk::wholeDisk(host, named);
    for (const char *folder : {"/", "/usr"}) {
        struct stat status{};
        if (stat(host.path(folder).c_str(), &status) < 0)
            continue;
        const std::string number = std::to_string(major(status.st_dev)) + ':' + std::to_string(minor(status.st_dev));
        std::error_code error;
        Path sysfs = std::filesystem::canonical(host.sysfs / "dev/block" / number, error);
        if (error) { // btrfs: the kernel says the device only in the list of mounts
            const auto mounted = blockDeviceOf(host, host.path(folder).lexically_normal().string());
            if (!mounted)
                continue;
            sysfs = *mounted;
        }
        std::vector<Path> partitions;
        addPartitions(sysfs, 0, partitions);
        return host.dev / (partitions.empty() ? sysfs : partitions.front().parent_path()).filename();
    }
    return fail(ErrorCode::NotFound, "Failed to discover root block device.");
}

} // namespace Preon::Repart
