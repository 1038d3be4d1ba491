// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/arguments.h"

#include <gtest/gtest.h>

#include <sdbus-c++/sdbus-c++.h>

using namespace Preon;

namespace
{

TEST(Arguments, areTakenAsTheyWereSent)
{
    const auto wishes = Helper::readWishes({{"allow-removable", sdbus::Variant(true)}, {"hostname", sdbus::Variant(std::string("computer"))}});
    ASSERT_TRUE(wishes) << wishes.error().text();
    EXPECT_TRUE(wishes->allowRemovable);
    EXPECT_FALSE(wishes->prepareSecureBoot);
    EXPECT_EQ(wishes->choices.hostname, "computer");
}

TEST(Arguments, ofAnotherTypeAreRefused)
{
    const sdbus::Variant name(std::string("computer"));
    for (const auto &[option, value] : {std::pair("allow-removable", sdbus::Variant(1)), std::pair("prepare-secure-boot", sdbus::Variant(std::string("true"))),
                                        std::pair("hostname", sdbus::Variant(name, sdbus::embed_variant)),
                                        std::pair("hostname", sdbus::Variant(std::vector<std::string>{"computer"})), std::pair("nothing-known", name)}) {
        const auto wishes = Helper::readWishes({{option, value}});
        ASSERT_FALSE(wishes) << option;
        EXPECT_EQ(wishes.error().code, ErrorCode::BadArgument);
    }
}

TEST(PolicyArguments, changeWhatTheyName)
{
    const auto change = Helper::readPolicyChange(
        {{"automatic", sdbus::Variant(std::string("fetch"))}, {"metered", sdbus::Variant(true)}, {"rate", sdbus::Variant(std::uint64_t(2'000'000))}});
    ASSERT_TRUE(change) << change.error().text();
    EXPECT_EQ(change->automatic, Update::Automatic::Fetch);
    EXPECT_EQ(change->metered, true);
    EXPECT_EQ(change->rate, 2'000'000U);
    EXPECT_FALSE(change->notify);
    EXPECT_TRUE(Helper::readPolicyChange({}));
}

TEST(PolicyArguments, ofNoFormAreRefused)
{
    const sdbus::Variant yes(true);
    for (const auto &[option, value] :
         {std::pair("automatic", sdbus::Variant(std::string("always"))), std::pair("automatic", yes), std::pair("metered", sdbus::Variant(std::string("true"))),
          std::pair("notify", sdbus::Variant(1)), std::pair("rate", sdbus::Variant(std::uint64_t(1))),
          std::pair("rate", sdbus::Variant(std::uint32_t(2'000'000))), std::pair("rate", sdbus::Variant(UINT64_MAX)), std::pair("nothing-known", yes)}) {
        const auto change = Helper::readPolicyChange({{option, value}});
        ASSERT_FALSE(change) << option;
        EXPECT_EQ(change.error().code, ErrorCode::BadArgument);
    }
    EXPECT_EQ(Helper::readMetered({{"metered", yes}}), true);
    EXPECT_EQ(Helper::readMetered({}), false);
    EXPECT_FALSE(Helper::readMetered({{"metered", sdbus::Variant(1)}}));
    EXPECT_FALSE(Helper::readMetered({{"unmetered", yes}}));
}

} // namespace
