// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/install/installed.h"

#include "core/base/format.h"
#include "core/base/version.h"
#include "core/boot/bootdisk.h"
#include "core/install/firstboot.h"
#include "core/install/layout.h"

#include <algorithm>
#include <set>

namespace Preon::Install
{

namespace
{

using Disk::Designator;

bool isSlot(const Disk::Partition &partition)
{
    const Designator role = Disk::designator(partition.type);
    return role == Designator::Usr || role == Designator::UsrVerity || role == Designator::UsrVeritySig;
}

bool goesWithTheSystem(const Disk::Partition &partition)
{
    const Designator role = Disk::designator(partition.type);
    return isSlot(partition) || role == Designator::Root || role == Designator::Swap;
}

// By its name. Whether it is really one is told by what it starts.
bool isNamedAfter(const BootKernel &kernel, const std::string &system)
{
    const std::string name = Boot::parseCountedName(kernel.path.substr(kernel.path.rfind('/') + 1)).name;
    const auto label = Image::parseLabel(name.substr(0, name.rfind('.')));
    return label && lowerCase(label->name) == lowerCase(system);
}

// The UUIDs by which the start of a system from that EFI partition knows its own, and those of the image that is to be installed: what is left of a run
// that was cut off.
std::vector<Uuid> uuidsOf(const Snapshot &snapshot, const Uuid &esp)
{
    FirstBootFacts facts;
    facts.state.esp = esp;
    facts.table = snapshot.target.table;
    facts.rootHash = fromHex(snapshot.source.system.rootHash).value_or(Bytes());
    facts.imageId = snapshot.source.system.name;
    std::vector<Uuid> own = ownUuids(facts);
    std::ranges::copy(leftovers(snapshot), std::back_inserter(own));
    return own;
}

// Something on the disk has a UUID that derives from that EFI partition's.
bool isMadeFor(const Disk::Table &table, const Uuid &esp)
{
    return Boot::ownPartitions(table, esp, {}).size() > 1 || std::ranges::any_of(table.partitions, [&](const Disk::Partition &partition) {
               return isSlot(partition) && partition.uuid == Repart::partitionUuidFrom(esp, partition.type, 1);
           });
}

// Files of this system, by their names.
bool hasOurFiles(const Snapshot &snapshot, const BootPartition &place)
{
    const std::string &name = snapshot.source.system.name;
    const std::string loader = pathBesideOthers(Boot::loaderPath(), name).value_or("");
    return std::ranges::contains(place.taken, loader)
        || std::ranges::any_of(place.kernels, [&](const BootKernel &kernel) { return isNamedAfter(kernel, name); });
}

bool hasOurSlots(const Snapshot &snapshot)
{
    const std::vector<Uuid> own = uuidsOf(snapshot, Uuid());
    return std::ranges::any_of(snapshot.target.table.partitions,
                               [&](const Disk::Partition &each) { return isSlot(each) && std::ranges::contains(own, each.uuid); });
}

// A system that was never started, or whose installation anew was cut off, may have nothing that derives from its EFI partition. Our files tell it then; where a cut
// left none, a loader of the same make does. Nothing of anybody's goes by that: slots are ours by their names, and files of others are left alone.
std::vector<const BootPartition *> espsOfOurs(const Snapshot &snapshot)
{
    std::vector<const BootPartition *> made, used, alike;
    for (const BootPartition &place : snapshot.target.bootPartitions) {
        if (place.extended)
            continue;
        if (isMadeFor(snapshot.target.table, place.partition.uuid))
            made.push_back(&place);
        if (hasOurFiles(snapshot, place))
            used.push_back(&place);
        if (place.hasLoader)
            alike.push_back(&place);
    }
    if (!made.empty() || !hasOurSlots(snapshot))
        return made;
    return used.empty() ? alike : used;
}

Result<const BootPartition *> findEsp(const Snapshot &snapshot)
{
    const std::string disk = nameOf(snapshot.target), &name = snapshot.source.system.name;
    const auto esps = espsOfOurs(snapshot);
    if (esps.empty())
        return fail(ErrorCode::NotFound, "There is no " + name + " on " + disk, "none of its partitions was made by one",
                    "Install it beside what is there (--mode=beside), or let the whole disk be erased (--mode=erase).");
    if (esps.size() > 1)
        return fail(ErrorCode::Unsupported, "There is more than one system of this kind on " + disk,
                    "partitions " + std::to_string(esps[0]->partition.number) + " and " + std::to_string(esps[1]->partition.number)
                        + " (EFI) each have others that were made for them, so it is not clear which one is meant",
                    "Remove one of them from there, or let the whole disk be erased.");
    if (esps.front()->partition.uuid == snapshot.source.esp.uuid)
        return fail(ErrorCode::Exists, name + " cannot be installed anew on " + disk,
                    "its EFI partition has the UUID of the one that is installed from: it is a copy, which completes itself when it is started",
                    "Start it from there, or let the whole disk be erased.");
    return esps.front();
}

// Whoever removes by UUID must not find two.
Result<void> checkUnique(const Snapshot &snapshot, const std::vector<Uuid> &own)
{
    const auto &partitions = snapshot.target.table.partitions;
    for (const Uuid &uuid : own) {
        const auto first = std::ranges::find(partitions, uuid, &Disk::Partition::uuid);
        const auto second = first == partitions.end() ? first : std::ranges::find(std::next(first), partitions.end(), uuid, &Disk::Partition::uuid);
        if (second != partitions.end())
            return fail(ErrorCode::BadFormat, "Two partitions of " + nameOf(snapshot.target) + " have the same UUID",
                        "of partitions " + std::to_string(first->number) + " and " + std::to_string(second->number)
                            + " it cannot be told which one is the system's",
                        "Give the other one a UUID of its own, with \"sfdisk --part-uuid\".");
    }
    return {};
}

// Another system that starts from the same EFI partition would be left there and take the new root for its own.
Result<void> refuseOther(const Snapshot &snapshot, const Installed &installed, const std::vector<BootPartition> &places)
{
    if (std::ranges::any_of(installed.system, isSlot))
        return {};
    for (const BootPartition &place : places) {
        for (const BootKernel &kernel : place.kernels) {
            const auto uuids = Image::verityUuids(kernel.rootHash);
            const auto &partitions = snapshot.target.table.partitions;
            if (uuids && std::ranges::contains(partitions, uuids->data, &Disk::Partition::uuid))
                return fail(ErrorCode::Exists, "The system on " + nameOf(snapshot.target) + " is not " + snapshot.source.system.name,
                            kernel.path + " starts another one, which would stay there",
                            "Install that system anew from a medium of its own, or let the whole disk be erased.");
        }
    }
    return {};
}

// A kernel goes when it starts one of the slots that go, and when it is ours and starts nothing that stays.
std::vector<RemovedFile> kernelsThatGo(const Snapshot &snapshot, const std::vector<Disk::Partition> &system, const std::vector<BootPartition> &places)
{
    const auto &all = snapshot.target.table.partitions;
    std::vector<RemovedFile> files;
    for (const BootPartition &place : places) {
        for (const BootKernel &kernel : place.kernels) {
            const auto uuids = Image::verityUuids(kernel.rootHash);
            if (!uuids)
                continue;
            const bool startsOurs = std::ranges::contains(system, uuids->data, &Disk::Partition::uuid);
            const bool startsNothing = !std::ranges::contains(all, uuids->data, &Disk::Partition::uuid);
            if (startsOurs || (startsNothing && isNamedAfter(kernel, snapshot.source.system.name)))
                files.push_back({place.partition.number, kernel.path});
        }
    }
    return files;
}

// Where a system that starts from that EFI partition has its kernels: there, or on the first extended boot partition, as loaders look at no other.
std::vector<BootPartition> placesOf(const Snapshot &snapshot, const Uuid &esp)
{
    std::vector<BootPartition> places;
    for (const BootPartition &place : snapshot.target.bootPartitions) {
        const bool first = place.extended && std::ranges::none_of(places, &BootPartition::extended);
        if (first || (!place.extended && place.partition.uuid == esp))
            places.push_back(place);
    }
    return places;
}

std::vector<std::string> versionsIn(const std::vector<Disk::Partition> &system)
{
    std::vector<std::string> versions;
    for (const Disk::Partition &partition : system) {
        const auto label = Image::parseLabel(partition.label);
        if (Disk::designator(partition.type) == Designator::Usr && label && !std::ranges::contains(versions, label->version))
            versions.push_back(label->version);
    }
    std::ranges::sort(versions, [](const std::string &a, const std::string &b) { return compareVersions(a, b) > 0; });
    return versions;
}

} // namespace

Result<Installed> findInstalled(const Snapshot &snapshot)
{
    PREON_CHECK(refuseTable(snapshot));
    PREON_TRY(const BootPartition *esp, findEsp(snapshot));
    const std::vector<Uuid> own = uuidsOf(snapshot, esp->partition.uuid);
    PREON_CHECK(checkUnique(snapshot, own));
    Installed installed;
    installed.esp = esp->partition;
    installed.ownEsp = esp->stranger.empty();
    for (const Disk::Partition &partition : snapshot.target.table.partitions) {
        if (!std::ranges::contains(own, partition.uuid))
            continue;
        if (goesWithTheSystem(partition))
            installed.system.push_back(partition);
        else if (Disk::designator(partition.type) == Designator::Home)
            installed.home = partition;
        installed.hasRoot = installed.hasRoot || Disk::designator(partition.type) == Designator::Root;
    }
    const std::vector<BootPartition> places = placesOf(snapshot, installed.esp.uuid);
    PREON_CHECK(refuseOther(snapshot, installed, places));
    installed.kernels = kernelsThatGo(snapshot, installed.system, places);
    installed.versions = versionsIn(installed.system);
    return installed;
}

Result<void> checkHome(const Snapshot &snapshot, const Installed &installed)
{
    if (!installed.home)
        return {};
    const std::string partition = "partition " + std::to_string(installed.home->number), disk = nameOf(snapshot.target);
    const auto header = std::ranges::find(snapshot.target.homes, installed.home->number, &HomeHeader::number);
    if (header == snapshot.target.homes.end() || !header->isProtected)
        return fail(ErrorCode::Permission, "The home partition on " + disk + " cannot be kept",
                    partition + " is no integrity protected home, so that the new system could never open it",
                    "Copy out what is on it with the system that is there, then let the whole disk be erased.");
    if (!header->hasRecoveryKey)
        return fail(ErrorCode::Permission, "The home partition on " + disk + " could never be opened again",
                    "its key lies on the root file system that goes, and " + partition + " has no recovery key",
                    "Start the system that is there and make one with \"preonctl home-volume add-recovery\"; or let the whole disk be erased, files and all.");
    return {};
}

Result<BootPlacement> placeAnew(const Snapshot &snapshot, const Installed &installed, const BootNeeds &needs)
{
    std::vector<BootPartition> places = placesOf(snapshot, installed.esp.uuid);
    for (BootPartition &place : places) {
        if (installed.ownEsp && !place.extended)
            place.free = place.freeAsOwn;
        for (const BootKernel &kernel : place.kernels) {
            // The one whose name is taken over is counted already.
            const bool counted = lowerCase(kernel.path) == lowerCase(snapshot.source.installedKernelPath);
            if (!counted && std::ranges::contains(installed.kernels, RemovedFile{place.partition.number, kernel.path}))
                place.free += kernel.size;
        }
    }
    PREON_TRY(BootPlacement placement, placeBoot(places, needs, nameOf(snapshot.target)));
    placement.ownEsp = installed.ownEsp;
    return placement;
}

std::vector<std::string> lossesOf(const Snapshot &snapshot, const Installed &installed)
{
    std::string system = "The system " + snapshot.source.system.name;
    for (std::size_t i = 0; i < installed.versions.size(); ++i)
        system += (i == 0 ? " " : " and ") + installed.versions[i];
    if (!installed.hasRoot)
        return {system};
    return {system + " with its settings and its root file system", "Accounts whose files lie in /var/home, on that root file system, and these files"};
}

std::vector<std::string> keptOf(const Installed &installed)
{
    if (!installed.home)
        return {};
    return {"Partition " + std::to_string(installed.home->number) + ": \"" + installed.home->label + "\", " + formatSize(installed.home->size)
            + ", with the homes that lie on it"};
}

} // namespace Preon::Install
