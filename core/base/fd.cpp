// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/base/fd.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace Preon
{

Fd &Fd::operator=(Fd &&other) noexcept
{
    if (this != &other) {
        reset();
        m_number = other.release();
    }
    return *this;
}

void Fd::reset()
{
    if (m_number >= 0)
        ::close(m_number);
    m_number = -1;
}

Result<Fd> openFile(const std::filesystem::path &path, int flags, mode_t mode)
{
    int number = -1;
    do {
        number = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    } while (number < 0 && errno == EINTR);
    if (number < 0)
        return failErrno(path.string() + " could not be opened");
    return Fd(number);
}

Result<Fd> memoryFile(const char *name, ByteView content)
{
    Fd fd(::memfd_create(name, MFD_CLOEXEC));
    if (!fd.isOpen())
        return failErrno("A file in memory could not be made");
    PREON_CHECK(writeAt(fd, 0, content));
    return fd;
}

Result<void> readAt(const Fd &fd, std::uint64_t offset, std::span<std::byte> buffer)
{
    while (!buffer.empty()) {
        const ssize_t got = ::pread(fd.get(), buffer.data(), buffer.size(), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return failErrno("Reading at byte " + std::to_string(offset) + " failed");
        if (got == 0)
            return fail(ErrorCode::Io, "Reading failed", "the data ends early, at byte " + std::to_string(offset));
        offset += static_cast<std::uint64_t>(got);
        buffer = buffer.subspan(static_cast<std::size_t>(got));
    }
    return {};
}

Result<void> writeAt(const Fd &fd, std::uint64_t offset, ByteView data)
{
    while (!data.empty()) {
        const ssize_t put = ::pwrite(fd.get(), data.data(), data.size(), static_cast<off_t>(offset));
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return failErrno("Writing at byte " + std::to_string(offset) + " failed");
        if (put == 0)
            return fail(ErrorCode::Io, "Writing failed", "nothing more fits at byte " + std::to_string(offset));
        offset += static_cast<std::uint64_t>(put);
        data = data.subspan(static_cast<std::size_t>(put));
    }
    return {};
}

Result<void> flush(const Fd &fd)
{
    if (::fsync(fd.get()) < 0)
        return failErrno("Flushing what was written to the device failed");
    return {};
}

Result<void> flushFolder(const std::filesystem::path &folder)
{
    PREON_TRY(const Fd fd, openFile(folder, O_RDONLY | O_DIRECTORY));
    return flush(fd);
}

Result<Bytes> readFile(const std::filesystem::path &path, std::size_t limit)
{
    PREON_TRY(const Fd fd, openFile(path, O_RDONLY));
    Bytes content;
    // Sizes are not asked for: files of sysfs, procfs and efivarfs lie about theirs.
    for (std::size_t filled = 0;;) {
        content.resize(std::min(limit + 1, std::max<std::size_t>(4096, filled * 2)));
        const ssize_t got = ::read(fd.get(), content.data() + filled, content.size() - filled);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return failErrno(path.string() + " could not be read");
        filled += static_cast<std::size_t>(got);
        if (filled > limit)
            return fail(ErrorCode::BadFormat, path.string() + " could not be read", "it is larger than " + std::to_string(limit) + " bytes");
        if (got == 0) {
            content.resize(filled);
            return content;
        }
    }
}

Result<std::string> readTextFile(const std::filesystem::path &path, std::size_t limit)
{
    PREON_TRY(const Bytes content, readFile(path, limit));
    return std::string(reinterpret_cast<const char *>(content.data()), content.size());
}

Result<void> moveFlushed(const std::filesystem::path &from, const std::filesystem::path &to, unsigned flags)
{
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) < 0)
        return failErrno(from.string() + " could not be renamed to " + to.filename().string());
    struct stat status{};
    // Of a link there is nothing but the name.
    if (::lstat(to.c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
        PREON_TRY(const Fd file, openFile(to, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
        PREON_CHECK(flush(file));
    }
    return flushFolder(to.has_parent_path() ? to.parent_path() : std::filesystem::path("."));
}

Result<void> replaceFile(const std::filesystem::path &path, ByteView content, mode_t mode)
{
    const std::string what = path.string() + " could not be written";
    const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    std::string temporary = (folder / ("." + path.filename().string() + ".XXXXXX")).string();
    Fd fd(::mkostemp(temporary.data(), O_CLOEXEC));
    if (!fd.isOpen())
        return failErrno(what);
    const auto write = [&]() -> Result<void> {
        if (::fchmod(fd.get(), mode) < 0)
            return failErrno(what);
        PREON_CHECK(writeAt(fd, 0, content));
        PREON_CHECK(flush(fd));
        return {};
    };
    auto written = write();
    if (written)
        written = moveFlushed(temporary, path).transform_error([&what](const Error &error) { return error.during(what); });
    if (!written)
        ::unlink(temporary.c_str());
    return written;
}

} // namespace Preon
