// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// systemd's ini-like files: sections, keys in order, drop-ins, masks (systemd.syntax(7)). Says where things are, not what they mean.

#include "core/base/result.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace Preon
{

struct UnitEntry {
    std::string section;
    std::string key;
    std::string value; // continued lines joined, outer blanks removed
    std::filesystem::path file;
    unsigned line = 0;
};

struct UnitFile {
    std::string name; // "50-root.conf"
    std::filesystem::path path;
    std::vector<std::filesystem::path> dropIns;
    std::vector<UnitEntry> entries; // main file first, then drop-ins, in the order written
    std::vector<std::string> warnings; // lines that are no assignment, as systemd would log them

    // The value of the last assignment; nullopt when there is none. An empty assignment gives "".
    std::optional<std::string> last(std::string_view section, std::string_view key) const;
    // All assignments since the last empty one: the value of a list setting.
    std::vector<std::string> all(std::string_view section, std::string_view key) const;
};

// Parses one text. Never fails on content: what cannot be understood becomes a warning.
void parseUnitText(std::string_view text, const std::filesystem::path &file, UnitFile &into);

// All files of the folders (highest priority first) whose name ends in suffix, by name; the first folder that has a name wins; a link to /dev/null or an
// empty file masks; NAME.d/*.conf of all folders are added in order of their names. Folders that do not exist are fine. Links lead where they do for those who
// have root as "/", never out of it.
Result<std::vector<UnitFile>> findUnitFiles(const std::vector<std::filesystem::path> &folders, std::string_view suffix,
                                            const std::filesystem::path &root = "/");

} // namespace Preon
