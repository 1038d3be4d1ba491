// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/repart/plan.h"

#include "core/base/format.h"
#include "core/disk/parttypes.h"
#include "core/repart/allocation.h"

#include <algorithm>
#include <set>

namespace Preon::Repart
{

namespace
{
constexpr std::uint64_t MiB = 1024 * 1024;
constexpr std::uint64_t defaultMinimum = 10 * MiB;
constexpr std::uint64_t hardMinimum = 4096;
constexpr std::uint64_t signatureSize = 16 * 1024;
constexpr std::uint64_t luksReserve = 32 * MiB; // twice the header's size: reencryption in place needs the second half
constexpr std::uint64_t tableOverhead = 1044 * 1024; // the first MiB and the backup table
constexpr std::size_t maximumPartitions = 128;

struct Entry {
    std::optional<std::size_t> definition;
    std::optional<Disk::Partition> current;
    Disk::Partition partition; // identity first, place later
    bool identified = false; // has its UUID
};

struct Planner {
    const Snapshot &snapshot;
    bool fromScratch = false;
    Disk::Table table; // that is worked on: as read, or an empty one
    std::uint64_t grain = 4096;
    std::vector<Entry> entries;
    std::vector<Dropped> dropped;
    std::vector<std::string> notes;
    Space space;

    const Definition &definitionOf(const Entry &entry) const
    {
        return snapshot.definitions[*entry.definition];
    }
    bool isDeferred(const Uuid &type) const
    {
        return std::ranges::contains(snapshot.deferred, type);
    }

    void takeDefinitions();
    void matchExisting();
    std::uint64_t freeBehind(const Disk::Partition &partition) const;
    Result<void> identify();
    Uuid newUuid(std::size_t index) const;
    std::string newLabel(std::size_t index) const;
    Claim claimOf(const Entry &entry) const;
    std::uint64_t minimumOf(const Entry &entry) const;
    void makeSpace();
    Result<void> fit();
    Result<Plan> result();
    Result<PlannedPartition> planned(std::size_t index) const;
};

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
        entry.identified = true;
    }
}

