// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/work.h"

#include "helper/printable.h"

#include <algorithm>

namespace Preon::Helper
{

namespace
{
constexpr std::chrono::seconds window{5}; // that a rate is taken from
constexpr std::chrono::seconds settled{1}; // less says nothing
constexpr std::size_t mostWaitingLines = 1000;
}

std::int64_t secondsLeft(const std::vector<WorkPhase> &phases, const WorkState &state)
{
    if (state.rate == 0)
        return -1;
    std::uint64_t left = state.total > state.done ? state.total - state.done : 0;
    auto next = std::ranges::find(phases, state.phase, &WorkPhase::name);
    for (next = next == phases.end() ? next : next + 1; next != phases.end(); ++next)
        left += next->bytes;
    return static_cast<std::int64_t>((left + state.rate - 1) / state.rate);
}

WorkProgress::WorkProgress(std::vector<WorkPhase> phases)
    : m_phases(std::move(phases))
{
}

void WorkProgress::onPhase(std::function<void()> act)
{
    m_onPhase = std::move(act);
}

void WorkProgress::phase(std::string_view name, std::uint64_t total)
{
    {
        const std::scoped_lock lock(m_guard);
        m_state.phase = name;
        m_state.done = 0;
        m_state.total = total;
        m_samples.clear();
    }
    if (m_onPhase)
        m_onPhase();
}

void WorkProgress::advance(std::uint64_t bytes)
{
    const std::scoped_lock lock(m_guard);
    m_state.done += bytes;
}

void WorkProgress::log(std::string_view line)
{
    const std::scoped_lock lock(m_guard);
    if (m_lines.size() < mostWaitingLines)
        m_lines.push_back(printable(line));
}

bool WorkProgress::isCancelled() const
{
    return m_cancelled;
}

bool WorkProgress::isCancellable() const
{
    const auto phase = std::ranges::find(m_phases, m_state.phase, &WorkPhase::name);
    return phase == m_phases.end() || phase->cancellable;
}

bool WorkProgress::cancel()
{
    const std::scoped_lock lock(m_guard);
    if (!isCancellable())
        return false;
    m_cancelled = true;
    return true;
}

WorkState WorkProgress::look(Clock::time_point now)
{
    const std::scoped_lock lock(m_guard);
    m_state.cancellable = isCancellable() && !m_cancelled;
    m_samples.push_back({now, m_state.done});
    while (m_samples.size() > 2 && now - m_samples[1].when >= window)
        m_samples.pop_front();
    const auto took = std::chrono::duration<double>(now - m_samples.front().when);
    if (m_state.total == 0)
        m_state.rate = 0;
    else if (took >= settled)
        m_state.rate = static_cast<std::uint64_t>(static_cast<double>(m_state.done - m_samples.front().done) / took.count());
    m_state.secondsLeft = secondsLeft(m_phases, m_state);
    return m_state;
}

std::vector<std::string> WorkProgress::takeLog()
{
    const std::scoped_lock lock(m_guard);
    return std::exchange(m_lines, {});
}

} // namespace Preon::Helper
