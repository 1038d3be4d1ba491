// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/repart/filesystem.h"

#include "core/base/format.h"
#include "core/base/process.h"
#include "core/repart/protofile.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <sstream>
#include <utility>
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
constexpr std::uint32_t smallestSector = 512;
constexpr long tmpfsMagic = 0x01021994;
constexpr std::chrono::hours fillingTimeout{2};

std::string cut(const std::string &label, std::size_t bytes)
{
    std::size_t end = std::min(label.size(), bytes);
    while (end > 0 && end < label.size() && (static_cast<unsigned char>(label[end]) & 0xc0U) == 0x80)
        --end;
    return label.substr(0, end);
}

// FAT labels: eleven ASCII characters in upper case, some of them not allowed. A character of several bytes becomes one underscore.
std::string fatLabel(const std::string &label)
{
    constexpr std::string_view refused = "*?.,;:/\\|+=<>[]\"";
    std::string result;
    for (const char c : label) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte & 0xc0U) == 0x80)
            continue;
        const bool lower = c >= 'a' && c <= 'z';
        const bool bad = byte < 0x20 || byte >= 0x7f || refused.contains(c);
        result += lower ? static_cast<char>(c - 'a' + 'A') : bad ? '_' : c;
    }
    return result.substr(0, 11);
}

using Command = std::vector<std::string>;

void add(Command &command, std::initializer_list<std::string> words)
{
    command.insert(command.end(), words);
}

// systemd-repart always asks for 32 bits and the sector size. Where that gives a volume that firmware refuses, sectors are made smaller, and what is too
// small for 32 bits at all is left to mkfs.
Command fatCommand(const FileSystem &fs)
{
    Command command{"mkfs.vfat", "-i", fs.uuid.hex().substr(0, 8), "-n", fatLabel(fs.label)};
    const std::uint32_t sector = fs.size / fs.sectorSize >= fat32Clusters ? fs.sectorSize : smallestSector;
    if (fs.size / sector >= fat32Clusters)
        add(command, {"-F", "32"});
    add(command, {"-S", std::to_string(sector)});
    return command;
}

Command extCommand(const FileSystem &fs)
{
    Command command{"mkfs." + fs.format, "-q", "-L", cut(fs.label, 16), "-U", fs.uuid.text(), "-I", "256", "-m", "0"};
    add(command, {"-E", fs.discard ? "discard,lazy_itable_init=1" : "nodiscard,lazy_itable_init=1", "-b", "4096", "-T", "default"});
    if (!fs.tree.empty())
        add(command, {"-d", fs.tree.string()});
    return command;
}

Command btrfsCommand(const FileSystem &fs)
{
    constexpr std::uint32_t smallest = 4096;
    Command command{"mkfs.btrfs", "-q", "-L", cut(fs.label, 255), "-U", fs.uuid.text()};
    if (!fs.discard)
        add(command, {"--nodiscard"});
    if (!fs.tree.empty())
        add(command, {"-r", fs.tree.string()});
    add(command, {"--sectorsize=" + std::to_string(std::max(fs.sectorSize, smallest))});
    return command;
}

Command xfsCommand(const FileSystem &fs, const std::string &protofile)
{
    Command command{"mkfs.xfs", "-q", "-L", cut(fs.label, 12), "-m", "uuid=" + fs.uuid.text(), "-m", "reflink=1"};
    if (!fs.discard)
        add(command, {"-K"});
    if (!protofile.empty())
        add(command, {"-p", protofile});
    add(command, {"-s", "size=" + std::to_string(fs.sectorSize)});
    return command;
}

Command readOnlyCommand(const FileSystem &fs, const std::string &file)
{
    if (fs.format == "squashfs") {
        Command command{"mksquashfs", fs.tree.string(), file, "-noappend"};
        if (!fs.compression.empty())
            add(command, {"-comp", fs.compression});
        if (!fs.compression.empty() && !fs.compressionLevel.empty())
            add(command, {"-Xcompression-level", fs.compressionLevel});
        return command;
    }
    Command command{"mkfs.erofs", "-U", fs.uuid.text(), "--quiet"};
    if (!fs.compression.empty())
        add(command, {"-z" + fs.compression + (fs.compressionLevel.empty() ? "" : ",level=" + fs.compressionLevel)});
    add(command, {file, fs.tree.string()});
    return command;
}

