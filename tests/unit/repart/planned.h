// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Snapshots made from a few words, for tests of the plan and of applying it.

#include "core/base/units.h"
#include "core/disk/parttypes.h"
#include "core/repart/plan.h"

#include <algorithm>
#include <cassert>

namespace RepartTest
{

using namespace Preon;
using namespace Preon::Repart;

constexpr const char *seedText = "0123456789abcdef0123456789abcdef";

inline Definition define(const std::string &settings)
{
    static int number = 10;
    UnitFile file;
    file.name = std::to_string(number++) + ".conf";
    file.path = file.name;
    parseUnitText("[Partition]\n" + settings, file.path, file);
    auto definition = parseDefinition(file, {.architecture = "x86-64", .specifiers = {}, .included = {}, .excluded = {}});
    return std::move(definition.value());
}

inline Snapshot emptyDisk(std::uint64_t size, const std::vector<std::string> &definitions)
{
    Snapshot snapshot;
    snapshot.device = "disk.img";
    snapshot.empty = Empty::Allow;
    snapshot.seed = *Uuid::parse(seedText);
    snapshot.table.deviceSize = size;
    for (const std::string &settings : definitions)
        snapshot.definitions.push_back(define(settings));
    return snapshot;
}

// A disk with a table; partitions lie one after the other from 1 MiB on, each with a gap behind it.
struct Existing {
    const char *type;
    std::uint64_t size, gap;
    const char *label = "";
};
inline Snapshot diskWith(std::uint64_t size, const std::vector<Existing> &existing, const std::vector<std::string> &definitions)
{
    Snapshot snapshot = emptyDisk(size, definitions);
    snapshot.table = Disk::emptyTable(size, 512, *Uuid::parse("11111111-2222-4333-8444-555555555555"));
    std::uint64_t at = mebibyte;
    unsigned number = 0;
    for (const Existing &e : existing) {
        ++number;
        snapshot.table.partitions.push_back({.number = number,
                                             .start = at,
                                             .size = e.size,
                                             .type = *Disk::partitionType(e.type, "x86-64"),
                                             .uuid = *Uuid::parse("aaaaaaaa-1111-4111-8111-00000000000" + std::to_string(number)),
                                             .label = e.label,
                                             .flags = 0});
        at += e.size + e.gap;
    }
    return snapshot;
}

} // namespace RepartTest
