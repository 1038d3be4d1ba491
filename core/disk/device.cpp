// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/disk/device.h"

#include "core/disk/gpt.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <thread>

#include <fcntl.h>
#include <linux/blkpg.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace Preon::Disk
{

namespace
{
// libfdisk, udev and others hold a disk for moments only; longer than this somebody really uses it.
constexpr int busyTries = 50;
constexpr std::chrono::milliseconds busyPause{100};
// Of a disk in use each change of the table has udev read all its partitions anew, with a lock of its own: tens of seconds on a slow machine (seen in an emulated one). What took minutes to
// fetch is not given up for that.
constexpr int sharedTries = 600;

bool isSectorSize(std::uint64_t size)
{
    return size >= 512 && size <= 4096 && (size & (size - 1)) == 0;
}

std::string busyWhy(const std::filesystem::path &path, const struct stat &status)
{
    // Holders and mounts of it or of one of its partitions.
    Host host;
    if (auto info = inspectDisk(host, path); info && !info->uses.empty()) {
        std::string all;
        for (const std::string &use : info->uses)
            all += (all.empty() ? "" : ", ") + use;
        return all;
    }
    return S_ISBLK(status.st_mode) ? "another program holds it" : "another program has locked it";
}

Result<void> lockDevice(const Fd &fd, const std::filesystem::path &path, const struct stat &status, int patience)
{
    for (int tries = 0; flock(fd.get(), LOCK_EX | LOCK_NB) < 0; ++tries) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return failErrno(path.string() + " could not be locked");
        if (tries == patience)
            return fail(ErrorCode::Busy, path.string() + " is in use", busyWhy(path, status), "Close what uses it and try again.");
        std::this_thread::sleep_for(busyPause);
    }
    return {};
}

struct KernelPartition {
    std::uint64_t start = 0, size = 0; // bytes
};

Result<std::uint64_t> numberIn(const std::filesystem::path &file)
{
    PREON_TRY(const std::string text, readTextFile(file));
    return std::strtoull(text.c_str(), nullptr, 10);
}

// What the kernel believes: sysfs counts in 512 bytes whatever the sectors are.
Result<std::map<unsigned, KernelPartition>> kernelPartitions(const std::filesystem::path &sysfs)
{
    std::map<unsigned, KernelPartition> partitions;
    std::error_code error;
    for (std::filesystem::directory_iterator entries(sysfs, error), end; !error && entries != end; entries.increment(error)) {
        const std::filesystem::path folder = entries->path();
        std::error_code ignored;
        if (!std::filesystem::exists(folder / "partition", ignored))
            continue;
        PREON_TRY(const std::uint64_t number, numberIn(folder / "partition"));
        PREON_TRY(const std::uint64_t start, numberIn(folder / "start"));
        PREON_TRY(const std::uint64_t size, numberIn(folder / "size"));
        partitions[static_cast<unsigned>(number)] = {start * 512, size * 512};
    }
    if (error)
        return failErrno(error.value(), "The kernel's view of a disk could not be read");
    return partitions;
}

int tellKernel(const Fd &fd, int operation, unsigned number, const KernelPartition &partition)
{
    blkpg_partition data{};
    data.start = static_cast<long long>(partition.start);
    data.length = static_cast<long long>(partition.size);
    data.pno = static_cast<int>(number);
    blkpg_ioctl_arg argument{};
    argument.op = operation;
    argument.datalen = sizeof data;
    argument.data = &data;
    int status = 0;
    for (int tries = 0; tries < busyTries; ++tries) {
        status = ioctl(fd.get(), BLKPG, &argument) < 0 ? errno : 0;
        if (status != EBUSY)
            return status;
        std::this_thread::sleep_for(busyPause);
    }
    return status;
}
}

