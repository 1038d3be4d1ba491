// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// One thread for looking at disks, so that the loop never waits for one. Work is taken in order, and only so much of it; what a person confirmed waits for nobody's looking.

#include "helper/loop.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace Preon::Helper
{

class Worker
{
public:
    explicit Worker(std::size_t most);
    ~Worker();
    enum class Turn {
        Last,
        First, // also where too much is waiting
    };
    // False: too much is waiting already, or it has ended.
    bool submit(Task task, Turn turn = Turn::Last);
    // Waits for the task at work and drops the others; nothing is taken any more.
    void finish();

private:
    void run(const std::stop_token &stop);
    const std::size_t m_most;
    std::mutex m_guard;
    std::condition_variable_any m_wakeUp;
    std::deque<Task> m_tasks;
    std::jthread m_thread;
};

} // namespace Preon::Helper
