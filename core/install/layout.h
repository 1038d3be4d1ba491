// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The parts of an installation plan: what core/repart is asked for, and which boot file goes where. Used by plan.cpp and installed.cpp only.

#include "core/install/plan.h"

namespace Preon::Install
{

// BadFormat, Unsupported or BadArgument where there is no GPT that can be worked on.
Result<void> refuseTable(const Snapshot &snapshot);

// BadFormat, Unsupported, BadArgument or Exists where there is nothing that one could install beside of, or this system is there already.
Result<void> refuseBeside(const Snapshot &snapshot);

// The definitions that can be met from this source, with what is copied.
Result<Repart::Snapshot> layoutSnapshot(const Snapshot &snapshot, const BootPlacement &placement);

// What an interrupted installation of this very image left on the disk: partitions that hold nothing of anybody's.
std::vector<Uuid> leftovers(const Snapshot &snapshot);

// esp: where the loader goes. A file that is kept is one of others, or a newer loader, on a partition that is theirs too. layout: with the XBOOTLDR partition that is made, if one is.
std::vector<PlannedFile> planFiles(const Snapshot &snapshot, Boot::Start start, const BootPlacement &placement, const Repart::Plan &layout,
                                   const Disk::Partition &esp);

// The partition of that role among those that the plan makes or takes over; nullptr when there is none.
const Disk::Partition *findOwn(const Repart::Plan &layout, Disk::Designator role);

} // namespace Preon::Install
