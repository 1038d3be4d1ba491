// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/job1.h"

#include "core/base/errorjson.h"
#include "helper/errors.h"
#include "helper/printable.h"

namespace Preon::Helper
{

namespace
{
constexpr std::size_t mostLines = 1000;

std::string orEmpty(const nlohmann::ordered_json &json)
{
    return json.is_null() ? "{}" : json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}
}

JobObject::JobObject(Jobs &jobs, Job::Record record)
    : AdaptorInterfaces(jobs.m_service.connection, pathOf(record.id))
    , m_jobs(jobs)
    , m_service(jobs.m_service)
    , m_record(std::move(record))
{
    m_state = {.phase = m_record.phase, .done = m_record.done, .total = m_record.total, .cancellable = false};
    registerAdaptor();
}

JobObject::~JobObject()
{
    unregisterAdaptor();
}

sdbus::ObjectPath JobObject::pathOf(const Uuid &id)
{
    return sdbus::ObjectPath(std::string(objectPath) + "/job/" + id.hex());
}

const Uuid &JobObject::id() const
{
    return m_record.id;
}

std::int64_t JobObject::began() const
{
    return m_record.began;
}

bool JobObject::isRunning() const
{
    return m_record.state == Job::State::Running;
}

void JobObject::stop()
{
    if (m_progress && isRunning())
        m_progress->cancel();
}

bool JobObject::isOwn() const
{
    return m_progress != nullptr;
}

void JobObject::run(std::unique_ptr<WorkProgress> progress, std::unique_ptr<Job::Job> job,
                    std::move_only_function<Result<nlohmann::ordered_json>(Progress &)> work)
{
    m_progress = std::move(progress);
    m_job = std::move(job);
    m_state = m_progress->look(WorkProgress::Clock::now());
    // Own work is let go of only when it has ended, and its end is posted after all of this.
    m_progress->onPhase([this] { m_service.loop.post([this] { update(std::nullopt); }); });
    m_thread = std::jthread([this, work = std::move(work), &job = *m_job]() mutable {
        Result<nlohmann::ordered_json> outcome = withoutExceptions([&] { return work(job); });
        work = nullptr; // lets go of the disk before anybody hears that it is free
        // The work itself is what counts; a record that cannot be written changes nothing about it.
        static_cast<void>(outcome ? job.succeed(*outcome) : job.failWith(outcome.error()));
        m_service.loop.post([this, outcome = std::move(outcome)] { ended(outcome); });
    });
}

void JobObject::ended(const Result<nlohmann::ordered_json> &outcome)
{
    m_thread.join();
    m_record.state = outcome ? Job::State::Done : Job::State::Failed;
    if (outcome)
        m_record.result = *outcome;
    else
        m_record.error = outcome.error();
    const WorkState before = m_state;
    m_state = m_progress->look(WorkProgress::Clock::now());
    m_state.cancellable = false;
    m_job.reset();
    static_cast<void>(Job::prune(m_jobs.m_folder));
    tellChanges(before, Job::State::Running);
}

void JobObject::update(std::optional<Job::Record> record)
{
    const WorkState before = m_state;
    const Job::State stateBefore = m_record.state;
    if (m_progress && isRunning()) {
        m_state = m_progress->look(WorkProgress::Clock::now());
        for (std::string &line : m_progress->takeLog()) {
            emitLog(line);
            if (m_log.size() < mostLines)
                m_log.push_back(std::move(line));
        }
    } else if (record && !m_progress) {
        m_record = std::move(*record);
        m_state = {.phase = m_record.phase, .done = m_record.done, .total = m_record.total, .cancellable = false};
    }
    tellChanges(before, stateBefore);
}

void JobObject::tellChanges(const WorkState &before, Job::State stateBefore)
{
    std::vector<sdbus::PropertyName> changed;
    const auto tell = [&changed](bool is, const char *name) {
        if (is)
            changed.emplace_back(name);
    };
    tell(stateBefore != m_record.state, "State");
    tell(before.phase != m_state.phase, "Phase");
    tell(before.done != m_state.done, "Done");
    tell(before.total != m_state.total, "Total");
    tell(before.rate != m_state.rate, "Rate");
    tell(before.secondsLeft != m_state.secondsLeft, "SecondsLeft");
    tell(before.cancellable != m_state.cancellable, "Cancellable");
    if (!changed.empty())
        emitPropertiesChangedSignal(org::preon::Job1_adaptor::INTERFACE_NAME, changed);
}

void JobObject::Describe(sdbus::Result<std::string, std::string, std::string, std::vector<std::string>> &&result)
{
    using Reply = sdbus::Result<std::string, std::string, std::string, std::vector<std::string>>;
    const Call call = callOf(getObject());
    auto ticket = m_service.callers.begin(call.caller);
    if (!ticket)
        return result.returnError(toDBus(ticket.error()));
    m_service.authority.ask(call, Action::look, {},
                            [this, id = id(), reply = std::make_shared<Reply>(std::move(result)), ticket = std::move(*ticket)](const Result<void> &allowed) {
                                if (!allowed)
                                    return reply->returnError(toDBus(allowed.error()));
                                const JobObject *job = m_jobs.find(id);
                                if (!job)
                                    return reply->returnError(toDBus({ErrorCode::NotFound, "This work is not known any more", {}, {}}));
                                const Job::Record &record = job->m_record;
                                reply->returnResults(orEmpty(record.plan), orEmpty(record.result),
                                                     record.error ? orEmpty(toJson(*record.error)) : std::string(), job->m_log);
                            });
}

// Asks, does it and answers. The job may have gone when the answer comes.
void JobObject::allowed(Nothing &&result, std::function<Result<void>()> act)
{
    const Call call = callOf(getObject());
    auto ticket = m_service.callers.begin(call.caller);
    if (!ticket)
        return result.returnError(toDBus(ticket.error()));
    const std::uint32_t user = ticket->user();
    auto finish = [&loop = m_service.loop, &jobs = m_jobs, id = id(), reply = std::make_shared<Nothing>(std::move(result)),
                   ticket = std::make_shared<Callers::Ticket>(std::move(*ticket)), act = std::move(act)](const Result<void> &may) {
        // Later, because the object that is called may go by it.
        loop.post([&jobs, id, reply, ticket, act, may] {
            if (!may)
                return reply->returnError(toDBus(may.error()));
            if (!jobs.find(id))
                return reply->returnError(toDBus({ErrorCode::NotFound, "This work is not known any more", {}, {}}));
            if (const auto done = act(); !done)
                return reply->returnError(toDBus(done.error()));
            reply->returnResults();
        });
    };
    if (m_record.owner && *m_record.owner == user)
        finish({});
    else
        m_service.authority.ask(call, Action::stop, {{"disk", printable(m_record.target)}}, finish);
}

void JobObject::Cancel(Nothing &&result)
{
    allowed(std::move(result), [this]() -> Result<void> {
        if (!isRunning())
            return fail(ErrorCode::BadArgument, "The work has ended already");
        if (!isOwn())
            return fail(ErrorCode::Unsupported, "The work cannot be stopped from here", "another program does it", "Stop it where it was begun.");
        if (!m_progress->cancel())
            return fail(ErrorCode::Busy, "It is too late to stop", "what is left is done in a moment");
        update(std::nullopt);
        return {};
    });
}

void JobObject::Forget(Nothing &&result)
{
    allowed(std::move(result), [&jobs = m_jobs, id = id()] { return jobs.forget(id); });
}

std::string JobObject::Kind()
{
    return printable(m_record.kind);
}

std::string JobObject::Target()
{
    return printable(m_record.target);
}

std::string JobObject::State()
{
    return std::string(Job::stateName(m_record.state));
}

std::string JobObject::Phase()
{
    return printable(m_state.phase);
}

std::uint64_t JobObject::Done()
{
    return m_state.done;
}

std::uint64_t JobObject::Total()
{
    return m_state.total;
}

std::uint64_t JobObject::Rate()
{
    return m_state.rate;
}

std::int64_t JobObject::SecondsLeft()
{
    return m_state.secondsLeft;
}

bool JobObject::Cancellable()
{
    return m_state.cancellable;
}

std::int64_t JobObject::Began()
{
    return m_record.began;
}

} // namespace Preon::Helper
