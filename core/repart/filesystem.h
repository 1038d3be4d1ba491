// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// A new file system made in a sparse file of the size it shall have, by its own mkfs, and the ranges of that file which mkfs wrote. No device-mapper, no
// kernel view of a partition, no udev is needed: the same on a disk, on an image file and in an initrd.

#include "core/base/host.h"
#include "core/disk/content.h"
#include "core/repart/contents.h"

namespace Preon::Repart
{

struct FileSystem {
    std::string format; // "ext4", "btrfs", "xfs", "vfat", "swap", "f2fs", "erofs", "squashfs" … what mkfs.FORMAT exists for
    std::string label; // cut to what the format allows
    Uuid uuid; // vfat takes its first 32 bits
    std::uint64_t size = 0; // bytes; of read-only ones the file becomes as large as they need
    std::uint32_t sectorSize = 512;
    bool discard = false; // let mkfs punch holes where it needs zeroes, rather than write them
    std::filesystem::path tree; // filled with what is in this folder (tree.h); empty: with nothing
    std::string compression, compressionLevel; // erofs, squashfs; empty: the format's default
    std::vector<Subvolume> subvolumes; // btrfs, made of folders of the tree
    std::string defaultSubvolume;
};

// Whether its mkfs can fill it from a folder.
bool canBeFilled(const std::string &format);

// The command that makes it in the file, as systemd-repart 257 words it, $SYSTEMD_REPART_MKFS_OPTIONS_… included. Unsupported for formats that need source
// files and have none. protofile: for xfs with a tree.
Result<std::vector<std::string>> formatCommand(const FileSystem &fileSystem, const std::filesystem::path &file, const std::string &protofile = {});

// A file in the scratch folder that nobody else can open; it goes with this object.
class ScratchFile
{
public:
    static Result<ScratchFile> create(const std::filesystem::path &folder, std::uint64_t size);
    ScratchFile(ScratchFile &&other) noexcept;
    ScratchFile &operator=(ScratchFile &&) = delete;
    ~ScratchFile();
    const std::filesystem::path &path() const
    {
        return m_path;
    }

private:
    explicit ScratchFile(std::filesystem::path path);
    std::filesystem::path m_path;
};

// A folder in the scratch folder that nobody else can open; it goes with this object and all that is in it.
class ScratchFolder
{
public:
    static Result<ScratchFolder> create(const std::filesystem::path &folder);
    ScratchFolder(ScratchFolder &&other) noexcept;
    ScratchFolder &operator=(ScratchFolder &&) = delete;
    ~ScratchFolder();
    const std::filesystem::path &path() const
    {
        return m_path;
    }

private:
    explicit ScratchFolder(std::filesystem::path path);
    std::filesystem::path m_path;
};

// Where scratch files go: memory if there is a /run that can hold them, as in an initrd, or TMPDIR, else /var/tmp.
std::filesystem::path scratchFolder(const Host &host);

// In a new scratch file. NoSpace where a read-only one became larger than the size that it may have (0: any).
Result<ScratchFile> makeFileSystem(const FileSystem &fileSystem, const std::filesystem::path &scratch, Progress &progress);

// What is data in a sparse file, or all of a device: the rest reads as zeroes.
Result<std::vector<Disk::Range>> dataRanges(const Disk::Device &file);
// What was written in a sparse file, explicit zeroes included; what is left out may hold anything on the target.
Result<std::vector<Disk::Range>> writtenRanges(const Disk::Device &file);

} // namespace Preon::Repart
