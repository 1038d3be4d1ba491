// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Carries out what plans say: makes room, brings what lies on this machine, gives names. What has to be fetched or unpacked somebody else writes through the same
// TargetWriter, between applyVacuum() and install(). Decides nothing.

#include "core/base/progress.h"
#include "core/update/plan.h"

#include <functional>

namespace Preon::Update
{

// Removes, in the plan's order. Changed where a slot is no longer what was seen. removing: told before each, may be empty.
Result<void> applyVacuum(const VacuumPlan &plan, Progress &progress, const std::function<void(const Removal &)> &removing = {});

// Whether acquireLocal() can do it: an unpacked file or a folder of this machine, or nothing to bring.
bool isLocal(const TransferPlan &plan);
// Copies the source to its place, and flushes: from there it is pending. Corrupt where the file is not the one with the hash that its name tells.
Result<void> acquireLocal(const TransferPlan &plan, Progress &progress);

// Gives the instance its name or label, then sets its link.
Result<void> install(const TransferPlan &plan);

} // namespace Preon::Update
