// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The system of ours that is on a disk already, for installing it anew: which partitions and kernels are its own (decided as its own start decides it: by UUIDs
// derived from the EFI partition's, docs/boot.md), whether its home can be kept, and whether the EFI partition is shared with others. Used by plan.cpp and
// snapshot.cpp only.

#include "core/install/plan.h"

namespace Preon::Install
{

// Fills in what of TargetFacts and its boot partitions is looked for only here. Reads only; the headers of homes are looked at in copies, since a library that
// finds one of them damaged repairs it.
Result<void> inspectInstalled(TargetFacts &target);

struct Installed {
    Disk::Partition esp; // that it starts from, and that all of its own derives from
    bool ownEsp = false; // nobody else has put anything there
    std::vector<Disk::Partition> system; // root, swap and all slots of /usr
    std::vector<RemovedFile> kernels; // that start it
    std::vector<std::string> versions; // in the slots, newest first
    bool hasRoot = false;
    std::optional<Disk::Partition> home;
};

// BadFormat and Unsupported as beside others; NotFound: no system of this name is there; Unsupported: there are two; Exists: the one that is there is another, or an
// untouched copy of the image; BadFormat: two partitions claim to be the same.
Result<Installed> findInstalled(const Snapshot &snapshot);

// Whether the new system will be able to take the home over. BadFormat when it is none of the kind that is integrity protected, Permission when no recovery key
// opens it: the other key is lost with the root that it lies on.
Result<void> checkHome(const Snapshot &snapshot, const Installed &installed);

// Loader and kernels go to the EFI partition of the system that was there, or kernels to an extended boot partition as beside others. What the kernels that go
// take counts as free.
Result<BootPlacement> placeAnew(const Snapshot &snapshot, const Installed &installed, const BootNeeds &needs);

// Sentences for a person: what goes with the system, and what stays of it.
std::vector<std::string> lossesOf(const Snapshot &snapshot, const Installed &installed);
std::vector<std::string> keptOf(const Installed &installed);

} // namespace Preon::Install
