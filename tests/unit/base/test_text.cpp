// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/base/text.h"

#include <gtest/gtest.h>

using namespace Preon;

namespace
{

TEST(Text, isUtf8AsUnicodeHasIt)
{
    for (const std::string &good :
         {std::string(), std::string("a\0b", 3), std::string("\xc3\xbc"), std::string("\xe2\x82\xac"), std::string("\xf4\x8f\xbf\xbf")})
        EXPECT_TRUE(isUtf8(good)) << good;
    for (const char *bad : {"\xff", "\xc0\x80", "\xc3", "a\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\x80"})
        EXPECT_FALSE(isUtf8(bad)) << bad;
}

TEST(Text, losesWhatATerminalOrAWindowWouldObey)
{
    EXPECT_EQ(readableText("a\r\nb\tc \n \n"), "a\nb\tc");
    EXPECT_EQ(readableText("\x1b[31mred\x07\x7f"), "[31mred");
    EXPECT_EQ(readableText("a\xc2\x9b"
                           "1mb"),
              "a1mb");
    EXPECT_EQ(readableText("\xc3\xbc\xe2\x82\xac"), "\xc3\xbc\xe2\x82\xac");
    EXPECT_EQ(readableText(std::string_view("a\0b", 3)), "ab");
    EXPECT_EQ(readableText("\xff"), "");
    EXPECT_EQ(readableText(" \n"), "");
}

}
