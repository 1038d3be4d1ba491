// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/rollout.h"

#include <cmath>
#include <format>
#include <set>

#include <gtest/gtest.h>

using namespace Preon::Update;

namespace
{

std::string idOf(unsigned number)
{
    return std::format("{:032x}", number);
}

TEST(Rollout, isAPercentageAndAVersion)
{
    EXPECT_EQ(parseRollout("ROLLOUT-25-3.1"), (Rollout{.version = "3.1", .percent = 25}));
    EXPECT_EQ(parseRollout("ROLLOUT-0-3-rc1"), (Rollout{.version = "3-rc1", .percent = 0}));
    EXPECT_EQ(parseRollout("ROLLOUT-100-3"), (Rollout{.version = "3", .percent = 100}));
    for (const char *name : {"ROLLOUT-", "ROLLOUT-25", "ROLLOUT-25-", "ROLLOUT--3", "ROLLOUT--1-3", "ROLLOUT-101-3", "ROLLOUT-4294967297-3", "ROLLOUT-2.5-3",
                             "ROLLOUT-+5-3", "ROLLOUT-25-a b", "ROLLOUT-25-a/b"}) {
        EXPECT_TRUE(isRollout(name)) << name;
        EXPECT_FALSE(parseRollout(name)) << name;
    }
    EXPECT_FALSE(isRollout("rollout-25-3"));
    EXPECT_FALSE(isRollout("OS_3.efi"));
}

TEST(Rollout, reachesAsManyComputersAsItSays)
{
    constexpr unsigned computers = 4000;
    for (const unsigned percent : {1U, 10U, 50U, 90U}) {
        unsigned reached = 0;
        for (unsigned i = 0; i < computers; ++i)
            reached += heldBackAt({{.version = "3", .percent = percent}}, "3", idOf(i)) ? 0 : 1;
        // Four standard deviations of a fair draw.
        EXPECT_NEAR(reached * 100.0 / computers, percent, 400.0 * std::sqrt(percent / 100.0 * (1 - percent / 100.0) / computers)) << percent;
    }
}

// As reckoned by Python's hashlib.
constexpr unsigned placeOfTheExample = 7370;

TEST(Rollout, isAlwaysTheSameForAComputerAndAVersion)
{
    std::set<unsigned> places;
    for (unsigned i = 0; i < 50; ++i) {
        const unsigned place = placeInLine(idOf(i), "3");
        EXPECT_EQ(place, placeInLine(idOf(i), "3"));
        EXPECT_LT(place, 10000U);
        places.insert(place);
        // Who had the turn keeps it when the percentage grows.
        bool had = false;
        for (unsigned percent = 0; percent <= 100; ++percent) {
            const bool has = !heldBackAt({{.version = "3", .percent = percent}}, "3", idOf(i));
            EXPECT_TRUE(has || !had) << percent;
            had = has;
        }
        EXPECT_TRUE(had);
    }
    EXPECT_GT(places.size(), 45U);
    // Not the same ones go first each time.
    unsigned other = 0;
    for (unsigned i = 0; i < 50; ++i)
        other += placeInLine(idOf(i), "3") != placeInLine(idOf(i), "4") ? 1 : 0;
    EXPECT_GT(other, 45U);
    EXPECT_EQ(placeInLine("0123456789abcdef0123456789abcdef", "3"), placeOfTheExample);
}

TEST(Rollout, holdsBackNobodyWhereNothingIsSaid)
{
    EXPECT_FALSE(heldBackAt({}, "3", idOf(1)));
    EXPECT_FALSE(heldBackAt({{.version = "4", .percent = 0}}, "3", idOf(1)));
    EXPECT_EQ(heldBackAt({{.version = "3", .percent = 100}, {.version = "3", .percent = 0}}, "3", idOf(1)), 0U);
}

TEST(Rollout, reachesAComputerWithoutAnIdLast)
{
    EXPECT_EQ(heldBackAt({{.version = "3", .percent = 99}}, "3", ""), 99U);
    EXPECT_FALSE(heldBackAt({{.version = "3", .percent = 100}}, "3", ""));
}

}