Result<Device> Device::open(const std::filesystem::path &path, Access access, std::uint32_t sectorSizeOfFile)
{
    struct stat status{};
    if (stat(path.c_str(), &status) < 0)
        return failErrno(path.string() + " could not be opened");
    const bool block = S_ISBLK(status.st_mode);
    if (!block && !S_ISREG(status.st_mode))
        return fail(ErrorCode::BadArgument, path.string() + " is neither a block device nor a file");
    if (!isSectorSize(sectorSizeOfFile))
        return fail(ErrorCode::BadArgument, "A sector of " + std::to_string(sectorSizeOfFile) + " bytes does not exist", {}, "Use 512, 1024, 2048 or 4096.");

    int flags = access == Access::Read ? O_RDONLY : O_RDWR;
    if (block && access == Access::Exclusive)
        flags |= O_EXCL;
    Device device;
    device.m_path = path;
    device.m_block = block;
    device.m_access = access;
    auto opened = openFile(path, flags | O_NONBLOCK | O_NOCTTY);
    if (!opened && opened.error().code == ErrorCode::Busy)
        return fail(ErrorCode::Busy, path.string() + " is in use", busyWhy(path, status), "Close what uses it and try again.");
    if (!opened)
        return std::unexpected(opened.error());
    device.m_fd = std::move(*opened);
    if (access == Access::Exclusive || access == Access::Locked)
        PREON_CHECK(lockDevice(device.m_fd, path, status, access == Access::Locked ? sharedTries : busyTries));
    if (!block) {
        device.m_sectorSize = sectorSizeOfFile;
        device.m_size = static_cast<std::uint64_t>(status.st_size) / sectorSizeOfFile * sectorSizeOfFile;
        return device;
    }
    int sector = 0;
    if (ioctl(device.m_fd.get(), BLKGETSIZE64, &device.m_size) < 0 || ioctl(device.m_fd.get(), BLKSSZGET, &sector) < 0)
        return failErrno("The size of " + path.string() + " could not be read");
    device.m_sectorSize = static_cast<std::uint32_t>(sector);
    if (!isSectorSize(device.m_sectorSize))
        return fail(ErrorCode::Unsupported, path.string() + " has sectors of " + std::to_string(sector) + " bytes");
    return device;
}

Result<Device> Device::create(const std::filesystem::path &path, std::uint64_t size, std::uint32_t sectorSize)
{
    PREON_TRY(const Fd fd, openFile(path, O_RDWR | O_CREAT | O_TRUNC, 0666));
    if (size > static_cast<std::uint64_t>(INT64_MAX) || ftruncate(fd.get(), static_cast<off_t>(size)) < 0)
        return failErrno(size > static_cast<std::uint64_t>(INT64_MAX) ? EFBIG : errno,
                         path.string() + " could not be made " + std::to_string(size) + " bytes long");
    return open(path, Access::Exclusive, sectorSize);
}

Result<Device> Device::inMemory(const Device &like)
{
    Device device;
    device.m_fd = Fd(::memfd_create("preon", MFD_CLOEXEC));
    if (device.m_fd.get() < 0 || ::ftruncate(device.m_fd.get(), static_cast<off_t>(like.size())) < 0)
        return failErrno("There is no memory for a copy of a partition table");
    device.m_path = like.path();
    device.m_size = like.size();
    device.m_sectorSize = like.sectorSize();
    device.m_access = Access::Write;
    return device;
}

const std::filesystem::path &Device::path() const
{
    return m_path;
}

const Fd &Device::fd() const
{
    return m_fd;
}

std::uint64_t Device::size() const
{
    return m_size;
}

std::uint32_t Device::sectorSize() const
{
    return m_sectorSize;
}

bool Device::isBlockDevice() const
{
    return m_block;
}

Access Device::access() const
{
    return m_access;
}

Result<void> Device::grow(std::uint64_t size)
{
    const std::string what = m_path.string() + " could not be made " + std::to_string(size) + " bytes long";
    if (m_block || size < m_size)
        return fail(ErrorCode::Unsupported, what, m_block ? "it is a device" : "it is larger already");
    if (size > static_cast<std::uint64_t>(INT64_MAX) || ftruncate(m_fd.get(), static_cast<off_t>(size)) < 0)
        return failErrno(size > static_cast<std::uint64_t>(INT64_MAX) ? EFBIG : errno, what);
    m_size = size / m_sectorSize * m_sectorSize;
    return {};
}

