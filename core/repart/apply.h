// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Makes a plan true. Decides nothing: contents of new partitions are written and flushed first, the table is published last in one step. A power cut
// before that leaves the old table; the next run plans and does the same again. A factory reset's removals are a step of their own before everything else.

#include "core/base/secret.h"
#include "core/repart/plan.h"
#include "core/repart/verity.h"
#include "core/tpm/tpm.h"

#include <nlohmann/json.hpp>

namespace Preon::Repart
{

// What whoever applies a plan adds to a partition that is made.
struct Addition {
    std::filesystem::path files; // a folder; what is in it is laid over what the definition fills the file system with. Empty: nothing
    nlohmann::json note; // for the header of an encrypted one (Luks::Volume::addNote()); null: none
    Secret enrolmentKey = {}; // a further key of an encrypted one (Luks::Volume::addEnrolmentKey()); empty: none
};

struct ApplyOptions {
    // For Encrypt=key-file: the key of a type, else the common one.
    std::map<Uuid, Secret> keysByType;
    Secret key;
    Secret passphrase, recoveryKey; // for what the plan chose where there is no TPM
    std::map<Uuid, Addition> additions; // by type
    Tpm::SealPolicy tpm; // for Encrypt=tpm2
    bool discard = true; // tell the device that what was in the new partitions is not needed
    std::filesystem::path scratch; // folder for file systems being made; empty: scratchFolder()
    std::filesystem::path copySource; // what CopyFiles= copies from; empty: the host's root
    std::optional<std::uint32_t> fileSystemSector; // bytes; nullopt: the device's
    std::optional<Signer> signer; // for Verity=signature
};

// The device must be open for writing. Changed when its table is no longer the one that the plan was made from. Returns the plan as it was carried out:
// root hashes and the UUIDs that follow from them are known then.
Result<Plan> apply(const Plan &plan, const ApplyOptions &options, const Host &host, const Disk::Device &device, Progress &progress);

} // namespace Preon::Repart
