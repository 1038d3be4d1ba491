// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/unit/boot/folder.h"

#include "core/boot/assessment.h"
#include "core/boot/efivars.h"
#include "core/boot/starts.h"

using namespace Preon;
using namespace Preon::Boot;

namespace
{

class Assessment : public FolderTest
{
protected:
    Assessment()
    {
        m_host.root = m_folder;
        m_host.efivars = m_folder / "efivars";
        m_host.proc = m_folder / "proc";
        for (const char *folder : {"efivars", "efi/EFI/Linux", "boot/EFI/Linux", "proc/sys/kernel/random", "usr/lib"})
            std::filesystem::create_directories(m_folder / folder);
        write("usr/lib/os-release", "IMAGE_ID=Particle\nIMAGE_VERSION=2\n");
        write("proc/sys/kernel/random/boot_id", "11111111-2222-4333-8444-555555555555\n");
    }
    void counted(const std::string &path)
    {
        ASSERT_TRUE(writeVariable(m_host, "LoaderBootCountPath", loaderVendor(), toUtf16(path)));
    }
    bool has(const std::string &path) const
    {
        return std::filesystem::exists(m_folder / path);
    }
    Verdict verdict() const
    {
        const auto read = readVerdict(m_host, bootFolders(m_host));
        EXPECT_TRUE(read) << read.error().text();
        return read.value_or(Verdict::Unknown);
    }
    Result<void> set(Verdict wanted) const
    {
        return setVerdict(m_host, bootFolders(m_host), wanted);
    }
    Host m_host;
};

TEST(CountedStart, isReadFromWhatTheLoaderSays)
{
    struct Case {
        const char *said, *path, *good, *bad;
        unsigned left, done;
    };
    for (const Case &each :
         {Case{"\\EFI\\Linux\\Particle_2+2-1.efi", "EFI/Linux/Particle_2+2-1.efi", "EFI/Linux/Particle_2.efi", "EFI/Linux/Particle_2+0-1.efi", 2, 1},
          Case{"\\EFI\\Linux\\a+3.efi", "EFI/Linux/a+3.efi", "EFI/Linux/a.efi", "EFI/Linux/a+0.efi", 3, 0},
          Case{"\\loader\\entries\\a+b_1.2+0-3.conf", "loader/entries/a+b_1.2+0-3.conf", "loader/entries/a+b_1.2.conf", "loader/entries/a+b_1.2+0-3.conf", 0,
               3}}) {
        const auto start = parseCountedStart(each.said);
        ASSERT_TRUE(start) << each.said;
        EXPECT_EQ(start->path, each.path);
        EXPECT_EQ(start->good, each.good);
        EXPECT_EQ(start->bad, each.bad);
        EXPECT_EQ(start->count, (BootCount{each.left, each.done}));
    }
}

TEST(CountedStart, thatNamesNoCountedFileOfThePartitionIsRefused)
{
    for (const char *said : {"", "\\", "\\EFI\\Linux\\Particle_2.efi", "\\EFI\\..\\..\\etc\\a+1.efi", "\\EFI\\.\\a+1.efi", "a+b.efi", "\\EFI\\Linux\\+"}) {
        const auto start = parseCountedStart(said);
        ASSERT_FALSE(start) << said;
        EXPECT_EQ(start.error().code, ErrorCode::BadFormat);
    }
}

TEST_F(Assessment, isNoneWhereTheLoaderDidNotCount)
{
    EXPECT_EQ(verdict(), Verdict::NotCounted);
    const auto result = set(Verdict::Good);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::NotFound);
}

TEST_F(Assessment, renamesTheKernelByTheVerdictAndBack)
{
    counted("\\EFI\\Linux\\Particle_2+2-1.efi");
    EXPECT_EQ(verdict(), Verdict::Unknown);
    write("efi/EFI/Linux/Particle_2+2-1.efi", "kernel");
    EXPECT_EQ(verdict(), Verdict::Undecided);
    ASSERT_TRUE(set(Verdict::Good));
    EXPECT_TRUE(has("efi/EFI/Linux/Particle_2.efi"));
    EXPECT_EQ(verdict(), Verdict::Good);
    ASSERT_TRUE(set(Verdict::Good));
    ASSERT_TRUE(set(Verdict::Bad));
    EXPECT_TRUE(has("efi/EFI/Linux/Particle_2+0-1.efi"));
    EXPECT_FALSE(has("efi/EFI/Linux/Particle_2.efi"));
    EXPECT_EQ(verdict(), Verdict::Bad);
    ASSERT_TRUE(set(Verdict::Undecided));
    EXPECT_EQ(verdict(), Verdict::Undecided);
    EXPECT_FALSE(set(Verdict::Unknown));
}

