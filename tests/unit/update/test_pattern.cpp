// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/pattern.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace Preon;
using namespace Preon::Update;

namespace
{
struct Row {
    const char *pattern;
    const char *name;
    const char *version; // nullptr: no match
};

Match matched(const char *pattern, std::string_view name)
{
    const auto parsed = Pattern::parse(pattern);
    EXPECT_TRUE(parsed) << pattern;
    return parsed ? parsed->match(name) : Match();
}

const std::string zeroes(64, '0');
}

// Each row was asked of systemd-sysupdate 257.13 or 262 with a file of that name.
TEST(Pattern, tellsTheVersionOfANameAsSystemdDoes)
{
    for (const Row &row : {Row{"a_@v.raw", "a_1.raw", "1"},
                           {"a_@v.raw", "a_4.5.raw", "4.5"},
                           {"a_@v.raw", "a_.raw", nullptr},
                           {"a_@v.raw", "a_..raw", "."},
                           {"a_@v.raw", "a_x+y,z.raw", "x+y,z"},
                           {"a_@v.raw", "a_1~rc1.raw", "1~rc1"},
                           {"a_@v.raw", "a_1^2.raw", "1^2"},
                           {"a_@v.raw", "a_1 2.raw", nullptr},
                           {"a_@v.raw", "a_1:2.raw", nullptr},
                           {"a_@v.raw", "a_\xc3\xbc.raw", nullptr},
                           {"a_@v.raw", "a_2.rawx", nullptr},
                           {"a_@v.raw", "a_3.raw.raw", nullptr}, // the field ends at the first ".raw"
                           {"@v-x", "1-2-x", "1-2"},
                           {"@v-x", "a-x-x", nullptr},
                           {"a@@_@v", "a@_1", "1"},
                           {"a@@_@v", "a_1", nullptr},
                           {"s/@v", "s/1", "1"},
                           {"d_@v/x.raw", "d_1/x.raw", "1"},
                           {"d_@v/x.raw", "d_1/y.raw", nullptr},
                           {"a_@v+@l-@d.efi", "a_3+2-1.efi", "3"},
                           {"a_@v+@l-@d.efi", "a_3+2.efi", nullptr},
                           {"@v_@s", "2_010", "2"},
                           {"@v_@s", "3_0x10", "3"},
                           {"@v_@s", "4_+5", "4"},
                           {"@v_@s", "5_-5", nullptr},
                           {"@v_@s", "6_ 5", "6"},
                           {"@v_@s", "7_5 ", nullptr},
                           {"@v_@s", "8_18446744073709551616", nullptr},
                           {"@v_@s", "8_18446744073709551615", nullptr}, // stands for "not known" there
                           {"@v_@s", "9_", nullptr},
                           {"@v_@s", "10_0b11", "10"},
                           {"@v_@s", "11_0o17", "11"},
                           {"@v_@s", "12_08", nullptr},
                           {"@v_@f", "1_10", "1"},
                           {"@v_@f", "2_0x10", "2"},
                           {"@v_@f", "3_zz", nullptr},
                           {"@v_@f", "5_FFFFFFFFFFFFFFFF", "5"},
                           {"@v_@f", "6_0b1", "6"},
                           {"@v_@f", "7_0o7", nullptr},
                           {"@v_@m", "1_644", "1"},
                           {"@v_@m", "1_ 644", "1"},
                           {"@v_@m", "3_0777", nullptr},
                           {"@v_@m", "4_0775", "4"},
                           {"@v_@m", "5_888", nullptr},
                           {"@v_@m", "6_4755", nullptr},
                           {"@v_@m", "9_2", nullptr},
                           {"@v_@m", "10_+644", nullptr},
                           {"@v_@a", "3_yes", "3"},
                           {"@v_@a", "9_t", "9"},
                           {"@v_@a", "8_2", nullptr},
                           {"@v_@t", "1_0", "1"},
                           {"@v_@t", "2_18446744073709551615", nullptr},
                           {"@v_@u", "1_01234567-89ab-cdef-0123-456789abcdef", "1"},
                           {"@v_@u", "2_0123456789ABCDEF0123456789abcdef", "2"},
                           {"@v_@u", "4_x", nullptr}}) {
        const Match match = matched(row.pattern, row.name);
        EXPECT_EQ(match.matched == Matched::Yes, row.version != nullptr) << row.pattern << ' ' << row.name;
        if (row.version && match.matched == Matched::Yes) {
            EXPECT_EQ(match.fields.version, row.version) << row.pattern << ' ' << row.name;
        }
    }
    EXPECT_EQ(matched("@v_@h", "1_" + zeroes).matched, Matched::Yes);
    EXPECT_EQ(matched("@v_@h", "1_" + zeroes + "00").matched, Matched::No);
    EXPECT_EQ(matched("@v_@h", "1_" + zeroes.substr(1)).matched, Matched::No);
}

