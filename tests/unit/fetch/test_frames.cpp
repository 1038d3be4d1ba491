// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/fetch/frames.h"
#include "core/fetch/request.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

using namespace Preon;
using namespace Preon::Fetch;

namespace
{

Bytes joined(std::initializer_list<Bytes> parts)
{
    Bytes all;
    for (const Bytes &part : parts)
        all.insert(all.end(), part.begin(), part.end());
    return all;
}

Bytes content(std::string_view text)
{
    const auto header = dataHeader(text.size());
    Bytes bytes(header.begin(), header.end());
    std::ranges::copy(asBytes(text), std::back_inserter(bytes));
    return bytes;
}

Start start(std::optional<std::uint64_t> total, std::uint64_t offset = 0)
{
    Start value{.total = total, .offset = offset, .ranges = true, .mirror = 2};
    value.validator.fill(std::byte{7});
    return value;
}

struct Decoded {
    std::vector<Frame> frames; // without the data
    std::string content;
    std::optional<Error> error;
};

// Gives the decoder at most `step` bytes at once.
Decoded decode(const Bytes &bytes, std::size_t step, std::uint64_t offset = 0)
{
    FrameDecoder decoder(offset);
    Decoded decoded;
    ByteView rest = bytes;
    for (;;) {
        auto frame = decoder.next();
        if (!frame) {
            decoded.error = frame.error();
            // Whatever comes, it stays so.
            EXPECT_FALSE(decoder.next());
            return decoded;
        }
        if (!*frame) {
            if (rest.empty())
                return decoded;
            const std::span<std::byte> room = decoder.room();
            EXPECT_FALSE(room.empty());
            const std::size_t size = std::min({step, rest.size(), room.size()});
            std::ranges::copy(rest.first(size), room.begin());
            decoder.filled(size);
            rest = rest.subspan(size);
        } else if (const auto *piece = std::get_if<Data>(&**frame)) {
            decoded.content.append(reinterpret_cast<const char *>(piece->bytes.data()), piece->bytes.size());
        } else {
            decoded.frames.push_back(**frame);
        }
    }
}

TEST(Frames, comeOutAsTheyWentInHoweverThePipeCutsThem)
{
    const Failure failure{.kind = FailureKind::Http, .status = 503, .curl = 22, .mirror = 1, .text = "the server answers with status 503"};
    const Bytes bytes
        = joined({encode(start(10)), content("hello"), encode(Setback{failure}), encode(start(10, 5)), content("wor"), content("ld"), encode(Done{10})});
    for (const std::size_t step : {1U, 2U, 3U, 7U, 64U, 100000U}) {
        SCOPED_TRACE(step);
        const Decoded decoded = decode(bytes, step);
        ASSERT_FALSE(decoded.error) << decoded.error->text();
        EXPECT_EQ(decoded.content, "helloworld");
        ASSERT_EQ(decoded.frames.size(), 4U);
        EXPECT_EQ(std::get<Start>(decoded.frames[0]), start(10));
        EXPECT_EQ(std::get<Setback>(decoded.frames[1]).failure, failure);
        EXPECT_EQ(std::get<Start>(decoded.frames[2]), start(10, 5));
        EXPECT_EQ(std::get<Done>(decoded.frames[3]), Done{10});
    }
}

TEST(Frames, aFrameOfDataMayBeLargerThanTheBuffer)
{
    const std::string large(frameLimit, 'x');
    const Decoded decoded = decode(joined({encode(start(std::nullopt)), content(large), encode(Done{frameLimit})}), 65536);
    ASSERT_FALSE(decoded.error) << decoded.error->text();
    EXPECT_EQ(decoded.content, large);
}

TEST(Frames, textIsMadePrintableAndShort)
{
    const Decoded decoded = decode(encode(Failed{{.kind = FailureKind::Tls, .text = "a\x1b[31mb\xc3\xa4" + std::string(400, 'z')}}), 9);
    ASSERT_FALSE(decoded.error);
    const std::string text = std::get<Failed>(decoded.frames.at(0)).failure.text;
    EXPECT_TRUE(text.starts_with("a?[31mb??zz")) << text;
    EXPECT_EQ(text.size(), textLimit);
}

struct Nonsense {
    const char *name;
    Bytes bytes;
    const char *why;
    std::uint64_t offset = 0;
};

Bytes changed(Bytes bytes, std::size_t at, unsigned value)
{
    bytes.at(at) = static_cast<std::byte>(value);
    return bytes;
}

class NonsenseTest : public testing::TestWithParam<Nonsense>
{
};

TEST_P(NonsenseTest, isRefusedForGood)
{
    const Nonsense &nonsense = GetParam();
    for (const std::size_t step : {1U, 5U, 100000U}) {
        const Decoded decoded = decode(nonsense.bytes, step, nonsense.offset);
        ASSERT_TRUE(decoded.error);
        EXPECT_EQ(decoded.error->code, ErrorCode::BadFormat);
        EXPECT_NE(decoded.error->why.find(nonsense.why), std::string::npos) << decoded.error->why;
    }
}

const Bytes failedFrame = encode(Failed{{.text = "text"}});

INSTANTIATE_TEST_SUITE_P(
    Frames, NonsenseTest,
    testing::Values(Nonsense{"otherType", changed(encode(start(1)), 0, 9), "no frame of type"}, Nonsense{"noMagic", Bytes(64), "no frame of type"},
                    Nonsense{"shortStart", changed(encode(start(1)), 4, 3), "has 3 bytes"},
                    Nonsense{"longDone", changed(encode(Done{1}), 5, 1), "has 264 bytes"},
                    Nonsense{"hugeData", joined({encode(start(std::nullopt)), changed(content("x"), 7, 0xff)}), "bytes"},
                    Nonsense{"emptyData", joined({encode(start(1)), changed(content("x"), 4, 0)}), "has 0 bytes"},
                    Nonsense{"dataBeforeStart", content("x"), "before the start"},
                    Nonsense{"moreThanAnnounced", joined({encode(start(3)), content("abcd")}), "more than the 3 bytes"},
                    Nonsense{"moreInSteps", joined({encode(start(3)), content("abc"), content("d")}), "more than the 3 bytes"},
                    Nonsense{"doneTooEarly", joined({encode(start(3)), content("ab"), encode(Done{2})}), "ends at byte 2 of 3"},
                    Nonsense{"doneWithAnotherSize", joined({encode(start(std::nullopt)), content("ab"), encode(Done{3})}), "calls that 3 bytes"},
                    Nonsense{"doneBeforeStart", encode(Done{0}), "ends at byte 0"},
                    Nonsense{"aHole", joined({encode(start(9)), content("ab"), encode(start(9, 5))}), "byte 5 comes where byte 2 is due"},
                    Nonsense{"startsElsewhere", encode(start(9, 4)), "byte 4 comes where byte 3 is due", 3},
                    Nonsense{"startsBehindTheEnd", encode(start(2, 3)), "byte 3 of a file of 2 bytes", 3},
                    Nonsense{"hugeFile", encode(start(1ULL << 63U)), "a file of 9223372036854775808 bytes"},
                    Nonsense{"rangesNeitherYesNorNo", changed(encode(start(1)), 8 + 16, 2), "truth value"},
                    Nonsense{"moreAfterTheEnd", joined({encode(start(0)), encode(Done{0}), encode(start(0))}), "after the end"},
                    Nonsense{"moreAfterFailure", joined({failedFrame, failedFrame}), "after the end"},
                    Nonsense{"unknownFailure", changed(failedFrame, 8, 77), "no failure of kind 77"},
                    Nonsense{"unprintableText", changed(failedFrame, failedFrame.size() - 1, 27), "not printable"}),
    [](const auto &each) { return each.param.name; });

TEST(Frames, aFetchThatIsGoneOnWithMayBeginAnewOrWhereItWas)
{
    EXPECT_FALSE(decode(encode(start(9, 3)), 100, 3).error);
    EXPECT_FALSE(decode(encode(start(9, 0)), 100, 3).error);
}

TEST(Frames, endlessSetbacksEnd)
{
    FrameDecoder decoder;
    const Bytes frame = encode(Setback{{.text = "again"}});
    for (int i = 0; i < 200'000; ++i) {
        std::ranges::copy(frame, decoder.room().begin());
        decoder.filled(frame.size());
        if (!decoder.next())
            return;
    }
    FAIL() << "200000 setbacks were taken";
}

TEST(Requests, comeOutAsTheyWentIn)
{
    Request request{.mirrors = {{.url = "https://a.example/x", .validator = {}}, {.url = "http://b.example/ä?", .validator = {}}},
                    .offset = 5,
                    .expectedSize = 10,
                    .limit = 20,
                    .bytesPerSecond = 30,
                    .proxy = "http://p:1",
                    .caFile = "/x",
                    .stallTime = std::chrono::seconds(40),
                    .stallBytes = 50,
                    .tries = 60,
                    .retryDelay = std::chrono::milliseconds(70)};
    request.mirrors[1].validator.fill(std::byte{0xab});
    const auto again = requestFromJson(toJson(request));
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(toJson(*again), toJson(request));
    EXPECT_EQ(again->mirrors.at(1).url, "http://b.example/ä?");
    EXPECT_EQ(again->mirrors.at(1).validator, request.mirrors[1].validator);
    EXPECT_EQ(again->expectedSize, 10U);
    EXPECT_EQ(again->retryDelay, std::chrono::milliseconds(70));
}

TEST(Requests, thatMakeNoSenseAreRefused)
{
    for (const char *text :
         {"", "[]", "{", R"({"mirrors":[]})", R"({"mirrors":["x"]})", R"({"mirrors":[{"url":1}]})", R"({"mirrors":[{"url":"x","validator":"ab"}]})",
          R"({"mirrors":[{"url":"x"}],"offset":-1})", R"({"mirrors":[{"url":"x"}],"tries":5000000000})"})
        EXPECT_FALSE(requestFromJson(text)) << text;
}

}
