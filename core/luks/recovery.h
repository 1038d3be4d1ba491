// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Recovery keys as systemd makes them: 256 random bits in modhex, eight groups of eight letters with dashes between them. The dashes belong to the passphrase;
// a person may leave them out and write capitals. Pure, apart from the kernel's random bytes.

#include "core/base/secret.h"

#include <optional>

namespace Preon::Luks
{

constexpr std::size_t recoveryKeyLength = 71; // letters and dashes

Result<Secret> makeRecoveryKey();
// The passphrase that a recovery key as typed stands for (64 letters, or 71 with the dashes, in any case, blanks around it aside); nullopt for anything else.
std::optional<Secret> recoveryKeyFrom(const Secret &typed);

} // namespace Preon::Luks
