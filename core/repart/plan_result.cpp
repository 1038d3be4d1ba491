// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Makes everything fit, and the plan of it.

#include "core/base/format.h"
#include "core/repart/planner.h"

#include <algorithm>
#include <set>

namespace Preon::Repart
{

namespace
{
constexpr std::size_t maximumPartitions = 128;
}

void Planner::noteDropped(const std::vector<std::size_t> &given)
{
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

void Planner::number()
{
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
}

Result<void> Planner::fit()
{
    std::uint64_t largest = 0;
    while (!allocate(space, largest) && !allocateUnmerged(space)) {
        const auto given = giveUp(space);
        if (given.empty())
            return fail(ErrorCode::NoSpace, "The partitions do not fit on " + snapshot.device.string(),
                        "the largest free area has " + formatBinarySize(largest)
                            + (fromScratch ? "; an empty disk would need " + formatBinarySize(minimalSize()) : ""),
                        "Use a larger disk, or make room on it.");
        noteDropped(given);
    }
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (!entries[i].definition || definitionOf(entries[i]).supplementFor.empty() || space.claims[i].dropped || isSuppressed(space, i))
            continue;
        notes.push_back(entries[i].current ? "Partition " + definitionOf(entries[i]).path.string() + " already exists on disk, using supplement verbatim."
                                           : "Couldn't allocate partitions with " + definitionOf(entries[i]).path.string() + " merged into "
                                + definitionOf(entries[i]).supplementFor + ", using supplement verbatim.");
    }
    distribute(space);
    number();
    return {};
}

void Planner::plannedContent(std::size_t index, PlannedPartition &planned) const
{
    const Entry &entry = entries[index];
    const Definition &definition = definitionOf(entry);
    planned.splitName = definition.splitName;
    planned.mountPoints = definition.mountPoints;
    planned.encryptedVolume = definition.encryptedVolume;
    planned.format = definition.format;
    planned.fileSystemUuid = fileSystemUuidFrom(entry.derived);
    planned.luksUuid = luksUuidFrom(entry.derived);
    planned.encrypt = chosenEncryption(definition.encrypt, snapshot.tpm);
    planned.encryptChosen = planned.encrypt != definition.encrypt;
    planned.volumeLabel = definition.volumeLabel.value_or(entry.partition.label);
    if (definition.verity != Verity::Off) {
        VerityPart &part = planned.verity.emplace();
        part.role = definition.verity;
        const auto known = snapshot.rootHashes.find(definition.verity == Verity::Hash ? index : *relations[index].hash);
        if (known != snapshot.rootHashes.end())
            part.rootHash = known->second;
        part.uuid = verityUuidFrom(snapshot.seed);
        part.salt = veritySaltFrom(snapshot.seed);
        part.dataBlock = definition.verityDataBlock.value_or(snapshot.fileSystemSector);
        part.hashBlock = definition.verityHashBlock.value_or(snapshot.fileSystemSector);
    }
    if (planned.activity != Activity::Create)
        return;
    const auto &supplement = space.claims[index].suppressing;
    planned.contents = supplement ? definition.contents.mergedWith(snapshot.definitions[*supplement].contents) : definition.contents;
    planned.mountPointsElsewhere = mountPointsElsewhere(snapshot);
    if (const Source *source = sourceOf(entry))
        planned.source = *source;
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
    plannedContent(index, planned);
    if (planned.activity == Activity::Create && !planned.deferred && definition.isCopied() && !planned.source)
        return fail(ErrorCode::NotFound, "There is no source to copy " + definition.path.string() + " from");
    return planned;
}

// places: of each entry in the plan, where it has one.
void Planner::relateVerity(Plan &plan, const std::vector<std::optional<std::size_t>> &places) const
{
    const auto placeOf = [&places](const std::optional<std::size_t> &entry) {
        return entry ? places[*entry] : std::nullopt;
    };
    for (PlannedPartition &planned : plan.partitions) {
        if (!planned.verity)
            continue;
        const Relation &relation = relations[*planned.definition];
        planned.verity->data = placeOf(relation.data);
        planned.verity->hash = placeOf(relation.hash);
        planned.verity->signature = placeOf(relation.signature);
    }
}

namespace
{
// Whoever goes by the MBR of a hybrid table would find what its partitions were, so they have to stay what they are. New ones do no harm.
Result<void> keepsHybrid(const Plan &plan)
{
    if (!plan.before.hybrid || plan.fromScratch)
        return {};
    const auto refuse = [&plan](const std::string &why) {
        return fail(ErrorCode::Unsupported, plan.device.string() + " has a hybrid partition table, of which the part in the MBR would no longer be true", why,
                    "Bring the MBR to a protective one first, or let the table be made anew.");
    };
    if (plan.before.diskUuid != plan.after.diskUuid)
        return refuse("the disk would get another identity");
    for (const Disk::Partition &old : plan.before.partitions) {
        const auto now = std::ranges::find(plan.after.partitions, old.number, &Disk::Partition::number);
        if (now == plan.after.partitions.end() || now->start != old.start || now->size != old.size)
            return refuse("partition " + std::to_string(old.number) + (now == plan.after.partitions.end() ? " would be removed" : " would be grown"));
    }
    return {};
}
}

Result<Plan> Planner::result()
{
    Plan plan;
    plan.device = snapshot.device;
    plan.fromScratch = fromScratch;
    plan.before = snapshot.table;
    plan.after = table;
    plan.after.partitions.clear();
    plan.removed = std::move(removed);
    plan.dropped = std::move(dropped);
    plan.notes = std::move(notes);
    if (snapshot.newDiskUuid)
        plan.after.diskUuid = *snapshot.newDiskUuid;
    std::vector<std::optional<std::size_t>> places(entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (space.claims[i].dropped || isSuppressed(space, i))
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
        places[i] = plan.partitions.size();
        plan.partitions.push_back(std::move(partition));
    }
    relateVerity(plan, places);
    if (plan.after.partitions.size() > maximumPartitions
        || std::ranges::any_of(plan.after.partitions, [](const Disk::Partition &p) { return p.number > maximumPartitions; }))
        return fail(ErrorCode::NoSpace, "A partition table holds 128 partitions, more are wished for on " + snapshot.device.string());
    std::ranges::sort(plan.after.partitions, {}, &Disk::Partition::number);
    plan.after.backupAtEnd = true;
    plan.changed = fromScratch || plan.after != snapshot.table;
    PREON_CHECK(keepsHybrid(plan));
    return plan;
}

} // namespace Preon::Repart
