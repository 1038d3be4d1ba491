// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/checked.h"
#include "tests/unit/boot/folder.h"

using namespace Preon;
using namespace Preon::Update;

namespace
{

const Candidate three{.version = "3",
                      .notes = "Better.\nSafer.",
                      .changeLog = "https://example.com/3",
                      .fetch = 142'000'000,
                      .write = 1'100'000'000,
                      .parts = {{.name = "30-usr", .fetch = 141, .write = 1000, .target = "partition 5, Particle_1 goes"}}};

std::string changed(std::string text, const std::string &from, const std::string &to)
{
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
}

}

TEST(Checked, isReadAsItWasWritten)
{
    const Checked said{.when = 1'790'000'000,
                       .heard = 1'780'000'000,
                       .error = Error{.code = ErrorCode::Timeout, .what = "The server gave no answer", .why = "why", .todo = "todo"},
                       .candidate = three};
    const Checked read = parseChecked(checkedText(said));
    EXPECT_EQ(read.when, said.when);
    EXPECT_EQ(read.heard, said.heard);
    ASSERT_TRUE(read.error);
    EXPECT_EQ(read.error->code, ErrorCode::Timeout);
    EXPECT_EQ(read.error->text(), said.error->text());
    EXPECT_EQ(read.candidate, three);
}

TEST(Checked, thatMakesNoSenseSaysNothing)
{
    for (const char *text :
         {"", "null", "[]", "{", "{\"when\": \"today\", \"heard\": -5, \"error\": 3, \"candidate\": [1]}", "{\"when\": 18446744073709551615}"}) {
        const Checked read = parseChecked(text);
        EXPECT_EQ(read.when, 0) << text;
        EXPECT_EQ(read.heard, 0) << text;
        EXPECT_FALSE(read.error || read.candidate) << text;
    }
}

TEST(Checked, takesNoPartOfACandidateThatIsNotWhole)
{
    const std::string text = checkedText({.when = 1, .heard = 1, .error = {}, .candidate = three});
    ASSERT_TRUE(parseChecked(text).candidate);
    for (const auto &[from, to] : {std::pair("\"3\"", "\"../3\""),
                                   {"\"3\"", "3"},
                                   {"\"3\"", "\"\""},
                                   {"https:", "file:"},
                                   {"142000000", "-1"},
                                   {"142000000", "1e9"},
                                   {"142000000", "1152921504606846976"},
                                   {"\"fetch\": 141", "\"fetch\": null"},
                                   {"\"30-usr\"", "5"},
                                   {"\"notes\"", "\"words\""}}) {
        const Checked read = parseChecked(changed(text, from, to));
        EXPECT_EQ(read.when, 1);
        EXPECT_FALSE(read.candidate) << from << " → " << to;
    }
    EXPECT_FALSE(parseChecked(changed(text, "Better.", std::string(70'000, 'x'))).candidate);
}

TEST(Begun, isReadAsItWasWrittenOrNotAtAll)
{
    const Begun begun{.version = "2", .fetch = 7, .hashes = {sha256(asBytes("a")), sha256(asBytes("b"))}};
    const std::string text = begunText(begun);
    EXPECT_EQ(parseBegun(text), begun);
    for (const auto &[from, to] : {std::pair("\"2\"", "\"/2\""), {": 7", ": -7"}, {"\"hashes\": [", "\"hashes\": [\"00\", "}, {"\"version\"", "\"of\""}})
        EXPECT_FALSE(parseBegun(changed(text, from, to))) << to;
    EXPECT_FALSE(parseBegun(""));
}

class CheckedFolder : public FolderTest
{
};

TEST_F(CheckedFolder, isKeptUntilItIsForgotten)
{
    Host host;
    host.root = m_folder;
    EXPECT_EQ(readChecked(host).when, 0);
    EXPECT_FALSE(readBegun(host));
    ASSERT_TRUE(forgetBegun(host));
    ASSERT_TRUE(writeChecked(host, {.when = 5, .heard = 4, .error = {}, .candidate = {}}));
    ASSERT_TRUE(writeBegun(host, {.version = "2", .fetch = 1, .hashes = {}}));
    EXPECT_EQ(readChecked(host).when, 5);
    EXPECT_EQ(readBegun(host)->version, "2");
    ASSERT_TRUE(forgetBegun(host));
    EXPECT_FALSE(readBegun(host));
}
