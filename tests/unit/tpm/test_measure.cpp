// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/tpm/measurelog.h"
#include "tests/unit/tpm/swtpm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

using namespace Preon;
using namespace Preon::Tpm;
using Preon::Test::Folder;
using Preon::Test::Swtpm;

namespace
{
std::filesystem::path logOf(const Host &host)
{
    return host.run / "log/systemd/tpm2-measure.log";
}

mode_t modeOf(const std::filesystem::path &path)
{
    struct stat state{};
    return ::stat(path.c_str(), &state) == 0 ? state.st_mode & 07777U : 0;
}

std::vector<std::string> records(const Host &host)
{
    std::vector<std::string> found;
    std::string text = readTextFile(logOf(host)).value();
    while (!text.empty()) {
        const std::size_t next = std::min(text.find('\x1e', 1), text.size());
        found.push_back(text.substr(0, next));
        text.erase(0, next);
    }
    return found;
}

// The record without the one thing in it that is never the same.
nlohmann::json withoutTime(const std::string &record)
{
    auto json = nlohmann::json::parse(record.substr(1));
    EXPECT_TRUE(json["content"]["timestamp"].is_number_unsigned());
    json["content"].erase("timestamp");
    return json;
}

Result<ProcessOutput> pcrextend(const Swtpm &swtpm, const std::vector<std::string> &words)
{
    ProcessOptions options;
    options.environment = {{"SYSTEMD_FORCE_MEASURE", "1"}, {"SYSTEMD_MEASURE_LOG_USERSPACE", logOf(swtpm.host()).string()}};
    std::vector<std::string> command{"/usr/lib/systemd/systemd-pcrextend", "--tpm2-device=" + swtpm.tcti(), "--pcr=11"};
    command.insert(command.end(), words.begin(), words.end());
    return runTool(command, options);
}
}

TEST(MeasureLog, recordsAreThoseOfSystemd)
{
    Measurement measurement{.pcr = 11,
                            .digests = {{"sha256", Bytes(2, std::byte{0xab})}},
                            .description = "a\"b\n\x01\xc3\\",
                            .event = Event::VolumeKey,
                            .bootId = {},
                            .uptime = {}};
    measurement.bootId = *Uuid::parse("0123456789abcdef0123456789abcdef");
    measurement.uptime = std::chrono::microseconds(1234567890123);
    EXPECT_EQ(measureRecord(measurement),
              "\x1e"
              R"({"pcr":11,"digests":[{"hashAlg":"sha256","digest":"abab"}],"content_type":"systemd","content":{"string":"a\\\"b\\n\\001\\303\\\\",)"
              R"("bootId":"0123456789abcdef0123456789abcdef","timestamp":1234567890123,"eventType":"volume-key"}})"
              "\n");
}

TEST(MeasureLog, ofOneWordIsTheSameByBothToTheLetter)
{
    Swtpm swtpm;
    const std::string word = "enter-initrd \"\xc3\xbc\"\t'\\";
    {
        Context tpm = Context::open(swtpm.host()).value();
        ASSERT_TRUE(tpm.extendPcr(11, asBytes(word)));
    }
    ASSERT_TRUE(pcrextend(swtpm, {word})); // goes on in the same file
    Context tpm = Context::open(swtpm.host()).value();
    ASSERT_TRUE(tpm.extendPcr(11, asBytes(word)));
    const auto all = records(swtpm.host());
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(withoutTime(all[0]), withoutTime(all[1]));
    EXPECT_EQ(withoutTime(all[0]), withoutTime(all[2]));
    const auto members = [](const std::string &record) { // their order too
        return nlohmann::ordered_json::parse(record.substr(1));
    };
    auto ours = members(all[0]);
    auto theirs = members(all[1]);
    ours["content"]["timestamp"] = theirs["content"]["timestamp"] = 0;
    EXPECT_EQ(ours.dump(), theirs.dump());
    EXPECT_EQ(all[1].back(), '\n');
    EXPECT_EQ(all[0].back(), '\n');
    EXPECT_EQ(modeOf(logOf(swtpm.host())), 0600U);
}

