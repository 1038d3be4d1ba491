// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/home/username.h"

#include <gtest/gtest.h>

using namespace Preon;
using namespace Preon::Home;

namespace
{
TEST(UserName, isWhatSystemdAndUseraddBothTake)
{
    for (const char *name : {"a", "zoe", "_apt", "zoe-2", "z_", "abcdefghijklmnopqrstuvwxyzabcde"})
        EXPECT_TRUE(checkUserName(name)) << name;
    for (const char *name :
         {"", "Zoe", "2zoe", "-zoe", "zoë", "zoe ", "zo.e", "zoe$", "../x", "a/b", "a:b", "1000", "abcdefghijklmnopqrstuvwxyzabcdef", "zoe\n"}) {
        const auto checked = checkUserName(name);
        ASSERT_FALSE(checked) << name;
        EXPECT_EQ(checked.error().code, ErrorCode::BadArgument);
        EXPECT_FALSE(checked.error().todo.empty());
    }
}

TEST(RealName, goesIntoTheListOfUsers)
{
    for (const char *name : {"", "Zoë Ångström", "山田 太郎", "O'Neill, Jr."})
        EXPECT_TRUE(checkRealName(name)) << name;
    for (const std::string &name : {std::string("a:b"), std::string("a\nb"), std::string("\x7f"), std::string("\xff"), std::string(257, 'a')})
        EXPECT_FALSE(checkRealName(name)) << name;
}

TEST(UserName, isSuggestedFromAPersonsName)
{
    const std::pair<const char *, const char *> names[] = {{"Zoë Ångström", "zoe"},
                                                           {"  Jürgen  Groß ", "juergen"},
                                                           {"Ærøskøbing", "aeroskobing"},
                                                           {"Łukasz", "lukasz"},
                                                           {"Ştefan", "stefan"},
                                                           {"Ștefan", "stefan"},
                                                           {"O'Neill", "oneill"},
                                                           {"Jean-Luc Picard", "jeanluc"},
                                                           {"山田 Taro", "taro"},
                                                           {"山田 太郎", "user"},
                                                           {"", "user"},
                                                           {"\xff", "user"},
                                                           {"1st Lady", "st"},
                                                           {"R2 D2", "r2"},
                                                           {"Þór", "thor"},
                                                           {"İpek", "ipek"},
                                                           {"Straße", "strasse"}};
    for (const auto &[name, expected] : names)
        EXPECT_EQ(suggestUserName(name), expected) << name;
}

TEST(UserName, suggestedIsFreeAndValid)
{
    const std::vector<std::string> taken{"zoe", "zoe2", "user"};
    EXPECT_EQ(suggestUserName("Zoe", taken), "zoe3");
    EXPECT_EQ(suggestUserName("", taken), "user2");
    const std::string longName(40, 'x');
    const std::vector<std::string> longTaken{std::string(31, 'x')};
    EXPECT_EQ(suggestUserName(longName), std::string(31, 'x'));
    EXPECT_EQ(suggestUserName(longName, longTaken), std::string(30, 'x') + "2");
    for (char32_t first = 0x20; first < 0x250; ++first) { // whatever is typed, what is suggested can be had
        std::string text;
        if (first < 0x80)
            text = static_cast<char>(first);
        else
            text = {static_cast<char>(0xC0U | first >> 6U), static_cast<char>(0x80U | (first & 0x3FU))};
        EXPECT_TRUE(checkUserName(suggestUserName(text))) << text;
    }
}
}
