// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Ends the system that an installation anew replaces, before its room is used for anything else. Used by apply.cpp only.

#include "core/install/plan.h"

namespace Preon::Install
{

// The kernels go first: a cut leaves a system that starts, or none that is offered, never an entry that starts into half of one. Then whatever opens root and swap
// is overwritten, before a byte goes into their room, so that nothing that was written over in part can be opened. The table still names all partitions, so that
// a run after a cut finds the same. Flushed when it returns.
Result<void> removeSystem(const Plan &plan, const Disk::Device &target, Progress &progress);

} // namespace Preon::Install
