// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Work under way as its watchers see it: what its thread tells is noted here and read from the loop's thread, at the loop's own pace.

#include "core/base/progress.h"

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace Preon::Helper
{

struct WorkPhase {
    std::string name;
    std::uint64_t bytes = 0;
    bool cancellable = true;
};

struct WorkState {
    std::string phase;
    std::uint64_t done = 0, total = 0; // bytes of the phase
    std::uint64_t rate = 0; // bytes a second; 0: not known
    std::int64_t secondsLeft = -1; // of all phases; -1: not known
    bool cancellable = true;
    bool operator==(const WorkState &) const = default;
};

// How long it will take yet: what is left of this phase and of those that follow, at that rate. Pure.
std::int64_t secondsLeft(const std::vector<WorkPhase> &phases, const WorkState &state);

class WorkProgress : public Progress
{
public:
    using Clock = std::chrono::steady_clock;
    explicit WorkProgress(std::vector<WorkPhase> phases);
    // Called at each new phase, in whatever thread the work tells it. Set before the work begins.
    void onPhase(std::function<void()> act);

    // Called by the work's threads.
    void phase(std::string_view name, std::uint64_t total) override;
    void advance(std::uint64_t bytes) override;
    void log(std::string_view line) override;
    bool isCancelled() const override;

    // Called by the loop's. False: it is too late.
    bool cancel();
    WorkState look(Clock::time_point now); // the rate is that of the last seconds before it
    std::vector<std::string> takeLog(); // lines since the last call

private:
    struct Sample {
        Clock::time_point when;
        std::uint64_t done;
    };
    bool isCancellable() const;
    const std::vector<WorkPhase> m_phases;
    std::function<void()> m_onPhase;
    mutable std::mutex m_guard;
    WorkState m_state;
    std::deque<Sample> m_samples;
    std::vector<std::string> m_lines;
    std::atomic<bool> m_cancelled = false;
};

} // namespace Preon::Helper
