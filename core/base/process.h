// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Running another program (mkfs, mtools, gpgv …): no shell, a clean environment. runProcess and runTool wait for it and keep its output for the error;
// ChildProcess is for those that we talk with while they run.

#include "core/base/fd.h"
#include "core/base/progress.h"

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace Preon
{

struct Pipe {
    Fd read, write;
};

Result<Pipe> makePipe();

struct ChildOptions {
    std::map<std::string, std::string> environment{}; // beside PATH and LANG=C.UTF-8; nothing else is inherited
    std::vector<std::pair<const Fd *, int>> files{}; // descriptors the program gets, and under which number
    bool isShutIn = false; // as in ProcessOptions
};

// A program that runs beside us. It dies with its owner, and with the thread that started it (PR_SET_PDEATHSIG).
class ChildProcess
{
public:
    // The three become its standard descriptors. NotFound when there is no such program.
    static Result<ChildProcess> start(const std::vector<std::string> &command, const Fd &input, const Fd &output, const Fd &errors,
                                      const ChildOptions &options = {});
    ChildProcess(ChildProcess &&other) noexcept
        : m_pid(std::exchange(other.m_pid, -1))
    {
    }
    ChildProcess &operator=(ChildProcess &&other) noexcept;
    ~ChildProcess();

    // Until it has ended by itself: its exit status; 128 + signal when it was killed.
    int wait();
    // The same, but what has not ended after the grace is killed.
    int endWithin(std::chrono::milliseconds grace);
    pid_t pid() const // -1 once it was waited for
    {
        return m_pid;
    }

private:
    explicit ChildProcess(pid_t pid)
        : m_pid(pid)
    {
    }
    void end();
    pid_t m_pid;
};

struct ProcessOptions {
    std::map<std::string, std::string> environment; // beside PATH and LANG=C.UTF-8; nothing else is inherited
    Bytes input; // to standard input
    std::vector<std::pair<const Fd *, int>> files; // descriptors the program gets, and under which number
    std::chrono::seconds timeout{600};
    const Progress *progress = nullptr; // cancelling kills the program
    // For what parses bytes of strangers: it can open no connection and gain no privilege, and where we are root it is the user nobody.
    bool isShutIn = false;
};

struct ProcessOutput {
    int status = 0; // exit status; 128 + signal when killed
    std::string output; // at most 16 MiB of each
    std::string errors;
};

// NotFound when there is no such program, Timeout, Cancelled; a status other than 0 is not an error here.
Result<ProcessOutput> runProcess(const std::vector<std::string> &command, const ProcessOptions &options = {});

// As runProcess; a status other than 0 is ToolFailed with the last lines of what the program said.
Result<ProcessOutput> runTool(const std::vector<std::string> &command, const ProcessOptions &options = {});

} // namespace Preon
