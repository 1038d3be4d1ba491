// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/repart/definition.h"

#include "core/disk/parttypes.h"
#include "core/repart/definition_parser.h"
#include "core/repart/flags.h"
#include "core/repart/relations.h"
#include "core/repart/words.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include <unistd.h>

namespace Preon::Repart
{

namespace
{
using Disk::Designator;

// The types whose file system $SYSTEMD_REPART_OVERRIDE_FSTYPE_… may replace, as systemd spells them there.
constexpr std::array overridable{std::pair(Designator::Root, "ROOT"), std::pair(Designator::Usr, "USR"), std::pair(Designator::Home, "HOME"),
                                 std::pair(Designator::Srv, "SRV"),   std::pair(Designator::Esp, "ESP"), std::pair(Designator::Xbootldr, "XBOOTLDR"),
                                 std::pair(Designator::Tmp, "TMP"),   std::pair(Designator::Var, "VAR")};

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

std::string_view modeName(Verity verity)
{
    return verity == Verity::Data ? "data" : verity == Verity::Hash ? "hash" : verity == Verity::Signature ? "signature" : "off";
}
}

DefinitionParser::Outcome DefinitionParser::take(const UnitEntry &entry)
{
    if (const auto taken = takeValue(entry))
        return *taken;
    if (const auto taken = takeContent(entry))
        return *taken;
    if (!entry.key.starts_with("X-"))
        warn(entry, "Unknown key '" + entry.key + "' in section [Partition], ignoring.");
    return {};
}

// Which of the three settings a type may carry follows the table in UAPI.2; systemd ignores the others.
void DefinitionParser::mergeFlags()
{
    const Designator type = Disk::designator(definition.type);
    if ((isVerityHash(type) || definition.verity == Verity::Data) && !readOnly)
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
    definition.flags = settableFlags(flags);
}

void DefinitionParser::chooseFormat()
{
    const Designator type = Disk::designator(definition.type);
    // Of 258: a partition that an update will fill.
    if (definition.format == "empty") {
        definition.format.clear();
        definition.label = definition.label.value_or("_empty");
        noAuto = noAuto.value_or(true);
        return;
    }
    if (!definition.format.empty())
        return;
    if (type == Designator::Swap)
        definition.format = "swap";
    else if (definition.contents.isPopulated() || (definition.encrypt != Encrypt::Off && !definition.isCopied()))
        definition.format = type == Designator::Esp || type == Designator::Xbootldr ? "vfat" : "ext4";
}

DefinitionParser::Outcome DefinitionParser::check() const
{
    const Definition &d = definition;
    if (d.sizeMin && d.sizeMax && *d.sizeMin > *d.sizeMax)
        return refuseFile("SizeMinBytes= larger than SizeMaxBytes=, refusing.");
    if (d.paddingMin && d.paddingMax && *d.paddingMin > *d.paddingMax)
        return refuseFile("PaddingMinBytes= larger than PaddingMaxBytes=, refusing.");
    if (d.type.isNull())
        return refuseFile("Type= not defined, refusing.");
    // Before a format is chosen for it.
    if (d.isCopied() && (!d.format.empty() || d.contents.isPopulated()))
        return refuseFile("Format=/CopyFiles=/MakeDirectories=/MakeSymlinks= and CopyBlocks= cannot be combined, refusing.");
    if (integrity && (d.encrypt != Encrypt::Off || !d.format.empty() || d.isCopied() || d.contents.isPopulated()))
        return refuseFile("X-PreonProtect=integrity cannot be combined with Encrypt=/X-PreonEncrypt=/Format=/CopyBlocks=/CopyFiles=, refusing.");
    if (d.contents.isPopulated() && d.format == "swap")
        return refuseFile("Format=swap and CopyFiles=/MakeDirectories=/MakeSymlinks= cannot be combined, refusing.");
    return {};
}

DefinitionParser::Outcome DefinitionParser::checkContent() const
{
    const Definition &d = definition;
    const bool readOnlyFormat = isReadOnlyFormat(d.format);
    if (d.minimize != Minimize::Off && d.format.empty() && d.verity != Verity::Hash)
        return refuseFile("Minimize= can only be enabled if Format= or Verity=hash are set.");
    if (d.minimize == Minimize::Best && !d.format.empty() && !readOnlyFormat && d.verity != Verity::Hash)
        return refuseFile("Minimize=best can only be used with read-only filesystems or Verity=hash.");
    if (readOnlyFormat && !d.contents.isPopulated())
        return refuseFile("Cannot format " + d.format + " filesystem without source files, refusing.");
    PREON_CHECK(checkVerity());
    const auto &subvolumes = d.contents.subvolumes;
    if (!d.contents.defaultSubvolume.empty() && !std::ranges::contains(subvolumes, d.contents.defaultSubvolume, &Subvolume::path))
        return refuseFile("DefaultSubvolume= must be one of the paths in Subvolumes=.");
    if (d.supplementFor.empty())
        return {};
    if (d.supplementFor.contains('/'))
        return refuseFile("SupplementFor= is an invalid filename: " + d.supplementFor);
    if (d.isCopied() || d.encrypt != Encrypt::Off || d.verity != Verity::Off)
        return refuseFile("SupplementFor= cannot be combined with CopyBlocks=/Encrypt=/Verity=");
    return {};
}

DefinitionParser::Outcome DefinitionParser::checkVerity() const
{
    const Definition &d = definition;
    const std::string mode(modeName(d.verity));
    if (d.verity != Verity::Off && d.verityMatchKey.empty())
        return refuseFile("VerityMatchKey= must be set if Verity=" + mode + ".");
    if (d.verity == Verity::Off && !d.verityMatchKey.empty())
        return refuseFile("VerityMatchKey= can only be set if Verity= is not \"" + mode + "\".");
    const bool made = d.verity == Verity::Hash || d.verity == Verity::Signature;
    if (made && (d.isCopied() || !d.format.empty() || d.contents.isPopulated()))
        return refuseFile("CopyBlocks=/CopyFiles=/Format=/MakeDirectories=/MakeSymlinks= cannot be used with Verity=" + mode + ".");
    if (d.verity != Verity::Off && d.encrypt != Encrypt::Off)
        return refuseFile("Encrypting verity hash/data partitions is not supported.");
    if (d.verity != Verity::Signature)
        return {};
    if (!options.privateKey)
        return refuseFile("Verity signature partition requested but no private key provided (--private-key=).");
    if (!options.certificate)
        return refuseFile("Verity signature partition requested but no PEM certificate provided (--certificate=).");
    if (d.sizeMin || d.sizeMax)
        return refuseFile("SizeMinBytes=/SizeMaxBytes= cannot be used with Verity=" + mode + ".");
    return {};
}

void DefinitionParser::finish()
{
    mergeFlags();
    if (definition.splitName == "-")
        definition.splitName.reset();
    const auto known = std::ranges::find(overridable, Disk::designator(definition.type), [](const auto &pair) { return pair.first; });
    if (known == overridable.end() || integrity)
        return;
    const auto forced = options.formatOverrides.find(known->second);
    if (forced != options.formatOverrides.end())
        definition.format = forced->second;
}

bool isReadOnlyFormat(const std::string &format)
{
    return format == "erofs" || format == "squashfs" || format == "cramfs" || format == "iso9660" || format == "DM_verity_hash";
}

std::map<std::string, std::string> readFormatOverrides()
{
    constexpr std::string_view prefix = "SYSTEMD_REPART_OVERRIDE_FSTYPE";
    std::map<std::string, std::string> overrides;
    const auto read = [&](const std::string &name, const std::string &key) {
        const char *value = secure_getenv(name.c_str());
        if (value && isFileName(value))
            overrides[key] = value;
    };
    read(std::string(prefix), "");
    for (const auto &[type, name] : overridable)
        read(std::string(prefix) + '_' + name, name);
    return overrides;
}

bool DefinitionOptions::takes(const Uuid &type) const
{
    return (included.empty() || std::ranges::contains(included, type)) && !std::ranges::contains(excluded, type);
}

Result<Definition> parseDefinition(const UnitFile &file, const DefinitionOptions &options)
{
    DefinitionParser parser{.options = options, .definition = {}, .readOnly = {}, .noAuto = {}, .growFileSystem = {}, .ourEncrypt = {}};
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
    parser.definition.encrypt = parser.ourEncrypt.value_or(parser.definition.encrypt);
    if (!options.takes(parser.definition.type))
        return std::move(parser.definition);
    PREON_CHECK(parser.check());
    parser.chooseFormat();
    if (parser.integrity)
        parser.definition.encrypt = Encrypt::IntegrityKey;
    PREON_CHECK(parser.checkContent());
    parser.finish();
    return std::move(parser.definition);
}

std::vector<std::filesystem::path> definitionFolders(const Host &host)
{
    return {host.path("/etc/repart.d"), host.path("/run/repart.d"), host.path("/usr/local/lib/repart.d"), host.path("/usr/lib/repart.d")};
}

Result<std::vector<Definition>> loadDefinitions(const std::vector<std::filesystem::path> &folders, const DefinitionOptions &options,
                                                const std::filesystem::path &root)
{
    PREON_TRY(const std::vector<UnitFile> files, findUnitFiles(folders, ".conf", root));
    std::vector<Definition> definitions;
    for (const UnitFile &file : files) {
        PREON_TRY(Definition definition, parseDefinition(file, options));
        if (options.takes(definition.type))
            definitions.push_back(std::move(definition));
    }
    PREON_CHECK(relate(definitions));
    return definitions;
}

} // namespace Preon::Repart
