// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Where the bytes of CopyBlocks= come from on this machine: the part of a snapshot that needs a look at other files and devices.

#include "core/base/host.h"
#include "core/repart/plan.h"

namespace Preon::Repart
{

// Definitions (by index) that would be made and copied now; only these need a source. A pure function.
std::vector<std::size_t> missingSources(const Snapshot &snapshot);

// Looks at what CopyBlocks= names, for all missing sources: files and folders below the host's root, devices, and for "auto" the partition that /usr or /
// of the running system stands on. confined: only files, because the root is somebody else's.
Result<void> resolveSources(Snapshot &snapshot, const Host &host, bool confined = false);

// The whole disk that / or else /usr of the host's root stands on, through encryption and verity. NotFound where neither is on one.
Result<std::filesystem::path> rootDisk(const Host &host);

} // namespace Preon::Repart
