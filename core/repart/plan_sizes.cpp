// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

// What a definition asks of the allocator, and where there is room.

#include "core/disk/parttypes.h"
#include "core/base/units.h"
#include "core/repart/planner.h"

#include <algorithm>

namespace Preon::Repart
{

namespace
{
constexpr std::uint64_t defaultMinimum = 10 * mebibyte;
constexpr std::uint64_t hardMinimum = 4096;
constexpr std::uint64_t signatureSize = 16 * 1024;
constexpr std::uint64_t luksReserve = 32 * mebibyte; // twice the header's size: reencryption in place needs the second half
constexpr std::uint64_t tableOverhead = 1044 * 1024; // the first MiB and the backup table

std::uint64_t minimalFileSystem(const std::string &format, std::uint64_t grain)
{
    if (format == "ext4")
        return 32 * mebibyte;
    if (format == "btrfs")
        return 256 * mebibyte;
    if (format == "xfs")
        return 300 * mebibyte;
    return grain;
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

// Superblock and all levels of a hash tree over the largest data that its sibling may hold.
std::uint64_t Planner::treeSize(const Entry &entry) const
{
    constexpr std::uint64_t digestSize = 32;
    const Definition &hash = definitionOf(entry);
    const Definition &data = snapshot.definitions[*relations[*entry.definition].data];
    const std::uint64_t dataBlock = hash.verityDataBlock.value_or(snapshot.fileSystemSector);
    const std::uint64_t hashBlock = hash.verityHashBlock.value_or(snapshot.fileSystemSector);
    std::uint64_t blocks = 2;
    std::uint64_t remaining = roundUp(*data.sizeMax, dataBlock) / dataBlock;
    while (remaining > hashBlock / digestSize) {
        remaining = roundUp(remaining, hashBlock / digestSize) / (hashBlock / digestSize);
        blocks += remaining;
    }
    return blocks * hashBlock;
}

// A tree whose data has a largest size is at least so large that it fits.
std::optional<std::uint64_t> Planner::sizeMinOf(const Entry &entry) const
{
    const Definition &definition = definitionOf(entry);
    const auto &data = relations[*entry.definition].data;
    if (definition.verity != Verity::Hash || entry.current || definition.sizeMin || !data || !snapshot.definitions[*data].sizeMax)
        return definition.sizeMin;
    const std::uint64_t needed = treeSize(entry);
    return needed > definition.sizeMax.value_or(UINT64_MAX) ? std::nullopt : std::optional(needed);
}

std::uint64_t Planner::minimumOf(const Entry &entry, const std::optional<std::uint64_t> &sizeMin) const
{
    const Definition &definition = definitionOf(entry);
    const Disk::Designator type = Disk::designator(definition.type);
    if (type == Disk::Designator::RootVeritySig || type == Disk::Designator::UsrVeritySig)
        return std::max(signatureSize, entry.current ? entry.current->size : 0);
    std::uint64_t needed = entry.current ? entry.current->size : hardMinimum;
    if (!entry.current) {
        std::uint64_t content = definition.encrypt != Encrypt::Off ? roundUp(luksReserve, grain) : 0;
        if (const Source *source = sourceOf(entry))
            content = saturatingAdd(content, roundUp(source->size, grain));
        else if (!definition.format.empty() || definition.encrypt != Encrypt::Off)
            content += roundUp(minimalFileSystem(definition.format, grain), grain);
        needed = std::max(needed, content);
    }
    // What is read-only could not use more than it needs.
    const std::uint64_t least = isReadOnlyFormat(definition.format) || definition.verity != Verity::Off ? 1 : defaultMinimum;
    return std::max(roundUp(sizeMin.value_or(least), grain), needed);
}

Bounds Planner::boundsOf(const Entry &entry) const
{
    const Definition &definition = definitionOf(entry);
    Bounds bounds;
    bounds.minimum = minimumOf(entry, sizeMinOf(entry));
    const std::uint64_t current = entry.current ? entry.current->size : 0;
    if (definition.verity == Verity::Signature)
        bounds.maximum = std::max(signatureSize, current);
    else if (definition.sizeMax)
        bounds.maximum = std::max(roundDown(*definition.sizeMax, grain), current);
    bounds.minimumPadding = definition.paddingMin.value_or(0);
    bounds.maximumPadding = definition.paddingMax.value_or(UINT64_MAX);
    bounds.weight = definition.weight;
    bounds.paddingWeight = definition.paddingWeight;
    return bounds;
}

// As systemd-repart merges: what the supplement does not say counts as larger than any minimum, so that the default stands instead.
Bounds Planner::mergedBoundsOf(const Entry &entry, const Entry &supplement) const
{
    const Definition &own = definitionOf(entry), &more = definitionOf(supplement);
    Bounds bounds = boundsOf(entry);
    const bool ownDecides = own.sizeMin && more.sizeMin && *more.sizeMin <= *own.sizeMin;
    bounds.minimum = minimumOf(entry, ownDecides ? own.sizeMin : more.sizeMin);
    const std::uint64_t maximum = std::min(own.sizeMax.value_or(UINT64_MAX), more.sizeMax.value_or(UINT64_MAX));
    if (maximum != UINT64_MAX)
        bounds.maximum = std::max(roundDown(maximum, grain), entry.current ? entry.current->size : 0);
    bounds.minimumPadding = own.paddingMin && more.paddingMin ? std::max(*own.paddingMin, *more.paddingMin) : 0;
    bounds.maximumPadding = std::min(own.paddingMax.value_or(UINT64_MAX), more.paddingMax.value_or(UINT64_MAX));
    bounds.weight = more.weight;
    bounds.paddingWeight = more.paddingWeight;
    return bounds;
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
    claim.own = boundsOf(entry);
    claim.priority = definitionOf(entry).priority;
    const Relation &relation = relations[*entry.definition];
    claim.siblings = relation.siblings();
    claim.supplements = relation.supplements;
    if (relation.supplementedBy) {
        claim.merged = mergedBoundsOf(entry, entries[*relation.supplementedBy]);
        if (!entries[*relation.supplementedBy].current)
            claim.suppressing = relation.supplementedBy;
    }
    return claim;
}

void Planner::makeClaims()
{
    space.grain = grain;
    space.start = roundUp(table.firstUsable, grain);
    for (const Entry &entry : entries)
        space.claims.push_back(claimOf(entry));
}

void Planner::makeSpace()
{
    makeClaims();
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

std::uint64_t Planner::minimalSize() const
{
    std::uint64_t sum = roundUp(tableOverhead, 4096);
    for (std::size_t i = 0; i < space.claims.size(); ++i) {
        if (!space.claims[i].dropped && !isSuppressed(space, i))
            sum = saturatingAdd(sum, neededSize(space, space.claims[i]));
    }
    return sum;
}

} // namespace Preon::Repart
