// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// A block device or an image file, opened: the two are the same to everything above. Also the list of disks a machine has.

#include "core/base/fd.h"
#include "core/base/host.h"
#include "core/base/progress.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace Preon::Disk
{

enum class Access {
    Read,
    Write, // open for writing, others may write too
    Locked, // as Write, and flock: udev and others of our kind keep off, partitions of it may be in use. Waits a minute for whoever has it
    Exclusive, // block devices: O_EXCL (not mounted, not in use) and flock; files: flock. Busy names who holds it, where that can be found out
};

class Device
{
public:
    static Result<Device> open(const std::filesystem::path &path, Access access, std::uint32_t sectorSizeOfFile = 512);
    // A new or truncated sparse file.
    static Result<Device> create(const std::filesystem::path &path, std::uint64_t size, std::uint32_t sectorSize = 512);

    // Zeroes in memory that go with the device (sparse), under another device's name, size and sector size: for trying out what will be written.
    static Result<Device> inMemory(const Device &like);

    const std::filesystem::path &path() const;
    const Fd &fd() const;
    std::uint64_t size() const; // bytes, multiple of the sector size (a file's rest is ignored)
    std::uint32_t sectorSize() const; // logical: 512 … 4096
    bool isBlockDevice() const;
    Access access() const;

    // Makes an image file larger; never smaller, and a block device has the size it has (Unsupported).
    Result<void> grow(std::uint64_t size);

    Result<void> flush() const; // fsync
    // Forgets what the kernel cached of it (BLKFLSBUF / POSIX_FADV_DONTNEED after fsync): the next read comes from the medium.
    Result<void> dropCache() const;
    // Discards the range where the device can, punches a hole in a file; Unsupported otherwise.
    Result<void> discard(std::uint64_t offset, std::uint64_t length) const;
    // Makes the kernel see the new table (BLKPG, else BLKRRPART), with a bounded retry; Busy names the partition that is in use. Nothing for files.
    Result<void> rereadPartitions() const;
    // The n-th partition of a whole disk as its own path (/dev/vda3, /dev/nvme0n1p3); nullopt for files.
    std::optional<std::filesystem::path> partitionPath(unsigned number) const;

private:
    Device() = default;
    std::filesystem::path m_path;
    Fd m_fd;
    std::uint64_t m_size = 0;
    std::uint32_t m_sectorSize = 512;
    bool m_block = false;
    Access m_access = Access::Read;
};

// What a person may choose from. Everything that is not known is empty.
struct DiskInfo {
    std::filesystem::path device; // /dev/nvme0n1
    std::string model, vendor, serial, wwn;
    std::string transport; // "nvme", "usb", "sata", "mmc", "virtio", …
    std::uint64_t size = 0;
    std::uint32_t sectorSize = 512;
    std::uint64_t diskSequence = 0;
    bool removable = false; // the medium or the whole device can be pulled out
    bool readOnly = false;
    bool inUse = false; // some partition is mounted, swapped on, or held by another device
    std::vector<std::string> uses; // "/dev/sda2 is mounted at /home"
};

// Whole disks of the machine, without loops, RAM disks, zram, device-mapper and optical drives without a medium; by name.
Result<std::vector<DiskInfo>> listDisks(const Host &host);
Result<DiskInfo> inspectDisk(const Host &host, const std::filesystem::path &device);
// The whole disk that a partition (or itself) lies on: /dev/vda3 → /dev/vda.
Result<std::filesystem::path> wholeDisk(const Host &host, const std::filesystem::path &device);

} // namespace Preon::Disk
