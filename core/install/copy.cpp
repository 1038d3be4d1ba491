// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/install/copy.h"

#include "core/verity/parallel.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

namespace Preon::Install
{

namespace
{

constexpr std::size_t chunkSize = 2U << 20U; // a multiple of every block size
constexpr std::uint64_t unwritten = 64U << 20U;

// Has the kernel write what is in its cache as we go: the flush at the end then takes a moment and not minutes without a sign of life.
void writeBehind(const Fd &target, std::uint64_t offset, std::uint64_t length, std::uint64_t begin)
{
    ::sync_file_range(target.get(), static_cast<off_t>(offset), static_cast<off_t>(length), SYNC_FILE_RANGE_WRITE);
    if (offset >= begin + unwritten) {
        ::sync_file_range(target.get(), static_cast<off_t>(offset - unwritten), static_cast<off_t>(length),
                          SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
    }
}

bool isGone(const Disk::Device &device)
{
    std::uint64_t size = 0;
    std::error_code ignored;
    return ::ioctl(device.fd().get(), BLKGETSIZE64, &size) < 0 || size == 0 || !std::filesystem::exists(device.path(), ignored);
}

bool isMediumsFault(const Error &error)
{
    return error.code == ErrorCode::Io || error.code == ErrorCode::Corrupt || error.code == ErrorCode::BadFormat;
}

} // namespace

Error badMedium(const Error &error, const std::filesystem::path &source)
{
    if (!isMediumsFault(error))
        return error;
    Error told = error.during("The installation medium " + source.string() + " is damaged");
    told.todo = "The disk is not at fault. Make the medium again, or use another one.";
    return told;
}

Error badTarget(const Error &error, const Disk::Device &device)
{
    const std::filesystem::path &target = device.path();
    // The kernel makes a device that went away one of no size, so that writing to it is "no room".
    if (device.isBlockDevice() && (isMediumsFault(error) || error.code == ErrorCode::NoSpace) && isGone(device)) {
        Error told = error.during("The disk " + target.string() + " went away while it was written to");
        told.code = ErrorCode::NotFound;
        told.todo = "It was unplugged, lost its power, or has failed. The installation medium is not at fault.";
        return told;
    }
    if (!isMediumsFault(error) && error.code != ErrorCode::NoSpace)
        return error;
    Error told = error.during(error.code == ErrorCode::NoSpace ? "There is no room left for " + target.string()
                                                               : "The disk " + target.string() + " did not keep what was written to it");
    told.todo = error.code == ErrorCode::NoSpace ? "Make room where the file lies."
                                                 : "The installation medium is not at fault. Do not trust this disk with anything; install to another one.";
    return told;
}

Result<void> copyVerified(const Disk::Device &source, const Disk::Range &from, const Verity::HashTree &tree, const Disk::Device &target, std::uint64_t toOffset,
                          Progress &progress)
{
    const std::uint32_t blockSize = tree.superblock().dataBlockSize;
    if (tree.dataSize() > from.length)
        return std::unexpected(badMedium({ErrorCode::BadFormat, "The data is cut off", "the hash tree covers more than there is", {}}, source.path()));
    return Verity::forEachChunk(tree.dataSize(), chunkSize, progress, [&](std::uint64_t offset, std::span<std::byte> buffer) -> Result<void> {
        if (auto read = readAt(source.fd(), from.offset + offset, buffer); !read)
            return std::unexpected(badMedium(read.error(), source.path()));
        if (const auto bad = tree.firstBadBlock(offset / blockSize, buffer))
            return std::unexpected(badMedium(Verity::corruptBlock(source.path().string(), *bad, tree).error(), source.path()));
        if (auto written = writeAt(target.fd(), toOffset + offset, buffer); !written)
            return std::unexpected(badTarget(written.error(), target));
        writeBehind(target.fd(), toOffset + offset, buffer.size(), toOffset);
        return {};
    });
}

} // namespace Preon::Install
