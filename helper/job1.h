// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// org.preon.Job1: one piece of long work on the bus. Work of this helper has a thread; of other work only the record is known.

#include "helper/jobs.h"
#include "org.preon.Job1.adaptor.h"

namespace Preon::Helper
{

class JobObject final : public sdbus::AdaptorInterfaces<org::preon::Job1_adaptor, sdbus::Properties_adaptor>
{
public:
    JobObject(Jobs &jobs, Job::Record record);
    ~JobObject();

    static sdbus::ObjectPath pathOf(const Uuid &id);
    const Uuid &id() const;
    std::int64_t began() const;
    const std::string &kind() const
    {
        return m_record.kind;
    }
    bool isRunning() const;
    void stop(); // asks the work to, where it may
    bool isOwn() const; // of this helper
    // Begins the work; the job's record is made by then.
    void run(std::unique_ptr<WorkProgress> progress, std::unique_ptr<Job::Job> job, std::move_only_function<Result<nlohmann::ordered_json>(Progress &)> work);
    // What the work, or its record, says now; tells those who look on what has changed.
    void update(std::optional<Job::Record> record);

private:
    using Nothing = sdbus::Result<>;
    void Describe(sdbus::Result<std::string, std::string, std::string, std::vector<std::string>> &&result) override;
    void Cancel(Nothing &&result) override;
    void Forget(Nothing &&result) override;
    std::string Kind() override;
    std::string Target() override;
    std::string State() override;
    std::string Phase() override;
    std::uint64_t Done() override;
    std::uint64_t Total() override;
    std::uint64_t Rate() override;
    std::int64_t SecondsLeft() override;
    bool Cancellable() override;
    std::int64_t Began() override;

    void allowed(Nothing &&result, std::function<Result<void>()> act);
    void ended(const Result<nlohmann::ordered_json> &outcome);
    void tellChanges(const WorkState &before, Job::State stateBefore);
    Jobs &m_jobs;
    Service &m_service;
    Job::Record m_record;
    WorkState m_state;
    std::vector<std::string> m_log;
    std::unique_ptr<WorkProgress> m_progress; // of work of this helper
    std::unique_ptr<Job::Job> m_job;
    std::jthread m_thread;
};

} // namespace Preon::Helper
