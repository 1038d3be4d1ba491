// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/repart/definition.h"

#include "core/base/format.h"
#include "core/disk/parttypes.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>

namespace Preon::Repart
{

namespace
{
using Disk::Designator;

constexpr std::uint64_t sizeUnit = 4096;
constexpr std::uint32_t maximumWeight = 1000000;
constexpr std::size_t labelUnits = 36; // UTF-16 units of a GPT entry

constexpr std::uint64_t growFlag = 1ULL << 59U;
constexpr std::uint64_t readOnlyFlag = 1ULL << 60U;
constexpr std::uint64_t noAutoFlag = 1ULL << 63U;
// The bits that belong to the type; libfdisk spells the others in words and systemd-repart does not.
constexpr std::uint64_t typeFlags = ~((1ULL << 48U) - 1);

// How a setting ends: taken, refused with the whole file, or as a warning.
using Outcome = Result<void>;

struct Parser {
    const DefinitionOptions &options;
    Definition definition;
    std::optional<bool> readOnly, noAuto, growFileSystem;
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
    Outcome takeSize(const UnitEntry &entry, std::optional<std::uint64_t> &into, bool up);
    void takeLabel(const UnitEntry &entry);
    void takeUuid(const UnitEntry &entry);
    void takeWeight(const UnitEntry &entry, std::uint32_t &into);
    void takePriority(const UnitEntry &entry);
    void takeBoolean(const UnitEntry &entry, std::optional<bool> &into);
    void takeFlags(const UnitEntry &entry);
    void takeFormat(const UnitEntry &entry);
    void takeEncrypt(const UnitEntry &entry);
    void takeCopyBlocks(const UnitEntry &entry);
    void mergeFlags();
    Outcome check() const;
    void fillDefaults();
};

// strtoull's bases as systemd reads numbers: 0x, 0o, 0b and a leading zero.
std::optional<std::uint64_t> parseUnsigned(std::string_view text)
{
    int base = 10;
    if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'o' || text[1] == 'b')) {
        base = text[1] == 'x' ? 16 : text[1] == 'o' ? 8 : 2;
        text.remove_prefix(2);
    } else if (text.size() > 1 && text[0] == '0') {
        base = 8;
        text.remove_prefix(1);
    }
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc() || end != text.data() + text.size() || text.empty())
        return std::nullopt;
    return value;
}

// UTF-16 units, nullopt when the text is no UTF-8.
std::optional<std::size_t> utf16Length(std::string_view text)
{
    std::size_t units = 0;
    for (std::size_t i = 0; i < text.size();) {
        const auto first = static_cast<unsigned char>(text[i]);
        const std::size_t length = first < 0x80 ? 1
            : first >= 0xc2 && first < 0xe0     ? 2
            : first >= 0xe0 && first < 0xf0     ? 3
            : first >= 0xf0 && first < 0xf5     ? 4
                                                : 0;
        if (length == 0 || i + length > text.size())
            return std::nullopt;
        std::uint32_t point = length == 1 ? first : first & (0xffU >> (length + 1));
        for (std::size_t k = 1; k < length; ++k) {
            const auto next = static_cast<unsigned char>(text[i + k]);
            if ((next & 0xc0U) != 0x80)
                return std::nullopt;
            point = (point << 6U) | (next & 0x3fU);
        }
        if ((length == 3 && point < 0x800) || (length == 4 && (point < 0x10000 || point > 0x10ffff)) || (point >= 0xd800 && point < 0xe000))
            return std::nullopt;
        units += point >= 0x10000 ? 2 : 1;
        i += length;
    }
    return units;
}

Outcome Parser::takeSize(const UnitEntry &entry, std::optional<std::uint64_t> &into, bool up)
{
    const auto parsed = parseSize(entry.value);
    if (!parsed)
        return refuse(entry, "Failed to parse size value: " + entry.value);
    std::uint64_t rounded = *parsed / sizeUnit * sizeUnit;
    if (up && rounded != *parsed)
        rounded = rounded > UINT64_MAX - sizeUnit ? UINT64_MAX : rounded + sizeUnit;
    if (rounded != *parsed)
        warn(entry, "Rounded " + entry.key + "= size " + std::to_string(*parsed) + " → " + std::to_string(rounded) + ", a multiple of 4096.");
    into = rounded;
    return {};
}

