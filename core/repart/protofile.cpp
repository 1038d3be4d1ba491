// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/repart/protofile.h"

#include <algorithm>
#include <cerrno>
#include <format>
#include <optional>

#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace Preon::Repart
{

namespace
{
struct Writer {
    std::filesystem::path links; // the folder for links to files with blanks in their names
    std::string text;
    bool blanksInNames = false;
    unsigned linkNumber = 0;

    Result<void> folder(const std::filesystem::path &path);
    Result<void> entry(const std::filesystem::path &path);
    Result<std::string> content(const std::filesystem::path &path, const struct stat &status);
};

std::optional<char> typeOf(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return 'd';
    case S_IFREG:
        return '-';
    case S_IFLNK:
        return 'l';
    case S_IFIFO:
        return 'p';
    case S_IFBLK:
        return 'b';
    case S_IFCHR:
        return 'c';
    default:
        return std::nullopt;
    }
}

// What follows mode and owner on a line.
Result<std::string> Writer::content(const std::filesystem::path &path, const struct stat &status)
{
    std::error_code error;
    if (S_ISREG(status.st_mode)) {
        if (!path.string().contains(' '))
            return path.string();
        const std::filesystem::path link = links / std::to_string(linkNumber++);
        std::filesystem::create_symlink(path, link, error);
        if (error)
            return failErrno(error.value(), link.string() + " could not be made");
        return link.string();
    }
    if (S_ISLNK(status.st_mode)) {
        const std::string target = std::filesystem::read_symlink(path, error).string();
        if (error)
            return failErrno(error.value(), path.string() + " could not be read");
        if (target.contains(' '))
            return fail(ErrorCode::Unsupported, path.string() + " cannot be put into an xfs", "its target has a blank in it, which mkfs.xfs cannot be told");
        return target;
    }
    if (S_ISBLK(status.st_mode) || S_ISCHR(status.st_mode))
        return std::format("{} {}", major(status.st_rdev), minor(status.st_rdev));
    return std::string();
}

Result<void> Writer::entry(const std::filesystem::path &path)
{
    struct stat status{};
    if (lstat(path.c_str(), &status) < 0)
        return failErrno(path.string() + " could not be read");
    const auto type = typeOf(status.st_mode);
    if (!type)
        return {};
    std::string name = path.filename().string();
    if (name.contains('\n') || name.contains('\t'))
        return fail(ErrorCode::Unsupported, path.string() + " cannot be put into an xfs",
                    "its name has a line end or tab in it, which mkfs.xfs cannot be told");
    if (name.contains(' ')) {
        std::ranges::replace(name, ' ', '/');
        blanksInNames = true;
    }
    PREON_TRY(const std::string rest, content(path, status));
    text += std::format("{} {}{}{}{:03o} {} {} {}\n", name, *type, status.st_mode & S_ISUID ? 'u' : '-', status.st_mode & S_ISGID ? 'g' : '-',
                        status.st_mode & 0777U, status.st_uid, status.st_gid, rest);
    if (*type == 'd') {
        PREON_CHECK(folder(path));
        text += "$\n";
    }
    return {};
}

Result<void> Writer::folder(const std::filesystem::path &path)
{
    std::vector<std::filesystem::path> names;
    std::error_code error;
    for (std::filesystem::directory_iterator entries(path, error), end; !error && entries != end; entries.increment(error))
        names.push_back(entries->path());
    if (error)
        return failErrno(error.value(), path.string() + " could not be read");
    std::ranges::sort(names, {}, &std::filesystem::path::native);
    for (const auto &name : names)
        PREON_CHECK(entry(name));
    return {};
}
}

Protofile::Protofile(ScratchFolder folder)
    : m_folder(std::move(folder))
{
}

Result<Protofile> makeProtofile(const std::filesystem::path &tree, const std::filesystem::path &scratch)
{
    // The list's own path and those of the links must be free of blanks themselves.
    PREON_TRY(ScratchFolder folder, ScratchFolder::create(scratch.string().contains(' ') ? std::filesystem::path("/tmp") : scratch));
    Writer writer{.links = folder.path() / "links", .text = "/\n0 0\nd--755 0 0\n"};
    std::error_code error;
    std::filesystem::create_directory(writer.links, error);
    if (error)
        return failErrno(error.value(), writer.links.string() + " could not be made");
    PREON_CHECK(writer.folder(tree));
    writer.text += "$\n";
    const std::filesystem::path list = folder.path() / "list";
    PREON_CHECK(replaceFile(list, asBytes(writer.text), 0600));
    Protofile protofile(std::move(folder));
    protofile.m_option = (writer.blanksInNames ? "slashes_are_spaces=1," : "") + list.string();
    return protofile;
}

} // namespace Preon::Repart
