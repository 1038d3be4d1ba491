// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What callers send, as values of our own: apart from the bus, so that a fuzzer can be every caller there is.

#include "core/home/firststart.h"
#include "core/install/plan.h"
#include "core/update/policy.h"

#include <map>
#include <string>

#include <sdbus-c++/Types.h>

namespace Preon::Helper
{

// The options of Installer1.Plan. BadArgument: a name that is not known, or a value of another type or form.
Result<Install::Wishes> readWishes(const std::map<std::string, sdbus::Variant> &options);
// Those of FirstStart1.Plan, likewise.
Result<Home::FirstStartWishes> readFirstStartWishes(const std::map<std::string, sdbus::Variant> &options);

// Of Updates1.Plan: whether the person knows that every byte costs.
Result<bool> readMetered(const std::map<std::string, sdbus::Variant> &options);
// What Updates1.SetPolicy is to change; nullopt: stays.
struct PolicyChange {
    std::optional<Update::Automatic> automatic;
    std::optional<bool> metered, notify;
    std::optional<std::uint64_t> rate;
};
Result<PolicyChange> readPolicyChange(const std::map<std::string, sdbus::Variant> &policy);

} // namespace Preon::Helper
