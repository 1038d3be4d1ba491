// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What a new file system is filled with, as repart.d(5) words it. Paths are absolute: sources below the copy source, targets below the new file system.

#include <optional>
#include <string>
#include <vector>

namespace Preon::Repart
{

struct CopyFiles {
    std::string source, target;
    bool operator==(const CopyFiles &) const = default;
};

struct Symlink {
    std::string path, target; // target: as it is written into the link
    bool operator==(const Symlink &) const = default;
};

struct Subvolume {
    std::string path;
    bool readOnly = false;
    bool operator==(const Subvolume &) const = default;
};

struct Contents {
    std::vector<CopyFiles> copyFiles;
    std::vector<std::string> excludeSource, excludeTarget; // with a slash at the end: what is in it, not itself
    std::vector<std::string> directories;
    std::vector<Symlink> symlinks;
    std::vector<Subvolume> subvolumes; // btrfs
    std::string defaultSubvolume; // one of them; empty: none
    std::string compression, compressionLevel; // erofs, squashfs

    // Whether there is anything to put into a new file system.
    bool isPopulated() const
    {
        return !copyFiles.empty() || !directories.empty() || !symlinks.empty();
    }
    // With what a supplement (SupplementFor=) adds; what both name counts once.
    Contents mergedWith(const Contents &supplement) const;
    bool operator==(const Contents &) const = default;
};

enum class Minimize { Off, Best, Guess };

enum class Verity { Off, Data, Hash, Signature };

// What --generate-fstab= writes for a partition.
struct MountPoint {
    std::string where;
    std::optional<std::string> options;
    bool operator==(const MountPoint &) const = default;
};

// What --generate-crypttab= writes for a partition.
struct EncryptedVolume {
    std::string name, keyFile, options;
    bool operator==(const EncryptedVolume &) const = default;
};

} // namespace Preon::Repart
