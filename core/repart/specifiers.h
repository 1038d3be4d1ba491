// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The %-specifiers that definitions may use, as values read once from the machine (or tree) they describe, so that parsing stays a pure function.

#include "core/base/host.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace Preon::Repart
{

// repart.d(5), "Specifiers": a letter that is not here though the manual knows it has no value on this machine (%m before the first boot).
struct Specifiers {
    std::map<char, std::string> values;

    // nullopt when a specifier has no value or the result is longer than `limit` bytes. What is no specifier stays as it is; %% is one per cent sign.
    std::optional<std::string> expand(std::string_view text, std::size_t limit) const;
};

Specifiers readSpecifiers(const Host &host);

} // namespace Preon::Repart
