// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/fetch/confine.h"

#include "core/base/fd.h"
#include "tests/unit/boot/folder.h"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace Preon;
using namespace Preon::Fetcher;

namespace
{

constexpr uid_t nobody = 65534;
constexpr int notConfined = 200;
constexpr int killed = 1000; // and the signal

// What becomes of a child that is confined and then does that: its exit status, or killed + signal.
int attempt(Job job, const std::function<int()> &deed)
{
    const pid_t child = ::fork();
    if (child == 0) {
        // Root's own way into it is a test of its own.
        if (::geteuid() == 0 && (::setgroups(0, nullptr) < 0 || ::setresgid(nobody, nobody, nobody) < 0 || ::setresuid(nobody, nobody, nobody) < 0))
            ::_exit(notConfined);
        if (!confine(job))
            ::_exit(notConfined);
        ::_exit(deed());
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? killed + WTERMSIG(status) : WEXITSTATUS(status);
}

int errnoOf(long result)
{
    return result < 0 ? errno : 0;
}

struct Deed {
    const char *name;
    std::function<int()> does;
    int asFetch; // killed + SIGSYS, or what it returns
    int asUnpack;
};

constexpr int dies = killed + SIGSYS;

int opened(const char *path, int flags)
{
    return errnoOf(::open(path, flags | O_CLOEXEC));
}

int socketOf(int family, int type, int protocol = 0)
{
    return errnoOf(::socket(family, type, protocol));
}

int mapped(int protection)
{
    return errnoOf(reinterpret_cast<long>(::mmap(nullptr, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)));
}

int executed()
{
    char program[] = "/bin/true";
    char *arguments[] = {program, nullptr};
    return errnoOf(::execv(program, arguments));
}

class DeedTest : public testing::TestWithParam<Deed>
{
};

TEST_P(DeedTest, isAllowedRefusedOrDeadly)
{
    EXPECT_EQ(attempt(Job::Fetch, GetParam().does), GetParam().asFetch);
    EXPECT_EQ(attempt(Job::Unpack, GetParam().does), GetParam().asUnpack);
}

INSTANTIATE_TEST_SUITE_P(Confined, DeedTest,
                         testing::Values(Deed{"nothing", [] { return 0; }, 0, 0}, //
                                         Deed{"writesToItsPipe", [] { return errnoOf(::write(STDERR_FILENO, "", 0)); }, 0, 0},
                                         Deed{"takesMemory", [] { return mapped(PROT_READ | PROT_WRITE); }, 0, 0}, //
                                         Deed{"takesMemoryForCode", [] { return mapped(PROT_READ | PROT_EXEC); }, EPERM, EPERM},
                                         Deed{"makesMemoryCode",
                                              [] {
                                                  void *page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                                                  return errnoOf(::mprotect(page, 4096, PROT_READ | PROT_EXEC));
                                              },
                                              EPERM, EPERM},
                                         Deed{"runsAProgram", executed, dies, dies}, //
                                         Deed{"forks", [] { return errnoOf(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr)); }, dies, dies},
                                         Deed{"startsAThread",
                                              [] {
                                                  std::thread([] { }).join();
                                                  return 0;
                                              },
                                              0, dies},
                                         Deed{"readsSettings", [] { return opened("/etc/passwd", O_RDONLY); }, 0, dies}, //
                                         Deed{"writesSettings", [] { return opened("/etc/passwd", O_WRONLY); }, dies, dies},
                                         Deed{"readsDevices", [] { return opened("/dev/zero", O_RDONLY); }, EACCES, dies}, //
                                         Deed{"readsProcesses", [] { return opened("/proc/self/maps", O_RDONLY); }, EACCES, dies},
                                         Deed{"readsTheRoot", [] { return opened("/", O_RDONLY | O_DIRECTORY); }, EACCES, dies},
                                         Deed{"makesAFile", [] { return errnoOf(::open("/tmp/preon-fetch-was-here", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)); },
                                              dies, dies},
                                         Deed{"makesATemporaryFile", [] { return errnoOf(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)); }, dies, dies},
                                         Deed{"removesAFile", [] { return errnoOf(::unlink("/tmp/preon-fetch-was-here")); }, dies, dies}, //
                                         Deed{"opensAConnection", [] { return socketOf(AF_INET, SOCK_STREAM); }, 0, dies},
                                         Deed{"opensAConnection6", [] { return socketOf(AF_INET6, SOCK_STREAM); }, 0, dies}, //
                                         Deed{"talksToServicesOfTheMachine", [] { return socketOf(AF_UNIX, SOCK_STREAM); }, EAFNOSUPPORT, dies},
                                         Deed{"listensToTheKernel", [] { return socketOf(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT); }, dies, dies},
                                         Deed{"seesAllPackets", [] { return socketOf(AF_PACKET, SOCK_RAW); }, dies, dies}, //
                                         Deed{"servesOthers",
                                              [] {
                                                  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
                                                  return errnoOf(::listen(fd, 1));
                                              },
                                              dies, dies},
                                         Deed{"signalsOthers", [] { return errnoOf(::kill(::getppid(), 0)); }, dies, dies}, //
                                         Deed{"tracesOthers", [] { return errnoOf(::ptrace(PTRACE_ATTACH, 1, nullptr, nullptr)); }, dies, dies},
                                         Deed{"makesANamespace", [] { return errnoOf(::unshare(CLONE_NEWUSER)); }, dies, dies},
                                         Deed{"movesBytesPastRoot", [] { return errnoOf(::vmsplice(STDOUT_FILENO, nullptr, 0, 0)); }, dies, dies},
                                         Deed{"letsTheKernelWork", [] { return errnoOf(::syscall(SYS_io_uring_setup, 1, nullptr)); }, dies, dies},
                                         Deed{"becomesDumpableAgain", [] { return errnoOf(::prctl(PR_SET_DUMPABLE, 1)); }, dies, dies},
                                         Deed{"becomesRoot", [] { return errnoOf(::setuid(0)); }, dies, dies}),
                         [](const auto &each) { return each.param.name; });

