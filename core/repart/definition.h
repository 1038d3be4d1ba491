// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// One partition as an OS wishes it to be: a file of repart.d(5), understood. Says nothing about a disk; that is the plan's matter.

#include "core/base/unitfile.h"
#include "core/base/uuid.h"
#include "core/repart/contents.h"
#include "core/repart/specifiers.h"

#include <cstdint>

namespace Preon::Repart
{

enum class Encrypt {
    Off,
    KeyFile,
    Tpm2,
    KeyFileAndTpm2,
    IntegrityKey, // ours (X-PreonProtect=integrity), not encrypted: a LUKS2 header that keeps the key of what others put behind it (luks/integrity.h)
    // Ours (X-PreonEncrypt=, which systemd-repart passes over): the TPM where there is a usable one, else what the caller supplies. The plan says which.
    Tpm2OrPassphrase,
    Tpm2OrRecoveryKey,
    // What those become without a TPM.
    Passphrase,
    RecoveryKey,
};

struct Definition {
    std::string name; // "50-root.conf"
    std::filesystem::path path;
    std::vector<std::filesystem::path> dropIns;

    Uuid type;
    std::optional<std::string> label; // "" is a label too
    std::optional<Uuid> uuid; // UUID=null is the all-zero one
    std::int32_t priority = 0;
    std::uint32_t weight = 1000, paddingWeight = 0;
    std::optional<std::uint64_t> sizeMin, sizeMax, paddingMin, paddingMax; // bytes; rounded to 4096 as systemd-repart does
    bool factoryReset = false;

    std::filesystem::path copyBlocks; // what is copied byte for byte; empty: nothing
    bool copyBlocksAuto = false; // the block device of the running system that has this type
    std::string format; // "ext4", "btrfs", "vfat", "swap" …; empty: left as it is
    Encrypt encrypt = Encrypt::Off;
    std::uint64_t flags = 0; // GPT attribute bits, all settings merged
    Contents contents; // what a new file system is filled with
    Minimize minimize = Minimize::Off; // as large as its contents need, measured by making it
    std::optional<std::string> volumeLabel; // in the LUKS2 header; nullopt: the partition's label

    Verity verity = Verity::Off;
    std::string verityMatchKey; // siblings of one tree share it
    std::optional<std::uint32_t> verityDataBlock, verityHashBlock; // bytes; nullopt: the sector size of file systems
    std::string supplementFor; // the definition, without ".conf", that this one is merged into where it can be

    std::optional<std::string> splitName = "%t"; // nullopt: --split makes no file of it
    std::vector<MountPoint> mountPoints;
    std::optional<EncryptedVolume> encryptedVolume;

    std::vector<std::string> warnings; // "FILE:LINE: text", as systemd-repart words them

    bool isCopied() const
    {
        return copyBlocksAuto || !copyBlocks.empty();
    }
};

struct DefinitionOptions {
    std::string architecture; // for types without one; empty: this machine's
    Specifiers specifiers;
    std::vector<Uuid> included, excluded; // types; loadDefinitions leaves the others out, unchecked. included empty: all
    bool privateKey = false, certificate = false; // whether there is one to sign a root hash with
    std::map<std::string, std::string> formatOverrides = {}; // readFormatOverrides()

    bool takes(const Uuid &type) const;
};

// BadFormat with "FILE:LINE: …" where systemd-repart refuses the file.
Result<Definition> parseDefinition(const UnitFile &file, const DefinitionOptions &options);

// /etc, /run, /usr/local/lib, /usr/lib + repart.d below the host's root.
std::vector<std::filesystem::path> definitionFolders(const Host &host);

// $SYSTEMD_REPART_OVERRIDE_FSTYPE ("") and …_FSTYPE_ROOT and so on ("ROOT"), which replace Format=.
std::map<std::string, std::string> readFormatOverrides();

// Whether the kernel can only read file systems of this name: they are made with their contents, in their final size.
bool isReadOnlyFormat(const std::string &format);

// All definitions of the folders, by file name, related to each other without fault (relations.h). See findUnitFiles for masks, drop-ins and links.
Result<std::vector<Definition>> loadDefinitions(const std::vector<std::filesystem::path> &folders, const DefinitionOptions &options,
                                                const std::filesystem::path &root = "/");

} // namespace Preon::Repart
