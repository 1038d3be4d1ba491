// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What the first start needs of the machine: whether there can be an account and a recovery key, and making them. Takes time; knows nothing of callers.

#include "core/home/firststart.h"
#include "helper/service.h"

namespace Preon::Helper
{

// What there is to plan with.
Result<Home::FirstStartFacts> factsOfFirstStart(const Settings &settings);

// As org.preon.FirstStart1.Describe has it.
Result<nlohmann::ordered_json> describeFirstStart(const Settings &settings);

// What a person typed or chose for their eyes only.
struct Entrusted {
    Secret password, recoveryKey; // recoveryKey: empty where none is wished
    Bytes picture;
};

// Who lives in a home from before, for whoever has its password (or recovery key); as org.preon.FirstStart1.OpenHome has it. Changes nothing.
Result<nlohmann::ordered_json> lookIntoHome(const Settings &settings, const std::string &userName, const Secret &password);

// Carries the plan out; whoever calls holds lockFirstStart(). Cut off anywhere, or ended with an error, it can be done again, also with another plan.
Result<nlohmann::ordered_json> makeAtHome(const Settings &settings, const Home::FirstStartPlan &plan, const Entrusted &secrets, Progress &progress);

} // namespace Preon::Helper
