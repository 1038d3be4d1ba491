// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/install/layout.h"

#include "core/base/format.h"
#include "core/base/version.h"
#include "core/boot/bootdisk.h"

#include <algorithm>

namespace Preon::Install
{

namespace
{

using Disk::Designator;

// Where the source's partition of that type is; nullptr for what is not copied.
const Disk::Partition *sourcePartition(const SourceFacts &source, Designator role)
{
    switch (role) {
    case Designator::Usr:
        return &source.system.usr;
    case Designator::UsrVerity:
        return &source.system.verity;
    case Designator::UsrVeritySig:
        return source.system.signature ? &*source.system.signature : nullptr;
    default:
        return nullptr;
    }
}

Repart::Definition definitionOf(const char *name, const Uuid &type, std::uint64_t size)
{
    Repart::Definition definition;
    definition.name = name;
    definition.path = name;
    definition.type = type;
    definition.sizeMin = size;
    definition.sizeMax = size;
    return definition;
}

// For a source whose definitions are not at hand: as it is laid out itself.
std::vector<Repart::Definition> definitionsLike(const SourceFacts &source)
{
    std::vector<Repart::Definition> definitions;
    Repart::Definition esp = definitionOf("00-esp.conf", source.esp.type, source.esp.size);
    esp.format = "vfat";
    esp.label = source.esp.label;
    esp.flags = source.esp.flags;
    definitions.push_back(std::move(esp));
    const auto copied = [&](const char *name, const Disk::Partition &partition) {
        definitions.push_back(definitionOf(name, partition.type, partition.size));
        definitions.back().copyBlocksAuto = true;
    };
    copied("10-usr.conf", source.system.usr);
    copied("11-usr-verity.conf", source.system.verity);
    if (source.system.signature)
        copied("12-usr-verity-sig.conf", *source.system.signature);
    return definitions;
}

// Kernels of a source without definitions get as much room as its EFI partition has.
std::vector<Repart::Definition> xbootldrLike(const SourceFacts &source)
{
    Repart::Definition definition = definitionOf("05-xbootldr.conf", Disk::partitionType("xbootldr").value_or(Uuid()), source.esp.size);
    definition.format = "vfat";
    definition.label = "XBOOTLDR";
    return {definition};
}

std::vector<Repart::Definition> wantedDefinitions(const Snapshot &snapshot, const BootPlacement &placement)
{
    const SourceFacts &source = snapshot.source;
    std::vector<Repart::Definition> definitions = snapshot.shipped.empty() ? definitionsLike(source) : snapshot.shipped;
    if (placement.esp)
        std::erase_if(definitions, [](const Repart::Definition &each) { return Disk::designator(each.type) == Designator::Esp; });
    if (placement.makesXbootldr)
        std::ranges::copy(snapshot.xbootldr.empty() ? xbootldrLike(source) : snapshot.xbootldr, std::back_inserter(definitions));
    return definitions;
}

const Disk::Partition *byNumber(const Disk::Table &table, unsigned number)
{
    const auto found = std::ranges::find(table.partitions, number, &Disk::Partition::number);
    return found == table.partitions.end() ? nullptr : &*found;
}

std::unexpected<Error> alreadyThere(const Snapshot &snapshot, const std::string &why)
{
    return fail(ErrorCode::Exists, snapshot.source.system.name + " cannot be installed beside what is on " + nameOf(snapshot.target), why,
                "Start it from there, or let the whole disk be erased.");
}

bool stays(const Snapshot &snapshot, const BootPartition &place, const std::string &path, bool isLoader)
{
    if (!std::ranges::contains(place.taken, path))
        return false;
    if (isLoader)
        return compareVersions(place.loaderVersion, snapshot.source.loaderVersion) > 0;
    return path.starts_with("/loader/");
}

} // namespace

const Disk::Partition *findOwn(const Repart::Plan &layout, Designator role)
{
    const auto found = std::ranges::find_if(
        layout.partitions, [role](const Repart::PlannedPartition &planned) { return planned.definition && Disk::designator(planned.partition.type) == role; });
    return found == layout.partitions.end() ? nullptr : &found->partition;
}

Result<void> refuseTable(const Snapshot &snapshot)
{
    const TargetFacts &target = snapshot.target;
    const std::string name = nameOf(target), eraseInstead = "Back up what is on it, then let the whole disk be erased.";
    if (!target.damage.empty())
        return fail(ErrorCode::BadFormat, "The partition table of " + name + " cannot be read", target.damage, eraseInstead);
    if (target.table.kind == Disk::LabelKind::None)
        return fail(ErrorCode::BadArgument, name + " has no partitions",
                    snapshot.mode == Mode::Beside ? "there is nothing to install beside of" : "there is no system on it", "Let the whole disk be erased.");
    if (target.table.kind != Disk::LabelKind::Gpt)
        return fail(ErrorCode::Unsupported, name + " has a partition table of another kind than GPT", "such a table is neither changed nor converted",
                    eraseInstead);
    return {};
}

Result<void> refuseBeside(const Snapshot &snapshot)
{
    PREON_CHECK(refuseTable(snapshot));
    const TargetFacts &target = snapshot.target;
    const Bytes rootHash = fromHex(snapshot.source.system.rootHash).value_or(Bytes());
    for (const Disk::Partition &partition : target.table.partitions) {
        if (Disk::designator(partition.type) != Designator::Esp)
            continue;
        if (partition.uuid == snapshot.source.esp.uuid)
            return alreadyThere(snapshot, "it is an untouched copy of the image, which completes itself when it is started");
        const auto own = Boot::ownPartitions(target.table, partition.uuid, rootHash);
        for (const Boot::Role role : {Boot::Role::Root, Boot::Role::Home}) {
            if (const auto number = Boot::numberOf(own, role))
                return alreadyThere(snapshot, "it is on that disk already: partition " + std::to_string(*number) + " was made by it");
        }
    }
    return {};
}

std::vector<Uuid> leftovers(const Snapshot &snapshot)
{
    const Image::System &system = snapshot.source.system;
    std::vector<Uuid> ours{system.usr.uuid, system.verity.uuid};
    if (system.signature)
        ours.push_back(system.signature->uuid);
    return ours;
}

Result<Repart::Snapshot> layoutSnapshot(const Snapshot &snapshot, const BootPlacement &placement)
{
    Repart::Snapshot layout;
    layout.device = snapshot.target.path;
    layout.table = snapshot.target.table;
    layout.empty = snapshot.mode == Mode::Erase ? Repart::Empty::Force : Repart::Empty::Refuse;
    layout.seed = snapshot.seed;
    if (placement.esp)
        layout.seed = byNumber(snapshot.target.table, *placement.esp)->uuid; // so that what is made here is known as made for this EFI partition
    if (snapshot.mode == Mode::Beside)
        layout.ours = leftovers(snapshot);
    else if (snapshot.mode == Mode::Reinstall)
        layout.ours = std::vector<Uuid>(); // all that could be taken over is gone from the table
    for (Repart::Definition &definition : wantedDefinitions(snapshot, placement)) {
        const Designator role = Disk::designator(definition.type);
        const Disk::Partition *from = sourcePartition(snapshot.source, role);
        if (role == Designator::UsrVeritySig && !from)
            continue; // an image need not be signed that way
        if (!from && (definition.isCopied() || (role != Designator::Esp && role != Designator::Xbootldr))) {
            return fail(ErrorCode::Unsupported, definition.path.string() + " cannot be met",
                        "the installer makes boot partitions and the partitions of /usr only; all others are made by the first start");
        }
        if (from) {
            definition.sizeMin = std::max(definition.sizeMin.value_or(0), from->size);
            definition.sizeMax = std::max(definition.sizeMax.value_or(0), *definition.sizeMin);
            definition.flags |= from->flags;
            layout.sources[layout.definitions.size()] = {snapshot.source.path, from->start, from->size, from->uuid, from->label};
        }
        layout.definitions.push_back(std::move(definition));
    }
    return layout;
}

std::vector<PlannedFile> planFiles(const Snapshot &snapshot, Boot::Start start, const BootPlacement &placement, const Repart::Plan &layout,
                                   const Disk::Partition &esp)
{
    const Disk::Partition *made = placement.makesXbootldr ? findOwn(layout, Designator::Xbootldr) : nullptr;
    const unsigned kernels = made ? made->number : placement.xbootldr.value_or(esp.number);
    std::vector<PlannedFile> files;
    for (std::size_t i = 0; i < snapshot.source.bootFiles.size(); ++i) {
        const std::string &path = snapshot.source.bootFiles[i].path;
        if (snapshot.source.bootFiles[i].only.value_or(start) != start)
            continue;
        const bool isKernel = path == snapshot.source.installedKernelPath;
        const bool shared = placement.esp && !placement.ownEsp;
        const auto there = shared ? pathBesideOthers(path, snapshot.source.system.name) : path;
        if (!there)
            continue;
        PlannedFile file{.source = i, .partition = isKernel ? kernels : esp.number, .path = *there};
        const auto &places = snapshot.target.bootPartitions;
        const auto place = std::ranges::find_if(places, [&](const BootPartition &each) { return each.partition.number == file.partition; });
        if (shared && place != places.end())
            file.kept = stays(snapshot, *place, file.path, path.starts_with("/EFI/systemd/"));
        files.push_back(std::move(file));
    }
    return files;
}

} // namespace Preon::Install
