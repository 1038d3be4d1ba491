// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The options that say how a hash tree is or was made: veritysetup's, with its names, defaults and exit statuses.

#include "core/disk/device.h"
#include "core/verity/superblock.h"

#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace Preon::Ctl
{

// veritysetup's exit statuses.
enum VerityStatus : int {
    VerityFailed = 1,
    VerityMismatch = 2, // data and tree do not belong together
    VerityNoDevice = 4,
    VerityBusy = 5,
};

struct VerityOptions {
    std::string data, hash, rootHash, rootHashFile;
    std::string salt, uuid, algorithm = "sha256";
    std::string dataBlockSize = "4096", hashBlockSize = "4096", dataBlocks = "0", hashOffset = "0", format = "1"; // numbers, as typed
    bool noSuperblock = false;
    bool json = false;
    const CLI::Option *saltGiven = nullptr, *uuidGiven = nullptr;

    // The options both commands have; DATA and HASH come first.
    void addTo(CLI::App &command);
    // BadArgument names the word that is wrong. The UUID is not set; the salt is empty where none was given.
    Result<Verity::Superblock> parameters() const;
    Result<Verity::Placement> placement() const;
};

// Opens a device or file; the status is for the case that it fails.
Result<Disk::Device> openVerityDevice(const std::string &path, Disk::Access access, int &status);

nlohmann::ordered_json verityJson(const Verity::Superblock &superblock, ByteView rootHash);

} // namespace Preon::Ctl
