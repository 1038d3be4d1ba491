// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Passwords on their way into a user record: hashed for its "privileged" section, and in the clear for its "secret" section, which only systemd-homed sees. The
// clear ones never leave bytes that wipe themselves.

#include "core/home/record.h"

namespace Preon::Home
{

// yescrypt with libcrypt's own cost and a new salt ("$y$…"). BadArgument: a password with a NUL, or longer than libcrypt takes (511 bytes).
Result<std::string> hashPassword(const Secret &password);
// Whether that is the password of the hash, whatever its kind; takes as long as hashing does.
bool matchesHash(const Secret &password, const std::string &hash);

// {"password":["…",…]}: what systemd-homed's methods take as a secret. Recovery keys stand in the same list. BadArgument when one is no text in UTF-8.
Result<Secret> secretSection(std::span<const Secret *const> passwords);
// The record as one line of JSON with that as its "secret".
Result<Secret> withSecret(const Record &record, const Secret &section);

} // namespace Preon::Home
