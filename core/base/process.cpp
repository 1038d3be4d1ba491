// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/base/process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <filesystem>

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace Preon
{

namespace
{
constexpr std::size_t outputLimit = 16U << 20U;
constexpr const char *toolPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::optional<std::string> findProgram(const std::string &name)
{
    if (name.contains('/'))
        return ::access(name.c_str(), X_OK) == 0 ? std::optional(name) : std::nullopt;
    std::string_view folders = toolPath;
    while (!folders.empty()) {
        const std::size_t end = std::min(folders.find(':'), folders.size());
        std::string candidate = std::string(folders.substr(0, end)) + '/' + name;
        if (::access(candidate.c_str(), X_OK) == 0)
            return candidate;
        folders.remove_prefix(std::min(end + 1, folders.size()));
    }
    return std::nullopt;
}

// No connection of any kind: a filter that the kernel keeps for this process and what becomes of it. Written by hand, so that who links core needs no library for it.
bool refuseConnections()
{
    constexpr std::uint32_t refused = SECCOMP_RET_ERRNO | EACCES;
    constexpr std::uint32_t otherNumbers = 0x40000000; // the calls of x32, where they are known
    const std::array<sock_filter, 10> filter{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
#if defined(__x86_64__)
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
#elif defined(__aarch64__)
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_AARCH64, 1, 0),
#elif defined(__riscv)
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_RISCV64, 1, 0),
#else
#error "The name of this architecture in linux/audit.h is needed here"
#endif
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, otherNumbers, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_socket, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_socketpair, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, refused),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog program{static_cast<unsigned short>(filter.size()), const_cast<sock_filter *>(filter.data())};
    return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

bool shutIn()
{
    // The kernel's calls themselves: the C library's would want all threads to follow, and of those there is one here.
    constexpr uid_t nobody = 65534;
    if (::geteuid() == 0
        && (::syscall(SYS_setgroups, 0, nullptr) < 0 || ::syscall(SYS_setresgid, nobody, nobody, nobody) < 0
            || ::syscall(SYS_setresuid, nobody, nobody, nobody) < 0))
        return false;
    // Another user's process forgets what it was told when its parent dies.
    return ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && refuseConnections();
}

// Between fork and exec only async-signal-safe calls are allowed: everything is prepared before.
[[noreturn]] void becomeProgram(const char *program, char **arguments, char **environment, std::array<int, 3> standard,
                                std::span<const std::pair<int, int>> extra, bool isShutIn)
{
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    // First out of the way of the numbers that are about to be given away.
    std::array<int, 16> moved{};
    for (std::size_t i = 0; i < extra.size(); ++i)
        moved[i] = ::fcntl(extra[i].first, F_DUPFD_CLOEXEC, 100);
    for (int i = 0; i < 3; ++i)
        standard[static_cast<std::size_t>(i)] = ::fcntl(standard[static_cast<std::size_t>(i)], F_DUPFD_CLOEXEC, 100);
    for (int i = 0; i < 3; ++i)
        ::dup2(standard[static_cast<std::size_t>(i)], i);
    for (std::size_t i = 0; i < extra.size(); ++i)
        ::dup2(moved[i], extra[i].second);
    if (isShutIn && !shutIn())
        ::_exit(126);
    ::execve(program, arguments, environment);
    ::_exit(127);
}

// Reads what is there; false at the end.
bool drain(const Fd &fd, std::string &into)
{
    std::array<char, 65536> buffer;
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0)
        return errno == EINTR || errno == EAGAIN;
    const std::size_t room = outputLimit - std::min(outputLimit, into.size());
    into.append(buffer.data(), std::min(room, static_cast<std::size_t>(got)));
    return got > 0;
}

std::vector<char *> pointers(std::vector<std::string> &texts)
{
    std::vector<char *> result;
    for (std::string &text : texts)
        result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

// Feeds and reads until the program has closed both outputs.
Result<void> converse(Fd input, Fd output, Fd errors, const ProcessOptions &options, const std::string &name, ProcessOutput &into)
{
    const auto deadline = std::chrono::steady_clock::now() + options.timeout;
    std::size_t fed = 0;
    if (options.input.empty())
        input.reset();
    else
        ::fcntl(input.get(), F_SETFL, O_NONBLOCK);
    while (output.isOpen() || errors.isOpen()) {
        if (options.progress)
            PREON_CHECK(options.progress->check());
        if (std::chrono::steady_clock::now() > deadline)
            return fail(ErrorCode::Timeout, name + " did not end within " + std::to_string(options.timeout.count()) + " seconds");
        std::array<pollfd, 3> watched{{{output.get(), POLLIN, 0}, {errors.get(), POLLIN, 0}, {input.get(), POLLOUT, 0}}};
        if (::poll(watched.data(), watched.size(), 100) < 0 && errno != EINTR)
            return failErrno("Waiting for " + name + " failed");
        if (watched[0].revents != 0 && !drain(output, into.output))
            output.reset();
        if (watched[1].revents != 0 && !drain(errors, into.errors))
            errors.reset();
        if (input.isOpen() && watched[2].revents != 0) {
            const ssize_t put = ::write(input.get(), options.input.data() + fed, options.input.size() - fed);
            if (put > 0)
                fed += static_cast<std::size_t>(put);
            if (fed == options.input.size() || (put < 0 && errno != EAGAIN && errno != EINTR))
                input.reset();
        }
    }
    return {};
}

std::string lastLines(const std::string &text)
{
    std::string tail = text.size() > 600 ? "…" + text.substr(text.size() - 600) : text;
    while (!tail.empty() && (tail.back() == '\n' || tail.back() == ' '))
        tail.pop_back();
    std::ranges::replace(tail, '\n', ' ');
    return tail;
}
}

