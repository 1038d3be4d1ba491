// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The last look before a version gets its names: that what it starts is what was written. A kernel that carries usrhash= pins one /usr; the slots that were filled beside it must hold just
// that, block for block, read back from the medium. Without it a version with a damaged or another /usr would be started, and given up by the loader three starts later.

#include "core/base/progress.h"
#include "core/update/plan.h"

namespace Preon::Update
{

// Nothing to prove is fine: no kernel among what is new, or one without usrhash=. Corrupt when the blocks do not fit the root hash, Untrusted when kernel and slots are of different systems, so
// that the start would not find its /usr. The kernel is parsed: its hash has to be known to be right by now. progress: one phase, of /usr's bytes.
Result<void> proveUpdate(const UpdatePlan &plan, Progress &progress);

} // namespace Preon::Update
