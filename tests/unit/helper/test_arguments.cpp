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

} // namespace
