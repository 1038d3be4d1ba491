// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/transport/judge.h"
#include "core/transport/http.h"

#include <gtest/gtest.h>

using namespace Preon;
using namespace Preon::Transport;
using Preon::Fetch::FailureKind;

namespace
{

TEST(ContentRange, isReadAsRfc9110WritesIt)
{
    EXPECT_EQ(parseContentRange("bytes 42-1233/1234"), (ContentRange{42, 1233, 1234}));
    EXPECT_EQ(parseContentRange("bytes 42-1233/*"), (ContentRange{42, 1233, std::nullopt}));
    EXPECT_EQ(parseContentRange(" bytes */1234\t"), (ContentRange{std::nullopt, std::nullopt, 1234}));
    EXPECT_EQ(parseContentRange("bytes 0-0/1"), (ContentRange{0, 0, 1}));
    for (const char *text :
         {"", "bytes", "bytes */*", "bytes 5-4/10", "bytes 5-10/10", "bytes -5/10", "bytes 5-/10", "lines 0-1/2", "bytes 0-1", "bytes 0-1/", "bytes 0-1/2x",
          "bytes +0-1/2", "bytes 0-9223372036854775808/*", "bytes 0-18446744073709551616/*", "bytes=0-1/2", "bytes 0 - 1/2"}) {
        EXPECT_FALSE(parseContentRange(text)) << text;
    }
}

TEST(Tags, mayBeAskedWithWhenStrong)
{
    EXPECT_TRUE(isStrongTag("\"65a-1\""));
    EXPECT_TRUE(isStrongTag("\"\""));
    for (const char *text : {"", "\"", "W/\"65a\"", "65a", "\"a\"b\"", "\"a\r\nX: y\""})
        EXPECT_FALSE(isStrongTag(text)) << text;
}

struct Case {
    const char *name;
    Asked asked;
    Answer answer;
    Verdict verdict;
    const char *text = "";
    FailureKind kind = FailureKind::Http;
};

Asked from(std::uint64_t offset, std::optional<std::uint64_t> expected = {})
{
    return {.offset = offset, .expectedSize = expected, .limit = 1000, .total = {}, .validator = {}};
}

Answer whole(std::optional<std::uint64_t> length)
{
    return {.status = 200, .length = length, .contentRange = {}, .tag = "\"a\"", .modified = {}, .acceptRanges = "bytes", .location = {}};
}

Answer part(const char *range, std::optional<std::uint64_t> length = {}, const char *tag = "\"a\"")
{
    return {.status = 206, .length = length, .contentRange = range, .tag = tag, .modified = {}, .acceptRanges = {}, .location = {}};
}

Answer status(int number, const char *range = "", const char *location = "")
{
    return {.status = number, .length = {}, .contentRange = range, .tag = {}, .modified = {}, .acceptRanges = {}, .location = location};
}

Asked knowing(Asked asked, std::optional<std::uint64_t> total)
{
    asked.total = total;
    asked.validator = judge(from(0), whole(total)).validator;
    return asked;
}

class JudgeTest : public testing::TestWithParam<Case>
{
};

TEST_P(JudgeTest, isJudgedByItsHeaders)
{
    const Case &each = GetParam();
    const Judgement judgement = judge(each.asked, each.answer);
    EXPECT_EQ(judgement.verdict, each.verdict);
    EXPECT_NE(judgement.text.find(each.text), std::string::npos) << judgement.text;
    if (each.verdict == Verdict::Take) {
        EXPECT_EQ(judgement.first, each.answer.status == 206 ? each.asked.offset : 0);
    } else if (each.verdict != Verdict::Complete) {
        EXPECT_EQ(judgement.kind, each.kind);
        EXPECT_FALSE(judgement.text.empty());
    }
}

INSTANTIATE_TEST_SUITE_P(
    Answers, JudgeTest,
    testing::Values(Case{"aWholeFile", from(0), whole(10), Verdict::Take}, Case{"aWholeFileOfUnknownSize", from(0, 10), whole({}), Verdict::Take},
                    Case{"noRangesHere", from(5), whole(10), Verdict::Take},
                    Case{"anotherSize", from(0, 11), whole(10), Verdict::Refuse, "has 10 bytes, 11 are expected", FailureKind::Size},
                    Case{"tooLarge", from(0), whole(1001), Verdict::Refuse, "more than 1000 are not fetched", FailureKind::Size},
                    Case{"theRest", from(5), part("bytes 5-9/10", 5), Verdict::Take}, Case{"aPieceOfTheRest", from(5), part("bytes 5-7/10", 3), Verdict::Take},
                    Case{"theRestOfTheSameFile", knowing(from(5), 10), part("bytes 5-9/10", 5), Verdict::Take},
                    Case{"theRestOfAnotherFile", knowing(from(5), 10), part("bytes 5-9/10", 5, "\"b\""), Verdict::StartOver, "another file",
                         FailureKind::Changed},
                    Case{"theRestOfALargerFile", knowing(from(5), 10), part("bytes 5-10/11", 6), Verdict::StartOver, "another file", FailureKind::Changed},
                    Case{"aPartUnasked", from(0), part("bytes 0-9/10", 10), Verdict::Refuse, "all of it was asked for", FailureKind::Range},
                    Case{"anotherPart", from(5), part("bytes 4-9/10", 6), Verdict::Refuse, "byte 4 and following, byte 5 was asked for", FailureKind::Range},
                    Case{"aPartUnnamed", from(5), part(""), Verdict::Refuse, "without saying which", FailureKind::Range},
                    Case{"aPartOfSeveral", from(5), part("bytes */10"), Verdict::Refuse, "without saying which", FailureKind::Range},
                    Case{"aPartOfTwoLengths", from(5), part("bytes 5-9/10", 4), Verdict::Refuse, "sends 5 bytes, and that it sends 4", FailureKind::Range},
                    Case{"aPartOfAnotherSize", from(5, 11), part("bytes 5-9/10", 5), Verdict::Refuse, "11 are expected", FailureKind::Size},
                    Case{"nothingMore", from(10), status(416, "bytes */10"), Verdict::Complete},
                    Case{"shorterThanBefore", from(10), status(416, "bytes */9"), Verdict::StartOver, "9 bytes, 10 are here", FailureKind::Changed},
                    Case{"noSuchByte", from(10), status(416), Verdict::StartOver, "no byte 10", FailureKind::Changed},
                    Case{"noSuchPartUnasked", from(0), status(416), Verdict::Refuse, "all of the file", FailureKind::Range},
                    Case{"moved", from(0), status(302, "", "/y"), Verdict::Moved, "elsewhere", FailureKind::Redirect},
                    Case{"movedNowhere", from(0), status(301), Verdict::Refuse, "without saying where", FailureKind::Redirect},
                    Case{"notFound", from(0), status(404), Verdict::Refuse, "status 404"},
                    Case{"unchanged", from(0), status(304), Verdict::Refuse, "status 304"}, Case{"busy", from(0), status(503), Verdict::Again, "status 503"},
                    Case{"tooMany", from(0), status(429), Verdict::Again, "status 429"}, Case{"nonsense", from(0), status(0), Verdict::Refuse, "status 0"}),
    [](const auto &each) { return each.param.name; });

TEST(Validators, tellStatesApartAndAreNothingWhereNothingIsSaid)
{
    const auto of = [](const char *tag, const char *modified, std::uint64_t total) {
        Answer answer = whole(total);
        answer.tag = tag;
        answer.modified = modified;
        return judge(from(0), answer).validator;
    };
    EXPECT_EQ(of("\"a\"", "Mon", 5), of("\"a\"", "Mon", 5));
    EXPECT_NE(of("\"a\"", "Mon", 5), of("\"b\"", "Mon", 5));
    EXPECT_NE(of("\"a\"", "Mon", 5), of("\"a\"", "Tue", 5));
    EXPECT_NE(of("\"a\"", "Mon", 5), of("\"a\"", "Mon", 6));
    EXPECT_EQ(of("", "", 5), Fetch::Validator{});
}

TEST(Addresses, areHttpAndNothingElse)
{
    EXPECT_TRUE(parseAddress("http://a.example/x").value().url == "http://a.example/x");
    EXPECT_TRUE(parseAddress("https://a.example:8443/x#y").value().isEncrypted);
    EXPECT_EQ(parseAddress("https://a.example:8443/x#y").value().url, "https://a.example:8443/x");
    for (const char *text : {"", "file:///etc/passwd", "ftp://a.example/x", "gopher://a.example/", "a.example/x", "http://", "http://u@a.example/x",
                             "http://u:p@a.example/x", "http://a b/", "/etc/passwd", "scp://a/x", "http://a.example/\r\nX: y"})
        EXPECT_FALSE(parseAddress(text)) << text;
}

TEST(Addresses, areFollowedFromWhereTheyStand)
{
    const Address base = parseAddress("https://a.example/x/y?z").value();
    EXPECT_EQ(resolveAddress(base, "w").value().url, "https://a.example/x/w");
    EXPECT_EQ(resolveAddress(base, "/w").value().url, "https://a.example/w");
    EXPECT_EQ(resolveAddress(base, "//b.example/w").value().url, "https://b.example/w");
    EXPECT_FALSE(resolveAddress(base, "http://b.example/w").value().isEncrypted);
    EXPECT_FALSE(resolveAddress(base, "file:///etc/passwd"));
    EXPECT_FALSE(resolveAddress(base, "https://u:p@b.example/"));
}

}
