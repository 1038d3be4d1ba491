// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The table of long work: what this helper does, what preonctl does meanwhile, what has ended, and what was cut off. Each is an object on the bus. The records
// (core/job) are the truth; who looks on sees the same whoever does the work.

#include "core/job/job.h"
#include "helper/service.h"
#include "helper/awake.h"
#include "helper/work.h"

namespace Preon::Helper
{

class JobObject;

struct JobRequest {
    std::string kind, target;
    nlohmann::ordered_json plan;
    std::vector<WorkPhase> phases;
    std::uint32_t owner = 0; // user id
    std::move_only_function<Result<nlohmann::ordered_json>(Progress &)> work; // in a thread of its own
};

class Jobs
{
public:
    // The table hears of its own changes by these, for the signals of org.preon.Helper1.
    struct Listener {
        std::function<void(const sdbus::ObjectPath &)> added, removed;
    };
    Jobs(Service &service, Listener listener);
    ~Jobs(); // waits for work under way
    // Own work ends at its next safe point.
    void stopAll();

    Result<sdbus::ObjectPath> start(JobRequest request);
    std::vector<sdbus::ObjectPath> paths(); // newest first
    bool isAnyRunning() const;

private:
    using Clock = std::chrono::steady_clock;
    friend class JobObject;
    JobObject *find(const Uuid &id);
    void refresh();
    void watch();
    Awake::Wish wish() const;
    Result<void> forget(const Uuid &id);
    Service &m_service;
    Listener m_listener;
    std::filesystem::path m_folder;
    std::vector<std::unique_ptr<JobObject>> m_jobs; // newest first
    std::uint64_t m_ticks = 0;
    Clock::time_point m_refreshed;
    Awake m_awake;
    Loop::Timer m_tick;
};

} // namespace Preon::Helper
