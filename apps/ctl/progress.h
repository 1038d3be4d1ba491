// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// How preonctl shows long work: on a terminal one calm line with phase, bytes, rate and time left; elsewhere one line a phase. Goes to standard error, so that
// standard output stays what was asked for. Ctrl-C asks the work to stop at its next safe point.

#include "core/base/progress.h"

#include <chrono>
#include <mutex>
#include <string>

namespace Preon::Ctl
{

class TerminalProgress : public Progress
{
public:
    // What SIGINT and SIGTERM do from here on: cancel the work, or end the program as they always do.
    enum class OnSignal { Cancel, End };
    TerminalProgress();
    explicit TerminalProgress(OnSignal onSignal);
    ~TerminalProgress() override; // clears its line; the signals end the program again

    void phase(std::string_view name, std::uint64_t total) override;
    void advance(std::uint64_t bytes) override;
    void log(std::string_view line) override;
    bool isCancelled() const override;

private:
    using Clock = std::chrono::steady_clock;
    void draw(Clock::time_point now);
    void clear();

    const bool m_terminal;
    std::mutex m_guard; // advance() comes from several threads
    std::string m_phase;
    std::uint64_t m_done = 0, m_total = 0;
    Clock::time_point m_began, m_drawn;
    bool m_onLine = false; // something is drawn that has to be cleared
};

// Says what is told, and nothing of how far it is: for units, whose output is the journal.
class LogProgress : public SilentProgress
{
public:
    void log(std::string_view line) override;
};

// "Copying the system   1.2 GB of 3.4 GB   210 MiB/s   11 seconds left"; without a total only the phase. Rate and time left appear after a second.
std::string progressLine(std::string_view phase, std::uint64_t done, std::uint64_t total, std::chrono::milliseconds elapsed);

} // namespace Preon::Ctl
