// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/transport/decompress.h"

#include "core/base/process.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

using namespace Preon;
using namespace Preon::Transport;
using Preon::Fetch::Format;

namespace
{

// As the format's own program packs them.
Bytes packed(Format format, const Bytes &content, std::vector<std::string> options = {})
{
    static const std::map<Format, std::string> tools{{Format::Gzip, "gzip"}, {Format::Xz, "xz"}, {Format::Zstd, "zstd"}, {Format::Bzip2, "bzip2"}};
    std::vector<std::string> command{tools.at(format), "-c"};
    std::ranges::move(options, std::back_inserter(command));
    const auto output = runTool(command, {.environment = {}, .input = content, .files = {}});
    EXPECT_TRUE(output) << output.error().text();
    const ByteView bytes = asBytes(output->output);
    return {bytes.begin(), bytes.end()};
}

// Half noise, half repetition.
Bytes content(std::size_t size)
{
    Bytes bytes(size);
    std::mt19937 random(42);
    for (std::size_t i = 0; i < size; ++i)
        bytes[i] = (i / 1000) % 2 ? static_cast<std::byte>(random()) : static_cast<std::byte>(i / 10000);
    return bytes;
}

Bytes joined(std::initializer_list<Bytes> parts)
{
    Bytes all;
    for (const Bytes &part : parts)
        all.insert(all.end(), part.begin(), part.end());
    return all;
}

Result<Bytes> unpacked(Format format, const Bytes &bytes, std::size_t step = 100'000)
{
    const auto decompressor = Decompressor::make(format);
    Bytes output;
    const Decompressor::Sink sink = [&](ByteView part) -> Result<void> {
        output.insert(output.end(), part.begin(), part.end());
        return {};
    };
    for (ByteView rest = bytes; !rest.empty(); rest = rest.subspan(std::min(step, rest.size())))
        PREON_CHECK(decompressor->add(rest.first(std::min(step, rest.size())), sink));
    PREON_CHECK(decompressor->finish(sink));
    return output;
}

class DecompressTest : public testing::TestWithParam<Format>
{
protected:
    Format format = GetParam();
    Bytes small = content(3000);
};

TEST_P(DecompressTest, takesWhatTheRealProgramPacks)
{
    for (const std::size_t size : {0U, 1U, 70'000U, 3'000'000U}) {
        const Bytes original = content(size);
        const Bytes file = packed(format, original);
        for (const std::size_t step : {std::size_t(1), std::size_t(4096), file.size() + 1}) {
            if (step == 1 && size > 100'000)
                continue;
            const auto result = unpacked(format, file, step);
            ASSERT_TRUE(result) << size << ": " << result.error().text();
            EXPECT_TRUE(*result == original) << size;
            const auto detected = unpacked(Format::Detected, file, step);
            ASSERT_TRUE(detected) << size << ": " << detected.error().text();
            EXPECT_TRUE(*detected == original) << size;
        }
    }
}

TEST_P(DecompressTest, takesSeveralFilesOneBehindTheOther)
{
    const Bytes file = joined({packed(format, small), packed(format, {}), packed(format, small)});
    for (const std::size_t step : {std::size_t(1), file.size()}) {
        const auto result = unpacked(format, file, step);
        ASSERT_TRUE(result) << result.error().text();
        EXPECT_TRUE(*result == joined({small, small}));
    }
}

TEST_P(DecompressTest, refusesWhatEndsInTheMiddleAnywhere)
{
    const Bytes file = packed(format, small);
    for (std::size_t size = 0; size < file.size(); size += size < 40 || size + 40 > file.size() ? 1 : 37) {
        const auto result = unpacked(format, Bytes(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size)));
        ASSERT_FALSE(result) << size;
        EXPECT_EQ(result.error().code, ErrorCode::BadFormat);
        EXPECT_NE(result.error().why.find("end in the middle, after " + std::to_string(size) + " bytes"), std::string::npos)
            << size << ": " << result.error().why;
    }
}

TEST_P(DecompressTest, refusesWhatFollows)
{
    const Bytes file = packed(format, small);
    for (const char *rest : {"garbage, and quite some of it", "g"}) {
        const ByteView bytes = asBytes(rest);
        for (const std::size_t step : {std::size_t(1), std::size_t(100'000)}) {
            const auto result = unpacked(format, joined({file, Bytes(bytes.begin(), bytes.end())}), step);
            ASSERT_FALSE(result);
            EXPECT_EQ(result.error().code, ErrorCode::BadFormat);
        }
    }
    const ByteView garbage = asBytes("garbage, and quite some of it");
    const auto result = unpacked(format, joined({file, Bytes(garbage.begin(), garbage.end())}));
    EXPECT_NE(result.error().why.find("something else follows the packed data at byte "), std::string::npos) << result.error().why;
}

TEST_P(DecompressTest, refusesWhatIsDamaged)
{
    const Bytes original = content(300'000);
    // zstd and xz check what they unpack only when the file says so; both programs' files do.
    const Bytes file = packed(format, original);
    int refused = 0;
    for (std::size_t at = 20; at < file.size() - 20; at += file.size() / 23) {
        Bytes damaged = file;
        damaged[at] ^= std::byte{0x10};
        const auto result = unpacked(format, damaged);
        refused += result ? 0 : 1;
        if (result) {
            EXPECT_TRUE(*result == original) << at;
        } else {
            EXPECT_EQ(result.error().code, ErrorCode::BadFormat) << result.error().text();
        }
    }
    EXPECT_GT(refused, 20);
}

TEST_P(DecompressTest, refusesWhatIsSomethingElse)
{
    const auto result = unpacked(format, content(5000));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::BadFormat);
    EXPECT_NE(result.error().why.find("damaged near byte "), std::string::npos) << result.error().why;
}

TEST_P(DecompressTest, anErrorOfTheSinkEndsIt)
{
    const auto decompressor = Decompressor::make(format);
    const auto result = decompressor->add(packed(format, content(2'000'000)), [](ByteView) -> Result<void> { return fail(ErrorCode::NoSpace, "full"); });
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::NoSpace);
}

INSTANTIATE_TEST_SUITE_P(Formats, DecompressTest, testing::Values(Format::Gzip, Format::Xz, Format::Zstd, Format::Bzip2),
                         [](const auto &each) { return std::string(Fetch::formatName(each.param)); });

TEST(Decompress, zerosBehindXzComeByFours)
{
    const Bytes original = content(1000);
    const Bytes file = packed(Format::Xz, original);
    for (const std::size_t step : {std::size_t(1), std::size_t(100'000)}) {
        EXPECT_TRUE(unpacked(Format::Xz, joined({file, Bytes(8), file, Bytes(4)}), step).value() == joined({original, original}));
        EXPECT_EQ(unpacked(Format::Xz, joined({file, Bytes(7)}), step).error().code, ErrorCode::BadFormat);
        EXPECT_EQ(unpacked(Format::Xz, joined({file, Bytes(5), file}), step).error().code, ErrorCode::BadFormat);
        EXPECT_EQ(unpacked(Format::Xz, joined({Bytes(4), file}), step).error().code, ErrorCode::BadFormat);
    }
}

TEST(Decompress, memoryIsBounded)
{
    // A dictionary of 256 MiB and a window of 2 GiB.
    const auto xz = unpacked(Format::Xz, packed(Format::Xz, content(1000), {"--lzma2=dict=256MiB"}));
    ASSERT_FALSE(xz);
    EXPECT_EQ(xz.error().code, ErrorCode::Unsupported);
    EXPECT_NE(xz.error().why.find("MiB of memory, 128 are allowed"), std::string::npos) << xz.error().why;
    const auto zstd = unpacked(Format::Zstd, packed(Format::Zstd, content(1000), {"--long=31"}));
    ASSERT_FALSE(zstd);
    EXPECT_EQ(zstd.error().code, ErrorCode::Unsupported) << zstd.error().text();
}

TEST(Decompress, theHighestUsualLevelsFit)
{
    const Bytes original = content(100'000);
    EXPECT_TRUE(unpacked(Format::Xz, packed(Format::Xz, original, {"-9e"})).value() == original);
    EXPECT_TRUE(unpacked(Format::Zstd, packed(Format::Zstd, original, {"--ultra", "-22"})).value() == original);
    EXPECT_TRUE(unpacked(Format::Zstd, packed(Format::Zstd, original, {"--long=27"})).value() == original);
}

TEST(Decompress, skippableFramesOfZstdAreSkipped)
{
    // A seek table is one: 0x184D2A5E, its length, its content.
    const Bytes skippable = *fromHex("5e2a4d1804000000deadbeef");
    const Bytes original = content(1000);
    const Bytes file = packed(Format::Zstd, original);
    for (const Bytes &bytes : {joined({file, skippable}), joined({skippable, file}), joined({file, skippable, file})}) {
        EXPECT_EQ(detectFormat(bytes), Format::Zstd);
        EXPECT_TRUE(unpacked(Format::Zstd, bytes)) << unpacked(Format::Zstd, bytes).error().text();
    }
}

TEST(Decompress, whatIsNotPackedIsTakenAsItIs)
{
    for (const std::size_t size : {0U, 1U, 5U, 6U, 100'000U}) {
        const Bytes original = content(size);
        EXPECT_TRUE(unpacked(Format::Detected, original).value() == original) << size;
        EXPECT_TRUE(unpacked(Format::Detected, original, 1).value() == original) << size;
    }
}

}
