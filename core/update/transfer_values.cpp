// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/base/format.h"
#include "core/disk/parttypes.h"
#include "core/repart/words.h"
#include "core/update/numbers.h"
#include "core/update/transfer_parser.h"

#include <algorithm>
#include <map>

namespace Preon::Update
{

namespace
{
constexpr std::size_t longestName = 255, longestPath = 4095;
constexpr std::uint64_t fewestInstances = 2;

// Words with blanks between them; a backslash keeps what follows it. Quotes mean nothing here. nullopt: a backslash at the end.
std::optional<std::vector<std::string>> plainWords(std::string_view text)
{
    std::vector<std::string> words;
    bool inWord = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == ' ' || text[i] == '\t' || text[i] == '\n' || text[i] == '\r') {
            inWord = false;
            continue;
        }
        if (text[i] == '\\' && ++i == text.size())
            return std::nullopt;
        if (!inWord)
            words.emplace_back();
        inWord = true;
        words.back() += text[i];
    }
    return words;
}
}

bool isWebUrl(std::string_view text)
{
    const std::string lower = lowerCase(text.substr(0, 8));
    const bool scheme = (lower.starts_with("http://") && text.size() > 7) || (lower == "https://" && text.size() > 8);
    return scheme && std::ranges::all_of(text, [](char c) { return c > 0 && c < 127; });
}

std::optional<std::string> Setting::expanded(const DefinitionOptions &options, std::size_t limit) const
{
    auto text = expandStrictly(options.specifiers, entry.value, limit);
    if (!text)
        warn("Failed to expand specifiers in " + entry.key + "=, ignoring: " + entry.value);
    return text;
}

std::optional<std::string> Setting::url(const DefinitionOptions &options) const
{
    if (entry.value.empty())
        return "";
    auto text = expanded(options, longestPath);
    if (text && !isWebUrl(*text)) {
        warn(entry.key + "= URL is not valid, ignoring: " + *text);
        return std::nullopt;
    }
    return text;
}

std::optional<bool> Setting::boolean() const
{
    const auto value = parseBoolean(entry.value);
    if (!value)
        notParsed();
    return value;
}

Result<void> TransferParser::take(const UnitEntry &entry)
{
    const Setting setting{entry, transfer.warnings};
    if (entry.section == "Transfer") {
        takeTransfer(setting);
    } else if (entry.section == "Source") {
        PREON_TRY(const bool taken, takeResource(setting, transfer.source, sourceType, sourcePath));
        if (!taken)
            setting.unknown();
    } else if (entry.section == "Target") {
        PREON_TRY(const bool taken, takeResource(setting, transfer.target, targetType, targetPath));
        if (!taken && !takePartition(setting))
            takeTarget(setting);
    } else if (!entry.section.starts_with("X-")) {
        setting.warn("Unknown section '" + entry.section + "'. Ignoring.");
    }
    return {};
}

void TransferParser::takeTransfer(const Setting &setting)
{
    const std::string &key = setting.entry.key;
    std::optional<std::string> version;
    if (key == "MinVersion") {
        takeVersion(setting, transfer.minVersion);
    } else if (key == "MaxVersion") {
        takeVersion(setting, transfer.maxVersion);
    } else if (key == "ProtectVersion") {
        takeVersion(setting, version);
        if (version)
            transfer.protectedVersions.push_back(*version);
    } else if (key == "Verify") {
        transfer.verify = setting.boolean().value_or(transfer.verify);
    } else if (key == "ChangeLog") {
        takeUrls(setting, transfer.changeLogs);
    } else if (key == "AppStream") {
        takeUrls(setting, transfer.appStreams);
    } else if (key == "Features") {
        takeList(setting, transfer.features);
    } else if (key == "RequisiteFeatures") {
        takeList(setting, transfer.requisiteFeatures);
    } else {
        setting.unknown();
    }
}

void TransferParser::takeVersion(const Setting &setting, std::optional<std::string> &into)
{
    const auto version = setting.expanded(options, longestName);
    if (version && !isVersion(*version))
        setting.warn(setting.entry.key + "= string is not valid, ignoring: " + *version);
    else if (version)
        into = version;
}

void TransferParser::takeList(const Setting &setting, std::vector<std::string> &into) const
{
    if (setting.entry.value.empty()) {
        into.clear();
        return;
    }
    const auto words = Repart::allWords(Repart::Words::byBlanks(setting.entry.value));
    if (!words)
        setting.notParsed();
    else
        into.insert(into.end(), words->begin(), words->end());
}

void TransferParser::takeUrls(const Setting &setting, std::vector<std::string> &into) const
{
    if (setting.entry.value.empty())
        into.clear();
    else if (auto url = setting.url(options))
        into.push_back(std::move(*url));
}

Result<bool> TransferParser::takeResource(const Setting &setting, Resource &into, bool &typeSet, bool &pathSet)
{
    const std::string &key = setting.entry.key;
    if (key == "Type")
        takeType(setting, into, typeSet);
    else if (key == "Path")
        takePath(setting, into, pathSet);
    else if (key == "PathRelativeTo")
        takeRelativeTo(setting, into);
    else if (key == "MatchPattern")
        PREON_CHECK(takePatterns(setting, into));
    else
        return false;
    return true;
}

void TransferParser::takeType(const Setting &setting, Resource &into, bool &set) const
{
    for (const ResourceType type : {ResourceType::UrlFile, ResourceType::UrlTar, ResourceType::Tar, ResourceType::Partition, ResourceType::RegularFile,
                                    ResourceType::Directory, ResourceType::Subvolume}) {
        if (setting.entry.value == resourceTypeName(type)) {
            into.type = type;
            set = true;
            return;
        }
    }
    setting.notParsed();
}

