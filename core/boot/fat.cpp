// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/boot/fat.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <format>

#include <unistd.h>

namespace Preon::Boot
{

namespace
{

// Numbers under which the programs get our descriptors.
constexpr int deviceNumber = 7, settingsNumber = 8, fileNumber = 9;

Result<std::string> checkedPath(std::string_view path)
{
    const bool printable = std::ranges::all_of(path, [](unsigned char c) { return c >= 0x20 && c != 0x7F; });
    if (!path.starts_with('/') || !printable || path.find_first_of("*?[]\\:\"<>|") != std::string_view::npos)
        return fail(ErrorCode::BadArgument, "\"" + std::string(path) + "\" is no path that the EFI partition can be asked for");
    while (path.size() > 1 && path.ends_with('/'))
        path.remove_suffix(1);
    return std::string(path);
}

std::string parentOf(const std::string &path)
{
    const auto slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
}

std::string trimmedRight(std::string_view text)
{
    while (!text.empty() && (text.back() == ' ' || text.back() == '\r'))
        text.remove_suffix(1);
    return std::string(text);
}

// A line of mdir: eight characters of name, blank, three of extension, blank, size or <DIR>, date, time, long name from column 42 on where there is one.
std::optional<FatEntry> parseLine(std::string_view line, const std::string &folder)
{
    constexpr std::size_t extensionAt = 9, sizeAt = 13, dateAt = 23, longNameAt = 42;
    if (line.size() < dateAt || line.front() == ' ')
        return std::nullopt;
    FatEntry entry;
    std::string name = trimmedRight(line.substr(0, 8));
    if (const std::string extension = trimmedRight(line.substr(extensionAt, 3)); !extension.empty())
        name += '.' + extension;
    if (line.size() > longNameAt)
        name = trimmedRight(line.substr(longNameAt));
    std::string size = trimmedRight(line.substr(sizeAt, dateAt - sizeAt));
    size.erase(0, std::min(size.find_first_not_of(' '), size.size()));
    if (size == "<DIR>") {
        entry.folder = true;
    } else {
        const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), entry.size);
        if (error != std::errc() || end != size.data() + size.size())
            return std::nullopt;
    }
    if (name == "." || name == ".." || name.empty())
        return std::nullopt;
    entry.path = (folder == "/" ? "/" : folder + '/') + name;
    return entry;
}

bool equalIgnoringCase(std::string_view a, std::string_view b)
{
    return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

} // namespace

Fat::Fat(const Disk::Device &device, std::uint64_t offset)
    : m_device(&device)
    , m_offset(offset)
{
}

Result<ProcessOutput> Fat::run(std::vector<std::string> command, const Fd *file, const Progress *progress) const
{
    // Settings instead of -i FILE@@OFFSET: any file name works, and mtools leaves the lock alone that an installation holds on the disk.
    PREON_TRY(const Fd settings, memoryFile("mtoolsrc", asBytes(std::format("drive p: file=\"/proc/self/fd/{}\" offset={} nolock\n", deviceNumber, m_offset))));
    ProcessOptions options;
    options.environment
        = {{"MTOOLSRC", "/proc/self/fd/" + std::to_string(settingsNumber)}, {"MTOOLS_SKIP_CHECK", "1"}}; // the geometry of floppy disks is nobody's concern
    options.files = {{&m_device->fd(), deviceNumber}, {&settings, settingsNumber}};
    if (file)
        options.files.emplace_back(file, fileNumber);
    options.progress = progress;
    return runProcess(command, options);
}

Result<ProcessOutput> Fat::change(std::vector<std::string> command, const Fd *file, const Progress *progress) const
{
    m_listed.clear();
    return run(std::move(command), file, progress);
}

static std::unexpected<Error> mtoolsFailed(const Disk::Device &device, const std::string &what, const ProcessOutput &output)
{
    std::string why = trimmedRight(output.errors.substr(0, 300));
    std::ranges::replace(why, '\n', ' ');
    if (why.contains("not found"))
        return fail(ErrorCode::NotFound, what, "it is not there");
    if (why.contains("isk full") || why.contains("No free cluster"))
        return fail(ErrorCode::NoSpace, what, "the EFI partition on " + device.path().string() + " is full");
    return fail(ErrorCode::ToolFailed, what, trimmedRight(why));
}

Result<std::vector<FatEntry>> Fat::list(std::string_view folder) const
{
    PREON_TRY(const std::string path, checkedPath(folder));
    if (const auto known = m_listed.find(path); known != m_listed.end())
        return known->second;
    // "mdir P:/FILE" would list that file; a trailing slash asks for a folder.
    PREON_TRY(const ProcessOutput output, run({"mdir", "-a", path == "/" ? "p:/" : "p:" + path + "/"}));
    std::vector<FatEntry> entries;
    if (output.status != 0) {
        if (path == "/" && output.errors.contains("not found"))
            return entries; // how mdir speaks of a root folder with nothing in it
        return mtoolsFailed(*m_device, "The folder " + path + " of the EFI partition could not be listed", output);
    }
    std::string_view text = output.output;
    if (const auto heading = text.find("Directory for "); heading != std::string_view::npos)
        text.remove_prefix(std::min(text.find('\n', heading), text.size()));
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        if (auto entry = parseLine(text.substr(0, end), path))
            entries.push_back(std::move(*entry));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    m_listed.emplace(path, entries);
    return entries;
}