std::uint64_t Planner::freeBehind(const Disk::Partition &partition) const
{
    const std::uint64_t end = partition.start + partition.size;
    std::uint64_t next = std::max(table.endUsable, end);
    for (const Disk::Partition &other : table.partitions) {
        if (other.start >= end)
            next = std::min(next, other.start);
    }
    const std::uint64_t from = roundUp(end, grain), to = roundDown(next, grain);
    return to > from ? to - from : 0;
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

Result<void> Planner::identify()
{
    // Labels and UUIDs that definitions name count as taken from the start.
    for (Entry &entry : entries) {
        if (entry.current)
            continue;
        const Definition &definition = definitionOf(entry);
        const auto source = snapshot.sources.find(*entry.definition);
        const Source *from = source == snapshot.sources.end() ? nullptr : &source->second;
        if (definition.uuid || (from && from->uuid)) {
            entry.partition.uuid = definition.uuid ? *definition.uuid : *from->uuid;
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
            entry.partition.uuid = newUuid(i);
            entry.identified = true;
        }
        if (!entry.definition)
            continue;
        const Definition &definition = definitionOf(entry);
        const auto source = snapshot.sources.find(*entry.definition);
        const bool labelled = definition.label || (!entry.current && source != snapshot.sources.end() && source->second.label);
        if (entry.current ? entry.current->label.empty() : !labelled) {
            // An existing partition without a label gets one, as it would have when made.
            entry.partition.label = definition.label ? *definition.label : newLabel(i);
        }
    }
    return {};
}

std::uint64_t minimalFileSystem(const std::string &format, std::uint64_t grain)
{
    if (format == "ext4")
        return 32 * MiB;
    if (format == "btrfs")
        return 256 * MiB;
    if (format == "xfs")
        return 300 * MiB;
    return grain;
}

std::uint64_t Planner::minimumOf(const Entry &entry) const
{
    const Definition &definition = definitionOf(entry);
    const Disk::Designator type = Disk::designator(definition.type);
    if (type == Disk::Designator::RootVeritySig || type == Disk::Designator::UsrVeritySig)
        return std::max(signatureSize, entry.current ? entry.current->size : 0);
    std::uint64_t needed = entry.current ? entry.current->size : hardMinimum;
    if (!entry.current) {
        std::uint64_t content = definition.encrypt != Encrypt::Off ? roundUp(luksReserve, grain) : 0;
        if (const auto source = snapshot.sources.find(*entry.definition); source != snapshot.sources.end())
            content = saturatingAdd(content, roundUp(source->second.size, grain));
        else if (!definition.format.empty() || definition.encrypt != Encrypt::Off)
            content += roundUp(minimalFileSystem(definition.format, grain), grain);
        needed = std::max(needed, content);
    }
    return std::max(roundUp(definition.sizeMin.value_or(defaultMinimum), grain), needed);
}

Claim Planner::claimOf(const Entry &entry) const
{
    Claim claim;
    claim.foreign = !entry.definition;
    claim.existing = entry.current.has_value();
    if (entry.current) {
        claim.currentSize = entry.current->size;
        claim.offset = entry.current->start;
        claim.currentPadding = freeBehind(*entry.current);
    }
    if (!entry.definition)
        return claim;
    const Definition &definition = definitionOf(entry);
    claim.minimum = minimumOf(entry);
    if (definition.sizeMax)
        claim.maximum = std::max(roundDown(*definition.sizeMax, grain), claim.currentSize);
    claim.minimumPadding = definition.paddingMin.value_or(0);
    claim.maximumPadding = definition.paddingMax.value_or(UINT64_MAX);
    claim.weight = definition.weight;
    claim.paddingWeight = definition.paddingWeight;
    claim.priority = definition.priority;
    return claim;
}

void Planner::makeSpace()
{
    space.grain = grain;
    space.start = roundUp(table.firstUsable, grain);
    for (const Entry &entry : entries)
        space.claims.push_back(claimOf(entry));
    // Areas in the order of the table; the one before the first partition comes last.
    std::uint64_t first = UINT64_MAX;
    for (const Disk::Partition &existing : table.partitions) {
        first = std::min(first, existing.start);
        const auto owner = std::ranges::find_if(entries, [&](const Entry &entry) { return entry.current && entry.current->number == existing.number; });
        const auto index = static_cast<std::size_t>(owner - entries.begin());
        Claim &claim = space.claims[index];
        if (claim.currentPadding == 0)
            continue;
        claim.areaBehind = space.areas.size();
        space.areas.push_back({.size = claim.currentPadding, .after = index});
    }
    const std::uint64_t end = roundDown(first == UINT64_MAX ? table.endUsable : first, grain);
    if (end > space.start)
        space.areas.push_back({.size = end - space.start, .after = {}});
}

Result<void> Planner::fit()
{
    std::uint64_t largest = 0;
    while (!allocate(space, largest)) {
        const auto given = giveUp(space);
        if (given.empty()) {
            const std::uint64_t minimal = minimalDiskSize(snapshot);
            return fail(ErrorCode::NoSpace, "The partitions do not fit on " + snapshot.device.string(),
                        "the largest free area has " + formatBinarySize(largest)
                            + (fromScratch ? "; an empty disk would need " + formatBinarySize(minimal) : ""),
                        "Use a larger disk, or make room on it.");
        }
        for (const std::size_t index : given) {
            Entry &entry = entries[index];
            const Definition &definition = definitionOf(entry);
            const std::string priority = " of priority " + std::to_string(definition.priority);
            dropped.push_back({definition.path, definition.priority,
                               entry.current ? "Can't grow existing partition " + entry.partition.label + priority + ", ignoring."
                                             : "Can't fit partition " + definition.path.string() + priority + ", dropping."});
            if (entry.current) {
                entry.definition.reset();
                entry.partition = *entry.current;
            }
        }
    }
    distribute(space);
    std::set<unsigned> used;
    for (const Entry &entry : entries) {
        if (entry.current)
            used.insert(entry.current->number);
    }
    unsigned next = 1;
    for (const std::size_t index : place(space)) {
        while (used.contains(next))
            ++next;
        used.insert(next);
        entries[index].partition.number = next;
        entries[index].partition.start = space.claims[index].offset;
    }
    return {};
}

Result<PlannedPartition> Planner::planned(std::size_t index) const
{
    const Entry &entry = entries[index];
    const Claim &claim = space.claims[index];
    PlannedPartition planned;
    planned.definition = entry.definition;
    planned.partition = entry.partition;
    planned.partition.size = *claim.size;
    planned.padding = *claim.padding;
    planned.node = Disk::partitionNode(snapshot.device, entry.partition.number);
    planned.activity = !entry.current ? Activity::Create : entry.current->size == *claim.size ? Activity::Unchanged : Activity::Resize;
    planned.oldSize = claim.currentSize;
    planned.oldPadding = claim.currentPadding;
    if (!entry.definition)
        return planned;
    const Definition &definition = definitionOf(entry);
    planned.file = definition.path;
    planned.dropIns = definition.dropIns;
    planned.deferred = isDeferred(definition.type);
    if (planned.activity != Activity::Create)
        return planned;
    planned.format = definition.format;
    planned.encrypt = definition.encrypt;
    planned.fileSystemUuid = fileSystemUuidFrom(entry.partition.uuid);
    planned.luksUuid = luksUuidFrom(entry.partition.uuid);
    if (const auto source = snapshot.sources.find(*entry.definition); source != snapshot.sources.end())
        planned.source = source->second;
    if (planned.deferred)
        return planned;
    if (definition.isCopied() && !planned.source)
        return fail(ErrorCode::NotFound, "There is no source to copy " + definition.path.string() + " from");
    if (!definition.unsupported.empty())
        return fail(ErrorCode::Unsupported, definition.path.string() + ": " + definition.unsupported.front() + "= cannot be applied yet");
    return planned;
}

Result<Plan> Planner::result()
{
    Plan plan;
    plan.device = snapshot.device;
    plan.fromScratch = fromScratch;
    plan.before = snapshot.table;
    plan.after = table;
    plan.after.partitions.clear();
    plan.dropped = std::move(dropped);
    plan.notes = std::move(notes);
    if (snapshot.newDiskUuid)
        plan.after.diskUuid = *snapshot.newDiskUuid;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (space.claims[i].dropped)
            continue;
        if (Entry &entry = entries[i]; entry.current) {
            const auto renamed = snapshot.newPartitionUuids.find(entry.current->uuid);
            if (renamed != snapshot.newPartitionUuids.end())
                entry.partition.uuid = entry.current->uuid = renamed->second;
        }
        PREON_TRY(PlannedPartition partition, planned(i));
        if (!partition.deferred)
            plan.after.partitions.push_back(partition.partition);
        else if (entries[i].current) // neither grown nor named this time
            plan.after.partitions.push_back(*entries[i].current);
        plan.partitions.push_back(std::move(partition));
    }
    if (plan.after.partitions.size() > maximumPartitions
        || std::ranges::any_of(plan.after.partitions, [](const Disk::Partition &p) { return p.number > maximumPartitions; }))
        return fail(ErrorCode::NoSpace, "A partition table holds 128 partitions, more are wished for on " + snapshot.device.string());
    std::ranges::sort(plan.after.partitions, {}, &Disk::Partition::number);
    plan.after.backupAtEnd = true;
    plan.changed = fromScratch || plan.after != snapshot.table;
    return plan;
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

Result<Plan> plan(const Snapshot &snapshot)
{
    PREON_CHECK(accepts(snapshot.device, snapshot.table.kind, snapshot.empty));
    Planner planner{.snapshot = snapshot, .table = {}, .entries = {}, .dropped = {}, .notes = {}, .space = {}};
    planner.fromScratch = snapshot.empty == Empty::Force || snapshot.empty == Empty::Create || snapshot.table.kind != Disk::LabelKind::Gpt;
    planner.table = snapshot.table;
    if (planner.fromScratch)
        planner.table = Disk::emptyTable(snapshot.table.deviceSize, snapshot.table.sectorSize, diskUuidFrom(snapshot.seed));
    if (planner.table.endUsable <= planner.table.firstUsable)
        return fail(ErrorCode::NoSpace, snapshot.device.string() + " is too small for a partition table",
                    "it has " + formatBinarySize(snapshot.table.deviceSize));
    planner.grain = std::max<std::uint64_t>(4096, snapshot.table.sectorSize);
    planner.takeDefinitions();
    planner.matchExisting();
    PREON_CHECK(planner.identify());
    planner.makeSpace();
    PREON_CHECK(planner.fit());
    return planner.result();
}

std::uint64_t minimalDiskSize(const Snapshot &snapshot)
{
    Planner planner{.snapshot = snapshot, .table = {}, .entries = {}, .dropped = {}, .notes = {}, .space = {}};
    planner.fromScratch = snapshot.empty == Empty::Force || snapshot.empty == Empty::Create || snapshot.table.kind != Disk::LabelKind::Gpt;
    if (!planner.fromScratch)
        planner.table = snapshot.table;
    planner.grain = std::max<std::uint64_t>(4096, snapshot.table.sectorSize);
    planner.takeDefinitions();
    planner.matchExisting();
    std::uint64_t sum = roundUp(tableOverhead, 4096);
    std::uint64_t occupied = 0;
    planner.space.grain = planner.grain;
    for (const Entry &entry : planner.entries) {
        const Claim claim = planner.claimOf(entry);
        if (claim.existing)
            occupied = std::max(occupied, roundUp(saturatingAdd(claim.offset, claim.currentSize), planner.grain));
        if (!claim.foreign)
            sum = saturatingAdd(sum, neededSize(planner.space, claim));
    }
    return std::max(sum, occupied);
}

} // namespace Preon::Repart
