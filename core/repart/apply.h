// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Makes a plan true. Decides nothing: contents of new partitions are written and flushed first, the table is published last in one step. A power cut
// before that leaves the old table; the next run plans and does the same again.

#include "core/base/secret.h"
#include "core/repart/plan.h"
#include "core/tpm/tpm.h"

namespace Preon::Repart
{

struct ApplyOptions {
    // For Encrypt=key-file: the key of a type, else the common one.
    std::map<Uuid, Secret> keysByType;
    Secret key;
    Tpm::SealPolicy tpm; // for Encrypt=tpm2
    bool discard = true; // tell the device that what was in the new partitions is not needed
    std::filesystem::path scratch; // folder for file systems being made; empty: scratchFolder()
};

// The device must be open for writing. Changed when its table is no longer the one that the plan was made from.
Result<void> apply(const Plan &plan, const ApplyOptions &options, const Host &host, const Disk::Device &device, Progress &progress);

} // namespace Preon::Repart
