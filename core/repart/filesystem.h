// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// A new file system made in a sparse file of the size it shall have, by its own mkfs, and the ranges of that file which mkfs wrote. No device-mapper, no
// kernel view of a partition, no udev is needed: the same on a disk, on an image file and in an initrd.

#include "core/base/host.h"
#include "core/disk/content.h"

namespace Preon::Repart
{

struct FileSystem {
    std::string format; // "ext4", "btrfs", "xfs", "vfat", "swap", "f2fs" … what mkfs.FORMAT exists for
    std::string label; // cut to what the format allows
    Uuid uuid; // vfat takes its first 32 bits
    std::uint64_t size = 0; // bytes
    std::uint32_t sectorSize = 512;
};

// The command that makes it in the file. Unsupported for formats that need source files.
Result<std::vector<std::string>> formatCommand(const FileSystem &fileSystem, const std::filesystem::path &file);

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

// Where scratch files go: memory if there is a /run that can hold them, as in an initrd, or TMPDIR, else /var/tmp.
std::filesystem::path scratchFolder(const Host &host);

Result<ScratchFile> makeFileSystem(const FileSystem &fileSystem, const std::filesystem::path &scratch, Progress &progress);

// What was written in a sparse file, explicit zeroes included; what is left out may hold anything on the target.
Result<std::vector<Disk::Range>> writtenRanges(const Disk::Device &file);

} // namespace Preon::Repart
