// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Partitions as files of their own (--split, SplitName=), beside the disk image and named after it.

#include "core/base/progress.h"
#include "core/repart/plan.h"

namespace Preon::Repart
{

// Gives each partition that has a SplitName= its file; after apply(), because verity partitions have no UUID before. Exists where two would get one name.
Result<void> nameSplits(Plan &plan, const Specifiers &specifiers);

// Writes them, sparse. Exists where a file is there already; those written before that stay.
Result<void> writeSplits(const Plan &plan, const Disk::Device &device, Progress &progress);

} // namespace Preon::Repart
