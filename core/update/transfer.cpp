// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/update/transfer.h"

#include "core/base/format.h"
#include "core/disk/parttypes.h"
#include "core/repart/words.h"
#include "core/update/transfer_parser.h"

#include <algorithm>
#include <array>
#include <set>

namespace Preon::Update
{

namespace
{
constexpr std::array typeNames{
    std::pair(ResourceType::UrlFile, "url-file"),    std::pair(ResourceType::UrlTar, "url-tar"),           std::pair(ResourceType::Tar, "tar"),
    std::pair(ResourceType::Partition, "partition"), std::pair(ResourceType::RegularFile, "regular-file"), std::pair(ResourceType::Directory, "directory"),
    std::pair(ResourceType::Subvolume, "subvolume")};
constexpr std::uint64_t usualInstances = 3; // of files and folders
constexpr std::array configFolders{"etc", "run", "usr/local/lib", "usr/lib"};

// As systemd has it: whether anything can be found there is seen when it is looked for.
bool isFileUrl(std::string_view text)
{
    return lowerCase(text.substr(0, 6)) == "file:/" && std::ranges::all_of(text, [](char c) { return c > 0 && c < 127; });
}

// systemd's path_is_normalized() and path_is_absolute().
bool isNormalized(std::string_view path)
{
    constexpr std::size_t longest = 4095;
    if (path.empty() || path.front() != '/' || path.size() > longest || path.find("//") != std::string_view::npos)
        return false;
    return std::ranges::none_of(std::filesystem::path(path), [](const auto &part) { return part == ".." || part == "."; });
}

bool isFileType(ResourceType type)
{
    return type == ResourceType::UrlFile || type == ResourceType::RegularFile;
}

std::string stem(const std::string &name, std::string_view suffix)
{
    return name.substr(0, name.size() - suffix.size());
}

bool isEnabled(const Transfer &transfer, const std::set<std::string> &enabled)
{
    const auto isOn = [&](const std::string &feature) {
        return enabled.contains(feature);
    };
    return (transfer.features.empty() || std::ranges::any_of(transfer.features, isOn)) && std::ranges::all_of(transfer.requisiteFeatures, isOn);
}

Result<void> loadTransfers(const std::vector<std::filesystem::path> &folders, std::string_view suffix, const DefinitionOptions &options,
                           const std::filesystem::path &root, Definitions &into)
{
    PREON_TRY(const std::vector<UnitFile> files, findUnitFiles(folders, suffix, root));
    for (const UnitFile &file : files) {
        PREON_TRY(Transfer transfer, parseTransfer(file, options));
        transfer.id = stem(file.name, suffix);
        into.transfers.push_back(std::move(transfer));
    }
    return {};
}
}

std::string_view resourceTypeName(ResourceType type)
{
    return std::ranges::find(typeNames, type, [](const auto &pair) { return pair.first; })->second;
}

bool isUrl(ResourceType type)
{
    return type == ResourceType::UrlFile || type == ResourceType::UrlTar;
}

bool isInFileSystem(ResourceType type)
{
    return !isUrl(type) && type != ResourceType::Partition;
}

std::optional<std::string> expandStrictly(const Repart::Specifiers &specifiers, std::string_view text, std::size_t limit)
{
    for (std::size_t i = 0; i + 1 < text.size(); ++i) {
        if (text[i] != '%')
            continue;
        const char letter = text[++i];
        const bool possible = (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
        if (possible && !specifiers.values.contains(letter))
            return std::nullopt;
    }
    return specifiers.expand(text, limit);
}

std::unexpected<Error> TransferParser::refuse(const std::string &text) const
{
    return fail(ErrorCode::BadFormat, transfer.path.string() + ":1: " + text);
}

Result<void> TransferParser::checkTypes()
{
    const auto &[source, target] = std::tie(transfer.source, transfer.target);
    if (!sourceType || source.type == ResourceType::Partition)
        return refuse("Source Type= must be one of url-file, url-tar, tar, regular-file, directory, subvolume.");
    if (!targetType) {
        // What the source is says what it becomes.
        if (isFileType(source.type))
            transfer.target.type = target.path.starts_with("/dev/") ? ResourceType::Partition : ResourceType::RegularFile;
        else
            transfer.target.type = source.type == ResourceType::Subvolume ? ResourceType::Subvolume : ResourceType::Directory;
    }
    if (isUrl(target.type) || target.type == ResourceType::Tar)
        return refuse("Target Type= must be one of partition, regular-file, directory, subvolume.");
    const bool toFile = target.type == ResourceType::RegularFile || target.type == ResourceType::Partition;
    if (isFileType(source.type) != toFile)
        return refuse("Target type '" + std::string(resourceTypeName(target.type)) + "' is incompatible with source type '"
                      + std::string(resourceTypeName(source.type)) + "', refusing.");
    return {};
}

Result<void> TransferParser::checkPaths() const
{
    const auto &[source, target] = std::tie(transfer.source, transfer.target);
    if (!sourcePath)
        return refuse("Source specification lacks Path=.");
    if (source.relativeTo == RelativeTo::Explicit && !options.hasExplicitSource)
        return refuse("PathRelativeTo=explicit requires --transfer-source= to be specified.");
    if (target.relativeTo == RelativeTo::Explicit)
        return refuse("PathRelativeTo=explicit can only be used in source specifications.");
    if (!source.pathAuto && isInFileSystem(source.type) && !isNormalized(source.path))
        return refuse("Source path is not a normalized, absolute path: " + source.path);
    if (!source.pathAuto && isUrl(source.type) && !isWebUrl(source.path) && !isFileUrl(source.path))
        return refuse("Source path is not a valid HTTP or HTTPS URL: " + source.path);
    if (source.patterns.empty())
        return refuse("Source specification lacks MatchPattern=.");
    if (!targetPath)
        return refuse("Target specification lacks Path= field.");
    if (!target.pathAuto && !isNormalized(target.path))
        return refuse("Target path is not a normalized, absolute path: " + target.path);
    for (const Resource *resource : {&source, &target}) {
        if (resource->pathAuto && resource->type != ResourceType::Partition)
            return refuse("Automatic root path discovery only supported for partition resources.");
    }
    return {};
}

Result<void> TransferParser::complete()
{
    PREON_CHECK(checkTypes());
    PREON_CHECK(checkPaths());
    Resource &target = transfer.target;
    if (target.patterns.empty()) {
        transfer.warnings.push_back(transfer.path.string()
                                    + ":1: Target specification lacks MatchPattern= expression. Assuming same value as in source specification.");
        target.patterns = transfer.source.patterns;
    }
    const auto &link = transfer.currentSymlink;
    if (link && !link->starts_with('/') && target.type == ResourceType::Partition)
        return refuse("Current symlink must be absolute path if target is partition: " + *link);
    transfer.instancesMax = instancesMax;
    if (!instancesMax && target.type != ResourceType::Partition)
        transfer.instancesMax = usualInstances;
    // What stands behind it begins with a slash.
    while (isUrl(transfer.source.type) && transfer.source.path.ends_with('/'))
        transfer.source.path.pop_back();
    return {};
}

Result<Transfer> parseTransfer(const UnitFile &file, const DefinitionOptions &options)
{
    TransferParser parser{.options = options};
    Transfer &transfer = parser.transfer;
    transfer.id = std::filesystem::path(file.name).stem().string();
    transfer.path = file.path;
    transfer.dropIns = file.dropIns;
    transfer.warnings = file.warnings;
    transfer.target.partitionType = *Disk::partitionType("linux-generic");
    for (const UnitEntry &entry : file.entries)
        PREON_CHECK(parser.take(entry));
    PREON_CHECK(parser.complete());
    return std::move(transfer);
}

Feature parseFeature(const UnitFile &file, const DefinitionOptions &options)
{
    Feature feature;
    feature.id = std::filesystem::path(file.name).stem().string();
    feature.path = file.path;
    feature.warnings = file.warnings;
    for (const UnitEntry &entry : file.entries) {
        const Setting setting{entry, feature.warnings};
        if (entry.section != "Feature") {
            if (!entry.section.starts_with("X-"))
                setting.warn("Unknown section '" + entry.section + "'. Ignoring.");
        } else if (entry.key == "Description") {
            feature.description = entry.value;
        } else if (entry.key == "Documentation") {
            feature.documentation = setting.url(options).value_or(feature.documentation);
        } else if (entry.key == "AppStream") {
            feature.appStream = setting.url(options).value_or(feature.appStream);
        } else if (entry.key == "Enabled") {
            feature.enabled = setting.boolean().value_or(feature.enabled);
        } else if (entry.key == "Suggested") {
            feature.suggested = setting.boolean().value_or(feature.suggested);
        } else {
            setting.unknown();
        }
    }
    return feature;
}

bool Definitions::hasEnabled() const
{
    return std::ranges::any_of(transfers, &Transfer::enabled);
}

Result<Definitions> loadDefinitions(const std::vector<std::filesystem::path> &folders, const DefinitionOptions &options, const std::filesystem::path &root)
{
    Definitions definitions;
    PREON_TRY(const std::vector<UnitFile> features, findUnitFiles(folders, ".feature", root));
    std::set<std::string> enabled;
    for (const UnitFile &file : features) {
        Feature feature = parseFeature(file, options);
        feature.id = stem(file.name, ".feature");
        if (feature.enabled)
            enabled.insert(feature.id);
        definitions.features.push_back(std::move(feature));
    }
    PREON_CHECK(loadTransfers(folders, ".transfer", options, root, definitions));
    if (definitions.transfers.empty()) {
        PREON_CHECK(loadTransfers(folders, ".conf", options, root, definitions));
        definitions.legacy = !definitions.transfers.empty();
    }
    for (Transfer &transfer : definitions.transfers)
        transfer.enabled = isEnabled(transfer, enabled);
    return definitions;
}

std::vector<std::filesystem::path> definitionFolders(const Host &host, const std::string &component)
{
    const std::string name = component.empty() ? "sysupdate.d" : "sysupdate." + component + ".d";
    std::vector<std::filesystem::path> folders;
    for (const char *folder : configFolders)
        folders.push_back(host.root / folder / name);
    return folders;
}

bool isComponentName(std::string_view name)
{
    constexpr std::size_t longest = 255 - std::string_view("sysupdate..d").size();
    const auto isUnfit = [](char c) {
        return c == '/' || (c > 0 && c < ' ') || c == 127 || c == 0;
    };
    return !name.empty() && name.size() <= longest && std::ranges::none_of(name, isUnfit);
}

Components listComponents(const Host &host)
{
    constexpr std::string_view prefix = "sysupdate.", suffix = ".d";
    Components components;
    std::set<std::string> names;
    for (const char *parent : configFolders) {
        const auto resolved = host.resolved(parent);
        std::error_code error;
        if (!resolved)
            continue;
        for (std::filesystem::directory_iterator entries(*resolved, error); !error && entries != std::filesystem::directory_iterator();
             entries.increment(error)) {
            const std::string name = entries->path().filename().string();
            std::error_code unknown;
            if (!entries->is_directory(unknown) || !name.starts_with(prefix) || !name.ends_with(suffix))
                continue;
            if (name == "sysupdate.d")
                components.hasDefault = true;
            else if (name.size() > prefix.size() + suffix.size())
                names.insert(name.substr(prefix.size(), name.size() - prefix.size() - suffix.size()));
        }
    }
    components.names.assign(names.begin(), names.end());
    return components;
}

} // namespace Preon::Update
