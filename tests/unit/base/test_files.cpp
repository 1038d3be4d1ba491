// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/base/fd.h"
#include "core/base/host.h"
#include "core/base/process.h"
#include "core/base/unitfile.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <fstream>

using namespace Preon;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace
{
class FilesTest : public testing::Test
{
protected:
    void SetUp() override
    {
        std::string pattern = (fs::temp_directory_path() / "preon-test-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        m_folder = pattern;
    }
    void TearDown() override
    {
        fs::remove_all(m_folder);
    }
    fs::path write(const fs::path &name, const std::string &text)
    {
        fs::create_directories((m_folder / name).parent_path());
        std::ofstream(m_folder / name) << text;
        return m_folder / name;
    }
    fs::path m_folder;
};

class Stopped : public SilentProgress
{
public:
    bool isCancelled() const override
    {
        return true;
    }
};
}

TEST_F(FilesTest, replacesAFileWholeAndLeavesNothingBeside)
{
    const fs::path file = write("state.json", "old");
    ASSERT_TRUE(replaceFile(file, asBytes("new content"), 0600));
    EXPECT_EQ(*readTextFile(file), "new content");
    EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
    EXPECT_EQ(std::distance(fs::directory_iterator(m_folder), {}), 1);
    // A folder stands where the file should go: the error leaves no temporary behind.
    fs::create_directory(m_folder / "taken");
    EXPECT_FALSE(replaceFile(m_folder / "taken", asBytes("x")));
    EXPECT_EQ(std::distance(fs::directory_iterator(m_folder), {}), 2);
}

TEST_F(FilesTest, refusesAFileLargerThanItsLimit)
{
    const fs::path file = write("large", std::string(5000, 'x'));
    EXPECT_EQ(readFile(file, 4999).error().code, ErrorCode::BadFormat);
    EXPECT_EQ(readFile(file, 5000)->size(), 5000U);
    EXPECT_EQ(readFile(m_folder / "absent").error().code, ErrorCode::NotFound);
}

TEST_F(FilesTest, aShortFileIsAnErrorNotZeros)
{
    const Fd fd = *openFile(write("short", "abc"), O_RDONLY);
    Bytes buffer(4);
    const auto read = readAt(fd, 0, buffer);
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().text().find("ends early"), std::string::npos);
}

TEST_F(FilesTest, runsProgramsWithTheirInputAndWithoutOurEnvironment)
{
    ::setenv("PREON_LEAK", "secret", 1);
    ProcessOptions options;
    options.environment = {{"GIVEN", "yes"}};
    options.input = Bytes(200000, std::byte{'a'});
    const auto echoed = runTool({"cat"}, options);
    ASSERT_TRUE(echoed);
    EXPECT_EQ(echoed->output.size(), 200000U);
    EXPECT_EQ(runTool({"env"}, options)->output.find("PREON_LEAK"), std::string::npos);
    EXPECT_NE(runTool({"env"}, options)->output.find("GIVEN=yes"), std::string::npos);
    // A program that does not read its input is no reason to die of SIGPIPE.
    EXPECT_EQ(runProcess({"true"}, options)->status, 0);
}

TEST_F(FilesTest, tellsHowAProgramEnded)
{
    EXPECT_EQ(runProcess({"sh", "-c", "exit 7"})->status, 7);
    EXPECT_EQ(runProcess({"sh", "-c", "kill -9 $$"})->status, 128 + 9);
    EXPECT_EQ(runProcess({"no-such-program-of-ours"}).error().code, ErrorCode::NotFound);
    const auto failed = runTool({"sh", "-c", "echo the disk is on fire >&2; exit 3"});
    EXPECT_EQ(failed.error().code, ErrorCode::ToolFailed);
    EXPECT_NE(failed.error().why.find("on fire"), std::string::npos);
    ProcessOptions impatient;
    impatient.timeout = 1s;
    EXPECT_EQ(runProcess({"sleep", "20"}, impatient).error().code, ErrorCode::Timeout);
    const Stopped stopped;
    ProcessOptions cancelled;
    cancelled.progress = &stopped;
    EXPECT_EQ(runProcess({"sleep", "20"}, cancelled).error().code, ErrorCode::Cancelled);
}

TEST_F(FilesTest, handsOverDescriptorsUnderTheNumbersAsked)
{
    const Fd a = *memoryFile("a", asBytes("first"));
    const Fd b = *memoryFile("b", asBytes("second"));
    ProcessOptions options;
    options.files = {{&a, 4}, {&b, 3}};
    EXPECT_EQ(runTool({"cat", "/proc/self/fd/3", "/proc/self/fd/4"}, options)->output, "secondfirst");
}