void TransferParser::takePath(const Setting &setting, Resource &into, bool &set) const
{
    if (setting.entry.value == "auto") {
        into.pathAuto = true;
        into.path.clear();
        set = true;
    } else if (auto path = setting.expanded(options, longestPath)) {
        into.pathAuto = false;
        into.path = std::move(*path);
        set = true;
    }
}

void TransferParser::takeRelativeTo(const Setting &setting, Resource &into) const
{
    static const std::map<std::string, RelativeTo> anchors{{"root", RelativeTo::Root},
                                                           {"esp", RelativeTo::Esp},
                                                           {"xbootldr", RelativeTo::Xbootldr},
                                                           {"boot", RelativeTo::Boot},
                                                           {"explicit", RelativeTo::Explicit}};
    const auto anchor = anchors.find(setting.entry.value);
    if (anchor != anchors.end())
        into.relativeTo = anchor->second;
    else if (setting.entry.value.empty())
        into.relativeTo = RelativeTo::Root;
    else
        setting.notParsed();
}

Result<void> TransferParser::takePatterns(const Setting &setting, Resource &into) const
{
    if (setting.entry.value.empty()) {
        into.patterns.clear();
        return {};
    }
    const auto words = plainWords(setting.entry.value);
    if (!words) {
        setting.warn("Failed to extract first pattern from MatchPattern=, ignoring: " + setting.entry.value);
        return {};
    }
    for (const std::string &word : *words) {
        const auto text = expandStrictly(options.specifiers, word, longestName);
        if (!text) {
            setting.warn("Failed to expand specifiers in MatchPattern=, ignoring: " + word);
            return {};
        }
        auto pattern = Pattern::parse(*text);
        if (!pattern)
            return fail(ErrorCode::BadFormat, setting.place() + "MatchPattern= string is not valid, refusing: " + *text, pattern.error().why);
        into.patterns.push_back(std::move(*pattern));
    }
    return {};
}

bool TransferParser::takePartition(const Setting &setting)
{
    const auto &[key, value] = std::tie(setting.entry.key, setting.entry.value);
    if (key == "MatchPartitionType") {
        if (const auto type = Disk::partitionType(value, options.architecture))
            transfer.target.partitionType = *type;
        else
            setting.warn("Failed parse partition type, ignoring: " + value);
    } else if (key == "PartitionUUID") {
        if (const auto uuid = Uuid::parse(value))
            transfer.partitionUuid = *uuid;
        else
            setting.warn("Failed parse partition UUID, ignoring: " + value);
    } else if (key == "PartitionFlags") {
        if (const auto flags = parseUnsigned(value))
            transfer.partitionFlags = *flags;
        else
            setting.warn("Failed parse partition flags, ignoring: " + value);
    } else if (key == "PartitionNoAuto") {
        takeTristate(setting, transfer.noAuto);
    } else if (key == "PartitionGrowFileSystem") {
        takeTristate(setting, transfer.growFileSystem);
    } else {
        return false;
    }
    return true;
}

void TransferParser::takeTarget(const Setting &setting)
{
    const std::string &key = setting.entry.key;
    if (key == "ReadOnly") {
        takeTristate(setting, transfer.readOnly);
    } else if (key == "Mode") {
        if (const auto mode = parseMode(setting.entry.value))
            transfer.mode = *mode;
        else
            setting.notParsed();
    } else if (key == "TriesLeft") {
        takeNumber(setting, transfer.triesLeft);
    } else if (key == "TriesDone") {
        takeNumber(setting, transfer.triesDone);
    } else if (key == "InstancesMax") {
        takeInstancesMax(setting);
    } else if (key == "RemoveTemporary") {
        transfer.removeTemporary = setting.boolean().value_or(transfer.removeTemporary);
    } else if (key == "CurrentSymlink") {
        takeSymlink(setting);
    } else {
        setting.unknown();
    }
}

void TransferParser::takeInstancesMax(const Setting &setting)
{
    const std::string &value = setting.entry.value;
    if (value.empty()) {
        instancesMax.reset();
        return;
    }
    const auto number = parseUnsigned(value);
    if (!number) {
        setting.warn("Failed to parse InstancesMax= value, ignoring: " + value);
        return;
    }
    if (*number < fewestInstances)
        setting.warn("InstancesMax= value must be at least 2, bumping: " + value);
    instancesMax = std::max(*number, fewestInstances);
}

void TransferParser::takeSymlink(const Setting &setting)
{
    const auto text = setting.expanded(options, longestName);
    if (!text)
        return;
    if (text->empty() || text->size() >= longestPath) {
        setting.warn("CurrentSymlink= path has invalid length (" + std::to_string(text->size()) + " bytes), ignoring.");
        return;
    }
    std::filesystem::path simple;
    for (const auto &part : std::filesystem::path(*text)) {
        if (part == "..") {
            setting.warn("CurrentSymlink= path is not normalized, ignoring: " + *text);
            return;
        }
        if (part != "." && !part.empty())
            simple /= part;
    }
    transfer.currentSymlink = simple.string();
}

void TransferParser::takeTristate(const Setting &setting, std::optional<bool> &into)
{
    if (setting.entry.value.empty())
        into.reset();
    else if (const auto value = setting.boolean())
        into = value;
}

void TransferParser::takeNumber(const Setting &setting, std::optional<std::uint64_t> &into)
{
    NumberProblem problem{};
    const auto number = parseUnsigned(setting.entry.value, 0, &problem);
    if (number)
        into = *number;
    else
        setting.notParsed(problem == NumberProblem::TooLarge ? "Numerical result out of range" : "Invalid argument");
}

} // namespace Preon::Update
