// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/repart/place.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

namespace Preon::Repart
{

namespace
{
constexpr std::uint64_t movedAtOnce = 4U << 20U;
constexpr std::uint64_t discardStep = 1U << 30U;

Result<void> pump(const Disk::Device &from, const Disk::Range &range, const Place &to, std::uint64_t toOffset, Progress &progress)
{
    Bytes buffer(std::min(movedAtOnce, range.length));
    for (std::uint64_t done = 0; done < range.length;) {
        PREON_CHECK(progress.check());
        const std::span part(buffer.data(), std::min<std::uint64_t>(buffer.size(), range.length - done));
        if (auto read = readAt(from.fd(), range.offset + done, part); !read)
            return std::unexpected(read.error().during("Reading from " + from.path().string()));
        PREON_CHECK(to.write(toOffset + done, part));
        done += part.size();
        progress.advance(part.size());
    }
    return {};
}
}

Place::Place(const Disk::Device &device, std::uint64_t start, std::uint64_t size, Luks::Volume *volume)
    : m_device(device)
    , m_start(start)
    , m_size(volume ? size - volume->dataOffset() : size)
    , m_volume(volume)
{
}

Result<void> Place::write(std::uint64_t offset, ByteView data) const
{
    if (!m_volume)
        return writeAt(m_device.fd(), m_start + offset, data);
    const std::uint32_t sector = m_volume->sectorSize();
    if (data.size() % sector == 0)
        return m_volume->writePayload(m_device, m_start, offset, data);
    // The end of a source that is no whole number of cipher sectors.
    Bytes padded(data.begin(), data.end());
    padded.resize((data.size() + sector - 1) / sector * sector);
    return m_volume->writePayload(m_device, m_start, offset, padded);
}

Result<void> Place::zero(std::uint64_t offset, std::uint64_t length) const
{
    const int fd = m_device.fd().get();
    if (length == 0)
        return {};
    if (!m_volume && !m_device.isBlockDevice()
        && fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(m_start + offset), static_cast<off_t>(length)) == 0)
        return {};
    std::array<std::uint64_t, 2> range{m_start + offset, length};
    if (!m_volume && m_device.isBlockDevice() && ioctl(fd, BLKZEROOUT, range.data()) == 0)
        return {};
    const Bytes zeroes(std::min(movedAtOnce, length));
    for (std::uint64_t done = 0; done < length;) {
        const std::uint64_t step = std::min<std::uint64_t>(zeroes.size(), length - done);
        PREON_CHECK(write(offset + done, ByteView(zeroes).first(step)));
        done += step;
    }
    return {};
}

Result<void> Place::fill(const Disk::Device &from, const Disk::Range &range, const std::vector<Disk::Range> &data, Holes holes, Progress &progress) const
{
    const bool zeroes = holes != Holes::Keep || isFile();
    std::uint64_t at = 0; // what lies before is done
    for (const Disk::Range &piece : data) {
        const std::uint64_t begin = std::max(piece.offset, range.offset);
        const std::uint64_t end = std::min(piece.offset + piece.length, range.offset + range.length);
        if (begin >= end)
            continue;
        const std::uint64_t to = begin - range.offset;
        if (zeroes && to > at)
            PREON_CHECK(zero(at, to - at));
        PREON_CHECK(pump(from, {begin, end - begin}, *this, to, progress));
        at = to + (end - begin);
    }
    if (m_volume) // a padded last sector is whole
        at = (at + m_volume->sectorSize() - 1) / m_volume->sectorSize() * m_volume->sectorSize();
    const std::uint64_t until = holes == Holes::ZeroToTheEnd ? m_size : range.length;
    if (zeroes && until > at)
        return zero(at, until - at);
    return {};
}

Result<void> discardRange(const Disk::Device &device, const Disk::Range &range, Progress &progress)
{
    for (std::uint64_t done = 0; done < range.length;) {
        PREON_CHECK(progress.check());
        const std::uint64_t step = std::min(discardStep, range.length - done);
        if (auto discarded = device.discard(range.offset + done, step); !discarded)
            return discarded.error().code == ErrorCode::Unsupported ? Result<void>() : discarded;
        done += step;
        progress.advance(step);
    }
    return {};
}

} // namespace Preon::Repart