TEST_F(Assessment, findsKernelsOfTheExtendedBootPartitionToo)
{
    counted("\\EFI\\Linux\\Particle_2+2-1.efi");
    write("boot/EFI/Linux/Particle_2+2-1.efi", "kernel");
    ASSERT_TRUE(set(Verdict::Good));
    EXPECT_TRUE(has("boot/EFI/Linux/Particle_2.efi"));
}

TEST_F(Assessment, neverReplacesAnotherFile)
{
    counted("\\EFI\\Linux\\Particle_2+2-1.efi");
    write("efi/EFI/Linux/Particle_2+2-1.efi", "this");
    write("efi/EFI/Linux/Particle_2.efi", "that");
    ASSERT_TRUE(set(Verdict::Good));
    EXPECT_TRUE(has("efi/EFI/Linux/Particle_2+2-1.efi"));
    EXPECT_EQ(readTextFile(m_folder / "efi/EFI/Linux/Particle_2.efi").value_or(""), "that");
}

TEST_F(Assessment, takesAFileWithoutBytesForNone)
{
    counted("\\EFI\\Linux\\Particle_2+2-1.efi");
    write("efi/EFI/Linux/Particle_2+2-1.efi", "this");
    write("efi/EFI/Linux/Particle_2.efi", "");
    EXPECT_EQ(verdict(), Verdict::Undecided);
    ASSERT_TRUE(set(Verdict::Good));
    EXPECT_FALSE(has("efi/EFI/Linux/Particle_2+2-1.efi"));
    EXPECT_EQ(readTextFile(m_folder / "efi/EFI/Linux/Particle_2.efi").value_or(""), "this");
    write("efi/EFI/Linux/Particle_2.efi", "");
    EXPECT_FALSE(set(Verdict::Bad));
}

TEST_F(Assessment, ofAKernelThatIsGoneSaysSo)
{
    counted("\\EFI\\Linux\\Particle_2+2-1.efi");
    const auto result = set(Verdict::Good);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::NotFound);
    EXPECT_TRUE(result.error().why.contains("Particle_2+2-1.efi"));
}

TEST_F(Assessment, isRememberedWithItsVersion)
{
    counted("\\EFI\\Linux\\Particle_2+2-1.efi");
    ASSERT_TRUE(writeVariable(m_host, "LoaderEntrySelected", loaderVendor(), toUtf16("particle_2.efi")));
    const auto start = noteStart(m_host, 1000);
    ASSERT_TRUE(start) << start.error().text();
    EXPECT_EQ(start->version, "2");
    EXPECT_EQ(start->kernel, "particle_2.efi");
    EXPECT_EQ(start->count, (BootCount{2, 1}));
    ASSERT_TRUE(noteStart(m_host, 2000));
    ASSERT_TRUE(noteOutcome(m_host, Outcome::Failed, {"No login"}));
    auto starts = readStarts(m_host);
    ASSERT_TRUE(starts);
    ASSERT_EQ(starts->size(), 1U);
    EXPECT_EQ(starts->front().began, 1000);
    EXPECT_EQ(starts->front().outcome, Outcome::Failed);
    EXPECT_EQ(starts->front().reasons, std::vector<std::string>{"No login"});
    ASSERT_TRUE(noteOutcome(m_host, Outcome::CameUp));
    ASSERT_TRUE(noteOutcome(m_host, Outcome::Failed, {"Too late"}));
    starts = readStarts(m_host);
    EXPECT_EQ(starts->front().outcome, Outcome::CameUp);
    EXPECT_TRUE(starts->front().reasons.empty());
}

TEST_F(Assessment, forgetsTheOldestAndNothingElse)
{
    std::vector<StartRecord> many;
    for (unsigned i = 0; i < mostStarts; ++i) {
        StartRecord start;
        start.bootId = *Uuid::parse(std::format("00000000-0000-4000-8000-{:012x}", i));
        start.version = std::to_string(i);
        many.push_back(start);
    }
    std::filesystem::create_directories(m_folder / "var/lib/preon");
    write("var/lib/preon/starts.json", startsText(many));
    ASSERT_TRUE(noteStart(m_host, 5));
    const auto starts = readStarts(m_host);
    ASSERT_TRUE(starts);
    ASSERT_EQ(starts->size(), mostStarts);
    EXPECT_EQ(starts->front().version, "1");
    EXPECT_EQ(starts->back().version, "2");
}