Result<void> Device::flush() const
{
    if (auto flushed = Preon::flush(m_fd); !flushed)
        return std::unexpected(flushed.error().during("Flushing " + m_path.string()));
    return {};
}

Result<void> Device::dropCache() const
{
    if (m_access != Access::Read)
        PREON_CHECK(flush());
    // BLKFLSBUF asks for CAP_SYS_ADMIN; advice does the same for clean pages.
    if (m_block && ioctl(m_fd.get(), BLKFLSBUF, 0) == 0)
        return {};
    if (const int status = posix_fadvise(m_fd.get(), 0, 0, POSIX_FADV_DONTNEED))
        return failErrno(status, "The cache of " + m_path.string() + " could not be dropped");
    return {};
}

Result<void> Device::discard(std::uint64_t offset, std::uint64_t length) const
{
    // In pieces: one request for a whole disk may keep a device busy, and us uninterruptible, for minutes.
    constexpr std::uint64_t piece = 1ULL << 30U;
    while (length > 0) {
        const std::uint64_t now = std::min(length, piece);
        std::array<std::uint64_t, 2> range{offset, now};
        const int status = m_block ? ioctl(m_fd.get(), BLKDISCARD, range.data())
                                   : fallocate(m_fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset), static_cast<off_t>(now));
        if (status < 0) {
            if (errno == EOPNOTSUPP || errno == ENOTTY || errno == EINVAL)
                return fail(ErrorCode::Unsupported, m_path.string() + " cannot discard");
            return failErrno("Discarding on " + m_path.string() + " failed");
        }
        offset += now;
        length -= now;
    }
    return {};
}

Result<void> Device::rereadPartitions() const
{
    if (!m_block)
        return {};
    struct stat status{};
    if (fstat(m_fd.get(), &status) < 0)
        return failErrno("The kernel's view of " + m_path.string() + " could not be read");
    const std::filesystem::path sysfs = "/sys/dev/block/" + std::to_string(major(status.st_rdev)) + ':' + std::to_string(minor(status.st_rdev));
    // A loop device without partition scanning, and a partition itself, have no partitions of their own.
    if (auto range = numberIn(sysfs / "ext_range"); !range || *range <= 1)
        return {};
    PREON_TRY(const Table table, readTable(*this));
    PREON_TRY(auto known, kernelPartitions(sysfs));
    const auto complain = [&](int error, unsigned number) -> Result<void> {
        const std::string name = partitionPath(number).value_or(m_path).string();
        if (error == EBUSY)
            return fail(ErrorCode::Busy, "The kernel keeps its old view of " + name, "it is in use", "The new table is written; restart to make it known.");
        return failErrno(error, "The kernel did not accept the new table of " + m_path.string());
    };
    const auto same = [&](unsigned number, const KernelPartition &old) {
        return std::ranges::any_of(table.partitions, [&](const Partition &p) { return p.number == number && p.start == old.start; });
    };
    for (const auto &[number, old] : known) {
        if (same(number, old))
            continue;
        if (const int error = tellKernel(m_fd, BLKPG_DEL_PARTITION, number, old); error && error != ENXIO)
            return complain(error, number);
    }
    for (const Partition &partition : table.partitions) {
        const auto old = known.find(partition.number);
        const bool kept = old != known.end() && old->second.start == partition.start;
        if (kept && old->second.size == partition.size)
            continue;
        const int operation = kept ? BLKPG_RESIZE_PARTITION : BLKPG_ADD_PARTITION;
        if (const int error = tellKernel(m_fd, operation, partition.number, {partition.start, partition.size}))
            return complain(error, partition.number);
    }
    return {};
}

std::optional<std::filesystem::path> Device::partitionPath(unsigned number) const
{
    if (!m_block)
        return std::nullopt;
    std::error_code error;
    const std::filesystem::path real = std::filesystem::canonical(m_path, error);
    std::string name = (error ? m_path : real).string();
    if (!name.empty() && name.back() >= '0' && name.back() <= '9')
        name += 'p';
    return name + std::to_string(number);
}

} // namespace Preon::Disk
