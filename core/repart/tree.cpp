// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/repart/tree.h"

#include "core/repart/copytree.h"
#include "core/repart/words.h"

#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace Preon::Repart
{

namespace
{
constexpr mode_t folderMode = 0755;
// What the kernel and programs fill at run time.
constexpr std::array volatileFolders{"proc", "sys", "dev", "tmp", "run", "var/tmp"};

// A path with links followed as if the folder were the root.
Fd openBelow(const Fd &root, const std::string &path, int flags)
{
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC | (flags & O_PATH ? 0 : O_NOCTTY));
    how.resolve = RESOLVE_IN_ROOT;
    return Fd(static_cast<int>(syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof how)));
}

std::string parentOf(const std::string &path)
{
    return std::filesystem::path(path).parent_path().string();
}

std::string lastPart(const std::string &path)
{
    return std::filesystem::path(path).filename().string();
}

struct Builder {
    const Contents &contents;
    const TreeOptions &options;
    Progress &progress;
    Fd source, target;

    Result<void> copyRoot() const;
    Result<void> copy(const CopyFiles &files);
    Result<void> copyFolder(const CopyFiles &files, const Fd &from, const Exclusions &exclusions);
    Result<void> copyFile(const CopyFiles &files, const Fd &from);
    Result<bool> collect(const CopyFiles &files, Exclusions &exclusions) const;
    Result<void> exclude(const std::string &path, Leave what, Exclusions &exclusions) const;
    Result<bool> isExcluded(const CopyFiles &files, const Exclusions &exclusions) const;
    Result<void> makeFolders(const std::string &path) const;
    Result<Fd> makeParent(const std::string &path) const;
    void setTimes(const Fd &folder, bool access) const;
};

