// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/printable.h"

#include <gtest/gtest.h>

using namespace Preon::Helper;

namespace
{

struct Case {
    std::string words, shown;
};

TEST(Printable, leavesTextAndReplacesWhatIsNone)
{
    const std::string no = "\xef\xbf\xbd";
    const Case cases[] = {{"", ""},
                          {"Disk \xc3\xa4 \xe6\x97\xa5 \xf0\x9f\x98\x80", "Disk \xc3\xa4 \xe6\x97\xa5 \xf0\x9f\x98\x80"},
                          {"a\xff"
                           "b",
                           "a" + no + "b"},
                          {"a\n\x1b[1m", "a" + no + no + "[1m"},
                          {std::string("a\0b", 3), "a" + no + "b"},
                          {"\xc0\x80", no + no}, // overlong
                          {"\xed\xa0\x80", no + no + no}, // a surrogate
                          {"\xf4\x90\x80\x80", no + no + no + no}, // above all of Unicode
                          {"\xef\xbf\xbf\xef\xb7\x90", no + no}, // noncharacters
                          {"\xe6\x97", no + no}, // cut off
                          {"\xc2\x85", no}}; // C1
    for (const Case &each : cases)
        EXPECT_EQ(printable(each.words), each.shown);
    EXPECT_EQ(printable("ab\xc3\xa4", 3), "ab") << "not cut within a character";
    EXPECT_EQ(printable(std::string(1'000'000, 'x')).size(), longestWords);
}

} // namespace
