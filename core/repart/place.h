// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// A place on a device that bytes are put into: plainly, or through the cipher of the volume around it. Also clearing what was there.

#include "core/disk/content.h"
#include "core/luks/volume.h"

namespace Preon::Repart
{

// What the holes of a sparse source become.
enum class Holes {
    Keep, // what is there, but on a file, where zeroes cost nothing
    Zero, // zeroes, whatever was there
    ZeroToTheEnd, // and what is left of the place too
};

class Place
{
public:
    // volume: the payload begins at dataOffset() behind start; without one the bytes go to the device as they are.
    Place(const Disk::Device &device, std::uint64_t start, std::uint64_t size, Luks::Volume *volume = nullptr);

    std::uint64_t size() const
    {
        return m_size;
    }
    bool isFile() const
    {
        return !m_device.isBlockDevice() && !m_volume;
    }
    Result<void> write(std::uint64_t offset, ByteView data) const;
    // Makes a range read as zeroes; cheap on a file.
    Result<void> zero(std::uint64_t offset, std::uint64_t length) const;
    // A range of a file or device to the beginning of the place. data: where the source is no hole.
    Result<void> fill(const Disk::Device &from, const Disk::Range &range, const std::vector<Disk::Range> &data, Holes holes, Progress &progress) const;

private:
    const Disk::Device &m_device;
    std::uint64_t m_start, m_size;
    Luks::Volume *m_volume;
};

// Discards a range in steps of at most 1 GiB, between which it can be cancelled. Fine where the device cannot.
Result<void> discardRange(const Disk::Device &device, const Disk::Range &range, Progress &progress);

} // namespace Preon::Repart
