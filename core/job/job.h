// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Records of long work: what was to be done, how far it is, how it ended. A record is one JSON file, replaced as a whole at each change; beside it lies a lock
// that its process holds for as long as it lives. So anybody can watch, and work that was cut off is known by a record that says "running" while nobody
// holds its lock. The helper and preonctl share the folder. Nothing here does any of the work.

#include "core/base/host.h"
#include "core/base/progress.h"
#include "core/base/uuid.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace Preon::Job
{

enum class State { Running, Done, Failed, Interrupted };
std::string_view stateName(State state); // "running", "done", "failed", "interrupted"

struct Record {
    Uuid id;
    std::string kind; // "install"
    std::string target; // what it works on, as a person knows it
    nlohmann::ordered_json plan;
    State state = State::Running;
    std::string phase;
    std::uint64_t done = 0, total = 0; // bytes of the phase
    std::int64_t began = 0, changed = 0; // seconds since 1970
    nlohmann::ordered_json result; // of a job that is done
    std::optional<Error> error; // of one that failed
    std::optional<std::uint32_t> owner; // user id of who asked for it, where somebody else did it for them
};

// /var/lib/preon/jobs, or /run/preon/jobs in a live session (whose /var does not outlive it, and which says so by /run/preon/mode-live).
std::filesystem::path jobFolder(const Host &host);

// All records, newest first. One that says running but has no living process is Interrupted. Files that make no sense are left out.
Result<std::vector<Record>> list(const std::filesystem::path &folder);
// What a record's text says; nullopt where it is none. Fields that are missing or of another kind keep their defaults.
std::optional<Record> parseRecord(std::string_view text);
std::string recordText(const Record &record);
// Removes the records of ended work but the newest; what goes on is never touched. Cut off anywhere, the next time goes on with it.
constexpr std::size_t mostEnded = 16;
Result<void> prune(const std::filesystem::path &folder, std::size_t most = mostEnded);
// Removes the record of ended work. Busy while it goes on, NotFound.
Result<void> forget(const std::filesystem::path &folder, const Uuid &id);

// The work's own side of its record, and the Progress that the work reports to: it writes the record (at most once a second, and at each phase) and hands
// everything on to the watcher. A job that is destroyed without succeed() or fail() counts as interrupted.
class Job : public Progress
{
public:
    static Result<std::unique_ptr<Job>> begin(const std::filesystem::path &folder, std::string kind, std::string target, nlohmann::ordered_json plan,
                                              Progress &watcher, std::optional<std::uint32_t> owner = {});
    ~Job() override;

    const Uuid &id() const;
    Record record() const; // as it is now
    void phase(std::string_view name, std::uint64_t total) override;
    void advance(std::uint64_t bytes) override;
    void log(std::string_view line) override;
    bool isCancelled() const override;

    Result<void> succeed(nlohmann::ordered_json result);
    Result<void> failWith(const Error &error);

private:
    struct Private;
    explicit Job(std::unique_ptr<Private> state);
    std::unique_ptr<Private> d;
};

} // namespace Preon::Job
