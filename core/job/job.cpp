// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/job/job.h"

#include "core/base/errorjson.h"
#include "core/base/fd.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>

namespace Preon::Job
{

namespace
{

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr std::array<std::string_view, 4> stateNames{"running", "done", "failed", "interrupted"};

std::int64_t now()
{
    return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Json jsonOf(const Record &record)
{
    Json json = {{"id", record.id.text()},    {"kind", record.kind}, {"target", record.target}, {"state", stateName(record.state)},
                 {"phase", record.phase},     {"done", record.done}, {"total", record.total},   {"began", record.began},
                 {"changed", record.changed}, {"plan", record.plan}, {"result", record.result}};
    if (record.error)
        json["error"] = Preon::toJson(*record.error);
    if (record.owner)
        json["owner"] = *record.owner;
    return json;
}

// Fields that are missing or of another kind keep their defaults; nullopt only when it is no record at all.
std::optional<Record> fromJson(const Json &json)
{
    if (!json.is_object())
        return std::nullopt;
    const auto text = [](const Json &object, const char *key) {
        const auto field = object.find(key);
        return field != object.end() && field->is_string() ? field->get<std::string>() : std::string();
    };
    const auto number = [&](const char *key) {
        const auto field = json.find(key);
        return field != json.end() && field->is_number_integer() ? field->get<std::int64_t>() : 0;
    };
    const auto part = [&](const char *key) {
        const auto field = json.find(key);
        return field != json.end() ? *field : Json();
    };
    Record record;
    const auto id = Uuid::parse(text(json, "id"));
    const auto state = std::ranges::find(stateNames, text(json, "state"));
    if (!id || state == stateNames.end())
        return std::nullopt;
    record.id = *id;
    record.state = static_cast<State>(state - stateNames.begin());
    record.kind = text(json, "kind");
    record.target = text(json, "target");
    record.phase = text(json, "phase");
    record.done = static_cast<std::uint64_t>(number("done"));
    record.total = static_cast<std::uint64_t>(number("total"));
    record.began = number("began");
    record.changed = number("changed");
    record.plan = part("plan");
    record.result = part("result");
    if (const Json error = part("error"); error.is_object())
        record.error = errorFromJson(error);
    // Cut to 32 bits a number of no user could become that of root.
    if (const Json owner = part("owner"); owner.is_number_unsigned() && std::in_range<std::uint32_t>(owner.get<std::uint64_t>()))
        record.owner = owner.get<std::uint32_t>();
    return record;
}

std::filesystem::path recordPath(const std::filesystem::path &folder, const Uuid &id)
{
    return folder / (id.text() + ".json");
}

std::filesystem::path lockPath(const std::filesystem::path &folder, const Uuid &id)
{
    return folder / (id.text() + ".lock");
}

bool isHeld(const std::filesystem::path &lock)
{
    const auto fd = openFile(lock, O_RDONLY);
    return fd && ::flock(fd->get(), LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

} // namespace

std::string_view stateName(State state)
{
    return stateNames[static_cast<std::size_t>(state)];
}

std::filesystem::path jobFolder(const Host &host)
{
    std::error_code ignored;
    if (std::filesystem::exists(host.run / "preon/mode-live", ignored))
        return host.run / "preon/jobs";
    return host.path("/var/lib/preon/jobs");
}

std::optional<Record> parseRecord(std::string_view text)
{
    return fromJson(Json::parse(text, nullptr, false));
}

std::string recordText(const Record &record)
{
    return jsonOf(record).dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

Result<void> prune(const std::filesystem::path &folder, std::size_t most)
{
    PREON_TRY(const std::vector<Record> records, list(folder));
    std::size_t ended = 0;
    for (const Record &record : records) {
        if (record.state != State::Running && ++ended > most)
            static_cast<void>(forget(folder, record.id)); // who else does the same may have been faster
    }
    // What a cut between record and lock left. A young one may be that of work that is just being begun.
    std::error_code error;
    const auto old = std::filesystem::file_time_type::clock::now() - std::chrono::hours(1);
    std::vector<std::filesystem::path> stray;
    for (std::filesystem::directory_iterator file(folder, error), end; !error && file != end; file.increment(error)) {
        std::error_code ignored;
        if (file->path().extension() == ".lock" && !std::filesystem::exists(std::filesystem::path(file->path()).replace_extension(".json"), ignored)
            && file->last_write_time(ignored) < old && !isHeld(file->path()))
            stray.push_back(file->path());
    }
    for (const auto &path : stray)
        std::filesystem::remove(path, error);
    return {};
}

Result<std::vector<Record>> list(const std::filesystem::path &folder)
{
    std::vector<Record> records;
    std::error_code error;
    for (std::filesystem::directory_iterator file(folder, error), end; !error && file != end; file.increment(error)) {
        if (file->path().extension() != ".json")
            continue;
        const auto text = readTextFile(file->path());
        auto record = text ? parseRecord(*text) : std::nullopt;
        // A file by another name could be neither found nor removed by what it says.
        if (!record || file->path().stem() != record->id.text())
            continue;
        if (record->state == State::Running && !isHeld(lockPath(folder, record->id)))
            record->state = State::Interrupted;
        records.push_back(std::move(*record));
    }
    if (error && error != std::errc::no_such_file_or_directory)
        return failErrno(error.value(), "The records in " + folder.string() + " could not be listed");
    std::ranges::stable_sort(records, std::ranges::greater(), &Record::began);
    return records;
}

Result<void> forget(const std::filesystem::path &folder, const Uuid &id)
{
    if (isHeld(lockPath(folder, id)))
        return fail(ErrorCode::Busy, "The record of the work was kept", "the work goes on");
    std::error_code error;
    if (!std::filesystem::remove(recordPath(folder, id), error) && !error)
        return fail(ErrorCode::NotFound, "There is no record of such work");
    if (error)
        return failErrno(error.value(), "The record of the work could not be removed");
    std::filesystem::remove(lockPath(folder, id), error);
    return {};
}

struct Job::Private {
    std::filesystem::path folder;
    Progress *watcher = nullptr;
    Fd lock;
    std::mutex guard; // advance() may come from several threads
    Record record;
    Clock::time_point written;

    Result<void> save()
    {
        record.changed = now();
        written = Clock::now();
        return replaceFile(recordPath(folder, record.id), asBytes(recordText(record)), 0600);
    }
    // While the work runs it is more important than its record: a full /var must not stop it.
    void trySave()
    {
        static_cast<void>(save());
    }
};

Job::Job(std::unique_ptr<Private> state)
    : d(std::move(state))
{
}

Job::~Job()
{
    // An ended job needs no lock; one that is cut off keeps the file, which then is nobody's.
    std::error_code ignored;
    if (d->record.state != State::Running)
        std::filesystem::remove(lockPath(d->folder, d->record.id), ignored);
}

Result<std::unique_ptr<Job>> Job::begin(const std::filesystem::path &folder, std::string kind, std::string target, Json plan, Progress &watcher,
                                        std::optional<std::uint32_t> owner)
{
    auto state = std::make_unique<Private>();
    state->folder = folder;
    state->watcher = &watcher;
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error)
        return failErrno(error.value(), "The folder " + folder.string() + " could not be made");
    PREON_TRY(state->record.id, Uuid::random());
    PREON_TRY(state->lock, openFile(lockPath(folder, state->record.id), O_RDWR | O_CREAT | O_EXCL, 0600));
    if (::flock(state->lock.get(), LOCK_EX | LOCK_NB) < 0)
        return failErrno("A job's lock could not be taken");
    state->record.kind = std::move(kind);
    state->record.target = std::move(target);
    state->record.plan = std::move(plan);
    state->record.owner = owner;
    state->record.began = now();
    PREON_CHECK(state->save());
    static_cast<void>(prune(folder)); // no reason to not do the work
    return std::unique_ptr<Job>(new Job(std::move(state)));
}

const Uuid &Job::id() const
{
    return d->record.id;
}

Record Job::record() const
{
    const std::scoped_lock lock(d->guard);
    return d->record;
}

void Job::phase(std::string_view name, std::uint64_t total)
{
    {
        const std::scoped_lock lock(d->guard);
        d->record.phase = name;
        d->record.done = 0;
        d->record.total = total;
        d->trySave();
    }
    d->watcher->phase(name, total);
}

void Job::advance(std::uint64_t bytes)
{
    {
        const std::scoped_lock lock(d->guard);
        d->record.done += bytes;
        if (Clock::now() - d->written >= std::chrono::seconds(1))
            d->trySave();
    }
    d->watcher->advance(bytes);
}

void Job::log(std::string_view line)
{
    d->watcher->log(line);
}

bool Job::isCancelled() const
{
    return d->watcher->isCancelled();
}

Result<void> Job::succeed(Json result)
{
    d->record.state = State::Done;
    d->record.result = std::move(result);
    return d->save();
}

Result<void> Job::failWith(const Error &error)
{
    d->record.state = State::Failed;
    d->record.error = error;
    return d->save();
}

} // namespace Preon::Job