Result<bool> Fat::exists(std::string_view path) const
{
    PREON_TRY(const std::string checked, checkedPath(path));
    if (checked == "/")
        return true;
    auto siblings = list(parentOf(checked));
    if (!siblings) {
        if (siblings.error().code == ErrorCode::NotFound)
            return false;
        return std::unexpected(siblings.error());
    }
    return std::ranges::any_of(*siblings, [&](const FatEntry &entry) { return equalIgnoringCase(entry.path, checked); });
}

Result<MemoryFile> Fat::read(std::string_view path, std::size_t limit) const
{
    PREON_TRY(const std::string checked, checkedPath(path));
    // Before it is in memory: mcopy copies as much as the entry says.
    PREON_TRY(const auto siblings, list(parentOf(checked)));
    const auto entry = std::ranges::find_if(siblings, [&](const FatEntry &each) { return !each.folder && equalIgnoringCase(each.path, checked); });
    if (entry != siblings.end() && entry->size > limit)
        return fail(ErrorCode::NoSpace, checked + " is larger than it may be", std::to_string(entry->size) + " bytes, at most " + std::to_string(limit));
    PREON_TRY(MemoryFile file, MemoryFile::empty());
    PREON_TRY(const ProcessOutput output, run({"mcopy", "-n", "p:" + checked, "/proc/self/fd/" + std::to_string(fileNumber)}, &file.fd()));
    if (output.status != 0)
        return mtoolsFailed(*m_device, checked + " could not be read from the EFI partition", output);
    PREON_CHECK(file.refresh(limit));
    return file;
}

Result<void> Fat::write(std::string_view path, const MemoryFile &content, const Progress *progress) const
{
    PREON_TRY(const std::string checked, checkedPath(path));
    const std::string folder = parentOf(checked);
    const std::string what = checked + " could not be written to the EFI partition";
    PREON_CHECK(makeFolder(folder));
    const std::string temporary = (folder == "/" ? "/" : folder + '/') + std::string(temporaryName);
    PREON_TRY(const bool leftover, exists(temporary));
    if (leftover)
        PREON_CHECK(remove(temporary));
    PREON_TRY(const ProcessOutput copied, change({"mcopy", "/proc/self/fd/" + std::to_string(fileNumber), "p:" + temporary}, &content.fd(), progress));
    if (copied.status != 0)
        return mtoolsFailed(*m_device, what, copied);
    PREON_CHECK(m_device->flush());
    PREON_TRY(const bool old, exists(checked));
    if (old)
        PREON_CHECK(remove(checked));
    PREON_TRY(const ProcessOutput renamed, change({"mren", "p:" + temporary, "p:" + checked}));
    if (renamed.status != 0)
        return mtoolsFailed(*m_device, what, renamed);
    return m_device->flush();
}

Result<void> Fat::makeFolder(std::string_view path) const
{
    PREON_TRY(const std::string checked, checkedPath(path));
    PREON_TRY(const bool there, exists(checked));
    if (there)
        return {};
    PREON_CHECK(makeFolder(parentOf(checked)));
    PREON_TRY(const ProcessOutput output, change({"mmd", "p:" + checked}));
    if (output.status != 0)
        return mtoolsFailed(*m_device, "The folder " + checked + " could not be made on the EFI partition", output);
    return {};
}

Result<void> Fat::remove(std::string_view path) const
{
    PREON_TRY(const std::string checked, checkedPath(path));
    PREON_TRY(const ProcessOutput output, change({"mdel", "p:" + checked}));
    if (output.status != 0)
        return mtoolsFailed(*m_device, checked + " could not be removed from the EFI partition", output);
    return {};
}

Result<std::uint64_t> Fat::freeSpace() const
{
    PREON_TRY(const ProcessOutput output, run({"mdir", "p:/"}));
    std::string_view text = output.output;
    const auto end = text.find(" bytes free");
    if (end == std::string_view::npos)
        return mtoolsFailed(*m_device, "The EFI partition could not be asked for its free space", output);
    text = text.substr(0, end);
    if (const auto line = text.rfind('\n'); line != std::string_view::npos)
        text.remove_prefix(line + 1);
    std::uint64_t bytes = 0; // printed in groups of three digits
    for (const char c : text) {
        if (c >= '0' && c <= '9')
            bytes = bytes * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return bytes;
}

} // namespace Preon::Boot
