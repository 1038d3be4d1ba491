// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// How one definition is read, setting by setting; shared by the files that implement it, not for others.

#include "core/repart/definition.h"

namespace Preon::Repart
{

struct DefinitionParser {
    // How a setting ends: taken, refused with the whole file, or as a warning.
    using Outcome = Result<void>;

    const DefinitionOptions &options;
    Definition definition;
    std::optional<bool> readOnly, noAuto, growFileSystem;
    std::optional<Encrypt> ourEncrypt;
    bool integrity = false;
    std::uint64_t writtenFlags = 0;

    static std::string place(const UnitEntry &entry)
    {
        return entry.file.string() + ":" + std::to_string(entry.line) + ": ";
    }
    void warn(const UnitEntry &entry, const std::string &text)
    {
        definition.warnings.push_back(place(entry) + text);
    }
    static std::unexpected<Error> refuse(const UnitEntry &entry, const std::string &text)
    {
        return fail(ErrorCode::BadFormat, place(entry) + text);
    }
    std::unexpected<Error> refuseFile(const std::string &text) const
    {
        return fail(ErrorCode::BadFormat, definition.path.string() + ":1: " + text);
    }

    Outcome take(const UnitEntry &entry);
    // definition_values.cpp: identity, sizes, flags. nullopt: not a key of this group.
    std::optional<Outcome> takeValue(const UnitEntry &entry);
    Outcome takeType(const UnitEntry &entry);
    Outcome takeSize(const UnitEntry &entry, std::optional<std::uint64_t> &into, bool up);
    Outcome takeBlockSize(const UnitEntry &entry, std::optional<std::uint32_t> &into);
    void takeLabel(const UnitEntry &entry, std::optional<std::string> &into);
    void takeUuid(const UnitEntry &entry);
    void takeWeight(const UnitEntry &entry, std::uint32_t &into);
    void takePriority(const UnitEntry &entry);
    void takeBoolean(const UnitEntry &entry, std::optional<bool> &into);
    void takeFlags(const UnitEntry &entry);
    // definition_contents.cpp: what goes into the partition, and where it is then used.
    std::optional<Outcome> takeContent(const UnitEntry &entry);
    void takeFormat(const UnitEntry &entry);
    void takeEncrypt(const UnitEntry &entry);
    void takeOurEncrypt(const UnitEntry &entry);
    Outcome takeProtect(const UnitEntry &entry);
    void takeVerity(const UnitEntry &entry);
    void takeMinimize(const UnitEntry &entry);
    void takeCopyBlocks(const UnitEntry &entry);
    Outcome takeCopyFiles(const UnitEntry &entry);
    void takeExclude(const UnitEntry &entry, std::vector<std::string> &into);
    void takeDirectories(const UnitEntry &entry);
    void takeSymlinks(const UnitEntry &entry);
    void takeSubvolumes(const UnitEntry &entry);
    void takeSubvolume(const UnitEntry &entry, const std::string &word);
    void takeDefaultSubvolume(const UnitEntry &entry);
    void takeMountPoint(const UnitEntry &entry);
    void takeEncryptedVolume(const UnitEntry &entry);
    void takeCompression(const UnitEntry &entry, std::string &into);
    // A path with specifiers; a warning and nullopt where it is none. what: how systemd names it in its warning.
    std::optional<std::string> takePath(const UnitEntry &entry, const std::string &text, const std::string &what, const std::string &shown,
                                        bool keepTrailingSlash = false);
    std::optional<std::vector<std::string>> takeFields(const UnitEntry &entry, std::size_t most);

    // definition.cpp
    void mergeFlags();
    void chooseFormat();
    Outcome check() const;
    Outcome checkContent() const;
    Outcome checkVerity() const;
    void finish();
};

} // namespace Preon::Repart
