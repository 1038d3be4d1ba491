// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/automatic.h"

namespace Preon::Update
{

AutomaticDecision decideAutomatic(const AutomaticFacts &facts)
{
    const auto nothing = [](std::string why) {
        return AutomaticDecision{AutomaticStep::Nothing, std::move(why)};
    };
    if (facts.policy.automatic == Automatic::Off)
        return nothing("the policy is that nobody looks before a person asks");
    if (!facts.online)
        return nothing("there is no connection");
    if (facts.metered && !facts.policy.metered)
        return nothing("every byte may cost on this connection");
    const std::chrono::seconds since(facts.now - facts.asked);
    // A clock that went back (an empty battery) must not keep updates away until it has caught up.
    if (facts.asked == 0 || since.count() < 0 || since >= (facts.answered ? askEvery : askAgainAfter))
        return {AutomaticStep::Ask, "the server was not asked for a while"};
    if (facts.candidate.empty())
        return nothing("nothing newer was there when the server was asked last");
    if (facts.failedHere)
        return nothing("version " + facts.candidate + " did not come up here before");
    if (facts.policy.automatic != Automatic::Fetch)
        return nothing("version " + facts.candidate + " is fetched when a person says so");
    if (facts.onBattery)
        return nothing("version " + facts.candidate + " waits for mains power");
    if (!facts.idle && since < waitForNobody)
        return nothing("version " + facts.candidate + " waits until nobody is at the computer");
    return {AutomaticStep::Fetch, "version " + facts.candidate + " is there"};
}

} // namespace Preon::Update
