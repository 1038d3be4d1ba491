// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/home/account.h"

#include <chrono>

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

namespace Preon::Home
{

namespace
{
// The nearest folder there is: /home comes with the first home.
std::filesystem::path existing(std::filesystem::path path)
{
    std::error_code ignored;
    while (!std::filesystem::exists(path, ignored) && path.has_relative_path())
        path = path.parent_path();
    return path;
}

bool areOnOneVolume(const std::filesystem::path &one, const std::filesystem::path &other)
{
    struct stat first{}, second{};
    return ::stat(one.c_str(), &first) == 0 && ::stat(other.c_str(), &second) == 0 && first.st_dev == second.st_dev;
}

// How much a home's image will take when its user logs in, and does not take now.
std::uint64_t promised(const Host &host, const Record &home, const std::string &machineId)
{
    const auto size = home.diskSize(machineId);
    if (home.storage(machineId) != "luks" || !size)
        return 0;
    struct stat image{};
    const std::string path = home.imagePath(machineId);
    if (path.empty() || ::lstat(host.path(path).c_str(), &image) != 0 || !S_ISREG(image.st_mode))
        return 0;
    const std::uint64_t taken = static_cast<std::uint64_t>(image.st_blocks) * 512;
    return *size > taken ? *size - taken : 0;
}
}

Result<AccountFacts> readAccountFacts(const Host &host, const std::string &userName, std::span<const Record> homes)
{
    AccountFacts facts;
    const auto folder = existing(host.path("/home"));
    struct statvfs volume{};
    if (::statvfs(folder.c_str(), &volume) != 0)
        return failErrno("The volume of /home could not be looked at");
    facts.freeBytes = static_cast<std::uint64_t>(volume.f_bavail) * volume.f_frsize;
    facts.totalBytes = static_cast<std::uint64_t>(volume.f_blocks) * volume.f_frsize;
    facts.isSystemVolume = areOnOneVolume(folder, existing(host.path("/var")));
    if (const auto id = host.machineId())
        facts.machineId = id->hex();
    for (const Record &home : homes) {
        facts.takenNames.push_back(home.userName());
        facts.promisedBytes += promised(host, home, facts.machineId);
    }
    if (!userName.empty() && (::getpwnam(userName.c_str()) || ::getgrnam(userName.c_str())))
        facts.takenNames.push_back(userName);
    facts.now = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
    return facts;
}

} // namespace Preon::Home