void Parser::takeLabel(const UnitEntry &entry)
{
    // The empty label is one to set, not a reset to the default. The limit on the expansion is in bytes, that of the entry in UTF-16 units.
    const auto label = options.specifiers.expand(entry.value, labelUnits);
    if (!label) {
        warn(entry, "Failed to expand specifiers in Label=, ignoring: " + entry.value);
        return;
    }
    const auto units = utf16Length(*label);
    if (!units)
        warn(entry, "Partition label not valid UTF-8, ignoring: " + entry.value);
    else if (*units > labelUnits)
        warn(entry, "Partition label too long for GPT table, ignoring: \"" + *label + "\" (from \"" + entry.value + "\")");
    else
        definition.label = *label;
}

void Parser::takeUuid(const UnitEntry &entry)
{
    if (entry.value.empty()) {
        definition.uuid.reset();
        return;
    }
    const auto uuid = entry.value == "null" ? Uuid() : Uuid::parse(entry.value);
    if (uuid)
        definition.uuid = *uuid;
    else
        warn(entry, "Failed to parse 128-bit ID/UUID, ignoring: " + entry.value);
}

void Parser::takeWeight(const UnitEntry &entry, std::uint32_t &into)
{
    const auto weight = parseUnsigned(entry.value);
    if (!weight || *weight > UINT32_MAX)
        warn(entry, "Failed to parse weight value, ignoring: " + entry.value);
    else if (*weight > maximumWeight)
        warn(entry, "Weight needs to be in range 0…10000000, ignoring: " + std::to_string(*weight));
    else
        into = static_cast<std::uint32_t>(*weight);
}

void Parser::takePriority(const UnitEntry &entry)
{
    std::string_view text = entry.value;
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+'))
        text.remove_prefix(1);
    const auto value = parseUnsigned(text);
    const std::uint64_t limit = negative ? 1ULL << 31U : INT32_MAX;
    if (!value || *value > limit)
        warn(entry, "Failed to parse Priority=" + entry.value + ", ignoring: " + (value ? "Numerical result out of range" : "Invalid argument"));
    else
        definition.priority = static_cast<std::int32_t>(negative ? -static_cast<std::int64_t>(*value) : static_cast<std::int64_t>(*value));
}

void Parser::takeBoolean(const UnitEntry &entry, std::optional<bool> &into)
{
    if (entry.value.empty()) {
        into.reset();
        return;
    }
    if (const auto value = parseBoolean(entry.value))
        into = *value;
    else
        warn(entry, "Failed to parse " + entry.key + "=" + entry.value + ", ignoring: Invalid argument");
}

void Parser::takeFlags(const UnitEntry &entry)
{
    const auto flags = parseUnsigned(entry.value);
    if (!flags) {
        warn(entry, "Failed to parse Flags= value, ignoring: " + entry.value);
        return;
    }
    if ((*flags & ~typeFlags) != 0)
        warn(entry, "Only the bits 48 to 63 can be set; as with systemd-repart, the partition gets no attribute at all.");
    writtenFlags = *flags;
}

void Parser::takeFormat(const UnitEntry &entry)
{
    const std::string &name = entry.value;
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos || name.size() > NAME_MAX)
        warn(entry, "File system type is not valid, refusing: " + name);
    else
        definition.format = name;
}

void Parser::takeEncrypt(const UnitEntry &entry)
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

void Parser::takeCopyBlocks(const UnitEntry &entry)
{
    if (entry.value.empty() || entry.value == "auto") {
        definition.copyBlocks.clear();
        definition.copyBlocksAuto = !entry.value.empty();
        return;
    }
    const auto path = options.specifiers.expand(entry.value, PATH_MAX - 1);
    if (!path)
        warn(entry, "Failed to expand specifiers in CopyBlocks= source path, ignoring: " + entry.value);
    else if (!path->starts_with('/'))
        warn(entry, "CopyBlocks= path is not absolute, ignoring: " + *path);
    else {
        definition.copyBlocks = std::filesystem::path(*path).lexically_normal();
        definition.copyBlocksAuto = false;
    }
}

