// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/repart/plan.h"

#include "core/base/format.h"
#include "core/disk/parttypes.h"
#include "core/repart/planner.h"

#include <algorithm>

namespace Preon::Repart
{

bool Planner::isDeferred(const Uuid &type) const
{
    return std::ranges::contains(snapshot.deferred, type);
}

void Planner::takeDefinitions()
{
    for (std::size_t i = 0; i < snapshot.definitions.size(); ++i) {
        Entry &entry = entries.emplace_back();
        entry.definition = i;
        entry.partition.type = snapshot.definitions[i].type;
    }
}

void Planner::matchExisting()
{
    const std::size_t wished = entries.size();
    for (const Disk::Partition &existing : table.partitions) {
        const bool mayMatch = !snapshot.ours || std::ranges::contains(*snapshot.ours, existing.uuid);
        const auto end = entries.begin() + static_cast<std::ptrdiff_t>(wished);
        const auto found
            = mayMatch ? std::find_if(entries.begin(), end, [&](const Entry &entry) { return !entry.current && entry.partition.type == existing.type; }) : end;
        Entry &entry = found != end ? *found : entries.emplace_back();
        entry.current = existing;
        entry.partition = existing;
        entry.derived = existing.uuid;
        entry.identified = true;
    }
}

// What is to go is found by matching once; what is left is matched anew, as if the others had never been there.
void Planner::resetToFactory()
{
    for (const Entry &entry : entries) {
        if (entry.current && entry.definition && definitionOf(entry).factoryReset)
            removed.push_back(*entry.current);
    }
    if (removed.empty())
        return;
    std::erase_if(table.partitions, [this](const Disk::Partition &partition) { return std::ranges::contains(removed, partition); });
    entries.clear();
    takeDefinitions();
    matchExisting();
}

// The seed decides; where its answer is taken already (two tables of one seed on a disk), the next number does, so that planning stays a pure function.
Uuid Planner::newUuid(std::size_t index) const
{
    const Uuid &type = entries[index].partition.type;
    auto number = static_cast<std::uint64_t>(std::ranges::count_if(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(index),
                                                                   [&](const Entry &entry) { return entry.partition.type == type; }));
    const auto taken = [this](const Uuid &uuid) {
        return std::ranges::any_of(entries, [&uuid](const Entry &entry) {
            return (entry.identified && entry.partition.uuid == uuid) || (entry.current && entry.current->uuid == uuid);
        });
    };
    Uuid uuid = partitionUuidFrom(snapshot.seed, type, number);
    for (std::uint64_t again = entries.size(); taken(uuid); ++again)
        uuid = partitionUuidFrom(snapshot.seed, type, again);
    return uuid;
}

std::string Planner::newLabel(std::size_t index) const
{
    const Uuid &type = entries[index].partition.type;
    const std::string base = Disk::designator(type) == Disk::Designator::Other ? "linux" : Disk::partitionTypeName(type);
    std::string label = base;
    const auto taken = [&] {
        return std::ranges::any_of(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(index),
                                   [&label](const Entry &entry) { return entry.partition.label == label || (entry.current && entry.current->label == label); });
    };
    for (unsigned number = 2; taken(); ++number)
        label = base + '-' + std::to_string(number);
    return label;
}

// The halves of the root hash, all zero as long as it is not known; nullopt for what is in no tree or only its signature.
std::optional<Uuid> Planner::verityUuid(std::size_t index) const
{
    const Verity role = definitionOf(entries[index]).verity;
    if (role != Verity::Data && role != Verity::Hash)
        return std::nullopt;
    const auto known = snapshot.rootHashes.find(role == Verity::Hash ? index : relations[index].hash.value_or(index));
    if (known == snapshot.rootHashes.end())
        return Uuid();
    return role == Verity::Data ? verityDataUuid(known->second) : verityHashUuid(known->second);
}

Result<void> Planner::identify()
{
    // Labels and UUIDs that definitions name count as taken from the start.
    for (Entry &entry : entries) {
        if (entry.current)
            continue;
        const Definition &definition = definitionOf(entry);
        const Source *from = sourceOf(entry);
        if (definition.uuid || (from && from->uuid)) {
            entry.partition.uuid = entry.derived = definition.uuid ? *definition.uuid : *from->uuid;
            entry.identified = true;
        }
        if (definition.label)
            entry.partition.label = *definition.label;
        else if (from && from->label)
            entry.partition.label = *from->label;
        entry.partition.flags = definition.flags;
    }
    for (std::size_t i = 0; i < entries.size(); ++i) {
        Entry &entry = entries[i];
        if (!entry.identified) {
            entry.derived = newUuid(i);
            const auto fromTree = verityUuid(i);
            entry.partition.uuid = fromTree.value_or(entry.derived);
            entry.identified = !fromTree || !fromTree->isNull();
        }
        if (!entry.definition)
            continue;
        const Definition &definition = definitionOf(entry);
        const Source *source = sourceOf(entry);
        const bool labelled = definition.label || (!entry.current && source && source->label);
        if (entry.current ? entry.current->label.empty() : !labelled) {
            // An existing partition without a label gets one, as it would have when made.
            entry.partition.label = definition.label ? *definition.label : newLabel(i);
        }
    }
    return {};
}

Result<void> Planner::begin()
{
    fromScratch = snapshot.empty == Empty::Force || snapshot.empty == Empty::Create || snapshot.table.kind != Disk::LabelKind::Gpt;
    table = fromScratch ? Disk::emptyTable(snapshot.table.deviceSize, snapshot.table.sectorSize, diskUuidFrom(snapshot.seed)) : snapshot.table;
    if (!fromScratch && table.diskUuid.isNull())
        table.diskUuid = diskUuidFrom(snapshot.seed);
    grain = std::max<std::uint64_t>(4096, snapshot.table.sectorSize);
    PREON_TRY(relations, relate(snapshot.definitions));
    takeDefinitions();
    matchExisting();
    if (snapshot.factoryReset && !fromScratch)
        resetToFactory();
    return {};
}

namespace
{
Planner plannerFor(const Snapshot &snapshot)
{
    return {.snapshot = snapshot, .table = {}, .relations = {}, .entries = {}, .removed = {}, .dropped = {}, .notes = {}, .space = {}};
}
}

Result<void> accepts(const std::filesystem::path &device, Disk::LabelKind kind, Empty empty)
{
    using Disk::LabelKind;
    const std::string name = device.string();
    if (empty == Empty::Refuse && kind != LabelKind::Gpt)
        return fail(ErrorCode::NotFound, "Disk " + name + " has no GPT disk label, not repartitioning.");
    if (empty == Empty::Require && kind != LabelKind::None)
        return fail(ErrorCode::Exists, "Disk " + name + " already has a disk label, refusing.");
    if (empty == Empty::Allow && kind != LabelKind::None && kind != LabelKind::Gpt)
        return fail(ErrorCode::Exists, "Disk " + name + " has non-GPT disk label, not repartitioning.");
    return {};
}

Encrypt chosenEncryption(Encrypt wished, bool tpm)
{
    if (wished == Encrypt::Tpm2OrPassphrase)
        return tpm ? Encrypt::Tpm2 : Encrypt::Passphrase;
    if (wished == Encrypt::Tpm2OrRecoveryKey)
        return tpm ? Encrypt::Tpm2 : Encrypt::RecoveryKey;
    return wished;
}

std::vector<std::string> mountPointsElsewhere(const Snapshot &snapshot)
{
    std::vector<std::string> points;
    const auto add = [&points](const Uuid &type) {
        using Disk::Designator;
        static const std::map<Designator, std::vector<std::string>> known{
            {Designator::Usr, {"/usr"}},       {Designator::Home, {"/home"}},   {Designator::Srv, {"/srv"}}, {Designator::Esp, {"/efi", "/boot"}},
            {Designator::Xbootldr, {"/boot"}}, {Designator::Tmp, {"/var/tmp"}}, {Designator::Var, {"/var"}}};
        if (const auto found = known.find(Disk::designator(type)); found != known.end())
            points.insert(points.end(), found->second.begin(), found->second.end());
    };
    for (const Definition &definition : snapshot.definitions)
        add(definition.type);
    for (const Disk::Partition &partition : snapshot.table.partitions)
        add(partition.type);
    return points;
}

Result<std::vector<Identity>> identitiesOf(const Snapshot &snapshot)
{
    Planner planner = plannerFor(snapshot);
    PREON_CHECK(planner.begin());
    PREON_CHECK(planner.identify());
    std::vector<Identity> identities;
    for (std::size_t i = 0; i < snapshot.definitions.size(); ++i) {
        const Entry &entry = planner.entries[i];
        identities.push_back({.existing = entry.current.has_value(),
                              .fileSystem = fileSystemUuidFrom(entry.derived),
                              .luks = luksUuidFrom(entry.derived),
                              .label = entry.partition.label});
    }
    return identities;
}

Result<Plan> plan(const Snapshot &snapshot)
{
    PREON_CHECK(accepts(snapshot.device, snapshot.table.kind, snapshot.empty));
    Planner planner = plannerFor(snapshot);
    PREON_CHECK(planner.begin());
    if (planner.table.endUsable <= planner.table.firstUsable)
        return fail(ErrorCode::NoSpace, snapshot.device.string() + " is too small for a partition table",
                    "it has " + formatBinarySize(snapshot.table.deviceSize));
    PREON_CHECK(planner.identify());
    planner.makeSpace();
    PREON_CHECK(planner.fit());
    return planner.result();
}

std::uint64_t minimalDiskSize(const Snapshot &snapshot)
{
    Planner planner = plannerFor(snapshot);
    if (!planner.begin())
        return 0;
    planner.makeClaims();
    return planner.minimalSize();
}

} // namespace Preon::Repart