TEST(Confine, limitsAreSet)
{
    EXPECT_EQ(attempt(Job::Fetch,
                      [] {
                          for (const auto resource : {RLIMIT_CORE, RLIMIT_FSIZE, RLIMIT_MEMLOCK}) {
                              rlimit limit{};
                              if (::getrlimit(resource, &limit) < 0 || limit.rlim_cur != 0 || limit.rlim_max != 0)
                                  return 1;
                          }
                          return 0;
                      }),
              0);
}

TEST(Confine, closesWhatIsNotItsOwn)
{
    const auto file = openFile("/etc/passwd", O_RDONLY);
    ASSERT_TRUE(file);
    EXPECT_EQ(attempt(Job::Fetch,
                      [&] {
                          char byte = 0;
                          return errnoOf(::read(file->get(), &byte, 1));
                      }),
              EBADF);
}

std::string statusField(pid_t process, const std::string &name)
{
    std::ifstream status("/proc/" + std::to_string(process) + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with(name + ":\t"))
            return line.substr(name.size() + 2);
    }
    return "(none)";
}

// From here on this process alone sees other users of the machine.
bool seesUsers(const std::filesystem::path &folder, const std::string &users)
{
    const std::filesystem::path path = folder / "passwd";
    std::ofstream(path) << users;
    return ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0
        && ::mount(path.c_str(), "/etc/passwd", nullptr, MS_BIND, nullptr) == 0;
}

// A child that root confines sits there until it is looked at: as which user, with what.
TEST(Confine, rootBecomesAnotherUserWithoutAnyPrivilege)
{
    if (::geteuid() != 0)
        return; // an ordinary user changes nothing here; DeedTest covers it
    std::array<int, 2> ready{};
    std::array<int, 2> go{};
    ASSERT_EQ(::pipe(ready.data()), 0);
    ASSERT_EQ(::pipe(go.data()), 0);
    const TemporaryFolder folder;
    const pid_t child = ::fork();
    if (child == 0) {
        if (!seesUsers(folder.path, "root:x:0:0::/root:/bin/sh\npreon-fetch:x:4711:4712::/:/usr/sbin/nologin\n"))
            ::_exit(77);
        ::dup2(go[0], 0);
        ::dup2(ready[1], 1);
        const bool confined = confine(Job::Unpack).has_value();
        char byte = confined ? 'y' : 'n';
        if (::write(1, &byte, 1) < 0)
            ::_exit(1);
        while (::read(0, &byte, 1) > 0) { }
        ::_exit(0);
    }
    ::close(ready[1]);
    ::close(go[0]);
    char answer = '?';
    ASSERT_EQ(::read(ready[0], &answer, 1), 1);
    EXPECT_EQ(answer, 'y');
    EXPECT_EQ(statusField(child, "Uid"), "4711\t4711\t4711\t4711");
    EXPECT_EQ(statusField(child, "Gid"), "4712\t4712\t4712\t4712");
    EXPECT_EQ(statusField(child, "Groups"), " ");
    EXPECT_EQ(statusField(child, "CapPrm"), "0000000000000000");
    EXPECT_EQ(statusField(child, "CapEff"), "0000000000000000");
    EXPECT_EQ(statusField(child, "CapAmb"), "0000000000000000");
    EXPECT_EQ(statusField(child, "NoNewPrivs"), "1");
    EXPECT_EQ(statusField(child, "Seccomp"), "2");
    ::close(go[1]);
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
}

TEST(Confine, withoutItsUserRootRefuses)
{
    if (::geteuid() != 0)
        return;
    const TemporaryFolder folder;
    const pid_t child = ::fork();
    if (child == 0) {
        if (!seesUsers(folder.path, "root:x:0:0::/root:/bin/sh\n"))
            ::_exit(77);
        const auto confined = confine(Job::Unpack);
        ::_exit(!confined && confined.error().why == "there is no user preon-fetch" && ::geteuid() == 0 ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
}

}