// Settings that are known to repart.d(5) of systemd 257 and wait for a later version of ours: they decide what a new partition contains.
constexpr std::array contentKeys{"CopyFiles",  "ExcludeFiles",     "ExcludeFilesTarget", "MakeDirectories", "MakeSymlinks",
                                 "Subvolumes", "DefaultSubvolume", "Minimize",           "Compression",     "CompressionLevel"};
// Those that only matter to --split and --generate-fstab/-crypttab, which we refuse.
constexpr std::array ignoredKeys{"SplitName", "MountPoint", "EncryptedVolume", "VerityDataBlockSizeBytes", "VerityHashBlockSizeBytes"};

Outcome Parser::take(const UnitEntry &entry)
{
    const std::string &key = entry.key;
    std::optional<bool> flag;
    if (key == "Type") {
        const auto type = Disk::partitionType(entry.value, options.architecture);
        if (!type)
            return refuse(entry, "Failed to parse partition type: " + entry.value);
        definition.type = *type;
    } else if (key == "Label") {
        takeLabel(entry);
    } else if (key == "UUID") {
        takeUuid(entry);
    } else if (key == "Priority") {
        takePriority(entry);
    } else if (key == "Weight") {
        takeWeight(entry, definition.weight);
    } else if (key == "PaddingWeight") {
        takeWeight(entry, definition.paddingWeight);
    } else if (key == "SizeMinBytes") {
        return takeSize(entry, definition.sizeMin, false);
    } else if (key == "SizeMaxBytes") {
        return takeSize(entry, definition.sizeMax, true);
    } else if (key == "PaddingMinBytes") {
        return takeSize(entry, definition.paddingMin, false);
    } else if (key == "PaddingMaxBytes") {
        return takeSize(entry, definition.paddingMax, true);
    } else if (key == "FactoryReset") {
        takeBoolean(entry, flag);
        definition.factoryReset = flag.value_or(definition.factoryReset);
    } else if (key == "CopyBlocks") {
        takeCopyBlocks(entry);
    } else if (key == "Format") {
        takeFormat(entry);
    } else if (key == "Encrypt") {
        takeEncrypt(entry);
    } else if (key == "Flags") {
        takeFlags(entry);
    } else if (key == "ReadOnly") {
        takeBoolean(entry, readOnly);
    } else if (key == "NoAuto") {
        takeBoolean(entry, noAuto);
    } else if (key == "GrowFileSystem") {
        takeBoolean(entry, growFileSystem);
    } else if (key == "Verity" || key == "VerityMatchKey" || key == "SupplementFor") {
        if (!entry.value.empty() && entry.value != "off")
            return fail(ErrorCode::Unsupported, place(entry) + key + "= cannot be applied yet", {}, "Use systemd-repart for this definition.");
    } else if (std::ranges::find(contentKeys, key) != contentKeys.end()) {
        std::erase(definition.unsupported, key);
        if (!entry.value.empty() && entry.value != "off")
            definition.unsupported.push_back(key);
    } else if (std::ranges::find(ignoredKeys, key) == ignoredKeys.end() && !key.starts_with("X-")) {
        warn(entry, "Unknown key '" + key + "' in section [Partition], ignoring.");
    }
    return {};
}

bool knowsGrow(Designator type)
{
    switch (type) {
    case Designator::Root:
    case Designator::Usr:
    case Designator::Home:
    case Designator::Srv:
    case Designator::Tmp:
    case Designator::Var:
    case Designator::Xbootldr:
        return true;
    default:
        return false;
    }
}

bool isVerityHash(Designator type)
{
    return type == Designator::RootVerity || type == Designator::UsrVerity;
}

