// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/passwordagent.h"

#include "core/base/fd.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace Preon::Ctl
{

namespace
{

constexpr int notifyFd = 3;
constexpr int startTimeout = 5000; // milliseconds

} // namespace

PasswordAgent::PasswordAgent()
{
    std::array<int, 2> ends{};
    if (::isatty(STDIN_FILENO) != 1 || ::geteuid() == 0 || ::pipe2(ends.data(), O_CLOEXEC) < 0)
        return;
    const Fd known(ends[0]);
    {
        const Fd told(ends[1]);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, told.get(), notifyFd);
        std::string program = "pkttyagent", process = "--process", self = std::to_string(::getpid()), notify = "--notify-fd", fd = std::to_string(notifyFd),
                    fallback = "--fallback";
        const std::array<char *, 7> words{program.data(), process.data(), self.data(), notify.data(), fd.data(), fallback.data(), nullptr};
        if (::posix_spawnp(&m_process, program.c_str(), &actions, nullptr, words.data(), environ) != 0)
            m_process = -1;
        posix_spawn_file_actions_destroy(&actions);
    }
    // It closes its end when polkit knows it; so does its death.
    pollfd wait{.fd = known.get(), .events = POLLIN, .revents = 0};
    while (m_process > 0 && ::poll(&wait, 1, startTimeout) < 0 && errno == EINTR) { }
}

PasswordAgent::~PasswordAgent()
{
    if (m_process <= 0)
        return;
    ::kill(m_process, SIGTERM);
    ::kill(m_process, SIGCONT);
    ::waitpid(m_process, nullptr, 0);
}

} // namespace Preon::Ctl
