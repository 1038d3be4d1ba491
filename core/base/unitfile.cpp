// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/base/unitfile.h"

#include "core/base/fd.h"
#include "core/base/format.h"
#include "core/base/host.h"

#include <algorithm>
#include <map>

namespace Preon
{

namespace
{
bool isComment(std::string_view line)
{
    const std::string_view text = trimmed(line);
    return text.starts_with('#') || text.starts_with(';');
}

bool isMaskLink(const std::filesystem::path &path)
{
    std::error_code error;
    return std::filesystem::is_symlink(path, error) && std::filesystem::read_symlink(path, error) == "/dev/null";
}

// Names of plain files and links that end in suffix, of one folder. A folder that is not there has none.
Result<std::vector<std::string>> namesIn(const std::filesystem::path &folder, std::string_view suffix)
{
    std::vector<std::string> names;
    std::error_code error;
    std::filesystem::directory_iterator entries(folder, error);
    if (error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory)
        return names;
    for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
        const std::string name = entries->path().filename().string();
        // As systemd: what is there but no file (a folder, a FIFO that would be waited for) is passed over.
        std::error_code unreadable;
        const auto type = entries->status(unreadable).type();
        const bool other
            = !unreadable && type != std::filesystem::file_type::regular && type != std::filesystem::file_type::not_found && !isMaskLink(entries->path());
        if (name.ends_with(suffix) && !name.starts_with('.') && name.size() > suffix.size() && !other)
            names.push_back(name);
    }
    if (error)
        return failErrno(error.value(), folder.string() + " could not be read");
    return names;
}

// By name; of equal names the one from the first folder.
Result<std::map<std::string, std::filesystem::path>> firstOfEachName(const std::vector<std::filesystem::path> &folders, std::string_view suffix)
{
    std::map<std::string, std::filesystem::path> found;
    for (const std::filesystem::path &folder : folders) {
        PREON_TRY(const std::vector<std::string> names, namesIn(folder, suffix));
        for (const std::string &name : names)
            found.try_emplace(name, folder / name);
    }
    return found;
}

// Where links lead below a root.
class Links
{
public:
    static Result<Links> below(const std::filesystem::path &root)
    {
        Links links;
        links.m_host.root = links.m_given = root;
        auto found = root == "/" ? root : links.m_host.resolved("/");
        if (found)
            links.m_host.root = std::move(*found);
        else if (found.error().code != ErrorCode::NotFound) // in a root that is not there is nothing
            return std::unexpected(std::move(found).error());
        return links;
    }
    // The folders that are there.
    Result<std::vector<std::filesystem::path>> foldersAt(const std::vector<std::filesystem::path> &folders) const
    {
        std::vector<std::filesystem::path> there;
        for (const std::filesystem::path &folder : folders) {
            auto found = follow(folder);
            if (found)
                there.push_back(std::move(*found));
            else if (found.error().code != ErrorCode::NotFound && found.error().code != ErrorCode::BadArgument) // it, or what is above it, is none
                return std::unexpected(std::move(found).error());
        }
        return there;
    }
    Result<void> read(const std::filesystem::path &path, UnitFile &into) const
    {
        PREON_TRY(const std::filesystem::path file, follow(path));
        PREON_TRY(const std::string text, readTextFile(file));
        parseUnitText(text, path, into);
        return {};
    }

private:
    Links() = default;
    Result<std::filesystem::path> follow(const std::filesystem::path &path) const
    {
        if (m_host.root == "/")
            return m_host.resolved(std::filesystem::absolute(path));
        const std::filesystem::path inside = path.lexically_relative(m_host.root);
        return m_host.resolved(inside.empty() || *inside.begin() == ".." ? path.lexically_relative(m_given) : inside);
    }
    Host m_host;
    std::filesystem::path m_given; // the root as it was named, without its own links followed
};

bool isMasked(const std::filesystem::path &path)
{
    std::error_code error;
    if (isMaskLink(path))
        return true;
    return std::filesystem::is_regular_file(path, error) && std::filesystem::file_size(path, error) == 0 && !error;
}
}

std::optional<std::string> UnitFile::last(std::string_view section, std::string_view key) const
{
    for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
        if (entry->section == section && entry->key == key)
            return entry->value;
    }
    return std::nullopt;
}

std::vector<std::string> UnitFile::all(std::string_view section, std::string_view key) const
{
    std::vector<std::string> values;
    for (const UnitEntry &entry : entries) {
        if (entry.section != section || entry.key != key)
            continue;
        if (entry.value.empty())
            values.clear();
        else
            values.push_back(entry.value);
    }
    return values;
}

void parseUnitText(std::string_view text, const std::filesystem::path &file, UnitFile &into)
{
    std::string section;
    std::string joined; // a logical line, continued by a backslash at the end of a line
    unsigned number = 0;
    unsigned begin = 0;
    const auto warn = [&](const std::string &what) {
        into.warnings.push_back(file.string() + ":" + std::to_string(begin) + ": " + what);
    };
    const auto finish = [&] {
        const std::string_view line = trimmed(joined);
        if (line.empty())
            return;
        if (line.front() == '[') {
            if (line.back() != ']')
                warn("Invalid section header '" + std::string(line) + "'");
            else
                section = line.substr(1, line.size() - 2);
            return;
        }
        const std::size_t equals = line.find('=');
        if (equals == std::string_view::npos || trimmed(line.substr(0, equals)).empty())
            warn("Missing '=', ignoring line.");
        else if (section.empty())
            warn("Assignment outside of section. Ignoring.");
        else
            into.entries.push_back({section, std::string(trimmed(line.substr(0, equals))), std::string(trimmed(line.substr(equals + 1))), file, begin});
    };

    if (text.starts_with("\xEF\xBB\xBF"))
        text.remove_prefix(3);
    bool continued = false;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        ++number;
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        // Comments between continued lines are left out, as systemd does.
        if (isComment(line))
            continue;
        if (!continued) {
            joined.clear();
            begin = number;
        }
        continued = line.ends_with('\\');
        if (continued)
            line.remove_suffix(1);
        joined += line;
        if (continued)
            joined += ' ';
        else
            finish();
    }
    if (continued)
        finish();
}

Result<std::vector<UnitFile>> findUnitFiles(const std::vector<std::filesystem::path> &folders, std::string_view suffix, const std::filesystem::path &root)
{
    std::vector<UnitFile> files;
    PREON_TRY(const Links links, Links::below(root));
    PREON_TRY(const auto whereFilesAre, links.foldersAt(folders));
    PREON_TRY(const auto found, firstOfEachName(whereFilesAre, suffix));
    for (const auto &[name, path] : found) {
        if (isMasked(path))
            continue;
        UnitFile file;
        file.name = name;
        file.path = path;
        PREON_CHECK(links.read(path, file));

        std::vector<std::filesystem::path> dropInFolders;
        for (const std::filesystem::path &folder : whereFilesAre)
            dropInFolders.push_back(folder / (name + ".d"));
        PREON_TRY(const auto whereDropInsAre, links.foldersAt(dropInFolders));
        PREON_TRY(const auto dropIns, firstOfEachName(whereDropInsAre, ".conf"));
        for (const auto &[dropInName, dropIn] : dropIns) {
            if (isMasked(dropIn))
                continue;
            PREON_CHECK(links.read(dropIn, file));
            file.dropIns.push_back(dropIn);
        }
        files.push_back(std::move(file));
    }
    return files;
}

} // namespace Preon