// Which of the three settings a type may carry follows the table in UAPI.2; systemd ignores the others.
void Parser::mergeFlags()
{
    const Designator type = Disk::designator(definition.type);
    if (isVerityHash(type) && !readOnly)
        readOnly = true;
    // Growing is the default of what can grow, and GrowFileSystem=no does not switch it off in 257.
    if (knowsGrow(type) && !readOnly.value_or(false))
        growFileSystem = true;
    std::uint64_t flags = writtenFlags;
    const auto merge = [&flags](std::uint64_t bit, const std::optional<bool> &value, bool known) {
        if (known && value)
            flags = *value ? flags | bit : flags & ~bit;
    };
    merge(noAutoFlag, noAuto, knowsGrow(type) || isVerityHash(type) || type == Designator::Swap);
    merge(readOnlyFlag, readOnly, knowsGrow(type) || isVerityHash(type));
    merge(growFlag, growFileSystem, knowsGrow(type));
    definition.flags = (flags & ~typeFlags) != 0 ? 0 : flags;
}

Outcome Parser::check() const
{
    const Definition &d = definition;
    if (d.sizeMin && d.sizeMax && *d.sizeMin > *d.sizeMax)
        return refuseFile("SizeMinBytes= larger than SizeMaxBytes=, refusing.");
    if (d.paddingMin && d.paddingMax && *d.paddingMin > *d.paddingMax)
        return refuseFile("PaddingMinBytes= larger than PaddingMaxBytes=, refusing.");
    if (d.type.isNull())
        return refuseFile("Type= not defined, refusing.");
    const auto asks = [&d](const char *key) {
        return std::ranges::find(d.unsupported, key) != d.unsupported.end();
    };
    const bool populated = asks("CopyFiles") || asks("MakeDirectories") || asks("MakeSymlinks");
    if (d.isCopied() && (!d.format.empty() || populated))
        return refuseFile("Format=/CopyFiles=/MakeDirectories=/MakeSymlinks= and CopyBlocks= cannot be combined, refusing.");
    if (d.format == "swap" && populated)
        return refuseFile("Format=swap and CopyFiles= cannot be combined, refusing.");
    if ((d.format == "erofs" || d.format == "squashfs") && !populated)
        return refuseFile("Cannot format " + d.format + " filesystem without source files, refusing.");
    return {};
}

void Parser::fillDefaults()
{
    const bool populated = !definition.unsupported.empty();
    if (definition.format.empty() && !definition.isCopied() && Disk::designator(definition.type) == Designator::Swap)
        definition.format = "swap";
    if (definition.format.empty() && !definition.isCopied() && (populated || definition.encrypt != Encrypt::Off))
        definition.format = "ext4";
    mergeFlags();
}
}

bool DefinitionOptions::takes(const Uuid &type) const
{
    return (included.empty() || std::ranges::contains(included, type)) && !std::ranges::contains(excluded, type);
}

Result<Definition> parseDefinition(const UnitFile &file, const DefinitionOptions &options)
{
    Parser parser{.options = options, .definition = {}, .readOnly = {}, .noAuto = {}, .growFileSystem = {}};
    parser.definition.name = file.name;
    parser.definition.path = file.path;
    parser.definition.dropIns = file.dropIns;
    parser.definition.warnings = file.warnings;
    std::string otherSection;
    for (const UnitEntry &entry : file.entries) {
        if (entry.section == "Partition") {
            PREON_CHECK(parser.take(entry));
        } else if (entry.section != otherSection && !entry.section.starts_with("X-")) {
            parser.warn(entry, "Unknown section '" + entry.section + "'. Ignoring.");
            otherSection = entry.section;
        }
    }
    if (options.takes(parser.definition.type))
        PREON_CHECK(parser.check());
    parser.fillDefaults();
    return std::move(parser.definition);
}

std::vector<std::filesystem::path> definitionFolders(const Host &host)
{
    return {host.path("/etc/repart.d"), host.path("/run/repart.d"), host.path("/usr/local/lib/repart.d"), host.path("/usr/lib/repart.d")};
}

Result<std::vector<Definition>> loadDefinitions(const std::vector<std::filesystem::path> &folders, const DefinitionOptions &options)
{
    PREON_TRY(const std::vector<UnitFile> files, findUnitFiles(folders, ".conf"));
    std::vector<Definition> definitions;
    for (const UnitFile &file : files) {
        PREON_TRY(Definition definition, parseDefinition(file, options));
        if (options.takes(definition.type))
            definitions.push_back(std::move(definition));
    }
    return definitions;
}

} // namespace Preon::Repart
