// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/worker.h"

namespace Preon::Helper
{

Worker::Worker(std::size_t most)
    : m_most(most)
    , m_thread([this](const std::stop_token &stop) { run(stop); })
{
}

Worker::~Worker()
{
    finish();
}

void Worker::finish()
{
    if (!m_thread.joinable())
        return;
    m_thread.request_stop();
    m_thread.join();
    const std::scoped_lock lock(m_guard);
    m_tasks.clear();
}

bool Worker::submit(Task task, Turn turn)
{
    {
        const std::scoped_lock lock(m_guard);
        if ((turn == Turn::Last && m_tasks.size() >= m_most) || m_thread.get_stop_token().stop_requested())
            return false;
        m_tasks.insert(turn == Turn::First ? m_tasks.begin() : m_tasks.end(), std::move(task));
    }
    m_wakeUp.notify_one();
    return true;
}

void Worker::run(const std::stop_token &stop)
{
    for (;;) {
        Task task;
        {
            std::unique_lock lock(m_guard);
            if (!m_wakeUp.wait(lock, stop, [this] { return !m_tasks.empty(); }))
                return;
            task = std::move(m_tasks.front());
            m_tasks.pop_front();
        }
        if (stop.stop_requested())
            return;
        task();
    }
}

} // namespace Preon::Helper
