// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/base/fd.h"
#include "core/update/manifest.h"

#include <gtest/gtest.h>

using namespace Preon;
using namespace Preon::Update;

namespace
{
const std::string hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"; // of nothing

Result<Manifest> parsed(const std::string &text)
{
    return parseManifest(asBytes(text));
}

std::string line(const std::string &name, const char *between = "  ")
{
    return hash + between + name + '\n';
}
}

TEST(Manifest, readsWhatSha256sumWrites)
{
    const auto manifest = parsed(line("a_1.raw") + line("a b \xc3\xbc", " *"));
    ASSERT_TRUE(manifest) << manifest.error().text();
    ASSERT_EQ(manifest->entries.size(), 2U);
    EXPECT_EQ(manifest->entries[0].name, "a_1.raw");
    EXPECT_EQ(manifest->entries[1].name, "a b \xc3\xbc");
    EXPECT_EQ(toHex(manifest->entries[0].sha256), hash);
    EXPECT_TRUE(manifest->bestBefore.empty());
    EXPECT_TRUE(parsed("")->entries.empty());
}

// Each was asked of systemd-sysupdate 257.13, which refuses it too.
TEST(Manifest, oneWrongLineMakesAllOfItWorthless)
{
    const std::string good = line("good");
    for (const auto &[text, why] : {std::pair(line("a_1.raw").substr(0, hash.size() + 9), "line 2: it has no end"),
                                    {hash + " a_1.raw\n", "two blanks"},
                                    {hash + "\t a_1.raw\n", "two blanks"},
                                    {std::string("00  a_1.raw\n"), "too short"},
                                    {std::string("\n"), "too short"},
                                    {std::string(hash.size(), 'g') + "  a\n", "SHA-256"},
                                    {"\\" + line("a"), "escaped"},
                                    {line("/a"), "no file of this folder"},
                                    {line("../a"), "no file of this folder"},
                                    {line("x/a"), "no file of this folder"},
                                    {line("a/"), "no file of this folder"},
                                    {line("."), "no file of this folder"},
                                    {line(".."), "no file of this folder"},
                                    {line(std::string(5000, 'a')), "no file of this folder"},
                                    {line(""), "names no file"},
                                    {line("a\r"), "control"},
                                    {line("\x7f"), "control"},
                                    {line("\xff"), "UTF-8"},
                                    {line("\xc0\x80"), "UTF-8"},
                                    {line("\xed\xa0\x80"), "UTF-8"},
                                    {line(std::string("a\0", 2)), "NUL"}}) {
        const auto manifest = parsed(good + text);
        ASSERT_FALSE(manifest) << text;
        EXPECT_EQ(manifest.error().code, ErrorCode::BadFormat);
        EXPECT_NE(manifest.error().why.find(why), std::string::npos) << manifest.error().why;
    }
}

TEST(Manifest, isGoodToTheEndOfItsEarliestDay)
{
    using namespace std::chrono;
    const auto manifest = parsed(line("BEST-BEFORE-2026-12-31") + line("a") + line("BEST-BEFORE-2026-11-30"));
    ASSERT_TRUE(manifest);
    EXPECT_EQ(manifest->entries.size(), 1U);
    const sys_seconds end = sys_days(2026y / 12 / 1);
    EXPECT_FALSE(manifest->isStale(end - 1s));
    EXPECT_TRUE(manifest->isStale(end));
    EXPECT_FALSE(parsed(line("a"))->isStale(end));
}

TEST(Manifest, aMarkerWithoutADayIsTold)
{
    for (const char *day : {"x", "2099-13-01", "2099-02-31", "2099-1-1", "2099-01-01x", "", "2099-01--1"}) {
        const auto manifest = parsed(line(std::string("BEST-BEFORE-") + day));
        ASSERT_TRUE(manifest) << day;
        EXPECT_TRUE(manifest->bestBefore.empty()) << day;
        EXPECT_EQ(manifest->warnings.size(), 1U) << day;
        EXPECT_TRUE(manifest->entries.empty()) << day;
    }
}