Result<Pipe> makePipe()
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) < 0)
        return failErrno("A pipe could not be made");
    return Pipe{Fd(ends[0]), Fd(ends[1])};
}

Result<ChildProcess> ChildProcess::start(const std::vector<std::string> &command, const Fd &input, const Fd &output, const Fd &errors,
                                         const ChildOptions &options)
{
    const std::string name = std::filesystem::path(command.front()).filename().string();
    const auto program = findProgram(command.front());
    if (!program)
        return fail(ErrorCode::NotFound, "The program " + name + " is not installed");
    std::vector<std::pair<int, int>> extra;
    for (const auto &[fd, number] : options.files)
        extra.emplace_back(fd->get(), number);
    if (extra.size() > 16)
        return fail(ErrorCode::BadArgument, "Too many files for " + name);

    std::vector<std::string> words = command;
    std::vector<std::string> variables{std::string("PATH=") + toolPath, "LANG=C.UTF-8"};
    for (const auto &[key, value] : options.environment)
        variables.push_back(key + '=' + value);
    const std::vector<char *> arguments = pointers(words);
    const std::vector<char *> environment = pointers(variables);

    // A program that ends without reading its input must not end us.
    ::signal(SIGPIPE, SIG_IGN);
    const pid_t pid = ::fork();
    if (pid < 0)
        return failErrno(name + " could not be started");
    if (pid == 0)
        becomeProgram(program->c_str(), const_cast<char **>(arguments.data()), const_cast<char **>(environment.data()),
                      {input.get(), output.get(), errors.get()}, extra, options.isShutIn);
    return ChildProcess(pid);
}

ChildProcess &ChildProcess::operator=(ChildProcess &&other) noexcept
{
    if (this != &other) {
        end();
        m_pid = std::exchange(other.m_pid, -1);
    }
    return *this;
}

ChildProcess::~ChildProcess()
{
    end();
}

void ChildProcess::end()
{
    if (m_pid > 0) {
        ::kill(m_pid, SIGKILL);
        wait();
    }
}

int ChildProcess::wait()
{
    int status = 0;
    while (::waitpid(m_pid, &status, 0) < 0 && errno == EINTR) { }
    m_pid = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int ChildProcess::endWithin(std::chrono::milliseconds grace)
{
    const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, m_pid, 0)));
    pollfd watched{process.get(), POLLIN, 0};
    if (!process.isOpen() || ::poll(&watched, 1, static_cast<int>(grace.count())) != 1)
        ::kill(m_pid, SIGKILL);
    return wait();
}

Result<ProcessOutput> runProcess(const std::vector<std::string> &command, const ProcessOptions &options)
{
    PREON_TRY(Pipe input, makePipe());
    PREON_TRY(Pipe output, makePipe());
    PREON_TRY(Pipe errors, makePipe());
    PREON_TRY(ChildProcess child,
              ChildProcess::start(command, input.read, output.write, errors.write,
                                  {.environment = options.environment, .files = options.files, .isShutIn = options.isShutIn}));
    input.read.reset();
    output.write.reset();
    errors.write.reset();

    ProcessOutput result;
    const std::string name = std::filesystem::path(command.front()).filename().string();
    PREON_CHECK(converse(std::move(input.write), std::move(output.read), std::move(errors.read), options, name, result));
    result.status = child.wait();
    return result;
}

Result<ProcessOutput> runTool(const std::vector<std::string> &command, const ProcessOptions &options)
{
    PREON_TRY(ProcessOutput output, runProcess(command, options));
    if (output.status != 0) {
        const std::string name = std::filesystem::path(command.front()).filename().string();
        const std::string said = lastLines(output.errors.empty() ? output.output : output.errors);
        return fail(ErrorCode::ToolFailed, name + " ended with status " + std::to_string(output.status), said);
    }
    return output;
}

} // namespace Preon
