// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/worker.h"

namespace Preon::Helper
{

Worker::Worker(std::size_t mostOfUser)
    : m_most(mostOfUser)
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
    m_first.clear();
    m_tasks.clear();
}

bool Worker::submit(Task task, std::uint32_t user, Turn turn)
{
    {
        const std::scoped_lock lock(m_guard);
        if (m_thread.get_stop_token().stop_requested())
            return false;
        if (turn == Turn::First) {
            m_first.push_back(std::move(task));
        } else {
            const auto waiting = m_tasks.find(user);
            if ((waiting == m_tasks.end() ? 0 : waiting->second.size()) >= m_most)
                return false;
            m_tasks[user].push_back(std::move(task));
        }
    }
    m_wakeUp.notify_one();
    return true;
}

bool Worker::isAnyWaiting() const
{
    return !m_first.empty() || !m_tasks.empty();
}

Task Worker::takeNext()
{
    if (!m_first.empty()) {
        Task task = std::move(m_first.front());
        m_first.pop_front();
        return task;
    }
    auto next = m_served ? m_tasks.upper_bound(*m_served) : m_tasks.begin();
    if (next == m_tasks.end())
        next = m_tasks.begin();
    m_served = next->first;
    Task task = std::move(next->second.front());
    next->second.pop_front();
    if (next->second.empty())
        m_tasks.erase(next);
    return task;
}

void Worker::run(const std::stop_token &stop)
{
    for (;;) {
        Task task;
        {
            std::unique_lock lock(m_guard);
            if (!m_wakeUp.wait(lock, stop, [this] { return isAnyWaiting(); }))
                return;
            task = takeNext();
        }
        if (stop.stop_requested())
            return;
        task();
    }
}

} // namespace Preon::Helper