TEST(Pattern, readsAllFieldsAndWritesThemAgain)
{
    const std::string name = "a_1_01234567-89ab-cdef-0123-456789abcdef_8000_1_0_1_1000_644_4096_2_3_" + zeroes;
    const auto pattern = Pattern::parse("a_@v_@u_@f_@a_@g_@r_@t_@m_@s_@d_@l_@h");
    ASSERT_TRUE(pattern);
    const Match match = pattern->match(name);
    ASSERT_EQ(match.matched, Matched::Yes);
    const Fields wanted{.version = "1",
                        .partitionUuid = Uuid::parse("0123456789abcdef0123456789abcdef"),
                        .partitionFlags = 0x8000,
                        .noAuto = true,
                        .growFileSystem = false,
                        .readOnly = true,
                        .modified = 1000,
                        .mode = 0644,
                        .size = 4096,
                        .triesDone = 2,
                        .triesLeft = 3,
                        .sha256 = Sha256Digest()};
    EXPECT_EQ(match.fields, wanted);
    EXPECT_EQ(pattern->format(wanted), name);
}

TEST(Pattern, saysWhichFieldIsNotKnown)
{
    const auto pattern = Pattern::parse("a_@v+@l.efi");
    ASSERT_TRUE(pattern);
    const auto name = pattern->format({.version = "2"});
    ASSERT_FALSE(name);
    EXPECT_EQ(name.error().code, ErrorCode::BadArgument);
    EXPECT_NE(name.error().why.find("@l"), std::string::npos);
    EXPECT_EQ(pattern->format({.version = "2", .triesLeft = 3}), "a_2+3.efi");
}

TEST(Pattern, refusesWhatCannotBeReadBack)
{
    for (const auto &[text, why] : {std::pair("a", "no @v"),
                                    {"", "no @v"},
                                    {"a_@", "single @"},
                                    {"@v@u", "between @v and @u"},
                                    {"@v_@v", "@v twice"},
                                    {"@x_@v", "no field @x"},
                                    {"@D_@v", "no field @D"},
                                    {"a*_@v", "0x2a"},
                                    {"a b@v", "0x20"},
                                    {"a\\@v", "0x5c"},
                                    {"\xc3\xbc@v", "0xc3"},
                                    {"a\x7f@v", "0x7f"},
                                    {"@v|", "0x7c"}}) {
        const auto pattern = Pattern::parse(text);
        ASSERT_FALSE(pattern) << text;
        EXPECT_EQ(pattern.error().code, ErrorCode::BadFormat);
        EXPECT_NE(pattern.error().text().find(why), std::string::npos) << pattern.error().text();
    }
}

TEST(Pattern, asksForNamesBelowAFolder)
{
    EXPECT_EQ(matched("d_@v/x.raw", "d_1").matched, Matched::Deeper);
    EXPECT_EQ(matched("d_@v/x.raw", "e_1").matched, Matched::No);
    EXPECT_EQ(matched("a/b/@v", "a").matched, Matched::Deeper);
    EXPECT_EQ(matched("a/b/@v", "a/b").matched, Matched::Deeper);
    EXPECT_EQ(matched("a/b/@v", "a/c").matched, Matched::No);
}

TEST(Pattern, firstOfSeveralThatMatchesCounts)
{
    std::vector<Pattern> patterns;
    for (const char *text : {"a_@v+@l-@d.efi", "a_@v+@l.efi", "a_@v.efi"})
        patterns.push_back(*Pattern::parse(text));
    EXPECT_EQ(matchFirst(patterns, "a_5+1.efi").fields.version, "5");
    EXPECT_EQ(matchFirst(patterns, "a_5+1.efi").fields.triesLeft, 1U);
    EXPECT_EQ(matchFirst(patterns, "a_5+x.efi").fields.version, "5+x");
    EXPECT_EQ(matchFirst(patterns, "b_5.efi").matched, Matched::No);
}
