// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/update/treewriter.h"

#include "core/base/uuid.h"
#include "core/repart/copytree.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace Preon::Update
{

namespace
{
using Fetch::EntryKind;
using Fetch::TreeEntry;

// Until the end, so that nobody gets to files of others' rights before all of it is known to be right.
constexpr mode_t whileItIsMade = 0700;
constexpr mode_t whileAFileIsMade = 0600;
constexpr std::size_t rememberedLimit = 256U << 20U;
constexpr std::size_t costOfFolder = 256; // beside its path and attributes, about

std::string parentPath(const std::string &path)
{
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

std::string lastPart(const std::string &path)
{
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? path : path.substr(slash + 1);
}

std::array<timespec, 2> timesOf(const TreeEntry &entry)
{
    return {timespec{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, timespec{.tv_sec = entry.modified, .tv_nsec = static_cast<long>(entry.modifiedNanoseconds)}};
}

// Others mean something to this system and not to the archive's (trusted.overlay.opaque, security.ima); tar as systemd runs it may not set them either.
bool isTaken(const std::string &attribute)
{
    return attribute.starts_with("user.") || attribute.starts_with("system.posix_acl_") || attribute == "security.capability"
        || attribute == "security.selinux";
}

// Whether it has an os-release, with links followed as if it were the root.
bool isOsTree(const Fd &folder)
{
    for (const char *path : {"etc/os-release", "usr/lib/os-release"}) {
        open_how how{};
        how.flags = O_PATH | O_CLOEXEC;
        how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
        const Fd file(static_cast<int>(::syscall(SYS_openat2, folder.get(), path, &how, sizeof how)));
        struct stat status{};
        if (file.isOpen() && ::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode))
            return true;
    }
    return false;
}

mode_t typeOf(EntryKind kind)
{
    switch (kind) {
    case EntryKind::CharacterDevice:
        return S_IFCHR;
    case EntryKind::BlockDevice:
        return S_IFBLK;
    default:
        return S_IFIFO;
    }
}
}

TreeWriter::TreeWriter(Fd tree, std::string shown, Progress &progress)
    : m_tree(std::move(tree))
    , m_shown(std::move(shown))
    , m_progress(progress)
    , m_isRoot(::geteuid() == 0)
{
    m_folders[""] = {};
    (void)::fchmod(m_tree.get(), whileItIsMade);
}

std::unexpected<Error> TreeWriter::cannot(const std::string &path) const
{
    return failErrno(m_shown + (path.empty() ? "" : "/") + path + " could not be made");
}

std::unexpected<Error> TreeWriter::contradicts(const std::string &path, std::string why) const
{
    return fail(ErrorCode::BadFormat, m_shown + (path.empty() ? "" : "/") + path + " could not be made", std::move(why),
                "The archive is at fault: tell its maker.");
}

// Whatever lies there by now, this leads down and to a folder; "" is the tree itself.
Result<Fd> TreeWriter::openFolder(const std::string &path) const
{
    open_how how{};
    how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
    Fd folder(static_cast<int>(::syscall(SYS_openat2, m_tree.get(), path.empty() ? "." : path.c_str(), &how, sizeof how)));
    if (folder.isOpen())
        return folder;
    if (errno == ELOOP || errno == ENOTDIR)
        return contradicts(path, "there is a link or a file where a folder has to be");
    return cannot(path);
}

Result<void> TreeWriter::remember(const std::string &path, Folder folder)
{
    m_remembered += path.size() + costOfFolder;
    for (const auto &[name, value] : folder.entry.attributes)
        m_remembered += name.size() + value.size();
    if (m_remembered > rememberedLimit)
        return fail(ErrorCode::Unsupported, m_shown + " could not be made", "the archive has more folders than can be kept in mind");
    m_folders[path] = std::move(folder);
    return {};
}

Result<void> TreeWriter::makeFolder(const std::string &path)
{
    PREON_TRY(const Fd *parent, parentOf(path));
    const std::string name = lastPart(path);
    if (::mkdirat(parent->get(), name.c_str(), whileItIsMade) == 0)
        return remember(path, {});
    return errno == EEXIST ? Result<void>() : cannot(path);
}

// The folder that the path lies in, made where it is missing. It is kept open: most entries lie beside the one before.
Result<const Fd *> TreeWriter::parentOf(const std::string &path)
{
    const std::string parent = parentPath(path);
    if (m_parent.isOpen() && m_parentPath == parent)
        return &m_parent;
    auto opened = openFolder(parent);
    if (!opened && opened.error().code == ErrorCode::NotFound) {
        for (std::size_t slash = parent.find('/'); slash != std::string::npos; slash = parent.find('/', slash + 1)) {
            if (const auto there = openFolder(parent.substr(0, slash)); !there && there.error().code == ErrorCode::NotFound)
                PREON_CHECK(makeFolder(parent.substr(0, slash)));
        }
        PREON_CHECK(makeFolder(parent));
        opened = openFolder(parent);
    }
    if (!opened)
        return std::unexpected(std::move(opened).error());
    m_parent = std::move(*opened);
    m_parentPath = parent;
    return &m_parent;
}

Result<void> TreeWriter::remove(const Fd &parent, const std::string &path)
{
    const std::string name = lastPart(path);
    if (::unlinkat(parent.get(), name.c_str(), 0) == 0)
        return {};
    if (errno != EISDIR)
        return cannot(path);
    if (::unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR) == 0) {
        m_folders.erase(path);
        return {};
    }
    if (errno == ENOTEMPTY || errno == EEXIST)
        return contradicts(path, "it is a folder with files first, and something else afterwards");
    return cannot(path);
}

// What is there under that name goes, once.
Result<void> TreeWriter::placed(const Fd &parent, const std::string &path, const std::function<int(const char *name)> &make)
{
    const std::string name = lastPart(path);
    if (make(name.c_str()) >= 0)
        return {};
    if (errno != EEXIST)
        return cannot(path);
    PREON_CHECK(remove(parent, path));
    return make(name.c_str()) >= 0 ? Result<void>() : cannot(path);
}

// Extended attributes that this file system does not have, or that may not be set here, are passed over, as tar does.
Result<void> TreeWriter::setExtended(const TreeEntry &entry, const std::function<int(const char *name, ByteView value)> &set)
{
    for (const auto &[name, value] : entry.attributes) {
        const bool taken = isTaken(name);
        if (taken && set(name.c_str(), value) == 0)
            continue;
        if (taken && (errno == ENOSPC || errno == EDQUOT || errno == EIO))
            return cannot(entry.path);
        if (!std::exchange(m_saidAttributes, true))
            m_progress.log("Attributes that may not be set here are left out (" + name + " of " + m_shown + '/' + entry.path + ").");
    }
    return {};
}

// In this order: a new owner takes away setuid bits and capabilities, a mode without writing the right to set attributes.
Result<void> TreeWriter::setAttributes(const Fd &fd, const TreeEntry &entry)
{
    // Only root gives files away.
    if (m_isRoot && ::fchown(fd.get(), entry.owner, entry.group) < 0)
        return cannot(entry.path);
    PREON_CHECK(setExtended(entry, [&fd](const char *name, ByteView value) { return ::fsetxattr(fd.get(), name, value.data(), value.size(), 0); }));
    if (::fchmod(fd.get(), entry.mode) < 0)
        return cannot(entry.path);
    const auto times = timesOf(entry);
    return ::futimens(fd.get(), times.data()) < 0 ? cannot(entry.path) : Result<void>();
}

Result<void> TreeWriter::folder(const TreeEntry &entry)
{
    if (entry.path.empty())
        return remember("", {.mode = entry.mode, .isNamed = true, .entry = entry});
    PREON_TRY(const Fd *parent, parentOf(entry.path));
    const std::string name = lastPart(entry.path);
    if (::mkdirat(parent->get(), name.c_str(), whileItIsMade) < 0) {
        if (errno != EEXIST)
            return cannot(entry.path);
        struct stat status{};
        if (::fstatat(parent->get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0)
            return cannot(entry.path);
        if (!S_ISDIR(status.st_mode)) {
            PREON_CHECK(remove(*parent, entry.path));
            if (::mkdirat(parent->get(), name.c_str(), whileItIsMade) < 0)
                return cannot(entry.path);
        }
    }
    return remember(entry.path, {.mode = entry.mode, .isNamed = true, .entry = entry});
}

Result<void> TreeWriter::file(const TreeEntry &entry)
{
    PREON_TRY(const Fd *parent, parentOf(entry.path));
    PREON_CHECK(placed(*parent, entry.path, [&](const char *name) {
        m_file = Fd(::openat(parent->get(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, whileAFileIsMade));
        return m_file.get();
    }));
    m_fileEntry = entry;
    return {};
}

Result<void> TreeWriter::data(std::uint64_t offset, ByteView bytes)
{
    PREON_CHECK(m_progress.check());
    if (auto written = writeAt(m_file, offset, bytes); !written)
        return std::unexpected(written.error().during(m_shown + '/' + m_fileEntry.path + " could not be made"));
    return {};
}

Result<void> TreeWriter::finishFile()
{
    if (!m_file.isOpen())
        return {};
    const Fd file = std::move(m_file);
    struct stat status{};
    if (::fstat(file.get(), &status) < 0)
        return cannot(m_fileEntry.path);
    // A hole at the end.
    if (static_cast<std::uint64_t>(status.st_size) != m_fileEntry.size && ::ftruncate(file.get(), static_cast<off_t>(m_fileEntry.size)) < 0)
        return cannot(m_fileEntry.path);
    return setAttributes(file, m_fileEntry);
}

// All that lies below the tree came from the archive, so that such a link leads to nothing else.
Result<void> TreeWriter::hardLink(const TreeEntry &entry)
{
    const auto nothing = [&] {
        return contradicts(entry.path, "it is a link to " + entry.target + ", which does not come before it");
    };
    auto from = openFolder(parentPath(entry.target));
    if (!from)
        return from.error().code == ErrorCode::NotFound ? nothing() : std::unexpected(std::move(from).error());
    const std::string name = lastPart(entry.target);
    struct stat status{}, before{};
    if (::fstatat(from->get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? nothing() : cannot(entry.path);
    if (S_ISDIR(status.st_mode))
        return contradicts(entry.path, "it is a hard link to the folder " + entry.target);
    PREON_TRY(const Fd *parent, parentOf(entry.path));
    if (::fstatat(parent->get(), lastPart(entry.path).c_str(), &before, AT_SYMLINK_NOFOLLOW) == 0 && before.st_dev == status.st_dev
        && before.st_ino == status.st_ino)
        return {};
    return placed(*parent, entry.path, [&](const char *linked) { return ::linkat(from->get(), name.c_str(), parent->get(), linked, 0); });
}

// A symbolic link, a device or a FIFO: none of them is ever opened.
Result<void> TreeWriter::other(const TreeEntry &entry)
{
    PREON_TRY(const Fd *parent, parentOf(entry.path));
    const bool isLink = entry.kind == EntryKind::SymbolicLink;
    PREON_CHECK(placed(*parent, entry.path, [&](const char *name) {
        return isLink
            ? ::symlinkat(entry.target.c_str(), parent->get(), name)
            : ::mknodat(parent->get(), name, typeOf(entry.kind) | whileAFileIsMade, entry.kind == EntryKind::Fifo ? 0 : ::makedev(entry.major, entry.minor));
    }));
    const std::string name = lastPart(entry.path);
    if (m_isRoot && ::fchownat(parent->get(), name.c_str(), entry.owner, entry.group, AT_SYMLINK_NOFOLLOW) < 0)
        return cannot(entry.path);
    if (!isLink && ::fchmodat(parent->get(), name.c_str(), entry.mode, AT_SYMLINK_NOFOLLOW) < 0)
        return cannot(entry.path);
    const std::string way = "/proc/self/fd/" + std::to_string(parent->get()) + '/' + name;
    PREON_CHECK(
        setExtended(entry, [&way](const char *attribute, ByteView value) { return ::lsetxattr(way.c_str(), attribute, value.data(), value.size(), 0); }));
    const auto times = timesOf(entry);
    return ::utimensat(parent->get(), name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) < 0 ? cannot(entry.path) : Result<void>();
}

Result<void> TreeWriter::entry(const TreeEntry &entry)
{
    PREON_CHECK(m_progress.check());
    PREON_CHECK(finishFile());
    switch (entry.kind) {
    case EntryKind::Folder:
        return folder(entry);
    case EntryKind::File:
        return file(entry);
    case EntryKind::HardLink:
        return hardLink(entry);
    default:
        return other(entry);
    }
}

Result<void> TreeWriter::moveUp()
{
    if (isOsTree(m_tree))
        return {};
    PREON_TRY(const auto top, Repart::namesIn(m_tree, m_shown));
    if (top.size() != 1)
        return {};
    const auto only = openFolder(top.front());
    if (!only || !isOsTree(*only))
        return {};
    PREON_TRY(const auto names, Repart::namesIn(*only, m_shown));
    // What is in it may have its name.
    PREON_TRY(const Uuid unique, Uuid::random());
    const std::string aside = ".#" + unique.text();
    if (::renameat2(m_tree.get(), top.front().c_str(), m_tree.get(), aside.c_str(), RENAME_NOREPLACE) < 0)
        return cannot(top.front());
    for (const std::string &name : names) {
        if (::renameat2(only->get(), name.c_str(), m_tree.get(), name.c_str(), RENAME_NOREPLACE) < 0)
            return cannot(name);
    }
    if (::unlinkat(m_tree.get(), aside.c_str(), AT_REMOVEDIR) < 0)
        return cannot(aside);
    std::map<std::string, Folder> folders;
    for (auto &[path, folder] : m_folders) {
        // It takes the place of the tree's own, with all its attributes.
        if (!path.empty())
            folders.emplace(path.substr(std::min(path.size(), top.front().size() + 1)), std::move(folder));
    }
    m_folders = std::move(folders);
    return {};
}

Result<void> TreeWriter::finishFolder(const std::string &path, const Folder &folder)
{
    PREON_TRY(const Fd fd, openFolder(path));
    if (folder.isNamed)
        return setAttributes(fd, folder.entry);
    return ::fchmod(fd.get(), folder.mode) < 0 ? cannot(path) : Result<void>();
}

Result<void> TreeWriter::finish()
{
    PREON_CHECK(finishFile());
    m_parent.reset();
    PREON_CHECK(moveUp());
    // From the end: what lies in a folder has a longer path with the same beginning.
    for (auto each = m_folders.rbegin(); each != m_folders.rend(); ++each)
        PREON_CHECK(finishFolder(each->first, each->second));
    return {};
}

} // namespace Preon::Update
