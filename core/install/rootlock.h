// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What locks the root volume. The TPM where there is one that can hold its key; where there is none, and the definition of root says that it may be so
// (X-PreonEncrypt=tpm2-or-passphrase), a passphrase which the person in front of the machine chooses at the first start and types at each later one.

#include "core/base/host.h"
#include "core/base/secret.h"
#include "core/luks/volume.h"
#include "core/repart/apply.h"

#include <functional>

namespace Preon::Install
{

// Asks for a new passphrase. why: a sentence that says what stands in the way of the TPM.
using AskPassphrase = std::function<Result<Secret>(const std::string &why)>;

constexpr std::size_t shortestPassphrase = 8; // characters, counted as bytes

// Whether a volume that is sealed to that policy could be opened on this machine. NoTpm, or Unsupported: the TPM keeps no values in the policy's bank, or the
// firmware and the kernel's stub measured nothing into a PCR that has to be signed for.
Result<void> canHold(const Host &host, const Tpm::SealPolicy &policy);

// How systemd-cryptsetup(8) shall open root, as its options. Whoever has only a TPM slot is never asked for what nobody has. tpm: there is one now.
std::string unlockOptions(const std::vector<Luks::Slot> &slots, bool pin, bool tpm);

// Looks at the header of a root volume and writes its options for the unit that opens it: RUN/preon/root.options.
Result<void> writeUnlockOptions(const Host &host, const std::filesystem::path &partition, Progress &progress);

} // namespace Preon::Install
