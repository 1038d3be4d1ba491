// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/progress.h"

#include "core/base/format.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <format>

#include <unistd.h>

namespace Preon::Ctl
{

namespace
{

volatile std::sig_atomic_t stopRequested = 0;

void requestStop(int)
{
    stopRequested = 1;
}

void catchSignals(void (*handler)(int))
{
    struct sigaction action{};
    action.sa_handler = handler;
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

} // namespace

std::string progressLine(std::string_view phase, std::uint64_t done, std::uint64_t total, std::chrono::milliseconds elapsed)
{
    std::string line(phase);
    if (total == 0)
        return line;
    done = std::min(done, total);
    line += std::format("   {} of {}", formatSize(done), formatSize(total));
    if (elapsed < std::chrono::seconds(1) || done == 0)
        return line;
    const double rate = static_cast<double>(done) * 1000 / static_cast<double>(elapsed.count()); // bytes a second
    line += std::format("   {:.0f} MiB/s", rate / (1024 * 1024));
    if (done < total)
        line += "   " + formatDuration(std::chrono::seconds(static_cast<long long>(static_cast<double>(total - done) / rate) + 1)) + " left";
    return line;
}

TerminalProgress::TerminalProgress()
    : TerminalProgress(OnSignal::Cancel)
{
}

TerminalProgress::TerminalProgress(OnSignal onSignal)
    : m_terminal(::isatty(STDERR_FILENO) == 1)
{
    stopRequested = 0;
    if (onSignal == OnSignal::Cancel)
        catchSignals(requestStop);
}

TerminalProgress::~TerminalProgress()
{
    clear();
    catchSignals(SIG_DFL);
}

void TerminalProgress::phase(std::string_view name, std::uint64_t total)
{
    const std::scoped_lock lock(m_guard);
    const bool isKnown = name == m_phase;
    m_phase = name;
    m_done = 0;
    m_total = total;
    m_began = Clock::now();
    if (m_terminal) {
        draw(m_began);
        return;
    }
    // The next file, before its size is known.
    if (isKnown && total == 0)
        return;
    const std::string line = m_phase + (total > 0 ? " (" + formatSize(total) + ")\n" : "\n");
    std::fputs(line.c_str(), stderr);
}

void TerminalProgress::advance(std::uint64_t bytes)
{
    const std::scoped_lock lock(m_guard);
    m_done += bytes;
    const auto now = Clock::now();
    if (m_terminal && now - m_drawn >= std::chrono::milliseconds(250))
        draw(now);
}

void TerminalProgress::log(std::string_view line)
{
    const std::scoped_lock lock(m_guard);
    clear();
    std::fputs((std::string(line) + '\n').c_str(), stderr);
}

bool TerminalProgress::isCancelled() const
{
    return stopRequested != 0;
}

void TerminalProgress::draw(Clock::time_point now)
{
    const std::string line = "\r" + progressLine(m_phase, m_done, m_total, std::chrono::duration_cast<std::chrono::milliseconds>(now - m_began)) + "\033[K";
    std::fputs(line.c_str(), stderr);
    std::fflush(stderr);
    m_drawn = now;
    m_onLine = true;
}

void TerminalProgress::clear()
{
    if (!m_onLine)
        return;
    std::fputs("\r\033[K", stderr);
    std::fflush(stderr);
    m_onLine = false;
}

void LogProgress::log(std::string_view line)
{
    std::cerr << line << '\n';
}

} // namespace Preon::Ctl
