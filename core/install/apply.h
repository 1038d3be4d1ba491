// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Carries out an installation plan, in an order that leaves no half-broken system behind. All data is written, flushed and read back from the medium, and only then does
// the new table appear, in one write. A whole disk loses its old table first: interrupted before the new one is there, it is empty. Beside others the old table stays
// until then and the data goes to where nothing was; what goes onto an EFI partition that others use comes last, the kernel after all else. Interrupted anywhere,
// the other systems start as before, and the next run begins anew with what is left over. Anew, the system that is there ends first (removal.h); its partitions leave the
// table in the same write that brings the new ones, so that at each moment the disk is recognised by the same signs and home is in its table.

#include "core/install/plan.h"

namespace Preon::Install
{

struct Outcome {
    std::uint64_t written = 0; // bytes, without the file system of the EFI partition itself
    Uuid diskUuid, espUuid;
    std::optional<std::uint16_t> bootEntry; // number of Boot####
    std::string code; // that the next start asks for, to allow our kernel's key; empty: it asks nothing
    std::vector<std::string> notes; // what did not matter enough to fail
};

// Takes the target for itself (Busy), and refuses when it is no longer what the plan was made from (Changed): until then nothing is touched. Later errors say what
// became of the target. Cancelling is safe until the table is written; after that the work is done and goes on to its end.
Result<Outcome> apply(const Plan &plan, const Source &source, const Host &host, Progress &progress);

// The same on a target that the caller holds with Access::Exclusive already, and looked at anew since.
Result<Outcome> apply(const Plan &plan, const Source &source, const Host &host, Progress &progress, const Disk::Device &target);

nlohmann::ordered_json toJson(const Outcome &outcome);

} // namespace Preon::Install
