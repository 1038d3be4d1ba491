// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// How one transfer is read, setting by setting; shared by the files that implement it, not for others.

#include "core/update/transfer.h"

namespace Preon::Update
{

// http:// or https:// with something behind it, in ASCII.
bool isWebUrl(std::string_view text);

// Where a setting stands, and warnings about it.
struct Setting {
    const UnitEntry &entry;
    std::vector<std::string> &warnings;

    std::string place() const
    {
        return entry.file.string() + ":" + std::to_string(entry.line) + ": ";
    }
    void warn(const std::string &text) const
    {
        warnings.push_back(place() + text);
    }
    void notParsed(const std::string &why = "Invalid argument") const
    {
        warn("Failed to parse " + entry.key + "=" + entry.value + ", ignoring: " + why);
    }
    void unknown() const
    {
        if (!entry.key.starts_with("X-"))
            warn("Unknown key '" + entry.key + "' in section [" + entry.section + "], ignoring.");
    }
    // Expanded, or a warning and nullopt.
    std::optional<std::string> expanded(const DefinitionOptions &options, std::size_t limit) const;
    std::optional<std::string> url(const DefinitionOptions &options) const;
    std::optional<bool> boolean() const; // with a warning where it is none
};

struct TransferParser {
    const DefinitionOptions &options;
    Transfer transfer = {};
    bool sourceType = false, targetType = false; // they were set
    bool sourcePath = false, targetPath = false;
    std::optional<std::uint64_t> instancesMax = {};

    Result<void> take(const UnitEntry &entry);
    void takeTransfer(const Setting &setting);
    void takeVersion(const Setting &setting, std::optional<std::string> &into);
    void takeList(const Setting &setting, std::vector<std::string> &into) const;
    void takeUrls(const Setting &setting, std::vector<std::string> &into) const;
    // Type=, Path=, PathRelativeTo=, MatchPattern=: of both ends. False: another key.
    Result<bool> takeResource(const Setting &setting, Resource &into, bool &typeSet, bool &pathSet);
    void takeType(const Setting &setting, Resource &into, bool &set) const;
    void takePath(const Setting &setting, Resource &into, bool &set) const;
    void takeRelativeTo(const Setting &setting, Resource &into) const;
    Result<void> takePatterns(const Setting &setting, Resource &into) const;
    bool takePartition(const Setting &setting);
    void takeTarget(const Setting &setting);
    void takeInstancesMax(const Setting &setting);
    void takeSymlink(const Setting &setting);
    static void takeTristate(const Setting &setting, std::optional<bool> &into);
    static void takeNumber(const Setting &setting, std::optional<std::uint64_t> &into);

    // What has to be there, and fit together.
    Result<void> complete();
    Result<void> checkTypes();
    Result<void> checkPaths() const;
    std::unexpected<Error> refuse(const std::string &text) const;
};

} // namespace Preon::Update
