// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/base/format.h"
#include "core/repart/definition_parser.h"
#include "core/repart/words.h"

#include <algorithm>
#include <climits>

namespace Preon::Repart
{

namespace
{
constexpr std::size_t longestPath = PATH_MAX - 1;

bool isSafeAscii(const std::string &text)
{
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7f; });
}

template<typename T>
std::vector<T> joined(std::vector<T> own, const std::vector<T> &more)
{
    for (const T &item : more) {
        if (!std::ranges::contains(own, item))
            own.push_back(item);
    }
    return own;
}
}

Contents Contents::mergedWith(const Contents &supplement) const
{
    Contents merged = *this;
    merged.copyFiles = joined(copyFiles, supplement.copyFiles);
    merged.excludeSource = joined(excludeSource, supplement.excludeSource);
    merged.excludeTarget = joined(excludeTarget, supplement.excludeTarget);
    merged.directories = joined(directories, supplement.directories);
    for (const Subvolume &subvolume : supplement.subvolumes) {
        if (!std::ranges::contains(subvolumes, subvolume.path, &Subvolume::path))
            merged.subvolumes.push_back(subvolume);
    }
    return merged;
}

std::optional<std::string> DefinitionParser::takePath(const UnitEntry &entry, const std::string &text, const std::string &what, const std::string &shown,
                                                      bool keepTrailingSlash)
{
    const auto expanded = options.specifiers.expand(text, longestPath);
    if (!expanded) {
        warn(entry, "Failed to expand specifiers in " + what + ", ignoring: " + shown);
        return std::nullopt;
    }
    SettingPath path = settingPath(*expanded, keepTrailingSlash);
    if (!path.path)
        warn(entry, entry.key + "= " + path.problem);
    return path.path;
}

// Fields with colons between them; a warning and nullopt unless there are 1 to `most`.
std::optional<std::vector<std::string>> DefinitionParser::takeFields(const UnitEntry &entry, std::size_t most)
{
    auto fields = allWords(Words::bySeparator(entry.value, ':', Escapes::C, true));
    if (!fields) {
        warn(entry, "Invalid syntax in " + entry.key + "=, ignoring: " + entry.value);
        return std::nullopt;
    }
    if (fields->size() == most + 1 && fields->back().empty()) // a colon at the end
        fields->pop_back();
    if (fields->size() > most) {
        warn(entry, "Too many arguments in " + entry.key + "=, ignoring: " + entry.value);
        return std::nullopt;
    }
    return std::move(*fields);
}

void DefinitionParser::takeFormat(const UnitEntry &entry)
{
    std::string name = entry.value;
    const auto forced = options.formatOverrides.find("");
    if (forced != options.formatOverrides.end() && forced->second != name) {
        warn(entry, "Overriding defined file system type '" + name + "' with '" + forced->second + "'.");
        name = forced->second;
    }
    if (isFileName(name))
        definition.format = name;
    else
        warn(entry, "File system type is not valid, refusing: " + name);
}

void DefinitionParser::takeEncrypt(const UnitEntry &entry)
{
    const std::string &mode = entry.value;
    if (mode.empty() || mode == "off")
        definition.encrypt = Encrypt::Off;
    else if (mode == "key-file")
        definition.encrypt = Encrypt::KeyFile;
    else if (mode == "tpm2")
        definition.encrypt = Encrypt::Tpm2;
    else if (mode == "key-file+tpm2")
        definition.encrypt = Encrypt::KeyFileAndTpm2;
    else if (const auto plain = parseBoolean(mode))
        definition.encrypt = *plain ? Encrypt::KeyFile : Encrypt::Off;
    else
        warn(entry, "Failed to parse Encrypt=" + mode + ", ignoring: Invalid argument");
}

// It stands over Encrypt= wherever it is written, so that the same file asks systemd-repart for something that it knows.
void DefinitionParser::takeOurEncrypt(const UnitEntry &entry)
{
    if (entry.value.empty())
        ourEncrypt.reset();
    else if (entry.value == "tpm2-or-passphrase")
        ourEncrypt = Encrypt::Tpm2OrPassphrase;
    else if (entry.value == "tpm2-or-recovery-key")
        ourEncrypt = Encrypt::Tpm2OrRecoveryKey;
    else
        warn(entry, "Failed to parse X-PreonEncrypt=" + entry.value + ", ignoring: Use tpm2-or-passphrase or tpm2-or-recovery-key.");
}

// Whoever asks for protection shall not get a partition without it: another word refuses the file.
DefinitionParser::Outcome DefinitionParser::takeProtect(const UnitEntry &entry)
{
    if (!entry.value.empty() && entry.value != "integrity")
        return refuse(entry, "Failed to parse X-PreonProtect=" + entry.value + ", refusing: Use integrity.");
    integrity = !entry.value.empty();
    return {};
}

