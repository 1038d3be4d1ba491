// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/boot/efivars.h"
#include "core/image/imagefiles.h"
#include "core/install/bootfacts.h"
#include "core/install/installed.h"
#include "core/install/rootlock.h"
#include "core/repart/filesystem.h"

#include <sys/stat.h>

namespace Preon::Install
{

namespace
{

// The same disk or the same file, under whatever name.
bool isSame(const std::filesystem::path &a, const std::filesystem::path &b)
{
    struct stat first{}, second{};
    if (::stat(a.c_str(), &first) < 0 || ::stat(b.c_str(), &second) < 0)
        return false;
    if (S_ISBLK(first.st_mode) && S_ISBLK(second.st_mode))
        return first.st_rdev == second.st_rdev;
    return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

Result<void> lookInside(const Disk::Device &device, TargetFacts &target)
{
    auto table = Disk::readTable(device);
    if (table) {
        target.table = std::move(*table);
    } else if (table.error().code == ErrorCode::BadFormat) {
        // A table that cannot be trusted is no hindrance for somebody who erases the disk, but a fact to be shown.
        target.damage = table.error().text();
        target.table = Disk::emptyTable(device.size(), device.sectorSize(), Uuid());
        target.table.kind = Disk::LabelKind::Other;
    } else {
        return std::unexpected(table.error());
    }
    for (const Disk::Partition &partition : target.table.partitions)
        target.contents.push_back(Disk::probe(device, partition.start, partition.size).value_or(Disk::Content()));
    if (target.table.kind == Disk::LabelKind::None)
        target.content = Disk::probe(device, 0, device.size()).value_or(Disk::Content());
    return {};
}

Result<SourceSettings> loadAllDefinitions(const Host &host)
{
    SourceSettings settings;
    Repart::DefinitionOptions options;
    options.specifiers = Repart::readSpecifiers(host);
    const std::vector<std::filesystem::path> shipped{host.path("/etc/preon/install.repart.d"), host.path("/usr/lib/preon/install.repart.d")};
    PREON_TRY(settings.shipped, Repart::loadDefinitions(shipped, options, host.root));
    const std::vector<std::filesystem::path> xbootldr{host.path("/etc/preon/install.xbootldr.repart.d"), host.path("/usr/lib/preon/install.xbootldr.repart.d")};
    PREON_TRY(settings.xbootldr, Repart::loadDefinitions(xbootldr, options, host.root));
    PREON_TRY(settings.firstBoot, Repart::loadDefinitions(Repart::definitionFolders(host), options, host.root));
    return settings;
}

} // namespace

Result<TargetFacts> inspectTarget(const Host &host, const std::filesystem::path &path, const SourceFacts &source, Boot::Start start)
{
    auto device = Disk::Device::open(path, Disk::Access::Read);
    if (!device)
        return std::unexpected(device.error().during("The target " + path.string() + " could not be opened"));
    TargetFacts target;
    target.path = path;
    target.isFile = !device->isBlockDevice();
    target.isSource = isSame(path, source.path) || isSame(path, host.dev / "disk/by-preon/disk");
    target.info.device = path;
    if (!target.isFile) {
        PREON_TRY(const auto whole, Disk::wholeDisk(host, path));
        target.isWholeDisk = isSame(whole, path);
        PREON_TRY(target.info, Disk::inspectDisk(host, path));
    }
    target.info.size = device->size();
    target.info.sectorSize = device->sectorSize();
    PREON_CHECK(lookInside(*device, target));
    for (std::size_t i = 0; i < target.table.partitions.size(); ++i) {
        const Disk::Designator role = Disk::designator(target.table.partitions[i].type);
        if (role == Disk::Designator::Esp || role == Disk::Designator::Xbootldr)
            target.bootPartitions.push_back(inspectBootPartition(*device, target.table.partitions[i], target.contents[i], source, start));
    }
    return target;
}

Result<SourceSettings> readSettings(const Host &host, const Source &source)
{
    // The running system and the one to be installed are the same, so its definitions are at hand.
    if (source.facts.kind == SourceKind::Booted)
        return loadAllDefinitions(host);
    PREON_TRY(const Repart::ScratchFolder scratch, Repart::ScratchFolder::create(Repart::scratchFolder(host)));
    Host inside = host;
    inside.root = scratch.path();
    const Disk::Partition &usr = source.facts.system.usr;
    // An image of another make is installed as it is laid out; what its first start does is not known then.
    if (!Image::copySettings(source.device, {usr.start, usr.size}, scratch.path()))
        return SourceSettings();
    return loadAllDefinitions(inside);
}

Result<Snapshot> takeSnapshot(const Host &host, Mode mode, const Source &source, const std::filesystem::path &target, Wishes wishes)
{
    PREON_TRY(SourceSettings settings, readSettings(host, source));
    return takeSnapshot(host, mode, source, std::move(settings), target, std::move(wishes));
}

Result<Snapshot> takeSnapshot(const Host &host, Mode mode, const Source &source, SourceSettings settings, const std::filesystem::path &target, Wishes wishes)
{
    Snapshot snapshot;
    snapshot.mode = mode;
    snapshot.source = source.facts;
    snapshot.wishes = std::move(wishes);
    snapshot.shipped = std::move(settings.shipped);
    snapshot.xbootldr = std::move(settings.xbootldr);
    snapshot.firstBoot = std::move(settings.firstBoot);
    std::error_code ignored;
    snapshot.makesBootEntry = std::filesystem::is_block_file(target, ignored) && Boot::hasEfiVariables(host);
    if (snapshot.makesBootEntry)
        snapshot.start = readStartFacts(host, source);
    // Where there is no way, plan() says so.
    const StartWay way = startOf(snapshot).value_or(StartWay());
    PREON_TRY(snapshot.target, inspectTarget(host, target, source.facts, way.start));
    if (mode == Mode::Reinstall)
        PREON_CHECK(inspectInstalled(snapshot.target));
    PREON_TRY(snapshot.seed, Uuid::random());
    if (!snapshot.target.isFile) {
        if (const auto holds = canHold(host, {}); !holds)
            snapshot.noTpm = holds.error().text();
    }
    return snapshot;
}

} // namespace Preon::Install
