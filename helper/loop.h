// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The helper's one event loop (sd-event). All of D-Bus and all of the helper's own state belong to its thread; work that takes time is done elsewhere and comes
// back by post().

#include "core/base/result.h"

#include <chrono>
#include <functional>
#include <memory>

#include <systemd/sd-event.h>

namespace Preon::Helper
{

using Task = std::move_only_function<void()>;

class Loop
{
public:
    static Result<std::unique_ptr<Loop>> create();
    ~Loop();
    Loop(const Loop &) = delete;
    Loop &operator=(const Loop &) = delete;

    sd_event *event() const;
    // Until stop(), or SIGTERM or SIGINT.
    Result<void> run();
    void stop();
    // From any thread: the task runs in the loop's, soon, in order. Tasks that are left when the loop ends are dropped.
    void post(Task task);
    // What was posted and is not done yet is not done any more.
    void drop();

    // Ends with its owner.
    class Timer
    {
    public:
        Timer(const Loop &loop, std::chrono::milliseconds after, std::function<void()> act); // once
        ~Timer();
        Timer(const Timer &) = delete;
        Timer &operator=(const Timer &) = delete;
        // Once more, from now on.
        void restart(std::chrono::milliseconds after);
        void disarm();
        // Only when there is nothing else to do.
        void comeLast();

    private:
        std::function<void()> m_act;
        sd_event_source *m_source = nullptr;
    };

private:
    struct Private;
    explicit Loop(std::unique_ptr<Private> state);
    std::unique_ptr<Private> d;
};

} // namespace Preon::Helper
