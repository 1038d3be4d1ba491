// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What an OS says about its updates: the transfers and features of sysupdate.d(5) and sysupdate.features(5), understood. Each transfer says where new versions of one
// thing come from and where they go. Looks at settings only, neither at sources nor at targets.

#include "core/base/unitfile.h"
#include "core/repart/specifiers.h"
#include "core/update/pattern.h"

namespace Preon::Update
{

enum class ResourceType { UrlFile, UrlTar, Tar, Partition, RegularFile, Directory, Subvolume };
std::string_view resourceTypeName(ResourceType type); // "url-file"
bool isUrl(ResourceType type);
// A file, folder or archive that lies in a folder of this machine.
bool isInFileSystem(ResourceType type);

// What Path= is meant from.
enum class RelativeTo { Root, Esp, Xbootldr, Boot, Explicit };

// How the signature of a manifest is made: Path/SHA256SUMS.gpg today. Others are to come.
enum class SignatureScheme { OpenPgp };

// One end of a transfer.
struct Resource {
    ResourceType type = ResourceType::RegularFile;
    std::string path; // a URL without the slash at its end, or an absolute path
    bool pathAuto = false; // Path=auto: the disk of the running system
    RelativeTo relativeTo = RelativeTo::Root;
    std::vector<Pattern> patterns; // of a target the first one names what is new
    Uuid partitionType; // of targets that are slots
};

struct Transfer {
    std::string id; // "50-root"
    std::filesystem::path path;
    std::vector<std::filesystem::path> dropIns;
    std::optional<std::string> minVersion, maxVersion; // others are obsolete
    std::vector<std::string> protectedVersions;
    bool verify = true;
    SignatureScheme signature = SignatureScheme::OpenPgp;
    std::vector<std::string> changeLogs; // URLs, with @v
    std::vector<std::string> appStreams; // URLs
    std::vector<std::string> features, requisiteFeatures;
    bool enabled = true; // as its features say

    Resource source, target;
    // How a new instance is to be; what is not set here its source's name may tell (Fields).
    std::optional<Uuid> partitionUuid;
    std::optional<std::uint64_t> partitionFlags;
    std::optional<bool> noAuto, growFileSystem, readOnly;
    std::optional<std::uint32_t> mode;
    std::optional<std::uint64_t> triesLeft, triesDone;
    std::optional<std::uint64_t> instancesMax; // nullopt: as many as there is room for
    bool removeTemporary = true;
    std::optional<std::string> currentSymlink; // relative to the target's folder, or absolute

    std::vector<std::string> warnings; // "FILE:LINE: text", as systemd-sysupdate words them
};

struct Feature {
    std::string id;
    std::filesystem::path path;
    std::string description, documentation, appStream; // the last two are URLs
    bool enabled = false;
    bool suggested = false; // systemd 261
    std::vector<std::string> warnings;
};

struct DefinitionOptions {
    Repart::Specifiers specifiers;
    std::string architecture; // of partition types without one; empty: this machine's
    bool hasExplicitSource = false; // whether PathRelativeTo=explicit can be followed
};

// BadFormat with "FILE:LINE: …" where systemd-sysupdate refuses the file.
Result<Transfer> parseTransfer(const UnitFile &file, const DefinitionOptions &options);
Feature parseFeature(const UnitFile &file, const DefinitionOptions &options);

struct Definitions {
    std::vector<Transfer> transfers; // by file name: in this order they are acquired, and installed
    std::vector<Feature> features;
    bool legacy = false; // they are *.conf, as before systemd 257

    bool hasEnabled() const;
};

// *.transfer, or *.conf where there is none, and *.feature of the folders. Which transfers are enabled is decided.
Result<Definitions> loadDefinitions(const std::vector<std::filesystem::path> &folders, const DefinitionOptions &options,
                                    const std::filesystem::path &root = "/");

// /etc, /run, /usr/local/lib, /usr/lib + sysupdate.d or sysupdate.COMPONENT.d below the host's root.
std::vector<std::filesystem::path> definitionFolders(const Host &host, const std::string &component = {});
bool isComponentName(std::string_view name);

struct Components {
    bool hasDefault = false; // there is a sysupdate.d
    std::vector<std::string> names; // sorted
};
Components listComponents(const Host &host);

// Characters that systemd takes in specifiers, but does not know, are an error in these settings; nullopt then, and when longer than `limit`.
std::optional<std::string> expandStrictly(const Repart::Specifiers &specifiers, std::string_view text, std::size_t limit);

} // namespace Preon::Update
