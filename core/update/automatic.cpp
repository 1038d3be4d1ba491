// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/automatic.h"

#include <algorithm>

#include <nlohmann/json.hpp>

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
    const std::chrono::seconds since(facts.now - facts.asked), known(facts.now - (facts.found == 0 ? facts.asked : facts.found));
    // A clock that went back (an empty battery) must not keep updates away until it has caught up.
    if (facts.asked == 0 || since.count() < 0 || since >= (facts.answered ? askEvery : askAgainAfter))
        return {AutomaticStep::Ask, "the server was not asked for a while"};
    if (facts.candidate.empty())
        return nothing("nothing newer was there when the server was asked last");
    if (facts.failedHere)
        return nothing("version " + facts.candidate + " did not come up here before");
    if (facts.heldBack)
        return nothing("version " + facts.candidate + " is handed out in steps, and the turn of this computer is still to come");
    if (facts.policy.automatic != Automatic::Fetch)
        return nothing("version " + facts.candidate + " is fetched when a person says so");
    if (facts.onBattery)
        return nothing("version " + facts.candidate + " waits for mains power");
    const auto pause = std::min<std::chrono::seconds>(longestPause, firstPause * (1 << std::clamp(facts.failures - 1, 0, 8)));
    const std::chrono::seconds rested(facts.now - facts.failed);
    if (facts.failures > 0 && rested.count() >= 0 && rested < pause)
        return nothing("version " + facts.candidate + " could not be fetched, or somebody stopped it, not long ago");
    if (!facts.idle && known.count() >= 0 && known < waitForNobody)
        return nothing("version " + facts.candidate + " waits until nobody is at the computer");
    return {AutomaticStep::Fetch, "version " + facts.candidate + " is there"};
}

bool mayGoOn(const AutomaticFacts &facts)
{
    return facts.policy.automatic == Automatic::Fetch && facts.online && !facts.onBattery && (!facts.metered || facts.policy.metered);
}

Attempts parseAttempts(std::string_view text)
{
    const auto json = nlohmann::json::parse(text, nullptr, false);
    const auto number = [&](const char *member) -> std::int64_t {
        const auto found = json.find(member);
        return found != json.end() && found->is_number_unsigned() && found->get<std::uint64_t>() <= INT32_MAX * std::uint64_t(1024) ? found->get<std::int64_t>()
                                                                                                                                    : 0;
    };
    if (!json.is_object() || !json.contains("version") || !json["version"].is_string())
        return {};
    return {
        .version = json["version"].get<std::string>(), .failures = static_cast<int>(std::min<std::int64_t>(number("failures"), 1000)), .last = number("last")};
}

std::string attemptsText(const Attempts &attempts)
{
    const nlohmann::ordered_json json{{"version", attempts.version}, {"failures", attempts.failures}, {"last", attempts.last}};
    return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

} // namespace Preon::Update
