// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// How updates come to this computer by themselves, as a person chose it, in /var/lib/preon/update/policy.json; and its optional features, switched by
// drop-ins in sysupdate.d. Does nothing by itself.

#include "core/base/host.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace Preon::Update
{

enum class Automatic {
    Off, // nobody looks before a person asks
    Check,
    Fetch, // and put into place, so that a restart is all that is left
};
std::string_view automaticName(Automatic automatic); // "off", "check", "fetch"
std::optional<Automatic> automaticFrom(std::string_view name);

constexpr std::uint64_t slowestRate = 16U << 10U, fastestRate = 1ULL << 40U; // bytes a second: below it a fetch counts as stalled

struct Policy {
    Automatic automatic = Automatic::Check;
    bool metered = false; // also where every byte costs
    std::uint64_t rate = 0; // bytes a second at most; 0: as fast as it goes, else slowestRate … fastestRate
    bool notify = true;
    bool operator==(const Policy &) const = default;
};
// BadArgument with the numbers.
Result<void> checkPolicy(const Policy &policy);

// What makes no sense has the value that it has where nobody chose.
Policy parsePolicy(std::string_view text);
std::string policyText(const Policy &policy);
Policy readPolicy(const Host &host);
Result<void> writePolicy(const Host &host, const Policy &policy);

// Writes FEATURE.feature.d/50-preon.conf below /etc/sysupdate.d, or, where systemd's own switch lies there already (which would be read after it),
// that one. NotFound: there is no such feature; Unsupported: another drop-in has the last word, which is named.
Result<void> setFeature(const Host &host, const std::string &id, bool enabled);

} // namespace Preon::Update
