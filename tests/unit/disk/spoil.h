// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Partition tables as broken, careless and hostile hands leave them, made of a good GPT with sectors of 512 bytes.

#include "core/disk/gpt.h"

#include <gtest/gtest.h>

namespace Spoil
{

using Preon::Bytes;
using Preon::Disk::Device;

inline void put(const Device &device, std::uint64_t offset, const Bytes &bytes)
{
    ASSERT_TRUE(Preon::writeAt(device.fd(), offset, bytes));
}

inline void bothCopies(const Device &device)
{
    put(device, 512, Bytes(512, std::byte{0xa5}));
    put(device, device.size() - 512, Bytes(512, std::byte{0xa5}));
}

// As gptfdisk does it for others: the first MiB behind the table is a partition of the MBR too.
inline void hybrid(const Device &device)
{
    const auto b = [](unsigned value) {
        return static_cast<std::byte>(value);
    };
    put(device, 446 + 16, {b(0x80), b(0), b(2), b(0), b(0x83), b(0xfe), b(0xff), b(0xff), b(0), b(8), b(0), b(0), b(0), b(8), b(0), b(0)});
}

inline std::uint32_t crc32(const Bytes &bytes)
{
    std::uint32_t crc = ~0U;
    for (const std::byte byte : bytes) {
        crc ^= std::to_integer<std::uint32_t>(byte);
        for (int bit = 0; bit < 8; ++bit)
            crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xedb88320U : 0U);
    }
    return ~crc;
}

inline Bytes little(std::uint64_t value, std::size_t size)
{
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i)
        bytes[i] = static_cast<std::byte>(value >> 8U * i);
    return bytes;
}

// Changes bytes of the primary's entries and makes its checksums right again; the backup goes.
inline void entries(const Device &device, std::uint64_t offset, const Bytes &change)
{
    constexpr std::size_t entryBytes = 128ULL * 128;
    put(device, 1024 + offset, change);
    Bytes all(entryBytes);
    ASSERT_TRUE(Preon::readAt(device.fd(), 1024, all));
    put(device, 512 + 88, little(crc32(all), 4));
    put(device, 512 + 16, Bytes(4));
    Bytes header(92);
    ASSERT_TRUE(Preon::readAt(device.fd(), 512, header));
    put(device, 512 + 16, little(crc32(header), 4));
    put(device, device.size() - 512, Bytes(512, std::byte{0xa5}));
}

// The partition of that number begins where another one (of two) lies.
inline void overlap(const Device &device, unsigned number, std::uint64_t start, std::uint64_t size)
{
    Bytes place = little(start / 512, 8);
    const Bytes last = little((start + size) / 512 - 1, 8);
    place.insert(place.end(), last.begin(), last.end());
    entries(device, (number - 1) * 128ULL + 32, place);
}

} // namespace Spoil
