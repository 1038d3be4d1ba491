// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// One thread for looking at disks, so that the loop never waits for one. Users take turns, so that nobody waits for more than one
// question of each other user; what a person confirmed waits for nobody's looking.

#include "helper/loop.h"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

namespace Preon::Helper
{

class Worker
{
public:
    explicit Worker(std::size_t mostOfUser);
    ~Worker();
    enum class Turn {
        Last,
        First, // also where too much is waiting
    };
    // False: too much of this user is waiting already, or it has ended.
    bool submit(Task task, std::uint32_t user, Turn turn = Turn::Last);
    // Waits for the task at work and drops the others; nothing is taken any more.
    void finish();

private:
    void run(const std::stop_token &stop);
    bool isAnyWaiting() const;
    Task takeNext();
    const std::size_t m_most;
    std::mutex m_guard;
    std::condition_variable_any m_wakeUp;
    std::deque<Task> m_first;
    std::map<std::uint32_t, std::deque<Task>> m_tasks; // of each user; none is empty
    std::optional<std::uint32_t> m_served; // whose turn it was last
    std::jthread m_thread;
};

} // namespace Preon::Helper
