// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Decides how a system gets onto a disk: a pure function from what source and target are to a plan that can be printed, compared and applied. Now: a whole
// disk, erased. The partitions are core/repart's decision, here with the copies' sources filled in; the first boot's are simulated with the same planner, so
// that a disk that would be too small then is refused now.

#include "core/disk/content.h"
#include "core/disk/parttypes.h"
#include "core/install/source.h"
#include "core/repart/plan.h"

#include <nlohmann/json.hpp>

namespace Preon::Install
{

enum class Mode { Erase };

struct TargetFacts {
    std::filesystem::path path;
    bool isFile = false;
    bool isSource = false; // the medium that is installed from, or that this system runs from
    bool isWholeDisk = true; // false: a partition
    Disk::DiskInfo info; // of a file: device, size and sector size only
    Disk::Table table; // of kind Other when it has a damaged GPT
    std::string damage; // what is wrong with the table; empty: nothing
    std::vector<Disk::Content> contents; // of the table's partitions, in their order
    Disk::Content content; // of a disk without partitions
};

// How a person calls it: "Samsung SSD 990 PRO (1.0 TB, /dev/nvme0n1)".
std::string nameOf(const TargetFacts &target);

// Opens the target for reading only.
Result<TargetFacts> inspectTarget(const Host &host, const std::filesystem::path &path, const SourceFacts &source);

struct Snapshot {
    Mode mode = Mode::Erase;
    SourceFacts source;
    TargetFacts target;
    std::vector<Repart::Definition> shipped; // what the installer makes: install.repart.d; empty: as the source is laid out
    std::vector<Repart::Definition> firstBoot; // repart.d of the system to be installed; empty: not known
    Uuid seed; // random: the fresh identities follow from it
    bool allowRemovable = false;
    bool makesBootEntry = false; // a block device on a machine with EFI variables
};

Result<Snapshot> takeSnapshot(const Host &host, Mode mode, const Source &source, const std::filesystem::path &target, bool allowRemovable);

struct Plan {
    Mode mode = Mode::Erase;
    SourceFacts source;
    TargetFacts target;
    Repart::Plan layout; // what the installer writes; its partitions are ESP, usr, usr-verity and, where the source has one, usr-verity-sig
    std::optional<Repart::Plan> firstBoot; // what the system then makes of it
    std::vector<std::string> lost; // sentences: what is on the disk now and will not be
    std::vector<std::string> notes;
    bool makesBootEntry = false;

    const Disk::Partition &partition(Disk::Designator role) const; // of layout; must be there
    const Disk::Partition *findPartition(Disk::Designator role) const; // nullptr when it is not
};

// Refusals: BadArgument (the source itself, a partition, a removable disk not asked for), Busy (in use; names by what), Permission (read-only), NoSpace (with what is
// needed and what is there).
Result<Plan> plan(const Snapshot &snapshot);

// What both a program and a person can read: {"mode", "source", "target", "before", "after", "firstBoot", "lost", "notes"}.
nlohmann::ordered_json toJson(const Plan &plan);
std::string toText(const Plan &plan);

} // namespace Preon::Install
