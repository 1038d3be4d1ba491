// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What locks the root volume. The TPM where there is one that can hold its key; where there is none, and the definition of root says that it may be so
// (X-PreonEncrypt=tpm2-or-passphrase), a passphrase which the person in front of the machine chooses at the first start and types at each later one.

#include "core/base/host.h"
#include "core/base/secret.h"
#include "core/install/choices.h"
#include "core/luks/volume.h"
#include "core/repart/apply.h"

#include <functional>

namespace Preon::Install
{

enum class Asked { Passphrase, Pin };
// Asks for a new one. why: a sentence that says what stands in the way of the TPM; empty where it was somebody's wish.
using AskSecret = std::function<Result<Secret>(Asked what, const std::string &why)>;

constexpr std::size_t shortestPassphrase = 8, shortestPin = 6; // characters, counted as bytes

// What root is to be locked with: what was wished for, as far as this computer (holds: canHold()) and the definition of root allow; else the TPM where it can, a passphrase where
// it cannot. The error of holds where only the TPM is allowed.
Result<Lock> planLock(std::optional<Lock> wish, const Result<void> &holds, bool allowsPassphrase);

// PCR 11 by the policy key's signature, and PCR 12 at zero: there the stub counts what was added to the signed command line from outside (SMBIOS strings,
// add-ons, credentials on the ESP). Expected, not read: this start may have been given something of the kind.
Tpm::SealPolicy rootPolicy(std::string publicKeyPem);

// Whether a volume that is sealed to that policy could be opened on this machine. NoTpm, or Unsupported: the TPM keeps no values in the policy's bank, or the
// firmware and the kernel's stub measured nothing into a PCR that has to be signed for.
Result<void> canHold(const Host &host, const Tpm::SealPolicy &policy);

// How systemd-cryptsetup(8) shall open root, as its options. Whoever has only a TPM slot is never asked for what nobody has. tpm: there is one now.
std::string unlockOptions(const std::vector<Luks::Slot> &slots, bool pin, bool tpm);

// The note in root's header that tells what keyboard its passphrase was typed on: what is asked before root is open has nowhere else to know it from. As little to be believed
// as the rest of the header: a name that useKeymap() checks. Null where none was chosen.
nlohmann::json keymapNote(const Choices &choices);

// Looks at the header of a root volume and writes its options for the unit that opens it: RUN/preon/root.options. Where a person will be asked, the console gets the keymap
// that the header names.
Result<void> writeUnlockOptions(const Host &host, const std::filesystem::path &partition, Progress &progress);

} // namespace Preon::Install
