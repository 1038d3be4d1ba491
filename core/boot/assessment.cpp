// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/boot/assessment.h"

#include "core/base/fd.h"
#include "core/boot/efivars.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <unistd.h>

namespace Preon::Boot
{

namespace
{

constexpr const char *bootCountVariable = "LoaderBootCountPath";

std::string_view folderOf(std::string_view path)
{
    return path.substr(0, path.rfind('/') + 1); // with its slash; empty where there is none
}

// The last of the file's name from which on the counter stood: ".efi", ".conf".
std::string withCounter(std::string_view name, std::string_view counter)
{
    const std::size_t dot = name.rfind('.');
    return std::string(name.substr(0, dot)) + std::string(counter) + (dot == std::string_view::npos ? "" : std::string(name.substr(dot)));
}

// A name without bytes is what a cut leaves of a rename on FAT (moveFlushed()): no loader takes it for a kernel.
bool isThere(const std::filesystem::path &path)
{
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 && (!S_ISREG(status.st_mode) || status.st_size > 0);
}

// True: it has the new name now. False: there is none of the old name. FAT has no link(2), and renameat2 with NOREPLACE is what keeps another file of that name.
Result<bool> renameFile(const std::filesystem::path &from, const std::filesystem::path &to)
{
    if (!isThere(from))
        return false;
    std::error_code error;
    if (!isThere(to) && std::filesystem::remove(to, error))
        PREON_CHECK(flushFolder(to.parent_path()));
    PREON_CHECK(moveFlushed(from, to, RENAME_NOREPLACE));
    return true;
}

const std::string &nameFor(const CountedStart &start, Verdict verdict)
{
    return verdict == Verdict::Good ? start.good : verdict == Verdict::Bad ? start.bad : start.path;
}

} // namespace

Result<CountedStart> parseCountedStart(std::string_view variable)
{
    CountedStart start;
    start.path = variable;
    std::ranges::replace(start.path, '\\', '/');
    start.path.erase(0, start.path.find_first_not_of('/'));
    const auto path = std::filesystem::path(start.path);
    const bool climbs = std::ranges::any_of(path, [](const std::filesystem::path &part) { return part == ".." || part == "."; });
    const CountedName counted = parseCountedName(path.filename().string());
    if (start.path.empty() || climbs || start.path.contains('\0') || !counted.count)
        return fail(ErrorCode::BadFormat, "The loader does not say which kernel it counted",
                    "\"" + std::string(variable) + "\" is no file name with a counter");
    start.count = *counted.count;
    start.good = std::string(folderOf(start.path)) + counted.name;
    start.bad = std::string(folderOf(start.path)) + withCounter(counted.name, start.count.done == 0 ? "+0" : "+0-" + std::to_string(start.count.done));
    return start;
}

Result<std::optional<CountedStart>> countedStart(const Host &host)
{
    if (!hasEfiVariables(host))
        return std::optional<CountedStart>();
    PREON_TRY(const auto text, loaderString(host, bootCountVariable));
    if (!text)
        return std::optional<CountedStart>();
    PREON_TRY(auto start, parseCountedStart(*text));
    return std::optional(std::move(start));
}

std::string_view verdictName(Verdict verdict)
{
    constexpr std::array<std::string_view, 5> names{"clean", "indeterminate", "good", "bad", "dirty"};
    return names[static_cast<std::size_t>(verdict)];
}

std::vector<std::filesystem::path> bootFolders(const Host &host)
{
    std::vector<std::filesystem::path> folders;
    for (const char *name : {"/efi", "/boot/efi", "/boot"}) {
        const std::filesystem::path folder = host.path(name);
        if (isThere(folder / "EFI"))
            folders.push_back(folder);
    }
    return folders;
}

Result<Verdict> readVerdict(const Host &host, const std::vector<std::filesystem::path> &folders)
{
    PREON_TRY(const auto start, countedStart(host));
    if (!start)
        return Verdict::NotCounted;
    for (const auto &folder : folders) {
        for (const Verdict verdict : {Verdict::Undecided, Verdict::Good, Verdict::Bad}) {
            if (isThere(folder / nameFor(*start, verdict)))
                return verdict;
        }
    }
    return Verdict::Unknown;
}

Result<void> setVerdict(const Host &host, const std::vector<std::filesystem::path> &folders, Verdict verdict)
{
    PREON_TRY(const auto start, countedStart(host));
    if (!start)
        return fail(ErrorCode::NotFound, "This start is not counted", "the loader gave no counter for it", "There is nothing to decide.");
    if (verdict != Verdict::Good && verdict != Verdict::Bad && verdict != Verdict::Undecided)
        return fail(ErrorCode::BadArgument, "A start cannot be called \"" + std::string(verdictName(verdict)) + "\"");
    for (const auto &folder : folders) {
        const std::filesystem::path wanted = folder / nameFor(*start, verdict);
        if (isThere(wanted))
            return {};
        for (const Verdict before : {Verdict::Undecided, Verdict::Good, Verdict::Bad}) {
            if (before == verdict)
                continue;
            PREON_TRY(const bool renamed, renameFile(folder / nameFor(*start, before), wanted));
            if (renamed)
                return {};
        }
    }
    return fail(ErrorCode::NotFound, "The kernel of this start is not there any more",
                start->path + (folders.empty() ? ": no boot partition is mounted" : " has neither this name, nor that of a good or a bad one"));
}

} // namespace Preon::Boot