void Builder::setTimes(const Fd &folder, bool access) const
{
    if (!options.epoch)
        return;
    const timespec epoch{.tv_sec = *options.epoch, .tv_nsec = 0};
    const std::array<timespec, 2> times{access ? epoch : timespec{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, epoch};
    (void)futimens(folder.get(), times.data());
}

Result<void> Builder::makeFolders(const std::string &path) const
{
    if (path.empty() || path == "/")
        return {};
    PREON_TRY(const Fd parent, makeParent(path));
    const std::string name = lastPart(path);
    if (mkdirat(parent.get(), name.c_str(), folderMode) < 0)
        return errno == EEXIST ? Result<void>() : failErrno(path + " could not be made in the new file system");
    const Fd made(openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    setTimes(parent, false);
    setTimes(made, true);
    return {};
}

Result<Fd> Builder::makeParent(const std::string &path) const
{
    const std::string parent = parentOf(path);
    PREON_CHECK(makeFolders(parent));
    Fd fd = openBelow(target, parent, O_RDONLY | O_DIRECTORY);
    if (!fd.isOpen())
        return failErrno(parent + " could not be opened in the new file system");
    return fd;
}

Result<void> Builder::exclude(const std::string &path, Leave what, Exclusions &exclusions) const
{
    const Fd fd = openBelow(source, path, O_PATH);
    struct stat status{};
    if (!fd.isOpen() && errno == ENOENT)
        return {};
    if (!fd.isOpen() || fstat(fd.get(), &status) < 0)
        return failErrno((options.source / std::filesystem::path(path).relative_path()).string() + " could not be looked at");
    exclusions.try_emplace(inodeOf(status), what);
    return {};
}

// False when the whole line is excluded.
Result<bool> Builder::collect(const CopyFiles &files, Exclusions &exclusions) const
{
    const auto leave = [](const std::string &path) {
        return path.ends_with('/') ? Leave::Content : Leave::It;
    };
    const auto join = [](const std::string &folder, const std::string &rest) {
        return (std::filesystem::path(folder) / rest).string();
    };
    for (const char *folder : volatileFolders)
        PREON_CHECK(exclude(folder, Leave::Content, exclusions));
    for (const std::string &path : contents.excludeSource) {
        if (below(files.source, path))
            return false;
        PREON_CHECK(exclude(path, leave(path), exclusions));
    }
    for (const std::string &path : contents.excludeTarget) {
        if (below(files.target, path))
            return false;
        if (const auto rest = below(path, files.target))
            PREON_CHECK(exclude(join(files.source, *rest), leave(path), exclusions));
    }
    if (!options.isRoot || files.target != "/")
        return true;
    for (const std::string &point : options.mountPointsElsewhere)
        PREON_CHECK(exclude(join(files.source, point.substr(1)), Leave::Content, exclusions));
    for (const char *folder : volatileFolders)
        PREON_CHECK(exclude(join(files.source, folder), Leave::Content, exclusions));
    return true;
}

// A file, or a folder that it lies in, up to the copy source.
Result<bool> Builder::isExcluded(const CopyFiles &files, const Exclusions &exclusions) const
{
    struct stat status{}, top{};
    const Fd file = openBelow(source, files.source, O_PATH);
    Fd folder = openBelow(source, parentOf(files.source), O_RDONLY | O_DIRECTORY);
    if (!file.isOpen() || !folder.isOpen() || fstat(file.get(), &status) < 0 || fstat(source.get(), &top) < 0)
        return failErrno(files.source + " could not be looked at");
    const auto known = exclusions.find(inodeOf(status));
    if (known != exclusions.end() && known->second == Leave::It)
        return true;
    for (;;) {
        if (fstat(folder.get(), &status) < 0)
            return failErrno(files.source + " could not be looked at");
        if (exclusions.contains(inodeOf(status)))
            return true;
        if (inodeOf(status) == inodeOf(top))
            return false;
        Fd above(openat(folder.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!above.isOpen())
            return failErrno(files.source + " could not be looked at");
        folder = std::move(above);
    }
}

Result<void> Builder::copyFolder(const CopyFiles &files, const Fd &from, const Exclusions &exclusions)
{
    TreeCopy copy(exclusions, progress);
    const Fd there = openBelow(target, files.target, O_RDONLY | O_DIRECTORY);
    if (there.isOpen())
        return copy.merge(from, there, files.source);
    if (errno != ENOENT)
        return failErrno(files.target + " could not be opened in the new file system");
    PREON_TRY(const Fd parent, makeParent(files.target));
    return copy.create(from, parent, lastPart(files.target), files.source);
}

Result<void> Builder::copyFile(const CopyFiles &files, const Fd &from)
{
    if (files.target == "/")
        return fail(ErrorCode::BadArgument,
                    "Target path '" + files.target + "' refers to a directory, but source path '" + files.source + "' refers to regular file, can't copy.");
    PREON_TRY(const Fd parent, makeParent(files.target));
    const std::string name = lastPart(files.target);
    const Fd to(openat(parent.get(), name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0700));
    if (!to.isOpen())
        return failErrno(files.target + " could not be made in the new file system");
    if (auto copied = copyBytes(from, to, progress); !copied)
        return std::unexpected(copied.error().during(files.source + " could not be copied"));
    copyAttributes(from, to);
    setTimes(parent, false);
    return {};
}

Result<void> Builder::copy(const CopyFiles &files)
{
    Exclusions exclusions;
    PREON_TRY(const bool wanted, collect(files, exclusions));
    if (!wanted)
        return {};
    const Fd from = openBelow(source, files.source, O_RDONLY | O_NONBLOCK);
    struct stat status{};
    if (!from.isOpen() && errno == ENOENT) {
        progress.log("There is no " + (options.source / files.source.substr(1)).string() + ", skipping it.");
        return {};
    }
    if (!from.isOpen() || fstat(from.get(), &status) < 0)
        return failErrno("The source " + (options.source / files.source.substr(1)).string() + " could not be opened");
    if (S_ISDIR(status.st_mode))
        return copyFolder(files, from, exclusions);
    if (!S_ISREG(status.st_mode))
        return fail(ErrorCode::BadArgument, files.source + " cannot be copied", "it is neither a file nor a folder");
    PREON_TRY(const bool excluded, isExcluded(files, exclusions));
    return excluded ? Result<void>() : copyFile(files, from);
}

// The first folder that is copied to the root lends it its mode, times and attributes: nothing else says what they are.
Result<void> Builder::copyRoot() const
{
    for (const CopyFiles &files : contents.copyFiles) {
        if (files.target != "/")
            continue;
        const Fd from = openBelow(source, files.source, O_RDONLY | O_NONBLOCK);
        struct stat status{};
        if (!from.isOpen())
            return failErrno("The source " + (options.source / files.source.substr(1)).string() + " could not be opened");
        if (fstat(from.get(), &status) < 0 || !S_ISDIR(status.st_mode))
            continue;
        copyAttributes(from, target);
        return {};
    }
    return {};
}

Result<void> makeSymlink(const Builder &builder, const Symlink &link)
{
    const Fd parent = openBelow(builder.target, parentOf(link.path), O_RDONLY | O_DIRECTORY);
    if (!parent.isOpen() || symlinkat(link.target.c_str(), parent.get(), lastPart(link.path).c_str()) < 0)
        return failErrno("The link " + link.path + " could not be made in the new file system");
    return {};
}
}

std::optional<std::int64_t> sourceDateEpoch()
{
    const char *text = secure_getenv("SOURCE_DATE_EPOCH");
    std::int64_t seconds = 0;
    if (!text || *text == '\0')
        return std::nullopt;
    const char *end = text + std::strlen(text);
    const auto [next, error] = std::from_chars(text, end, seconds);
    return error == std::errc() && next == end && seconds >= 0 ? std::optional(seconds) : std::nullopt;
}

Result<void> buildTree(const Contents &contents, const TreeOptions &options, const std::filesystem::path &target, Progress &progress)
{
    PREON_TRY(Fd source, openFile(options.source, O_RDONLY | O_DIRECTORY));
    PREON_TRY(Fd to, openFile(target, O_RDONLY | O_DIRECTORY));
    Builder builder{.contents = contents, .options = options, .progress = progress, .source = std::move(source), .target = std::move(to)};
    PREON_CHECK(builder.copyRoot());
    for (const CopyFiles &files : contents.copyFiles)
        PREON_CHECK(builder.copy(files));
    for (const std::string &path : contents.directories)
        PREON_CHECK(builder.makeFolders(path));
    for (const Symlink &link : contents.symlinks)
        PREON_CHECK(makeSymlink(builder, link));
    for (const auto &[name, value] : options.rootAttributes) {
        if (fsetxattr(builder.target.get(), name.c_str(), value.data(), value.size(), 0) < 0)
            return failErrno("The attribute " + name + " of the new file system could not be set");
    }
    return {};
}

} // namespace Preon::Repart
