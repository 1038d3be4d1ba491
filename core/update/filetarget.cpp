// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/update/target.h"

#include <algorithm>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace Preon::Update
{

namespace
{
std::string besideName(const std::string &name, std::string_view prefix)
{
    const std::size_t slash = name.rfind('/');
    const std::size_t begin = slash == std::string::npos ? 0 : slash + 1;
    return name.substr(0, begin) + std::string(prefix) + name.substr(begin);
}

class FileWriter : public TargetWriter
{
public:
    explicit FileWriter(FileTarget target)
        : m_target(std::move(target))
    {
    }
    Result<void> begin(Begin how) override;
    Result<void> write(std::uint64_t offset, ByteView data) override
    {
        return writeAt(m_fd, offset, data);
    }
    Result<void> read(std::uint64_t offset, std::span<std::byte> buffer) const override
    {
        return readAt(m_fd, offset, buffer);
    }
    Result<std::uint64_t> size() const override;
    std::filesystem::path tree() const override
    {
        return {};
    }
    Result<void> flush() override
    {
        return Preon::flush(m_fd);
    }
    Result<void> finish(std::uint64_t size) override;
    Result<void> install() override;
    Result<void> abandon() override;

private:
    std::filesystem::path partial() const
    {
        return m_target.folder / partialName(m_target.name);
    }
    std::filesystem::path pending() const
    {
        return m_target.folder / pendingName(m_target.name);
    }
    Result<void> dress() const;

    FileTarget m_target;
    Fd m_fd;
};

Result<void> FileWriter::begin(Begin how)
{
    const std::filesystem::path path = partial();
    PREON_CHECK(makeFolders(m_target.folder, std::filesystem::path(m_target.name).parent_path()));
    std::error_code error;
    if (how == Begin::Anew) {
        std::filesystem::remove(pending(), error);
    } else if (!std::filesystem::exists(path, error) && std::filesystem::exists(pending(), error)) {
        PREON_CHECK(moveFlushed(pending(), path));
    }
    const int flags = O_RDWR | O_NOFOLLOW | (how == Begin::Anew ? O_CREAT | O_TRUNC : 0);
    // Nobody but root sees it before it is whole.
    PREON_TRY(m_fd, openFile(path, flags, 0600));
    return {};
}

Result<std::uint64_t> FileWriter::size() const
{
    struct stat status{};
    if (fstat(m_fd.get(), &status) < 0)
        return failErrno("The size of " + partial().string() + " could not be read");
    return static_cast<std::uint64_t>(status.st_size);
}

// Mode and time of modification. FAT has no modes: there it is enough that they are what the mount makes of them.
Result<void> FileWriter::dress() const
{
    constexpr mode_t writing = 0222;
    const mode_t mode = m_target.mode & ~(m_target.readOnly ? writing : 0U);
    if (fchmod(m_fd.get(), mode) < 0 && errno != EPERM)
        return failErrno("The mode of " + partial().string() + " could not be set");
    if (!m_target.modified)
        return {};
    constexpr std::uint64_t perSecond = 1000000;
    const timespec when{.tv_sec = static_cast<time_t>(*m_target.modified / perSecond), .tv_nsec = static_cast<long>(*m_target.modified % perSecond * 1000)};
    const timespec times[2] = {when, when};
    if (futimens(m_fd.get(), times) < 0)
        return failErrno("The time of modification of " + partial().string() + " could not be set");
    return {};
}

Result<void> FileWriter::finish(std::uint64_t size)
{
    if (ftruncate(m_fd.get(), static_cast<off_t>(size)) < 0)
        return failErrno(partial().string() + " could not be made " + std::to_string(size) + " bytes long");
    PREON_CHECK(dress());
    PREON_CHECK(flush());
    return moveFlushed(partial(), pending());
}

Result<void> FileWriter::install()
{
    std::error_code error;
    const auto installed = m_target.folder / m_target.name;
    if (!std::filesystem::exists(pending(), error) && std::filesystem::exists(installed, error))
        return {}; // an earlier attempt got this far
    return moveFlushed(pending(), installed);
}

Result<void> FileWriter::abandon()
{
    m_fd.reset();
    for (const std::filesystem::path &path : {partial(), pending()})
        PREON_CHECK(removeInstance(m_target.folder, path));
    return {};
}
}

std::string partialName(const std::string &name)
{
    return besideName(name, ".sysupdate.partial.");
}

std::string pendingName(const std::string &name)
{
    return besideName(name, ".sysupdate.pending.");
}

std::unique_ptr<TargetWriter> makeTarget(FileTarget target)
{
    return std::make_unique<FileWriter>(std::move(target));
}

Result<void> makeFolders(const std::filesystem::path &folder, const std::filesystem::path &below)
{
    std::filesystem::path path = folder;
    for (const auto &part : below) {
        if (mkdir((path / part).c_str(), 0755) == 0)
            PREON_CHECK(flushFolder(path));
        else if (errno != EEXIST)
            return failErrno((path / part).string() + " could not be made");
        path /= part;
    }
    return {};
}

Result<void> removeInstance(const std::filesystem::path &folder, const std::filesystem::path &path)
{
    std::error_code error;
    if (std::filesystem::symlink_status(path, error).type() == std::filesystem::file_type::directory)
        makeMutable(path);
    std::filesystem::remove_all(path, error);
    if (error)
        return failErrno(error.value(), path.string() + " could not be removed");
    auto above = path.parent_path();
    // Folders that a pattern with slashes made, once nothing is in them.
    while (above != folder && above.has_relative_path() && above.string().starts_with(folder.string()) && ::rmdir(above.c_str()) == 0)
        above = above.parent_path();
    if (!std::filesystem::exists(above, error))
        return {};
    return flushFolder(above);
}

Result<void> pointLink(const std::filesystem::path &link, const std::filesystem::path &at)
{
    const std::string what = "The link " + link.string() + " could not be set";
    const std::filesystem::path relative = at.lexically_relative(link.parent_path());
    const std::filesystem::path text = relative.empty() ? at : relative;
    std::error_code error;
    if (std::filesystem::symlink_status(link, error).type() == std::filesystem::file_type::directory)
        return fail(ErrorCode::Exists, what, "a folder has this name");
    const std::filesystem::path temporary = link.parent_path() / partialName(link.filename().string());
    std::filesystem::remove(temporary, error);
    std::filesystem::create_symlink(text, temporary, error);
    if (error)
        return failErrno(error.value(), what);
    return moveFlushed(temporary, link);
}

} // namespace Preon::Update