void DefinitionParser::takeVerity(const UnitEntry &entry)
{
    const std::string &mode = entry.value;
    if (mode.empty() || mode == "off")
        definition.verity = Verity::Off;
    else if (mode == "data")
        definition.verity = Verity::Data;
    else if (mode == "hash")
        definition.verity = Verity::Hash;
    else if (mode == "signature")
        definition.verity = Verity::Signature;
    else
        warn(entry, "Failed to parse Verity=" + mode + ", ignoring: Invalid argument");
}

void DefinitionParser::takeMinimize(const UnitEntry &entry)
{
    const std::string &mode = entry.value;
    if (mode.empty() || mode == "off")
        definition.minimize = Minimize::Off;
    else if (mode == "best")
        definition.minimize = Minimize::Best;
    else if (mode == "guess")
        definition.minimize = Minimize::Guess;
    else if (const auto plain = parseBoolean(mode))
        definition.minimize = *plain ? Minimize::Best : Minimize::Off;
    else
        warn(entry, "Failed to parse Minimize=" + mode + ", ignoring: Invalid argument");
}

void DefinitionParser::takeCopyBlocks(const UnitEntry &entry)
{
    if (entry.value.empty() || entry.value == "auto") {
        definition.copyBlocks.clear();
        definition.copyBlocksAuto = !entry.value.empty();
    } else if (const auto path = takePath(entry, entry.value, "CopyBlocks= source path", entry.value)) {
        definition.copyBlocks = *path;
        definition.copyBlocksAuto = false;
    }
}

DefinitionParser::Outcome DefinitionParser::takeCopyFiles(const UnitEntry &entry)
{
    const auto fields = allWords(Words::bySeparator(entry.value, ':', Escapes::C, false));
    if (!fields)
        return refuse(entry, "Failed to extract source path: " + entry.value);
    if (entry.value.empty()) {
        warn(entry, "No argument specified: " + entry.value);
        return {};
    }
    // A third field is refused unless nothing is in it.
    if (fields->size() > 3 || (fields->size() == 3 && !fields->back().empty()))
        return refuse(entry, "Too many arguments: " + entry.value);
    const auto source = takePath(entry, fields->front(), "CopyFiles= source", entry.value);
    if (!source)
        return {};
    const auto target = takePath(entry, fields->size() > 1 ? (*fields)[1] : fields->front(), "CopyFiles= target", entry.value);
    if (target)
        definition.contents.copyFiles.push_back({*source, *target});
    return {};
}

void DefinitionParser::takeExclude(const UnitEntry &entry, std::vector<std::string> &into)
{
    if (entry.value.empty()) {
        into.clear();
        return;
    }
    Words words = Words::byBlanks(entry.value);
    for (;;) {
        const auto word = words.next();
        if (!word) {
            warn(entry, "Invalid syntax, ignoring: " + entry.value);
            return;
        }
        if (!*word)
            return;
        const auto path = takePath(entry, **word, entry.key + " path", **word, true);
        if (!path)
            return;
        into.push_back(*path);
    }
}

void DefinitionParser::takeDirectories(const UnitEntry &entry)
{
    Words words = Words::byBlanks(entry.value);
    for (;;) {
        const auto word = words.next();
        if (!word)
            warn(entry, "Invalid syntax, ignoring: " + entry.value);
        if (!word || !*word)
            return;
        const auto path = takePath(entry, **word, "MakeDirectories= parameter", **word);
        if (path && !std::ranges::contains(definition.contents.directories, *path))
            definition.contents.directories.push_back(*path);
    }
}

void DefinitionParser::takeSymlinks(const UnitEntry &entry)
{
    Words words = Words::byBlanks(entry.value);
    for (;;) {
        const auto word = words.next();
        if (!word)
            warn(entry, "Invalid syntax, ignoring: " + entry.value);
        if (!word || !*word)
            return;
        const auto fields = allWords(Words::bySeparator(**word, ':', Escapes::Literal, true));
        if (!fields) {
            warn(entry, "Invalid syntax, ignoring: " + **word);
        } else if (fields->size() < 2) {
            warn(entry, "Missing source or target in " + entry.value + ", ignoring");
        } else if (const auto path = takePath(entry, fields->front(), "Subvolumes= parameter", fields->front())) {
            definition.contents.symlinks.push_back({*path, (*fields)[1]});
        }
    }
}

