// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "helper/fetch/confine.h"

#include "core/base/units.h"
#include "core/base/fd.h"

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace Preon::Fetcher
{

namespace
{
constexpr const char *userName = "preon-fetch";
// The address sanitizer does, for its shadow of all memory.
#ifdef PREON_ADDRESS_SANITIZER
constexpr bool reservesTerabytes = true;
#else
constexpr bool reservesTerabytes = false;
#endif

std::unexpected<Error> refused(std::string why, std::string todo = {})
{
    return fail(ErrorCode::Permission, "preon-fetch cannot give up its rights and does nothing", std::move(why), std::move(todo));
}

std::unexpected<Error> refusedErrno(const std::string &call)
{
    const int number = errno;
    return refused(call + ": " + std::strerror(number));
}

Result<void> limit(__rlimit_resource resource, rlim_t value, const char *name)
{
    const rlimit both{value, value};
    if (::setrlimit(resource, &both) < 0)
        return refusedErrno(name);
    return {};
}

// All that Landlock of this version can take away from the file system.
std::uint64_t allFileRights(int version)
{
    std::uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1U) - 1;
    if (version >= 2)
        rights |= LANDLOCK_ACCESS_FS_REFER;
    if (version >= 3)
        rights |= LANDLOCK_ACCESS_FS_TRUNCATE;
    if (version >= 5)
        rights |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
    return rights;
}

// What is not there needs no right.
Result<void> allowReading(const Fd &rules, const std::filesystem::path &path)
{
    const auto place = openFile(path, O_PATH);
    if (!place && (place.error().code == ErrorCode::NotFound || place.error().code == ErrorCode::Permission))
        return {};
    if (!place)
        return refused(place.error().text());
    struct stat state{};
    if (::fstat(place->get(), &state) < 0)
        return refusedErrno(path.string());
    landlock_path_beneath_attr beneath{};
    beneath.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | (S_ISDIR(state.st_mode) ? LANDLOCK_ACCESS_FS_READ_DIR : 0U);
    beneath.parent_fd = place->get();
    if (::syscall(SYS_landlock_add_rule, rules.get(), LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) < 0)
        return refusedErrno("landlock_add_rule " + path.string());
    return {};
}
}

Result<void> changeUser()
{
    if (::geteuid() != 0)
        return {};
    const passwd *user = ::getpwnam(userName);
    if (!user)
        return refused(std::string("there is no user ") + userName, "Run systemd-sysusers");
    const uid_t uid = user->pw_uid;
    const gid_t gid = user->pw_gid;
    if (uid == 0 || gid == 0)
        return refused(std::string("the user ") + userName + " is root");
    if (::setgroups(0, nullptr) < 0)
        return refusedErrno("setgroups");
    if (::setresgid(gid, gid, gid) < 0)
        return refusedErrno("setresgid");
    if (::setresuid(uid, uid, uid) < 0)
        return refusedErrno("setresuid");
    return {};
}

Result<void> limitResources(Job job)
{
    PREON_CHECK(limit(RLIMIT_CORE, 0, "RLIMIT_CORE"));
    PREON_CHECK(limit(RLIMIT_FSIZE, 0, "RLIMIT_FSIZE"));
    PREON_CHECK(limit(RLIMIT_MEMLOCK, 0, "RLIMIT_MEMLOCK"));
    PREON_CHECK(limit(RLIMIT_NOFILE, 64, "RLIMIT_NOFILE"));
    // xz -9 and the largest usual window of zstd need 128 MiB; threads of a resolver reserve much that they do not use.
    if (reservesTerabytes)
        return {};
    return limit(RLIMIT_AS, (job == Job::Unpack ? 512 : 1024) * mebibyte, "RLIMIT_AS");
}

Result<bool> restrictFiles(Job job, const std::vector<std::filesystem::path> &readable)
{
    const auto version = static_cast<int>(::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
    if (version < 0 && (errno == ENOSYS || errno == EOPNOTSUPP))
        return false;
    if (version < 0)
        return refusedErrno("landlock_create_ruleset");
    landlock_ruleset_attr attributes{};
    attributes.handled_access_fs = allFileRights(version);
    if (version >= 4)
        attributes.handled_access_net = LANDLOCK_ACCESS_NET_BIND_TCP | (job == Job::Unpack ? LANDLOCK_ACCESS_NET_CONNECT_TCP : 0U);
    if (version >= 6)
        attributes.scoped = LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL;
    const Fd rules(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
    if (!rules.isOpen())
        return refusedErrno("landlock_create_ruleset");
    if (job == Job::Fetch) {
        // Certificates, the resolver's settings (which may be links into /run), libraries.
        for (const char *path :
             {"/etc", "/usr", "/lib", "/lib64", "/run/systemd/resolve", "/run/NetworkManager", "/run/resolvconf", "/var/lib/ca-certificates"})
            PREON_CHECK(allowReading(rules, path));
        for (const std::filesystem::path &path : readable)
            PREON_CHECK(allowReading(rules, path));
    }
    if (::syscall(SYS_landlock_restrict_self, rules.get(), 0) < 0)
        return refusedErrno("landlock_restrict_self");
    return true;
}

Result<Confined> confine(Job job, const std::vector<std::filesystem::path> &readable)
{
    PREON_CHECK(changeUser());
    // After it, as looking for the user may leave some open.
    if (::close_range(STDERR_FILENO + 1, UINT_MAX, 0) < 0)
        return refusedErrno("close_range");
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return refusedErrno("PR_SET_NO_NEW_PRIVS");
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return refusedErrno("PR_SET_DUMPABLE");
    // Again: another user's process had forgotten it.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        return refusedErrno("PR_SET_PDEATHSIG");
    PREON_CHECK(limitResources(job));
    PREON_TRY(const bool hasLandlock, restrictFiles(job, readable));
    PREON_CHECK(restrictCalls(job));
    return Confined{hasLandlock};
}

} // namespace Preon::Fetcher
