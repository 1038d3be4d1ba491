// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The planner's state, shared by the files that implement it; not for others.

#include "core/repart/allocation.h"
#include "core/repart/plan.h"
#include "core/repart/relations.h"

namespace Preon::Repart
{

struct Entry {
    std::optional<std::size_t> definition;
    std::optional<Disk::Partition> current;
    Disk::Partition partition; // identity first, place later
    Uuid derived; // what identities inside the partition follow from
    bool identified = false; // has its UUID
};

struct Planner {
    const Snapshot &snapshot;
    bool fromScratch = false;
    Disk::Table table; // that is worked on: as read, or an empty one
    std::uint64_t grain = 4096;
    std::vector<Relation> relations;
    std::vector<Entry> entries; // of the definitions, in their order; then the foreign ones
    std::vector<Disk::Partition> removed;
    std::vector<Dropped> dropped;
    std::vector<std::string> notes;
    Space space;

    const Definition &definitionOf(const Entry &entry) const
    {
        return snapshot.definitions[*entry.definition];
    }
    const Source *sourceOf(const Entry &entry) const
    {
        const auto source = snapshot.sources.find(*entry.definition);
        return source == snapshot.sources.end() ? nullptr : &source->second;
    }
    bool isDeferred(const Uuid &type) const;

    Result<void> begin();
    void takeDefinitions();
    void matchExisting();
    void resetToFactory();
    Result<void> identify();
    Uuid newUuid(std::size_t index) const;
    std::string newLabel(std::size_t index) const;
    std::optional<Uuid> verityUuid(std::size_t index) const;

    // plan_sizes.cpp
    std::uint64_t freeBehind(const Disk::Partition &partition) const;
    std::optional<std::uint64_t> sizeMinOf(const Entry &entry) const;
    std::uint64_t treeSize(const Entry &entry) const;
    std::uint64_t minimumOf(const Entry &entry, const std::optional<std::uint64_t> &sizeMin) const;
    Bounds boundsOf(const Entry &entry) const;
    Bounds mergedBoundsOf(const Entry &entry, const Entry &supplement) const;
    Claim claimOf(const Entry &entry) const;
    void makeClaims();
    void makeSpace();
    std::uint64_t minimalSize() const;

    // plan_result.cpp
    Result<void> fit();
    void noteDropped(const std::vector<std::size_t> &given);
    void number();
    Result<Plan> result();
    Result<PlannedPartition> planned(std::size_t index) const;
    void plannedContent(std::size_t index, PlannedPartition &planned) const;
    void relateVerity(Plan &plan, const std::vector<std::optional<std::size_t>> &places) const;
};

} // namespace Preon::Repart
