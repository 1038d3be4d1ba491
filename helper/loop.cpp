// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/loop.h"

#include "core/base/fd.h"

#include <csignal>
#include <iostream>
#include <mutex>
#include <vector>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace Preon::Helper
{

namespace
{

// A bus that has gone away makes sending throw. Work under way is worth more than word of it.
template<typename Act>
void guarded(Act &act)
{
    try {
        act();
    } catch (const std::exception &error) {
        std::cerr << "preond: " << error.what() << '\n';
    }
}

} // namespace

struct Loop::Private {
    sd_event *event = nullptr;
    Fd wakeUp;
    std::mutex guard;
    std::vector<Task> tasks;

    ~Private()
    {
        tasks.clear();
        sd_event_unref(event);
    }

    static int work(sd_event_source *, int fd, std::uint32_t, void *self)
    {
        std::uint64_t count = 0;
        static_cast<void>(::eventfd_read(fd, &count));
        auto *state = static_cast<Private *>(self);
        std::vector<Task> due;
        {
            const std::scoped_lock lock(state->guard);
            due.swap(state->tasks);
        }
        for (Task &task : due)
            guarded(task);
        return 0;
    }
};

Loop::Loop(std::unique_ptr<Private> state)
    : d(std::move(state))
{
}

Loop::~Loop() = default;

Result<std::unique_ptr<Loop>> Loop::create()
{
    auto state = std::make_unique<Private>();
    // Blocked before any thread is there, so that the signals reach the loop.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    int failed = sd_event_default(&state->event);
    state->wakeUp = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (failed >= 0 && !state->wakeUp.isOpen())
        failed = -errno;
    if (failed >= 0)
        failed = sd_event_add_io(state->event, nullptr, state->wakeUp.get(), EPOLLIN, Private::work, state.get());
    for (const int number : {SIGTERM, SIGINT}) {
        if (failed >= 0)
            failed = sd_event_add_signal(state->event, nullptr, number, nullptr, nullptr);
    }
    if (failed < 0)
        return failErrno(-failed, "The event loop could not be made");
    return std::unique_ptr<Loop>(new Loop(std::move(state)));
}

sd_event *Loop::event() const
{
    return d->event;
}

Result<void> Loop::run()
{
    if (const int failed = sd_event_loop(d->event); failed < 0)
        return failErrno(-failed, "The event loop ended");
    return {};
}

void Loop::stop()
{
    sd_event_exit(d->event, 0);
}

void Loop::post(Task task)
{
    {
        const std::scoped_lock lock(d->guard);
        d->tasks.push_back(std::move(task));
    }
    static_cast<void>(::eventfd_write(d->wakeUp.get(), 1));
}

void Loop::drop()
{
    std::vector<Task> left;
    {
        const std::scoped_lock lock(d->guard);
        left.swap(d->tasks);
    }
}

Loop::Timer::Timer(const Loop &loop, std::chrono::milliseconds after, std::function<void()> act)
    : m_act(std::move(act))
{
    const auto elapsed = [](sd_event_source *, std::uint64_t, void *self) {
        guarded(static_cast<Timer *>(self)->m_act);
        return 0;
    };
    const auto microseconds = static_cast<std::uint64_t>(std::chrono::microseconds(after).count());
    sd_event_add_time_relative(loop.event(), &m_source, CLOCK_MONOTONIC, microseconds, 10'000, elapsed, this);
}

Loop::Timer::~Timer()
{
    sd_event_source_disable_unref(m_source);
}

void Loop::Timer::restart(std::chrono::milliseconds after)
{
    sd_event_source_set_time_relative(m_source, static_cast<std::uint64_t>(std::chrono::microseconds(after).count()));
    sd_event_source_set_enabled(m_source, SD_EVENT_ONESHOT);
}

void Loop::Timer::comeLast()
{
    sd_event_source_set_priority(m_source, SD_EVENT_PRIORITY_IDLE);
}

void Loop::Timer::disarm()
{
    sd_event_source_set_enabled(m_source, SD_EVENT_OFF);
}

} // namespace Preon::Helper