// What the caller's environment adds for a format, and the folders that become subvolumes.
void addExtras(const FileSystem &fs, Command &command)
{
    std::string name = "SYSTEMD_REPART_MKFS_OPTIONS_" + fs.format;
    std::ranges::transform(name, name.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    if (const char *extra = std::getenv(name.c_str())) {
        std::istringstream words(extra);
        for (std::string word; words >> word;)
            command.push_back(word);
    }
    if (fs.format != "btrfs" || fs.tree.empty())
        return;
    for (const Subvolume &subvolume : fs.subvolumes) {
        // The type stands before the path; systemd 257 puts it behind, which mkfs.btrfs refuses.
        std::string type = subvolume.path == fs.defaultSubvolume ? "default" : "";
        if (subvolume.readOnly)
            type += type.empty() ? "ro" : "-ro";
        add(command, {"--subvol", type.empty() ? subvolume.path : type + ':' + subvolume.path});
    }
}

// Variables that mkfs programs read and that change what they make; all others stay out.
std::map<std::string, std::string> toolEnvironment(const FileSystem &fs)
{
    std::map<std::string, std::string> environment;
    for (const char *name :
         {"SOURCE_DATE_EPOCH", "DETERMINISTIC_SEED", "MKE2FS_CONFIG", "MKE2FS_FIRST_META_BG", "E2FSPROGS_FAKE_TIME", "E2FSPROGS_LIBMAGIC_SUPPRESS", "TMPDIR"}) {
        if (const char *value = std::getenv(name))
            environment[name] = value;
    }
    environment["MKE2FS_DEVICE_SECTSIZE"] = std::to_string(fs.sectorSize);
    // e2fsprogs would punch holes for the zeroes that it relies on, and holes are not carried over.
    if (!fs.discard)
        environment["UNIX_IO_NOZEROOUT"] = "1";
    return environment;
}
}

bool canBeFilled(const std::string &format)
{
    constexpr std::array formats{"ext2", "ext3", "ext4", "btrfs", "vfat", "xfs", "erofs", "squashfs"};
    return std::ranges::contains(formats, format);
}

