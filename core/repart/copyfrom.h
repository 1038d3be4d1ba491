// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The partitions of another disk image as definitions, which come before all others (--copy-from=): same types, UUIDs, labels, flags, sizes and gaps, their
// bytes copied.

#include "core/repart/plan.h"

namespace Preon::Repart
{

// Puts them before the snapshot's definitions, with their sources. Unsupported for what is no image file with a GPT.
Result<void> copyFrom(Snapshot &snapshot, const std::vector<std::filesystem::path> &images, const DefinitionOptions &options);

// The sector size that the table in an image file was made with: its header lies in the second sector. 512 where there is none; BadFormat where there are
// several.
Result<std::uint32_t> sectorSizeOf(const std::filesystem::path &file);

} // namespace Preon::Repart
