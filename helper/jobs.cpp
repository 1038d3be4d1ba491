// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/jobs.h"

#include "helper/job1.h"

#include <algorithm>

namespace Preon::Helper
{

namespace
{
constexpr std::chrono::milliseconds tick{250}, slowTick{2000};
constexpr std::chrono::milliseconds freshFor{200}; // so often at most the disk is read for those who ask
}

Jobs::Jobs(Service &service, Listener listener)
    : m_service(service)
    , m_listener(std::move(listener))
    , m_folder(Job::jobFolder(service.settings.host))
    , m_awake(service.connection)
    , m_tick(service.loop, tick, [this] { watch(); })
{
    static_cast<void>(Job::prune(m_folder));
    refresh();
}

Jobs::~Jobs()
{
    stopAll();
}

void Jobs::stopAll()
{
    for (const auto &job : m_jobs)
        job->stop();
}

JobObject *Jobs::find(const Uuid &id)
{
    const auto found = std::ranges::find(m_jobs, id, &JobObject::id);
    return found == m_jobs.end() ? nullptr : found->get();
}

// Takes over what the records say: of others' work all of it, of our own nothing.
void Jobs::refresh()
{
    m_refreshed = Clock::now();
    auto records = Job::list(m_folder);
    if (!records)
        return;
    std::size_t ended = 0;
    for (Job::Record &record : *records) {
        const bool tooMany = record.state != Job::State::Running && ++ended > Job::mostEnded;
        if (JobObject *known = find(record.id)) {
            known->update(std::move(record));
            continue;
        }
        if (tooMany)
            continue;
        const Uuid id = record.id;
        m_jobs.push_back(std::make_unique<JobObject>(*this, std::move(record)));
        m_listener.added(JobObject::pathOf(id));
    }
    std::erase_if(m_jobs, [&](const std::unique_ptr<JobObject> &job) {
        const bool gone = !(job->isOwn() && job->isRunning()) && !std::ranges::contains(*records, job->id(), &Job::Record::id);
        if (gone)
            m_listener.removed(JobObject::pathOf(job->id()));
        return gone;
    });
    std::ranges::stable_sort(m_jobs, std::ranges::greater(), &JobObject::began);
}

void Jobs::watch()
{
    const auto isBusy = [](const std::unique_ptr<JobObject> &job) {
        return job->isOwn() && job->isRunning();
    };
    m_tick.restart(slowTick); // also where something below throws
    for (const auto &job : m_jobs) {
        if (isBusy(job))
            job->update(std::nullopt);
    }
    if (++m_ticks % (slowTick / tick) == 0 || !isAnyRunning())
        refresh();
    m_awake.keep(wish());
    m_tick.restart(isAnyRunning() ? tick : slowTick);
}

// An update may be cut off at any moment and goes on afterwards (a timer may have begun it, and nobody knows of it): it keeps nobody from switching off.
Awake::Wish Jobs::wish() const
{
    Awake::Wish wish = Awake::Wish::Nothing;
    for (const auto &job : m_jobs) {
        if (job->isOwn() && job->isRunning())
            wish = std::max(wish, job->kind() == "update" ? Awake::Wish::NotByItself : Awake::Wish::All);
    }
    return wish;
}

bool Jobs::isAnyRunning() const
{
    return std::ranges::any_of(m_jobs, &JobObject::isRunning, &std::unique_ptr<JobObject>::operator*);
}

std::vector<sdbus::ObjectPath> Jobs::paths()
{
    if (Clock::now() - m_refreshed >= freshFor)
        refresh();
    std::vector<sdbus::ObjectPath> all;
    std::ranges::transform(m_jobs, std::back_inserter(all), [](const auto &job) { return JobObject::pathOf(job->id()); });
    return all;
}

Result<sdbus::ObjectPath> Jobs::start(JobRequest request)
{
    auto progress = std::make_unique<WorkProgress>(std::move(request.phases));
    PREON_TRY(std::unique_ptr<Job::Job> job, Job::Job::begin(m_folder, request.kind, request.target, request.plan, *progress, request.owner));
    auto object = std::make_unique<JobObject>(*this, job->record());
    JobObject &started = *object;
    m_jobs.insert(m_jobs.begin(), std::move(object));
    started.run(std::move(progress), std::move(job), std::move(request.work));
    const sdbus::ObjectPath path = JobObject::pathOf(started.id());
    m_listener.added(path);
    m_awake.keep(wish());
    m_tick.restart(tick);
    return path;
}

Result<void> Jobs::forget(const Uuid &id)
{
    PREON_CHECK(Job::forget(m_folder, id));
    std::erase_if(m_jobs, [&](const auto &job) { return job->id() == id; });
    m_listener.removed(JobObject::pathOf(id));
    return {};
}

} // namespace Preon::Helper
