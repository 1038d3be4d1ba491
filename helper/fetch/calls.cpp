// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which system calls the jobs of preon-fetch may make. Whatever is not named here ends the process.

#include "helper/fetch/confine.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <span>

#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

namespace Preon::Fetcher
{

namespace
{
struct Free {
    void operator()(void *filter) const
    {
        seccomp_release(filter);
    }
};
using Filter = std::unique_ptr<void, Free>;

// What memory, time and ending need.
constexpr const char *basicCalls[]
    = {"brk",    "clock_gettime", "clock_gettime64", "exit",           "exit_group",   "futex",       "futex_time64", "getrandom", "madvise", "mremap",
       "munmap", "read",          "restart_syscall", "rt_sigprocmask", "rt_sigreturn", "sched_yield", "write",        "writev"};

#ifdef PREON_ADDRESS_SANITIZER
// It has a stack of its own for signals.
constexpr const char *sanitizerCalls[] = {"sigaltstack"};
#endif

// What libcurl, the resolver of the C library, OpenSSL and threads need beside.
constexpr const char *networkCalls[] = {"access",
                                        "bind",
                                        "close",
                                        "connect",
                                        "dup",
                                        "epoll_create1",
                                        "epoll_ctl",
                                        "epoll_pwait",
                                        "epoll_wait",
                                        "eventfd2",
                                        "faccessat",
                                        "faccessat2",
                                        "fcntl",
                                        "fcntl64",
                                        "fstat",
                                        "fstat64",
                                        "fstatat64",
                                        "fstatfs",
                                        "getcpu",
                                        "getdents64",
                                        "getegid",
                                        "geteuid",
                                        "getgid",
                                        "getpeername",
                                        "getpid",
                                        "getppid",
                                        "getsockname",
                                        "getsockopt",
                                        "gettid",
                                        "gettimeofday",
                                        "getuid",
                                        "lseek",
                                        "lstat",
                                        "membarrier",
                                        "nanosleep",
                                        "newfstatat",
                                        "pipe2",
                                        "poll",
                                        "ppoll",
                                        "ppoll_time64",
                                        "pread64",
                                        "pselect6",
                                        "readlink",
                                        "readlinkat",
                                        "readv",
                                        "recv",
                                        "recvfrom",
                                        "recvmmsg",
                                        "recvmsg",
                                        "rseq",
                                        "rt_sigaction",
                                        "select",
                                        "send",
                                        "sendmmsg",
                                        "sendmsg",
                                        "sendto",
                                        "setsockopt",
                                        "set_robust_list",
                                        "shutdown",
                                        "sigaltstack",
                                        "socketpair",
                                        "stat",
                                        "statfs",
                                        "statx",
                                        "sysinfo",
                                        "time",
                                        "uname",
                                        "clock_nanosleep",
                                        "clock_nanosleep_time64",
                                        "clock_getres",
                                        "sched_getaffinity",
                                        "_llseek"};

class Rules
{
public:
    Rules()
        : m_filter(seccomp_init(SCMP_ACT_KILL_PROCESS))
    {
        if (!m_filter)
            m_failed = ENOMEM;
    }

    void allow(std::span<const char *const> names)
    {
        for (const char *name : names)
            add(SCMP_ACT_ALLOW, name, {});
    }

    // A call that this architecture does not have needs no rule.
    void add(std::uint32_t action, const char *name, std::initializer_list<scmp_arg_cmp> conditions)
    {
        const int number = seccomp_syscall_resolve_name(name);
        if (m_failed != 0 || number == __NR_SCMP_ERROR)
            return;
        m_failed = -seccomp_rule_add_array(m_filter.get(), action, number, static_cast<unsigned>(conditions.size()), conditions.begin());
    }

    // The number of an error, or 0.
    int load()
    {
        if (m_failed == 0)
            m_failed = -seccomp_attr_set(m_filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
        if (m_failed == 0)
            m_failed = -seccomp_load(m_filter.get());
        return m_failed;
    }

private:
    Filter m_filter;
    int m_failed = 0;
};

constexpr scmp_arg_cmp equals(unsigned argument, scmp_datum_t value)
{
    return {argument, SCMP_CMP_EQ, value, 0};
}

constexpr scmp_arg_cmp masked(unsigned argument, scmp_datum_t mask, scmp_datum_t value)
{
    return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

constexpr std::uint32_t answer(int number)
{
    return SCMP_ACT_ERRNO(static_cast<std::uint32_t>(number));
}

// Memory may be had, but no new code.
void allowMemory(Rules &rules)
{
    for (const char *name : {"mmap", "mmap2", "mprotect"}) {
        rules.add(SCMP_ACT_ALLOW, name, {masked(2, PROT_EXEC, 0)});
        rules.add(answer(EPERM), name, {masked(2, PROT_EXEC, PROT_EXEC)});
    }
}

void allowNetwork(Rules &rules)
{
    rules.allow(networkCalls);
    rules.add(SCMP_ACT_ALLOW, "openat", {masked(2, O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY), O_RDONLY)});
    rules.add(SCMP_ACT_ALLOW, "open", {masked(1, O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY), O_RDONLY)});
    rules.add(SCMP_ACT_ALLOW, "socket", {equals(0, AF_INET)});
    rules.add(SCMP_ACT_ALLOW, "socket", {equals(0, AF_INET6)});
    rules.add(SCMP_ACT_ALLOW, "socket", {equals(0, AF_NETLINK), equals(2, NETLINK_ROUTE)});
    // The resolver tries services of this machine (nscd, resolved) and does without them.
    rules.add(answer(EAFNOSUPPORT), "socket", {equals(0, AF_UNIX)});
    // Threads only; clone3 hides its flags, and the C library falls back.
    rules.add(SCMP_ACT_ALLOW, "clone", {masked(0, CLONE_THREAD, CLONE_THREAD)});
    rules.add(answer(ENOSYS), "clone3", {});
    rules.add(SCMP_ACT_ALLOW, "ioctl", {equals(1, FIONBIO)});
    rules.add(SCMP_ACT_ALLOW, "ioctl", {equals(1, FIONREAD)});
    rules.add(SCMP_ACT_ALLOW, "prctl", {equals(0, PR_SET_NAME)});
    // To ask, not to change.
    rules.add(SCMP_ACT_ALLOW, "prlimit64", {equals(2, 0)});
}
}

Result<void> restrictCalls(Job job)
{
    Rules rules;
    rules.allow(basicCalls);
#ifdef PREON_ADDRESS_SANITIZER
    rules.allow(sanitizerCalls);
#endif
    allowMemory(rules);
    if (job == Job::Fetch)
        allowNetwork(rules);
    if (const int number = rules.load(); number != 0)
        return fail(ErrorCode::Permission, "preon-fetch cannot give up its rights and does nothing", std::string("seccomp: ") + std::strerror(number));
    return {};
}

} // namespace Preon::Fetcher