TEST(Starts, thatMakeNoSenseAreLeftOut)
{
    EXPECT_TRUE(parseStarts("").empty());
    EXPECT_TRUE(parseStarts("{}").empty());
    EXPECT_TRUE(
        parseStarts("[1, [], {\"bootId\": \"x\", \"outcome\": \"running\"}, {\"bootId\": \"11111111-2222-4333-8444-555555555555\", \"outcome\": \"eaten\"}]")
            .empty());
    const auto starts = parseStarts("[{\"bootId\": \"11111111-2222-4333-8444-555555555555\", \"outcome\": \"failed\", \"version\": 3, \"triesLeft\": -1, "
                                    "\"triesDone\": 2, \"reasons\": [1, \"two\"]}]");
    ASSERT_EQ(starts.size(), 1U);
    EXPECT_EQ(starts[0].version, "");
    EXPECT_FALSE(starts[0].count);
    EXPECT_EQ(starts[0].reasons, std::vector<std::string>{"two"});
    EXPECT_EQ(parseStarts(startsText(starts)), starts);
}

Entry entry(const std::string &version, std::optional<BootCount> count, std::size_t profile = 0)
{
    Entry made;
    made.id = "particle_" + version + ".efi";
    made.version = version;
    made.count = count;
    made.profileIndex = profile;
    return made;
}

StartRecord startOf(const std::string &version, Outcome outcome, std::int64_t began, std::vector<std::string> reasons = {})
{
    StartRecord start;
    start.version = version;
    start.outcome = outcome;
    start.began = began;
    start.reasons = std::move(reasons);
    return start;
}

TEST(LeftVersions, areThoseWithoutTriesLeftAndWhatTheirStartsSaid)
{
    const std::vector<Entry> menu{entry("4", BootCount{0, 3}), entry("10", BootCount{0, 2}), entry("10", BootCount{0, 2}, 1), entry("3", std::nullopt),
                                  entry("5", BootCount{2, 1})};
    const std::vector<StartRecord> starts{startOf("3", Outcome::CameUp, 10), startOf("4", Outcome::Failed, 20, {"first"}),
                                          startOf("4", Outcome::Failed, 30, {"second"}), startOf("4", Outcome::Running, 40),
                                          startOf("3", Outcome::Running, 50)};
    const auto left = leftVersions(menu, starts);
    ASSERT_EQ(left.size(), 2U);
    EXPECT_EQ(left[0], (LeftVersion{.version = "10", .kernel = "particle_10.efi", .tries = 2}));
    EXPECT_EQ(left[1], (LeftVersion{.version = "4", .kernel = "particle_4.efi", .tries = 3, .gotToRoot = true, .reasons = {"second"}, .last = 40}));
}

TEST(FailedHere, isWhatTheLoaderGaveUpOrWhatNeverCameUp)
{
    const std::vector<LeftVersion> left{{.version = "4"}};
    const std::vector<StartRecord> starts{startOf("2", Outcome::Failed, 1), startOf("3", Outcome::Failed, 2), startOf("3", Outcome::CameUp, 3),
                                          startOf("5", Outcome::Running, 4)};
    for (const auto &[version, failed] : {std::pair("1", false), {"2", true}, {"3", false}, {"4", true}, {"5", false}})
        EXPECT_EQ(failedHere(version, left, starts), failed) << version;
}

TEST(LastGoodVersion, isTheOneToFallBackOnUntilTheOneThatRunsIsGoodItself)
{
    EXPECT_EQ(lastGoodVersion({}, "3"), "");
    std::vector<StartRecord> starts{startOf("2", Outcome::CameUp, 1), startOf("3", Outcome::Running, 2)};
    EXPECT_EQ(lastGoodVersion(starts, "3"), "2");
    // Two slots: were both kept for good, there would be no room for a next version.
    starts.back().outcome = Outcome::CameUp;
    starts.push_back(startOf("4", Outcome::Failed, 3));
    starts.push_back(startOf("3", Outcome::Running, 4));
    EXPECT_EQ(lastGoodVersion(starts, "3"), "");
    EXPECT_EQ(lastGoodVersion(starts, "4"), "3");
    starts.back().outcome = Outcome::Failed;
    EXPECT_EQ(lastGoodVersion(starts, "3"), "2");
}

} // namespace
