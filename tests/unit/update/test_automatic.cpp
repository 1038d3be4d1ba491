// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/automatic.h"

#include <gtest/gtest.h>

using namespace Preon::Update;

namespace
{
constexpr std::int64_t hour = 3600, now = 1'800'000'000;

AutomaticFacts found(Automatic automatic = Automatic::Fetch)
{
    AutomaticFacts facts;
    facts.policy.automatic = automatic;
    facts.now = now;
    facts.asked = now - hour;
    facts.candidate = "2";
    return facts;
}

AutomaticStep step(const AutomaticFacts &facts)
{
    return decideAutomatic(facts).step;
}
}

TEST(AutomaticUpdates, areAsThePolicySays)
{
    EXPECT_EQ(step(found(Automatic::Off)), AutomaticStep::Nothing);
    EXPECT_EQ(step(found(Automatic::Check)), AutomaticStep::Nothing);
    EXPECT_EQ(step(found(Automatic::Fetch)), AutomaticStep::Fetch);
    for (const Automatic each : {Automatic::Off, Automatic::Check, Automatic::Fetch}) {
        AutomaticFacts never = found(each);
        never.asked = 0;
        never.candidate = "";
        EXPECT_EQ(step(never), each == Automatic::Off ? AutomaticStep::Nothing : AutomaticStep::Ask);
    }
}

TEST(AutomaticUpdates, askOnceADayAndSoonerWhereNobodyAnswered)
{
    AutomaticFacts facts = found(Automatic::Check);
    facts.candidate = "";
    const auto after = [&](std::int64_t seconds, bool answered) {
        facts.asked = now - seconds;
        facts.answered = answered;
        return step(facts);
    };
    EXPECT_EQ(after(20 * hour - 1, true), AutomaticStep::Nothing);
    EXPECT_EQ(after(20 * hour, true), AutomaticStep::Ask);
    EXPECT_EQ(after(2 * hour - 1, false), AutomaticStep::Nothing);
    EXPECT_EQ(after(2 * hour, false), AutomaticStep::Ask);
    EXPECT_EQ(after(-1, true), AutomaticStep::Ask) << "a clock that went back";
}

TEST(AutomaticUpdates, costNobodyMoneyOrBattery)
{
    AutomaticFacts facts = found();
    facts.online = false;
    EXPECT_EQ(step(facts), AutomaticStep::Nothing);
    facts = found();
    facts.metered = true;
    EXPECT_EQ(step(facts), AutomaticStep::Nothing);
    facts.asked = 0;
    EXPECT_EQ(step(facts), AutomaticStep::Nothing) << "nor asking";
    facts.policy.metered = true;
    EXPECT_EQ(step(facts), AutomaticStep::Ask);
    facts.asked = now - hour;
    EXPECT_EQ(step(facts), AutomaticStep::Fetch);
    facts.onBattery = true;
    EXPECT_EQ(step(facts), AutomaticStep::Nothing);
    facts.asked = 0;
    EXPECT_EQ(step(facts), AutomaticStep::Ask) << "asking takes no power worth speaking of";
}

TEST(AutomaticUpdates, waitUntilNobodyIsAtTheComputerButNotForever)
{
    AutomaticFacts facts = found();
    facts.idle = false;
    EXPECT_EQ(step(facts), AutomaticStep::Nothing);
    facts.asked = now - 6 * hour;
    EXPECT_EQ(step(facts), AutomaticStep::Fetch);
}

// A computer that is on for three hours each evening, with somebody at it.
TEST(AutomaticUpdates, waitNoLongerBecauseTheServerWasAskedAgain)
{
    AutomaticFacts facts = found();
    facts.idle = false;
    facts.asked = now - 60;
    facts.found = now - 24 * hour;
    EXPECT_EQ(step(facts), AutomaticStep::Fetch);
    facts.found = now - 5 * hour;
    EXPECT_EQ(step(facts), AutomaticStep::Nothing);
}

TEST(AutomaticUpdates, restAfterAFetchThatFailedAndLongerEachTime)
{
    AutomaticFacts facts = found();
    for (const auto &[failures, hours] : {std::pair(1, 2), std::pair(2, 4), std::pair(4, 16), std::pair(6, 48), std::pair(1000, 48)}) {
        facts.failures = failures;
        facts.asked = now - hour;
        facts.failed = now - hours * hour + 1;
        EXPECT_EQ(step(facts), AutomaticStep::Nothing) << failures;
        facts.failed = now - hours * hour;
        EXPECT_EQ(step(facts), AutomaticStep::Fetch) << failures;
    }
}

TEST(AutomaticUpdates, goOnOnlyWhereTheyWouldBegin)
{
    AutomaticFacts facts = found();
    EXPECT_TRUE(mayGoOn(facts));
    facts.idle = false;
    EXPECT_TRUE(mayGoOn(facts));
    facts.onBattery = true;
    EXPECT_FALSE(mayGoOn(facts));
    facts = found();
    facts.metered = true;
    EXPECT_FALSE(mayGoOn(facts));
    facts = found(Automatic::Check);
    EXPECT_FALSE(mayGoOn(facts));
}

TEST(AutomaticUpdates, rememberWhatCameOfThem)
{
    const Attempts attempts{.version = "3.1", .failures = 2, .last = now};
    EXPECT_EQ(parseAttempts(attemptsText(attempts)), attempts);
    for (const char *text : {"", "[]", "{\"version\": 3}", "{\"version\": null, \"failures\": 1}"})
        EXPECT_EQ(parseAttempts(text), Attempts()) << text;
    EXPECT_EQ(parseAttempts("{\"version\": \"3\", \"failures\": -4, \"last\": 1e300}"), (Attempts{.version = "3", .failures = 0, .last = 0}));
}

TEST(AutomaticUpdates, takeNoVersionThatFailedHere)
{
    AutomaticFacts facts = found();
    facts.failedHere = true;
    EXPECT_EQ(step(facts), AutomaticStep::Nothing);
    EXPECT_NE(decideAutomatic(facts).reason.find("version 2 did not come up"), std::string::npos);
}

TEST(AutomaticUpdates, waitForTheirTurn)
{
    AutomaticFacts facts = found();
    facts.heldBack = true;
    EXPECT_EQ(step(facts), AutomaticStep::Nothing);
    EXPECT_NE(decideAutomatic(facts).reason.find("turn of this computer"), std::string::npos);
    // The server is asked again all the same: that is how the turn comes.
    facts.asked = facts.now - std::chrono::seconds(askEvery).count();
    EXPECT_EQ(step(facts), AutomaticStep::Ask);
}
