// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/update/target.h"

#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

namespace Preon::Update
{

namespace
{
class FolderWriter : public TargetWriter
{
public:
    explicit FolderWriter(FolderTarget target)
        : m_target(std::move(target))
    {
    }
    Result<void> begin(Begin how) override;
    Result<void> write(std::uint64_t, ByteView) override
    {
        return notBytes();
    }
    Result<void> read(std::uint64_t, std::span<std::byte>) const override
    {
        return notBytes();
    }
    Result<std::uint64_t> size() const override
    {
        return 0;
    }
    std::filesystem::path tree() const override
    {
        return m_target.folder / partialName(m_target.name);
    }
    Result<void> flush() override;
    Result<void> finish(std::uint64_t size) override;
    Result<void> install() override;
    Result<void> abandon() override;

private:
    std::filesystem::path pending() const
    {
        return m_target.folder / pendingName(m_target.name);
    }
    std::unexpected<Error> notBytes() const
    {
        return fail(ErrorCode::Unsupported, (m_target.folder / m_target.name).string() + " is a folder", "it takes files, not bytes");
    }
    Result<void> make() const;
    Result<void> protect() const;

    FolderTarget m_target;
};

Result<void> FolderWriter::make() const
{
    const std::filesystem::path path = tree();
    if (m_target.subvolume) {
        PREON_TRY(const Fd parent, openFile(path.parent_path(), O_RDONLY | O_DIRECTORY));
        btrfs_ioctl_vol_args arguments{};
        const std::string name = path.filename().string();
        if (name.size() < sizeof arguments.name) {
            std::memcpy(arguments.name, name.data(), name.size());
            if (ioctl(parent.get(), BTRFS_IOC_SUBVOL_CREATE, &arguments) == 0)
                return {};
            if (errno != ENOTTY && errno != EOPNOTSUPP)
                return failErrno("The subvolume " + path.string() + " could not be made");
        }
    }
    if (mkdir(path.c_str(), 0755) < 0)
        return failErrno(path.string() + " could not be made");
    return {};
}

Result<void> FolderWriter::begin(Begin how)
{
    PREON_CHECK(makeFolders(m_target.folder, std::filesystem::path(m_target.name).parent_path()));
    std::error_code error;
    if (how == Begin::Resume) {
        if (std::filesystem::is_directory(tree(), error))
            return {};
        if (::rename(pending().c_str(), tree().c_str()) < 0)
            return failErrno(tree().string() + " could not be gone on with");
        return {};
    }
    for (const std::filesystem::path &path : {tree(), pending()})
        PREON_CHECK(removeInstance(m_target.folder, path));
    PREON_CHECK(makeFolders(m_target.folder, std::filesystem::path(m_target.name).parent_path()));
    return make();
}

// All of the file system, since nobody knows which files came.
Result<void> FolderWriter::flush()
{
    PREON_TRY(const Fd folder, openFile(tree(), O_RDONLY | O_DIRECTORY));
    if (::syncfs(folder.get()) < 0)
        return failErrno("Flushing " + tree().string() + " failed");
    return {};
}

Result<void> FolderWriter::finish(std::uint64_t)
{
    PREON_CHECK(flush());
    if (::rename(tree().c_str(), pending().c_str()) < 0)
        return failErrno(tree().string() + " could not be renamed");
    return flushFolder(pending().parent_path());
}

// A subvolume that is read-only can still be renamed, an immutable folder cannot: hence after the name is given.
Result<void> FolderWriter::protect() const
{
    const std::filesystem::path path = m_target.folder / m_target.name;
    PREON_TRY(const Fd folder, openFile(path, O_RDONLY | O_DIRECTORY));
    std::uint64_t subvolumeFlags = 0;
    if (m_target.subvolume && ioctl(folder.get(), BTRFS_IOC_SUBVOL_GETFLAGS, &subvolumeFlags) == 0) {
        subvolumeFlags |= BTRFS_SUBVOL_RDONLY;
        if (ioctl(folder.get(), BTRFS_IOC_SUBVOL_SETFLAGS, &subvolumeFlags) < 0)
            return failErrno("The subvolume " + path.string() + " could not be made read-only");
        return {};
    }
    int flags = 0;
    if (ioctl(folder.get(), FS_IOC_GETFLAGS, &flags) < 0)
        return {};
    flags |= FS_IMMUTABLE_FL;
    if (ioctl(folder.get(), FS_IOC_SETFLAGS, &flags) < 0 && errno != ENOTTY && errno != EOPNOTSUPP && errno != EPERM)
        return failErrno(path.string() + " could not be made immutable");
    return {};
}

Result<void> FolderWriter::install()
{
    const std::filesystem::path installed = m_target.folder / m_target.name;
    std::error_code error;
    if (std::filesystem::exists(pending(), error)) {
        if (::rename(pending().c_str(), installed.c_str()) < 0)
            return failErrno(pending().string() + " could not be renamed to " + installed.filename().string());
        PREON_CHECK(flushFolder(installed.parent_path()));
    } else if (!std::filesystem::exists(installed, error)) {
        return fail(ErrorCode::NotFound, installed.string() + " cannot be installed", "nothing is pending");
    }
    return m_target.readOnly ? protect() : Result<void>();
}

Result<void> FolderWriter::abandon()
{
    for (const std::filesystem::path &path : {tree(), pending()})
        PREON_CHECK(removeInstance(m_target.folder, path));
    return {};
}
}

std::unique_ptr<TargetWriter> makeTarget(FolderTarget target)
{
    return std::make_unique<FolderWriter>(std::move(target));
}

// What keeps a tree from being removed: it is immutable, or a read-only subvolume. Best effort; removing it tells.
void makeMutable(const std::filesystem::path &folder)
{
    const auto fd = openFile(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!fd)
        return;
    std::uint64_t subvolumeFlags = 0;
    if (ioctl(fd->get(), BTRFS_IOC_SUBVOL_GETFLAGS, &subvolumeFlags) == 0 && (subvolumeFlags & BTRFS_SUBVOL_RDONLY) != 0) {
        subvolumeFlags &= ~std::uint64_t{BTRFS_SUBVOL_RDONLY};
        ioctl(fd->get(), BTRFS_IOC_SUBVOL_SETFLAGS, &subvolumeFlags);
    }
    int flags = 0;
    if (ioctl(fd->get(), FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_IMMUTABLE_FL) != 0) {
        flags &= ~FS_IMMUTABLE_FL;
        ioctl(fd->get(), FS_IOC_SETFLAGS, &flags);
    }
}

} // namespace Preon::Update
