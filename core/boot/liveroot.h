// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The root of a live system: btrfs in compressed memory, under the name that the signed command line gives root, so that live and installed systems are
// started the same way. Runs in the initrd, as root.

#include "core/base/host.h"
#include "core/base/progress.h"

#include <cstdint>
#include <filesystem>

namespace Preon::Boot
{

// Bytes that the live root may hold and the memory that it may take for them, for a machine with this much memory (bytes).
struct LiveRootSize {
    std::uint64_t disk = 0, memory = 0;
    bool operator==(const LiveRootSize &) const = default;
};
// NoSpace below 768 MiB: there would be no room to run anything.
Result<LiveRootSize> planLiveRoot(std::uint64_t memory);

// Tells the TPM first that this start is a live one (PCR 11 ← "preon-live"): from then on no volume's key can be unsealed until the next start. A TPM that is
// there and refuses ends the start. Then makes /dev/mapper/root.
Result<void> makeLiveRoot(const Host &host, Progress &progress);

} // namespace Preon::Boot
