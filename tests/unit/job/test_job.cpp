// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/unit/boot/folder.h"

#include "core/base/fd.h"
#include "core/job/job.h"

#include <algorithm>

#include <sys/wait.h>
#include <unistd.h>

using namespace Preon;

namespace
{

class Watcher : public SilentProgress
{
public:
    void advance(std::uint64_t bytes) override
    {
        done += bytes;
    }
    bool isCancelled() const override
    {
        return cancelled;
    }
    std::uint64_t done = 0;
    bool cancelled = false;
};

class Jobs : public FolderTest
{
protected:
    Result<std::unique_ptr<Job::Job>> begin()
    {
        return Job::Job::begin(m_folder / "jobs", "install", "A disk", {{"mode", "erase"}}, m_watcher);
    }
    Job::Record only() const
    {
        const auto records = Job::list(m_folder / "jobs");
        EXPECT_TRUE(records);
        EXPECT_EQ(records->size(), 1U);
        return records->empty() ? Job::Record() : records->front();
    }
    Watcher m_watcher;
};

TEST_F(Jobs, canBeWatchedWhileTheyRun)
{
    const auto job = begin();
    ASSERT_TRUE(job) << job.error().text();
    (*job)->phase("Copying", 100);
    (*job)->advance(40);
    (*job)->phase("Checking", 50);
    const Job::Record record = only();
    EXPECT_EQ(record.id, (*job)->id());
    EXPECT_EQ(record.state, Job::State::Running);
    EXPECT_EQ(record.kind, "install");
    EXPECT_EQ(record.target, "A disk");
    EXPECT_EQ(record.plan["mode"], "erase");
    EXPECT_EQ(record.phase, "Checking");
    EXPECT_EQ(record.total, 50U);
    EXPECT_EQ(m_watcher.done, 40U);
    m_watcher.cancelled = true;
    EXPECT_TRUE((*job)->isCancelled());
}

TEST_F(Jobs, keepTheirResult)
{
    {
        const auto job = begin();
        ASSERT_TRUE((*job)->succeed({{"written", 5}}));
    }
    EXPECT_EQ(only().state, Job::State::Done);
    EXPECT_EQ(only().result["written"], 5);
    EXPECT_FALSE(only().error);
}

TEST_F(Jobs, keepTheirError)
{
    {
        const auto job = begin();
        ASSERT_TRUE((*job)->failWith({ErrorCode::NoSpace, "What", "Why", "Do"}));
    }
    const Job::Record record = only();
    EXPECT_EQ(record.state, Job::State::Failed);
    ASSERT_TRUE(record.error);
    EXPECT_EQ(record.error->code, ErrorCode::NoSpace);
    EXPECT_EQ(record.error->text(), "What: Why. Do.");
}

TEST_F(Jobs, thatWereKilledAreInterrupted)
{
    const pid_t child = ::fork();
    if (child == 0) {
        const auto job = begin();
        ::_exit(job ? 0 : 1); // no destructor runs, as in a crash
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
    EXPECT_EQ(only().state, Job::State::Interrupted);
}

TEST_F(Jobs, areForgottenWhenTheyHaveEnded)
{
    const auto folder = m_folder / "jobs";
    {
        const auto job = begin();
        EXPECT_EQ(Job::forget(folder, (*job)->id()).error().code, ErrorCode::Busy);
        ASSERT_TRUE((*job)->succeed({}));
    }
    const Uuid id = only().id;
    EXPECT_FALSE(only().owner);
    ASSERT_TRUE(Job::forget(folder, id));
    EXPECT_TRUE(Job::list(folder)->empty());
    EXPECT_TRUE(std::filesystem::is_empty(folder));
    EXPECT_EQ(Job::forget(folder, id).error().code, ErrorCode::NotFound);
}

TEST_F(Jobs, rememberWhoAskedForThem)
{
    const auto job = Job::Job::begin(m_folder / "jobs", "install", "A disk", {}, m_watcher, 1000);
    ASSERT_TRUE(job);
    EXPECT_EQ((*job)->record().owner, 1000U);
    EXPECT_EQ(only().owner, 1000U);
}

TEST_F(Jobs, recordsThatMakeNoSenseAreLeftOut)
{
    write("jobs/a.json", "{");
    write("jobs/b.json", "[]");
    write("jobs/c.json", "{\"id\": 3, \"state\": \"running\"}");
    // One by another name could not be let go of by its own.
    write("jobs/d.json", "{\"id\": \"10112233-4455-6677-8899-aabbccddeeff\", \"state\": \"done\"}");
    write("jobs/00112233-4455-6677-8899-aabbccddeeff.json",
          "{\"id\": \"00112233-4455-6677-8899-aabbccddeeff\", \"state\": \"running\", \"phase\": 7, \"done\": \"x\", \"error\": 1}");
    const auto records = Job::list(m_folder / "jobs");
    ASSERT_TRUE(records);
    ASSERT_EQ(records->size(), 1U);
    EXPECT_EQ(records->front().state, Job::State::Interrupted);
    EXPECT_TRUE(Job::list(m_folder / "nowhere")->empty());
}

TEST_F(Jobs, ofALiveSessionAreInRun)
{
    Host host;
    host.root = m_folder;
    host.run = m_folder / "run";
    EXPECT_EQ(Job::jobFolder(host), m_folder / "var/lib/preon/jobs");
    write("run/preon/mode-live", "");
    EXPECT_EQ(Job::jobFolder(host), m_folder / "run/preon/jobs");
}

TEST_F(Jobs, onlyTheNewestEndedOnesAreKept)
{
    const auto folder = m_folder / "jobs";
    const auto running = begin();
    ASSERT_TRUE(running);
    for (int i = 0; i < 5; ++i) {
        auto job = begin();
        ASSERT_TRUE(job);
        ASSERT_TRUE((*job)->succeed({}));
    }
    std::filesystem::last_write_time(folder / ((*running)->id().text() + ".lock"), {}); // long work
    // What a cut between the two left, and what is just being begun.
    for (const char *name : {"old.lock", "young.lock"})
        ASSERT_TRUE(replaceFile(folder / name, asBytes("")));
    std::filesystem::last_write_time(folder / "old.lock", std::filesystem::file_time_type::clock::now() - std::chrono::hours(2));
    ASSERT_TRUE(Job::prune(folder, 2));
    const auto left = Job::list(folder);
    ASSERT_TRUE(left);
    EXPECT_EQ(left->size(), 3U);
    EXPECT_TRUE(std::ranges::contains(*left, (*running)->id(), &Job::Record::id));
    EXPECT_FALSE(std::filesystem::exists(folder / "old.lock"));
    EXPECT_TRUE(std::filesystem::exists(folder / "young.lock"));
    EXPECT_TRUE(std::filesystem::exists(folder / ((*running)->id().text() + ".lock")));
    EXPECT_TRUE(Job::prune(m_folder / "nowhere", 2));
}

TEST_F(Jobs, beginningPrunes)
{
    for (std::size_t i = 0; i < Job::mostEnded + 4; ++i) {
        auto job = begin();
        ASSERT_TRUE(job);
        ASSERT_TRUE((*job)->succeed({}));
    }
    EXPECT_LE(Job::list(m_folder / "jobs")->size(), Job::mostEnded + 1);
}

TEST_F(Jobs, keepTheirOwnerAndMakeNobodyRoot)
{
    const auto ownerIn = [](const std::string &owner) {
        const auto record = Job::parseRecord(R"({"id":"01234567-89ab-cdef-0123-456789abcdef","state":"done","owner":)" + owner + '}');
        EXPECT_TRUE(record);
        return record ? record->owner : std::nullopt;
    };
    EXPECT_EQ(ownerIn("1000"), 1000U);
    EXPECT_EQ(ownerIn("0"), 0U);
    EXPECT_EQ(ownerIn("4294967295"), 4294967295U);
    EXPECT_FALSE(ownerIn("4294967296"));
    EXPECT_FALSE(ownerIn("-1"));
    EXPECT_FALSE(ownerIn("\"0\""));
}

} // namespace
