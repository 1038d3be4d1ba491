// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Names of users: which ones systemd and useradd both take (systemd.io/USER_NAMES, strict; POSIX 3.437), and one to suggest for a person's name. Pure.

#include "core/base/result.h"

#include <span>
#include <string>
#include <string_view>

namespace Preon::Home
{

constexpr std::size_t longestUserName = 31; // utmp has room for no more

// BadArgument, with the rule that it breaks: lower-case ASCII letters, digits, "_" and "-"; a letter or "_" first; at most 31. Stricter than systemd in one thing:
// no capitals, which useradd of Debian refuses as well.
Result<void> checkUserName(std::string_view name);

// BadArgument: a name for people is UTF-8 without ":", line ends and control characters, and not longer than 256 bytes (it goes into the passwd database).
Result<void> checkRealName(std::string_view name);

// The first word of a person's name in small ASCII letters ("Zoë Ångström" → "zoe"), or "user" where nothing is left of it; with a number behind it where it is taken.
std::string suggestUserName(std::string_view realName, std::span<const std::string> taken = {});

} // namespace Preon::Home