TEST_F(FilesTest, readsTheKernelCommandLineAsTheKernelQuotesIt)
{
    write("proc/cmdline", "quiet usrhash=ab root=tmpfs x=\"a b\" root=/dev/mapper/root\n");
    Host host;
    host.proc = m_folder / "proc";
    EXPECT_EQ(**host.kernelOption("root"), "/dev/mapper/root"); // the last one wins
    EXPECT_EQ(**host.kernelOption("quiet"), "");
    EXPECT_EQ(**host.kernelOption("x"), "a b");
    EXPECT_FALSE(host.kernelOption("usr")->has_value());
}

TEST_F(FilesTest, unitFilesComeByNameFromTheFirstFolderThatHasThem)
{
    write("etc/20-b.conf", "[A]\nKey=etc\n");
    write("usr/20-b.conf", "[A]\nKey=usr\n");
    write("usr/10-a.conf", "[A]\nKey=first\n");
    write("usr/30-masked.conf", "[A]\nKey=no\n");
    fs::create_symlink("/dev/null", m_folder / "etc/30-masked.conf");
    write("usr/40-empty.conf", "");
    write("usr/readme.txt", "no");
    write("usr/20-b.conf.d/50-x.conf", "[A]\nKey=dropped in\n");
    write("etc/20-b.conf.d/40-y.conf", "[A]\nOther=1\n");
    const auto files = findUnitFiles({m_folder / "etc", m_folder / "absent", m_folder / "usr"}, ".conf");
    ASSERT_TRUE(files);
    ASSERT_EQ(files->size(), 2U);
    EXPECT_EQ((*files)[0].name, "10-a.conf");
    EXPECT_EQ((*files)[1].path, m_folder / "etc/20-b.conf");
    EXPECT_EQ((*files)[1].last("A", "Key"), "dropped in");
    EXPECT_EQ((*files)[1].last("A", "Other"), "1");
    EXPECT_EQ((*files)[1].dropIns.size(), 2U);
}

TEST_F(FilesTest, parsesContinuationsListsAndNonsense)
{
    UnitFile file;
    parseUnitText("Lost=1\n[A]\n# comment\n ; too\nList=a\nList=b\nLong=one \\\n# between\n  two\nList=\nList = c \nnonsense\n[B\nKey=v", "x.conf", file);
    EXPECT_EQ(file.all("A", "List"), std::vector<std::string>{"c"});
    EXPECT_EQ(file.last("A", "Long"), "one    two");
    EXPECT_EQ(file.last("A", "Key"), "v");
    EXPECT_EQ(file.last("A", "None"), std::nullopt);
    EXPECT_EQ(file.warnings.size(), 3U);
}

TEST_F(FilesTest, linksBelowARootNeverLeadOutOfIt)
{
    write("outside/10-a.conf", "[A]\nKey=outside\n");
    write("outside/b.conf", "[A]\nOther=outside\n");
    write("root/defs/10-a.conf", "[A]\nKey=inside\n");
    write("root/defs/b.conf", "[A]\nOther=inside\n");
    fs::create_directories(m_folder / "root/etc/10-a.conf.d");
    fs::create_symlink("/defs/b.conf", m_folder / "root/etc/10-a.conf.d/b.conf");
    const auto keyIn = [this](const fs::path &folder) {
        const auto files = findUnitFiles({m_folder / "root" / folder, m_folder / "root/etc"}, ".conf", m_folder / "root");
        return files && !files->empty() ? files->front().last("A", "Key") : std::nullopt;
    };
    fs::create_symlink("/defs/10-a.conf", m_folder / "root/etc/10-a.conf");
    fs::create_symlink("../../../../../../../../../defs", m_folder / "root/up");
    fs::create_symlink("/defs", m_folder / "root/absolute");
    EXPECT_EQ(keyIn("etc"), "inside");
    EXPECT_EQ(keyIn("up"), "inside");
    EXPECT_EQ(keyIn("absolute"), "inside");
    EXPECT_EQ(findUnitFiles({m_folder / "root/etc"}, ".conf", m_folder / "root")->front().last("A", "Other"), "inside");
    fs::create_symlink(m_folder / "outside", m_folder / "root/out");
    EXPECT_EQ(keyIn("out"), "inside"); // it leads nowhere there, so that only etc counts
    EXPECT_TRUE(findUnitFiles({m_folder / "none/etc"}, ".conf", m_folder / "none")->empty());
    Host host;
    host.root = m_folder / "root";
    EXPECT_EQ(host.resolved("/up/b.conf"), fs::canonical(m_folder / "root/defs/b.conf"));
    EXPECT_EQ(host.resolved("/out").error().code, ErrorCode::NotFound);
}

TEST_F(FilesTest, aLoopOfLinksIsAnError)
{
    fs::create_directories(m_folder / "loop");
    fs::create_symlink("b.conf", m_folder / "loop/a.conf");
    fs::create_symlink("a.conf", m_folder / "loop/b.conf");
    EXPECT_FALSE(findUnitFiles({m_folder / "loop"}, ".conf"));
}
