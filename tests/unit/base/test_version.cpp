// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/base/version.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace
{
using Preon::compareVersions;

int order(const std::string &a, const std::string &b)
{
    const int forward = compareVersions(a, b);
    EXPECT_EQ(forward, -compareVersions(b, a)) << a << " against " << b << " depends on the side";
    return forward;
}
}

// The ascending list of UAPI.10, section "Examples", and what follows from its rules.
TEST(Version, ordersTheSpecificationsExamples)
{
    const std::vector<std::string> ascending{"~1",    "",        "0",     "1~rc1",   "1~rc2",     "1",       "1-1",     "1^",        "1^20240101",
                                             "1.0",   "1.0.1",   "1.2",   "1.10",    "11",        "12",      "122.1",   "123~rc1-1", "123",
                                             "123-a", "123-a.1", "123-1", "123-1.1", "123^post1", "123.a-1", "123.1-1", "124-1"};
    for (std::size_t i = 0; i < ascending.size(); ++i) {
        for (std::size_t j = 0; j < ascending.size(); ++j) {
            const int expected = i < j ? -1 : i > j ? 1 : 0;
            EXPECT_EQ(order(ascending[i], ascending[j]), expected) << ascending[i] << " against " << ascending[j];
        }
    }
}

TEST(Version, takesLeadingZerosAndForeignCharactersAsNothing)
{
    EXPECT_EQ(order("1.02", "1.2"), 0);
    EXPECT_EQ(order("1_2", "1 2"), 0);
    EXPECT_EQ(order("007", "7"), 0);
    EXPECT_EQ(order("0", "00"), 0);
}

TEST(Version, comparesNumbersOfAnyLength)
{
    EXPECT_LT(order("99999999999999999999999999", "100000000000000000000000000"), 0);
    EXPECT_GT(order("20000000000000000000000001", "20000000000000000000000000"), 0);
}

TEST(Version, takesANumberAsNewerThanAWord)
{
    EXPECT_LT(order("a", "0"), 0);
    EXPECT_LT(order("1.a", "1.0"), 0);
    EXPECT_LT(order("Z", "a"), 0);
}
