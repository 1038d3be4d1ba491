// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Every error that systemd-homed's interface has by name, in words with a next step. docs/errors.md ("homed") shows the same table; a test compares the two, and both
// with what the real systemd-homed has in it. Pure.

#include "core/base/result.h"

#include <span>

namespace Preon::Bus
{

struct HomedError {
    std::string_view name; // "org.freedesktop.home1.BadPassword"
    ErrorCode code;
    std::string_view what; // NAME stands for the user name
    std::string_view why; // may be empty
    std::string_view todo;
};

std::span<const HomedError> homedErrors();
// nullptr: none that we know.
const HomedError *findHomedError(std::string_view name);
// The Error for a name on the bus; message is what systemd-homed said, which joins the why where the name alone does not say it.
Error homedError(std::string_view name, std::string_view message, std::string_view userName);

} // namespace Preon::Bus
