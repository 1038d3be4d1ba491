// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The files of an EFI partition, through mtools: read and written inside a device or an image file at an offset, never mounted, so that nothing of the
// machine's own mounts is in the way and an image file needs no loop device. One program run a call; fit for tens of files, not for thousands. A folder is
// listed once until something is changed through the same object: what others change meanwhile is seen by a new one.

#include "core/base/process.h"
#include "core/boot/memoryfile.h"
#include "core/disk/device.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace Preon::Boot
{

struct FatEntry {
    std::string path; // "/EFI/Linux/particle_1.efi", as it is spelt there
    std::uint64_t size = 0; // bytes
    bool folder = false;
    bool operator==(const FatEntry &) const = default;
};

// Paths are absolute, with "/", and compared without regard to case by FAT itself. Those with characters that mtools would expand (*?[]\) or
// that FAT cannot hold are BadArgument.
class Fat
{
public:
    // What write() calls a file until it is whole, in the file's own folder; a power cut may leave one.
    static constexpr std::string_view temporaryName = "preon-new.tmp";

    // The file system at that byte of the device, which must stay open as long as this object is used.
    Fat(const Disk::Device &device, std::uint64_t offset);

    // What is directly in a folder; NotFound when there is no such folder.
    Result<std::vector<FatEntry>> list(std::string_view folder) const;
    Result<bool> exists(std::string_view path) const;
    // NotFound; NoSpace when larger than limit bytes.
    Result<MemoryFile> read(std::string_view path, std::size_t limit = 1U << 30U) const;
    // Makes the folders that are missing; writes under a temporary name in the same folder, flushes, removes an old file of that name, renames, flushes.
    // A power cut leaves the old file or the new one under its temporary name, but never half a file under the real one.
    Result<void> write(std::string_view path, const MemoryFile &content, const Progress *progress = nullptr) const;
    Result<void> makeFolder(std::string_view path) const; // with its parents; fine when it is there
    Result<void> remove(std::string_view path) const; // a file; NotFound
    Result<std::uint64_t> freeSpace() const; // bytes

private:
    Result<ProcessOutput> run(std::vector<std::string> command, const Fd *file = nullptr, const Progress *progress = nullptr) const;
    Result<ProcessOutput> change(std::vector<std::string> command, const Fd *file = nullptr, const Progress *progress = nullptr) const;
    const Disk::Device *m_device;
    std::uint64_t m_offset;
    mutable std::map<std::string, std::vector<FatEntry>> m_listed; // by the folder's path as it was asked for
};

// Makes a FAT32 file system (FAT16 below 33 MiB) with so small clusters that every firmware takes it for one, in a range of the device.
// label: at most 11 characters. Does not flush. NoSpace when the range is under 1 MiB.
Result<void> formatFat(const Disk::Device &device, std::uint64_t offset, std::uint64_t length, const std::string &label);

} // namespace Preon::Boot