TEST(MeasureLog, replayedGivesTheValueOfThePcr)
{
    Swtpm swtpm;
    Context tpm = Context::open(swtpm.host()).value();
    for (const char *word : {"one", "two", "three"})
        ASSERT_TRUE(tpm.extendPcr(15, asBytes(word), Event::MachineId, "the machine"));
    Bytes value(32);
    for (const std::string &record : records(swtpm.host())) {
        const auto json = withoutTime(record);
        EXPECT_EQ(json["content"]["string"], "the machine");
        EXPECT_EQ(json["content"]["eventType"], "machine-id");
        for (const auto &digest : json["digests"]) {
            if (digest["hashAlg"] != "sha256")
                continue;
            Sha256 next;
            const auto now = next.add(value).add(*fromHex(digest["digest"].get<std::string>())).finish();
            value.assign(now.begin(), now.end());
        }
    }
    EXPECT_EQ(toHex(value), toHex(tpm.readPcrs("sha256", 1U << 15U)->at(0).digest));
}

TEST(MeasureLog, thatAnotherDidNotFinishIsLeftAloneAndTheMeasurementCounts)
{
    Swtpm swtpm;
    std::filesystem::create_directories(logOf(swtpm.host()).parent_path());
    replaceFile(logOf(swtpm.host()), asBytes("\x1e{\"pcr\":1"), 0600).value();
    ASSERT_EQ(::chmod(logOf(swtpm.host()).c_str(), 0600 | S_ISVTX), 0);
    EXPECT_EQ(MeasureLog::open(swtpm.host()).error().code, ErrorCode::Corrupt);
    Context tpm = Context::open(swtpm.host()).value();
    const auto before = tpm.readPcrs("sha256", 1U << 11U).value();
    ASSERT_TRUE(tpm.extendPcr(11, asBytes("word")));
    EXPECT_NE(tpm.readPcrs("sha256", 1U << 11U).value(), before);
    EXPECT_EQ(readTextFile(logOf(swtpm.host())).value(), "\x1e{\"pcr\":1");
}

TEST(MeasureLog, withWhichNothingCanBeDoneStopsNoMeasurement)
{
    Swtpm swtpm;
    replaceFile(swtpm.host().run, asBytes("a file in place of /run")).value();
    Context tpm = Context::open(swtpm.host()).value();
    EXPECT_TRUE(tpm.extendPcr(11, asBytes("word")));
    EXPECT_FALSE(MeasureLog::open(swtpm.host()));
    std::filesystem::remove(swtpm.host().run);
    std::filesystem::create_directories(logOf(swtpm.host())); // a folder in place of the log
    EXPECT_TRUE(tpm.extendPcr(11, asBytes("word")));
    EXPECT_FALSE(MeasureLog::open(swtpm.host()));
}

TEST(MeasureLog, neverFollowsALinkThatSomebodyLaid)
{
    Swtpm swtpm;
    Folder elsewhere;
    std::filesystem::create_directories(logOf(swtpm.host()).parent_path());
    std::filesystem::create_symlink(elsewhere / "victim", logOf(swtpm.host()));
    EXPECT_FALSE(MeasureLog::open(swtpm.host()));
    EXPECT_FALSE(std::filesystem::exists(elsewhere / "victim"));
}

TEST(MeasureLog, isMarkedWhileOneWritesAndWaitsForTheOther)
{
    Folder folder;
    Host host;
    host.run = folder / "run";
    auto first = MeasureLog::open(host);
    ASSERT_TRUE(first);
    EXPECT_EQ(modeOf(logOf(host)), 0600U | S_ISVTX);
    auto second = std::async(std::launch::async, [&host] { return MeasureLog::open(host).has_value(); });
    EXPECT_EQ(second.wait_for(std::chrono::milliseconds(100)), std::future_status::timeout);
    ASSERT_TRUE(first->append({.pcr = 7, .digests = {}, .description = "first", .event = Event::Phase, .bootId = {}, .uptime = {}}));
    EXPECT_EQ(modeOf(logOf(host)), 0600U);
    first = fail(ErrorCode::Io, "closed"); // lets the lock go
    EXPECT_TRUE(second.get());
    EXPECT_EQ(records(host).size(), 1U);
}
