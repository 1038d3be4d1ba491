// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What "it came up" means: a person can log in. Which units that takes stands in boot-check.conf; how they are is asked of systemd by systemctl. Waits, and says what is missing.

#include "core/base/host.h"
#include "core/base/progress.h"

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace Preon::Boot
{

// [Check] of /usr/lib/preon/boot-check.conf (with /etc, /run and drop-ins before it). Unit names.
struct CheckRules {
    std::vector<std::string> login = {"display-manager.service", "getty@tty1.service"}; // one of them has to be there: Login=
    std::vector<std::string> required = {"systemd-logind.service"}; // each of them: Required=
    std::chrono::seconds timeout{180}; // TimeoutSec=, 10 … 3600
};
// BadFormat: a value that makes no sense, with its file and line.
Result<CheckRules> readCheckRules(const Host &host);

// ActiveState of each unit, as systemd has it ("active", "activating", "failed", …); what it does not know is "inactive".
using UnitStates = std::map<std::string, std::string>;
struct CheckResult {
    bool cameUp = false;
    bool hopeless = false; // waiting does not help: something failed that does not begin anew by itself
    std::vector<std::string> missing = {}; // in English, a sentence each
    bool operator==(const CheckResult &) const = default;
};
// Pure.
CheckResult judge(const CheckRules &rules, const UnitStates &states);

// Asks again each second until it came up or the time is over.
Result<CheckResult> waitForLogin(const CheckRules &rules, const Progress &progress);

} // namespace Preon::Boot
