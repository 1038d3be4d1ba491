// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// An installed system made ready for its next owner: the accounts of those who had it so far and what the system remembers of them go, and it greets its owner again. For a maker who
// tried a computer out, or a shop; the volumes keep their keys, so a computer that held a life is reset with new ones instead. It is asked for while the system
// runs and done by its next start before anybody can log in; a request on root says so until all is done, and each step can be done again after whatever cut it off.

#include "core/base/host.h"
#include "core/base/progress.h"
#include "core/base/result.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace Preon::Home
{

// Below root; root's alone.
constexpr const char *handOverRequest = "/var/lib/preon/first-start-reset.json";

struct HandOverWishes {
    bool keepsSettings = false; // language, keyboard, time zone and name of the computer, which the next owner is not asked for then
    bool operator==(const HandOverWishes &) const = default;
};

struct HandOverFacts {
    bool installed = false; // the system was started from its own disk
    std::vector<std::string> encrypted; // accounts that systemd-homed keeps
    std::vector<std::string> ordinary; // human users of passwd(5)
    std::vector<std::string> traces, settings; // files and folders that are there, of the lists in handover.cpp
};
HandOverFacts lookAtHandOver(const Host &host);

struct HandOverPlan {
    std::vector<std::string> encrypted, ordinary; // accounts that go, with their homes
    std::vector<std::string> removed; // files and folders
    HandOverWishes wishes;
};
// Unsupported: a live session.
Result<HandOverPlan> planHandOver(const HandOverFacts &facts, const HandOverWishes &wishes);
nlohmann::ordered_json toJson(const HandOverPlan &plan);
std::string toText(const HandOverPlan &plan);

Result<void> requestHandOver(const Host &host, const HandOverWishes &wishes);
// Nothing where none was asked for. What makes no sense was asked for without wishes.
std::optional<HandOverWishes> requestedHandOver(const Host &host);
Result<void> withdrawHandOver(const Host &host);

// removeEncrypted: takes an account of systemd-homed away with its home. The request goes last.
Result<void> applyHandOver(const HandOverPlan &plan, const Host &host, const std::function<Result<void>(const std::string &)> &removeEncrypted,
                           Progress &progress);

} // namespace Preon::Home