void DefinitionParser::takeSubvolume(const UnitEntry &entry, const std::string &word)
{
    const auto fields = allWords(Words::bySeparator(word, ':', Escapes::Literal, true));
    if (!fields) {
        warn(entry, "Invalid syntax, ignoring: " + word);
        return;
    }
    const auto path = takePath(entry, fields->front(), "Subvolumes= parameter", fields->front());
    if (!path)
        return;
    auto &subvolumes = definition.contents.subvolumes;
    auto found = std::ranges::find(subvolumes, *path, &Subvolume::path);
    if (found == subvolumes.end())
        found = subvolumes.insert(subvolumes.end(), {.path = *path, .readOnly = false});
    if (fields->size() < 2)
        return;
    const auto flags = allWords(Words::bySeparator((*fields)[1], ',', Escapes::Literal, false));
    const bool known = flags && std::ranges::all_of(*flags, [](const std::string &flag) { return flag == "ro"; });
    if (known)
        found->readOnly = !flags->empty();
    else
        warn(entry, "Unknown subvolume flag in subvolume, ignoring: " + (*fields)[1]);
}

void DefinitionParser::takeSubvolumes(const UnitEntry &entry)
{
    Words words = Words::byBlanks(entry.value);
    for (;;) {
        const auto word = words.next();
        if (!word)
            warn(entry, "Invalid syntax, ignoring: " + entry.value);
        if (!word || !*word)
            return;
        takeSubvolume(entry, **word);
    }
}

void DefinitionParser::takeDefaultSubvolume(const UnitEntry &entry)
{
    if (entry.value.empty())
        definition.contents.defaultSubvolume.clear();
    else if (const auto path = takePath(entry, entry.value, "DefaultSubvolume= parameter", entry.value))
        definition.contents.defaultSubvolume = *path;
}

void DefinitionParser::takeMountPoint(const UnitEntry &entry)
{
    if (entry.value.empty()) {
        definition.mountPoints.clear();
        return;
    }
    const auto fields = takeFields(entry, 2);
    if (!fields)
        return;
    SettingPath where = settingPath(fields->front());
    if (!where.path)
        warn(entry, entry.key + "= " + where.problem);
    else
        definition.mountPoints.push_back({.where = *where.path, .options = fields->size() > 1 ? std::optional((*fields)[1]) : std::nullopt});
}

void DefinitionParser::takeEncryptedVolume(const UnitEntry &entry)
{
    if (entry.value.empty()) {
        definition.encryptedVolume.reset();
        return;
    }
    auto fields = takeFields(entry, 3);
    if (!fields)
        return;
    fields->resize(3);
    if (isFileName(fields->front()))
        definition.encryptedVolume = {.name = (*fields)[0], .keyFile = (*fields)[1], .options = (*fields)[2]};
    else
        warn(entry, "Volume name " + fields->front() + " is not valid, ignoring");
}

void DefinitionParser::takeCompression(const UnitEntry &entry, std::string &into)
{
    if (isSafeAscii(entry.value))
        into = entry.value;
    else
        warn(entry, "Specified string contains unsafe characters, ignoring: " + entry.value);
}

std::optional<DefinitionParser::Outcome> DefinitionParser::takeContent(const UnitEntry &entry)
{
    const std::string &key = entry.key;
    if (key == "CopyFiles")
        return takeCopyFiles(entry);
    if (key == "CopyBlocks")
        takeCopyBlocks(entry);
    else if (key == "Format")
        takeFormat(entry);
    else if (key == "Encrypt")
        takeEncrypt(entry);
    else if (key == "X-PreonEncrypt")
        takeOurEncrypt(entry);
    else if (key == "X-PreonProtect")
        return takeProtect(entry);
    else if (key == "ExcludeFiles")
        takeExclude(entry, definition.contents.excludeSource);
    else if (key == "ExcludeFilesTarget")
        takeExclude(entry, definition.contents.excludeTarget);
    else if (key == "MakeDirectories")
        takeDirectories(entry);
    else if (key == "MakeSymlinks")
        takeSymlinks(entry);
    else if (key == "Subvolumes")
        takeSubvolumes(entry);
    else if (key == "DefaultSubvolume")
        takeDefaultSubvolume(entry);
    else if (key == "Compression")
        takeCompression(entry, definition.contents.compression);
    else if (key == "CompressionLevel")
        takeCompression(entry, definition.contents.compressionLevel);
    else if (key == "Minimize")
        takeMinimize(entry);
    else if (key == "Verity")
        takeVerity(entry);
    else if (key == "VerityMatchKey")
        definition.verityMatchKey = entry.value;
    else if (key == "SupplementFor")
        definition.supplementFor = entry.value;
    else if (key == "SplitName")
        definition.splitName = entry.value.empty() ? "%t" : entry.value;
    else if (key == "MountPoint")
        takeMountPoint(entry);
    else if (key == "EncryptedVolume")
        takeEncryptedVolume(entry);
    else
        return std::nullopt;
    return Outcome();
}

} // namespace Preon::Repart