Result<std::vector<std::string>> formatCommand(const FileSystem &fs, const std::filesystem::path &file, const std::string &protofile)
{
    const std::string path = file.string();
    Command command;
    const bool readOnly = fs.format == "erofs" || fs.format == "squashfs";
    if (readOnly && fs.tree.empty())
        return fail(ErrorCode::Unsupported, "An " + fs.format + " file system cannot be made empty");
    if (!fs.tree.empty() && !canBeFilled(fs.format))
        return fail(ErrorCode::Unsupported, "A " + fs.format + " file system cannot be filled when it is made", {},
                    "Use ext4, btrfs, xfs, vfat, erofs or squashfs.");
    if (readOnly)
        command = readOnlyCommand(fs, path);
    else if (fs.format == "vfat")
        command = fatCommand(fs);
    else if (fs.format == "swap")
        command = {"mkswap", "-L", cut(fs.label, 15), "-U", fs.uuid.text()};
    else if (fs.format == "ext4" || fs.format == "ext3" || fs.format == "ext2")
        command = extCommand(fs);
    else if (fs.format == "btrfs")
        command = btrfsCommand(fs);
    else if (fs.format == "xfs")
        command = xfsCommand(fs, protofile);
    else if (fs.format == "f2fs")
        command = {
            "mkfs.f2fs", "-g", "-f", "-q", "-l", cut(fs.label, 512), "-U", fs.uuid.text(), "-t", fs.discard ? "1" : "0", "-w", std::to_string(fs.sectorSize)};
    else
        command = {"mkfs." + fs.format};
    if (!readOnly)
        command.push_back(path);
    addExtras(fs, command);
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

ScratchFolder::ScratchFolder(std::filesystem::path path)
    : m_path(std::move(path))
{
}

ScratchFolder::ScratchFolder(ScratchFolder &&other) noexcept
    : m_path(std::exchange(other.m_path, {}))
{
}

ScratchFolder::~ScratchFolder()
{
    std::error_code ignored;
    if (!m_path.empty())
        std::filesystem::remove_all(m_path, ignored);
}

Result<ScratchFolder> ScratchFolder::create(const std::filesystem::path &folder)
{
    std::string name = (folder / "preon-XXXXXX").string();
    if (!mkdtemp(name.data()))
        return failErrno("A scratch folder in " + folder.string() + " could not be made");
    return ScratchFolder(name);
}

namespace
{
// What is in the folder, name by name: mcopy would copy the folder itself. Only files and folders go into a FAT.
Result<void> fillFat(const FileSystem &fs, const std::filesystem::path &file, const ProcessOptions &options)
{
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator entries(fs.tree, error), end; !error && entries != end; entries.increment(error)) {
        std::error_code unreadable;
        const auto type = entries->symlink_status(unreadable).type();
        if (type == std::filesystem::file_type::regular || type == std::filesystem::file_type::directory)
            names.push_back(entries->path().string());
    }
    if (error)
        return failErrno(error.value(), fs.tree.string() + " could not be read");
    if (names.empty())
        return {};
    std::ranges::sort(names);
    Command command{"mcopy", "-s", "-p", "-Q", "-m", "-i", file.string()};
    command.insert(command.end(), names.begin(), names.end());
    command.emplace_back("::");
    ProcessOptions copy = options;
    copy.environment["MTOOLS_SKIP_CHECK"] = "1"; // its ideas of a sound FAT are not mkfs.vfat's
    copy.environment["TZ"] = "UTC";
    PREON_CHECK(runTool(command, copy));
    return {};
}

Result<void> runFormat(const FileSystem &fs, const std::filesystem::path &file, const ProcessOptions &options, const std::filesystem::path &scratch)
{
    if (fs.format != "xfs" || fs.tree.empty()) {
        PREON_TRY(const Command command, formatCommand(fs, file));
        PREON_CHECK(runTool(command, options));
        return {};
    }
    PREON_TRY(const Protofile protofile, makeProtofile(fs.tree, scratch));
    PREON_TRY(const Command command, formatCommand(fs, file, protofile.option()));
    PREON_CHECK(runTool(command, options));
    return {};
}
}

Result<ScratchFile> makeFileSystem(const FileSystem &fs, const std::filesystem::path &scratch, Progress &progress)
{
    const bool readOnly = fs.format == "erofs" || fs.format == "squashfs";
    PREON_TRY(ScratchFile file, ScratchFile::create(scratch, readOnly ? 0 : fs.size));
    ProcessOptions options;
    options.progress = &progress;
    options.timeout = fillingTimeout;
    options.environment = toolEnvironment(fs);
    if (auto made = runFormat(fs, file.path(), options, scratch); !made)
        return std::unexpected(made.error().during("Making a " + fs.format + " file system"));
    if (fs.format == "vfat" && !fs.tree.empty()) {
        if (auto filled = fillFat(fs, file.path(), options); !filled)
            return std::unexpected(filled.error().during("Filling a " + fs.format + " file system"));
    }
    std::error_code error;
    const std::uint64_t size = std::filesystem::file_size(file.path(), error);
    if (error)
        return failErrno(error.value(), "The size of a new " + fs.format + " file system could not be read");
    if (fs.size != 0 && size > fs.size)
        return fail(ErrorCode::NoSpace, "The " + fs.format + " file system needs " + formatBinarySize(size),
                    "its partition has only " + formatBinarySize(fs.size), "Set SizeMinBytes= or Minimize=.");
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
}

Result<std::vector<Disk::Range>> dataRanges(const Disk::Device &file)
{
    const Fd &fd = file.fd();
    const std::uint64_t size = file.size();
    if (file.isBlockDevice())
        return std::vector<Disk::Range>{{0, size}};
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

Result<std::vector<Disk::Range>> writtenRanges(const Disk::Device &file)
{
    PREON_TRY(auto ranges, extentMap(file.fd(), file.size()));
    if (!ranges) {
        PREON_TRY(auto data, dataRanges(file));
        ranges = std::move(data);
    }
    return std::move(*ranges);
}

} // namespace Preon::Repart
