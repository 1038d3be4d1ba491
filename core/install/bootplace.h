// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Where loader and kernel go on a disk that other systems start from: into an EFI partition that is there, with the kernels beside the loader or in an extended boot
// partition (XBOOTLDR; Boot Loader Specification, UAPI.1). Pure decisions. On such a partition files are only added: what others start from stays as it is.

#include "core/base/result.h"
#include "core/disk/gpt.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace Preon::Install
{

// A unified kernel that lies there.
struct BootKernel {
    std::string path;
    std::uint64_t size = 0; // bytes
    std::string rootHash; // usrhash=, lower case; empty: none
};

// A partition of a disk that a loader or kernels can lie on.
struct BootPartition {
    Disk::Partition partition;
    bool extended = false; // XBOOTLDR; otherwise an EFI partition
    bool isFat = false; // firmware reads nothing else
    std::uint64_t free = 0; // bytes; with what our own files take that an interrupted run left, whole or half written
    std::vector<std::string> taken; // of the paths that we would write, those that are there
    std::string loaderVersion; // of a loader that lies at our own path: "257.9-1"; empty: none, or not known

    bool hasLoader = false; // at the path that it has on a whole disk of ours
    std::string stranger; // something that an installation of ours on a whole disk does not put there; empty: there is nothing of the kind
    std::uint64_t freeAsOwn = 0; // bytes; as `free`, by the paths of a whole disk
    std::vector<BootKernel> kernels; // looked for only where a system is to be installed anew
};

struct BootNeeds {
    std::uint64_t loader = 0, kernel = 0; // bytes, of this version

    // Loader and settings, with what FAT loses in clusters and folders.
    std::uint64_t loaderRoom() const;
    // This kernel and the next version's, which may be a quarter larger: an update puts one beside the other.
    std::uint64_t kernelRoom() const;
};

struct BootPlacement {
    std::optional<unsigned> esp; // number of the EFI partition; nullopt: there is none, one is made
    std::optional<unsigned> xbootldr; // number of the extended boot partition that takes the kernels
    bool makesXbootldr = false; // one is made for them
    bool ownEsp = false; // all that is on that EFI partition is ours: files have their names of a whole disk, and are replaced
};

// The first EFI partition with room for everything; else the first with room for the loader, and the kernels go to the disk's XBOOTLDR partition (loaders look for one
// only), which is made where there is none. NoSpace with the numbers when there is no way.
Result<BootPlacement> placeBoot(const std::vector<BootPartition> &partitions, const BootNeeds &needs, const std::string &disk);

// How a boot file of ours is called beside those of others: the loader gets a folder of its own; nullopt for what must not be put there, which is the file that the
// firmware starts by itself and the keys to be enrolled. name: the system's ("Particle").
std::optional<std::string> pathBesideOthers(const std::string &path, const std::string &name);

} // namespace Preon::Install
