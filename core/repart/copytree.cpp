// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/repart/copytree.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <memory>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace Preon::Repart
{

namespace
{
constexpr unsigned deepest = 1024; // folders in each other, as systemd allows
constexpr std::size_t chunk = 1U << 20U;

std::unexpected<Error> copyError(const std::string &shown)
{
    return failErrno(shown + " could not be copied");
}

bool isDenied(int number)
{
    return number == EPERM || number == EACCES || number == EOPNOTSUPP || number == ENOSYS || number == ENOTTY;
}

std::array<timespec, 2> timesOf(const struct stat &status)
{
    return {status.st_atim, status.st_mtim};
}

std::string procPath(const Fd &fd)
{
    return "/proc/self/fd/" + std::to_string(fd.get());
}

constexpr std::size_t xattrLimit = 64U << 10U; // the kernel's own, of a list and of a value

// Extended attributes by path, for links and nodes too, which cannot be opened; what may not be set is passed over.
void copyXattrs(const std::string &from, const std::string &to)
{
    std::vector<char> names(xattrLimit), value(xattrLimit);
    const ssize_t length = llistxattr(from.c_str(), names.data(), names.size());
    for (ssize_t at = 0; at < length;) {
        const char *name = names.data() + at;
        at += static_cast<ssize_t>(std::char_traits<char>::length(name)) + 1;
        const ssize_t size = lgetxattr(from.c_str(), name, value.data(), value.size());
        if (size >= 0)
            lsetxattr(to.c_str(), name, value.data(), static_cast<std::size_t>(size), 0);
    }
}

void copyXattrs(const Fd &from, const Fd &to)
{
    std::vector<char> names(xattrLimit), value(xattrLimit);
    const ssize_t length = flistxattr(from.get(), names.data(), names.size());
    for (ssize_t at = 0; at < length;) {
        const char *name = names.data() + at;
        at += static_cast<ssize_t>(std::char_traits<char>::length(name)) + 1;
        const ssize_t size = fgetxattr(from.get(), name, value.data(), value.size());
        if (size >= 0)
            fsetxattr(to.get(), name, value.data(), static_cast<std::size_t>(size), 0);
    }
}

// As /proc/self/fd/N/NAME: the folder is reached by its descriptor, whatever its path is by now.
std::string pathIn(const Fd &folder, const std::string &name)
{
    return procPath(folder) + '/' + name;
}

Result<void> copyRange(const Fd &from, const Fd &to, off_t begin, off_t end, const Progress &progress)
{
    Bytes buffer(chunk);
    while (begin < end) {
        PREON_CHECK(progress.check());
        const ssize_t length = pread(from.get(), buffer.data(), std::min<std::size_t>(buffer.size(), static_cast<std::size_t>(end - begin)), begin);
        if (length < 0)
            return failErrno("A file could not be read");
        if (length == 0) // it became shorter
            return {};
        PREON_CHECK(writeAt(to, static_cast<std::uint64_t>(begin), std::span(buffer).first(static_cast<std::size_t>(length))));
        begin += length;
    }
    return {};
}
}

Result<std::vector<std::string>> namesIn(const Fd &folder, const std::string &shown)
{
    const int copy = openat(folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (copy < 0)
        return copyError(shown);
    const std::unique_ptr<DIR, int (*)(DIR *)> stream(fdopendir(copy), closedir);
    if (!stream)
        return copyError(shown);
    std::vector<std::string> names;
    for (;;) {
        errno = 0;
        const dirent *entry = readdir(stream.get());
        if (!entry && errno != 0)
            return copyError(shown);
        if (!entry)
            return names;
        const std::string name = entry->d_name;
        if (name != "." && name != "..")
            names.push_back(name);
    }
}

void copyAttributes(const Fd &from, const Fd &to)
{
    struct stat status{};
    if (fstat(from.get(), &status) < 0)
        return;
    copyXattrs(from, to);
    (void)fchmod(to.get(), status.st_mode & 07777U);
    const auto times = timesOf(status);
    (void)futimens(to.get(), times.data());
}

Result<void> copyBytes(const Fd &from, const Fd &to, const Progress &progress)
{
    struct stat status{};
    if (fstat(from.get(), &status) < 0)
        return failErrno("A file could not be read");
    if (ioctl(to.get(), FICLONE, from.get()) == 0)
        return {};
    for (off_t at = 0; at < status.st_size;) {
        const off_t begin = lseek(from.get(), at, SEEK_DATA);
        if (begin < 0 && errno == ENXIO)
            break;
        // Where holes cannot be asked for all is data.
        const off_t data = begin < 0 ? at : begin;
        const off_t hole = begin < 0 ? -1 : lseek(from.get(), data, SEEK_HOLE);
        const off_t end = hole < 0 ? status.st_size : hole;
        PREON_CHECK(copyRange(from, to, data, end, progress));
        at = end;
    }
    if (ftruncate(to.get(), status.st_size) < 0)
        return failErrno("A file could not be made as long as its copy");
    return {};
}

TreeCopy::TreeCopy(const Exclusions &exclusions, Progress &progress)
    : m_exclusions(exclusions)
    , m_progress(progress)
{
}

void TreeCopy::remember(const struct stat &status, const std::string &shown)
{
    const std::string path = m_prefix + shown.substr(m_shownPrefix);
    m_linked[inodeOf(status)] = path.substr(std::min(path.find_first_not_of('/'), path.size()));
}

// True when it was copied already under another name, and now has this one too.
Result<bool> TreeCopy::link(const struct stat &status, const Fd &to, const std::string &name)
{
    const auto known = status.st_nlink > 1 ? m_linked.find(inodeOf(status)) : m_linked.end();
    if (known == m_linked.end())
        return false;
    if (linkat(m_start->get(), known->second.c_str(), to.get(), name.c_str(), 0) < 0) {
        if (errno == EEXIST)
            return copyError(name);
        return false; // too many links, or replaced meanwhile: a copy of its own
    }
    return true;
}

Result<void> TreeCopy::file(const Fd &from, const std::string &name, const struct stat &status, const Fd &to, const std::string &shown)
{
    const Fd source(openat(from.get(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK));
    if (!source.isOpen())
        return copyError(shown);
    const Fd copy(openat(to.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, status.st_mode & 07777U));
    if (!copy.isOpen())
        return copyError(shown);
    if (auto copied = copyBytes(source, copy, m_progress); !copied) {
        unlinkat(to.get(), name.c_str(), 0);
        return std::unexpected(copied.error().during(shown + " could not be copied"));
    }
    if (fchown(copy.get(), status.st_uid, status.st_gid) < 0 || fchmod(copy.get(), status.st_mode & 07777U) < 0)
        return copyError(shown);
    copyXattrs(source, copy);
    const auto times = timesOf(status);
    (void)futimens(copy.get(), times.data());
    if (status.st_nlink > 1)
        remember(status, shown);
    return {};
}

Result<void> TreeCopy::symlink(const Fd &from, const std::string &name, const struct stat &status, const Fd &to, const std::string &shown)
{
    std::array<char, PATH_MAX> target{};
    const ssize_t length = readlinkat(from.get(), name.c_str(), target.data(), target.size() - 1);
    if (length < 0 || symlinkat(target.data(), to.get(), name.c_str()) < 0)
        return copyError(shown);
    if (fchownat(to.get(), name.c_str(), status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
        return copyError(shown);
    copyXattrs(pathIn(from, name), pathIn(to, name));
    const auto times = timesOf(status);
    (void)utimensat(to.get(), name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW);
    return {};
}

// A FIFO, socket or device.
Result<void> TreeCopy::node(const std::string &name, const struct stat &status, const Fd &to, const std::string &shown)
{
    if (mknodat(to.get(), name.c_str(), status.st_mode, status.st_rdev) < 0) {
        if (!isDenied(errno))
            return copyError(shown);
        m_progress.log("Left out " + shown + ", which may not be made here.");
        return {};
    }
    if (fchownat(to.get(), name.c_str(), status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) < 0
        || fchmodat(to.get(), name.c_str(), status.st_mode & 07777U, 0) < 0)
        return copyError(shown);
    const auto times = timesOf(status);
    (void)utimensat(to.get(), name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW);
    if (status.st_nlink > 1)
        remember(status, shown);
    return {};
}

Result<void> TreeCopy::leaf(const Fd &from, const std::string &name, const struct stat &status, const Fd &to, const std::string &shown)
{
    if (!S_ISLNK(status.st_mode)) {
        PREON_TRY(const bool linked, link(status, to, name));
        if (linked)
            return {};
    }
    if (S_ISREG(status.st_mode))
        return file(from, name, status, to, shown);
    if (S_ISLNK(status.st_mode))
        return symlink(from, name, status, to, shown);
    return node(name, status, to, shown);
}

Result<void> TreeCopy::entry(const Fd &from, const std::string &name, const Fd &to, const std::string &shown, unsigned depth)
{
    PREON_CHECK(m_progress.check());
    struct stat status{};
    if (fstatat(from.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0)
        return copyError(shown);
    const auto excluded = m_exclusions.find(inodeOf(status));
    if (excluded != m_exclusions.end() && excluded->second == Leave::It)
        return {};
    if (S_ISDIR(status.st_mode)) {
        const Fd source(openat(from.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW));
        return source.isOpen() ? folder(source, status, to, name, shown, depth) : copyError(shown);
    }
    auto copied = leaf(from, name, status, to, shown);
    if (copied || copied.error().code != ErrorCode::Exists)
        return copied;
    if (unlinkat(to.get(), name.c_str(), 0) < 0) // a folder stays where a file would take its place
        return errno == EISDIR ? Result<void>() : copied;
    return leaf(from, name, status, to, shown);
}

Result<void> TreeCopy::content(const Fd &from, const struct stat &status, const Fd &to, const std::string &shown, unsigned depth)
{
    if (depth == 0)
        return fail(ErrorCode::Unsupported, shown + " could not be copied", "it has more than " + std::to_string(deepest) + " folders in each other");
    const auto excluded = m_exclusions.find(inodeOf(status));
    if (excluded != m_exclusions.end()) // whatever it is: its content at least stays behind
        return {};
    if (!m_above.insert(inodeOf(status)).second)
        return fail(ErrorCode::BadArgument, shown + " could not be copied", "it is one of the folders that it lies in");
    PREON_TRY(const auto names, namesIn(from, shown));
    for (const std::string &name : names)
        PREON_CHECK(entry(from, name, to, shown + '/' + name, depth - 1));
    m_above.erase(inodeOf(status));
    return {};
}

Result<void> TreeCopy::folder(const Fd &from, const struct stat &status, const Fd &parent, const std::string &name, const std::string &shown, unsigned depth)
{
    const bool made = mkdirat(parent.get(), name.c_str(), status.st_mode & 07777U) == 0;
    if (!made && errno != EEXIST)
        return copyError(shown);
    const Fd to(openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW));
    struct stat before{};
    if (!to.isOpen() || fstat(to.get(), &before) < 0)
        return copyError(shown);
    PREON_CHECK(content(from, status, to, shown, depth));
    if (made) {
        if (fchown(to.get(), status.st_uid, status.st_gid) < 0 || fchmod(to.get(), status.st_mode & 07777U) < 0)
            return copyError(shown);
        copyXattrs(from, to);
    }
    const auto times = timesOf(made ? status : before);
    (void)futimens(to.get(), times.data());
    return {};
}

Result<void> TreeCopy::merge(const Fd &from, const Fd &to, const std::string &shown)
{
    struct stat status{}, before{};
    if (fstat(from.get(), &status) < 0 || fstat(to.get(), &before) < 0)
        return copyError(shown);
    m_start = &to;
    m_shownPrefix = shown.size();
    PREON_CHECK(content(from, status, to, shown, deepest));
    const auto times = timesOf(before);
    (void)futimens(to.get(), times.data());
    return {};
}

Result<void> TreeCopy::create(const Fd &from, const Fd &parent, const std::string &name, const std::string &shown)
{
    struct stat status{};
    if (fstat(from.get(), &status) < 0)
        return copyError(shown);
    m_start = &parent;
    m_prefix = name;
    m_shownPrefix = shown.size();
    return folder(from, status, parent, name, shown, deepest);
}

} // namespace Preon::Repart
