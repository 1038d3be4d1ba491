// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/repart/filesystem.h"

#include "core/base/process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <vector>

#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace Preon::Repart
{

namespace
{
// Fewer clusters than this and firmware takes the volume for FAT16 (facts: repart.md); a little more pays for the tables themselves.
constexpr std::uint64_t fat32Clusters = 65525 + 600;
constexpr long tmpfsMagic = 0x01021994;

std::string cut(const std::string &label, std::size_t bytes)
{
    std::size_t end = std::min(label.size(), bytes);
    while (end > 0 && end < label.size() && (static_cast<unsigned char>(label[end]) & 0xc0U) == 0x80)
        --end;
    return label.substr(0, end);
}

// FAT labels: eleven bytes, upper case, few signs.
std::string fatLabel(const std::string &label)
{
    std::string result;
    for (const char c : label.substr(0, 11)) {
        const bool lower = c >= 'a' && c <= 'z';
        const bool plain = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == ' ';
        result += lower ? static_cast<char>(c - 'a' + 'A') : plain ? c : '_';
    }
    return result;
}

std::vector<std::string> fatCommand(const FileSystem &fs, const std::filesystem::path &file)
{
    std::vector<std::string> command{"mkfs.vfat", "-i", fs.uuid.hex().substr(0, 8), "-S", std::to_string(fs.sectorSize)};
    if (!fs.label.empty())
        command.insert(command.end(), {"-n", fatLabel(fs.label)});
    for (unsigned sectors = 8; sectors > 0; sectors /= 2) {
        if (fs.size / (std::uint64_t{sectors} * fs.sectorSize) >= fat32Clusters) {
            command.insert(command.end(), {"-F", "32", "-s", std::to_string(fs.size > 8ULL << 30U ? 64 : sectors)});
            break;
        }
    }
    command.push_back(file.string());
    return command;
}
}

Result<std::vector<std::string>> formatCommand(const FileSystem &fs, const std::filesystem::path &file)
{
    const std::string uuid = fs.uuid.text(), path = file.string();
    std::vector<std::string> command;
    const auto add = [&command](std::initializer_list<std::string> words) {
        command.insert(command.end(), words);
    };
    const auto addLabel = [&](const char *option, std::size_t limit) {
        if (!fs.label.empty())
            add({option, cut(fs.label, limit)});
    };
    if (fs.format == "erofs" || fs.format == "squashfs")
        return fail(ErrorCode::Unsupported, "An " + fs.format + " file system cannot be made empty");
    if (fs.format == "vfat")
        return fatCommand(fs, file);
    if (fs.format == "swap") {
        add({"mkswap", "-U", uuid});
        addLabel("-L", 15);
    } else if (fs.format == "ext4" || fs.format == "ext3" || fs.format == "ext2") {
        add({"mkfs." + fs.format, "-q", "-U", uuid, "-I", "256", "-m", "0", "-b", "4096", "-T", "default", "-E", "nodiscard,lazy_itable_init=1"});
        addLabel("-L", 16);
    } else if (fs.format == "btrfs") {
        add({"mkfs.btrfs", "-q", "-K", "-f", "-U", uuid});
        addLabel("-L", 255);
    } else if (fs.format == "xfs") {
        add({"mkfs.xfs", "-q", "-K", "-f", "-m", "uuid=" + uuid, "-m", "reflink=1"});
        if (fs.sectorSize != 512)
            add({"-s", "size=" + std::to_string(fs.sectorSize)});
        addLabel("-L", 12);
    } else if (fs.format == "f2fs") {
        add({"mkfs.f2fs", "-q", "-f", "-t", "0", "-U", uuid});
        addLabel("-l", 512);
    } else {
        add({"mkfs." + fs.format});
    }
    command.push_back(path);
    return command;
}

ScratchFile::ScratchFile(std::filesystem::path path)
    : m_path(std::move(path))
{
}

ScratchFile::ScratchFile(ScratchFile &&other) noexcept
    : m_path(std::exchange(other.m_path, {}))
{
}

ScratchFile::~ScratchFile()
{
    if (!m_path.empty())
        unlink(m_path.c_str());
}

Result<ScratchFile> ScratchFile::create(const std::filesystem::path &folder, std::uint64_t size)
{
    std::string name = (folder / "preon-XXXXXX").string();
    const Fd fd(mkostemp(name.data(), O_CLOEXEC));
    if (!fd.isOpen())
        return failErrno("A scratch file in " + folder.string() + " could not be made");
    ScratchFile file(name);
    if (size > INT64_MAX || ftruncate(fd.get(), static_cast<off_t>(size)) < 0)
        return failErrno(size > INT64_MAX ? EFBIG : errno, "A scratch file of " + std::to_string(size) + " bytes in " + folder.string() + " could not be made");
    return file;
}

std::filesystem::path scratchFolder(const Host &host)
{
    if (const char *folder = std::getenv("TMPDIR"); folder && *folder == '/')
        return folder;
    struct statfs status{};
    const bool inInitrd = access("/etc/initrd-release", F_OK) == 0;
    if (inInitrd && statfs(host.run.c_str(), &status) == 0 && status.f_type == tmpfsMagic)
        return host.run;
    return "/var/tmp";
}

Result<ScratchFile> makeFileSystem(const FileSystem &fs, const std::filesystem::path &scratch, Progress &progress)
{
    PREON_TRY(ScratchFile file, ScratchFile::create(scratch, fs.size));
    PREON_TRY(const auto command, formatCommand(fs, file.path()));
    ProcessOptions options;
    options.progress = &progress;
    // e2fsprogs would punch holes for the zeroes that it relies on, and holes are not carried over.
    options.environment["UNIX_IO_NOZEROOUT"] = "1";
    if (auto made = runTool(command, options); !made)
        return std::unexpected(made.error().during("Making a " + fs.format + " file system"));
    return file;
}

namespace
{
// Extents as the file system of the scratch file keeps them. FIEMAP tells zeroed (unwritten) ranges from holes, which SEEK_DATA does not.
Result<std::optional<std::vector<Disk::Range>>> extentMap(const Fd &fd, std::uint64_t size)
{
    constexpr unsigned batch = 128;
    std::vector<std::uint64_t> storage((sizeof(struct fiemap) + batch * sizeof(struct fiemap_extent)) / 8 + 1);
    auto *map = reinterpret_cast<struct fiemap *>(storage.data());
    std::vector<Disk::Range> ranges;
    for (std::uint64_t at = 0; at < size;) {
        std::ranges::fill(storage, 0);
        map->fm_start = at;
        map->fm_length = size - at;
        map->fm_flags = FIEMAP_FLAG_SYNC;
        map->fm_extent_count = batch;
        if (ioctl(fd.get(), FS_IOC_FIEMAP, map) < 0) {
            if (errno == EOPNOTSUPP || errno == ENOTTY || errno == EINVAL)
                return std::nullopt;
            return failErrno("The extents of a scratch file could not be read");
        }
        if (map->fm_mapped_extents == 0)
            break;
        const std::span extents(map->fm_extents, map->fm_mapped_extents);
        for (const struct fiemap_extent &extent : extents) {
            if (extent.fe_logical >= size)
                continue;
            ranges.push_back({extent.fe_logical, std::min<std::uint64_t>(extent.fe_length, size - extent.fe_logical)});
        }
        if (extents.back().fe_flags & FIEMAP_EXTENT_LAST)
            break;
        at = extents.back().fe_logical + extents.back().fe_length;
    }
    return ranges;
}

Result<std::vector<Disk::Range>> dataRanges(const Fd &fd, std::uint64_t size)
{
    std::vector<Disk::Range> ranges;
    for (off_t at = 0; static_cast<std::uint64_t>(at) < size;) {
        const off_t begin = lseek(fd.get(), at, SEEK_DATA);
        if (begin < 0 && errno == ENXIO)
            break;
        const off_t end = begin < 0 ? -1 : lseek(fd.get(), begin, SEEK_HOLE);
        if (end < 0)
            return failErrno("The holes of a scratch file could not be found");
        const std::uint64_t until = std::min(static_cast<std::uint64_t>(end), size);
        ranges.push_back({static_cast<std::uint64_t>(begin), until - static_cast<std::uint64_t>(begin)});
        at = end;
    }
    return ranges;
}
}

Result<std::vector<Disk::Range>> writtenRanges(const Disk::Device &file)
{
    PREON_TRY(auto ranges, extentMap(file.fd(), file.size()));
    if (!ranges) {
        PREON_TRY(auto data, dataRanges(file.fd(), file.size()));
        ranges = std::move(data);
    }
    return std::move(*ranges);
}

} // namespace Preon::Repart
