// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/boot/fat.h"
#include "core/base/units.h"

#include <algorithm>
#include <cerrno>

#include <sys/mman.h>
#include <unistd.h>

namespace Preon::Boot
{

namespace
{

constexpr int imageNumber = 9;

// Bytes from the start that hold the boot sectors, both FATs and the first clusters (the root folder): all that a new file system consists of.
Result<std::uint64_t> metadataSize(const Fd &image)
{
    Bytes boot(512);
    PREON_CHECK(readAt(image, 0, boot));
    const auto at = [&](std::size_t offset, std::size_t length) {
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < length; ++i)
            value |= std::to_integer<std::uint64_t>(boot[offset + i]) << 8U * i;
        return value;
    };
    const std::uint64_t sector = at(11, 2), cluster = at(13, 1), reserved = at(14, 2), fats = at(16, 1), rootEntries = at(17, 2);
    const std::uint64_t fatSectors = at(22, 2) != 0 ? at(22, 2) : at(36, 4);
    const std::uint64_t rootSectors = sector == 0 ? 0 : (rootEntries * 32 + sector - 1) / sector;
    return (reserved + fats * fatSectors + rootSectors + cluster) * sector;
}

} // namespace

// mkfs.vfat insists on having a block device for itself, which an installation has already. So it formats a file in memory that is as large as the range
// and nearly empty, and what it wrote there goes onto the device.
Result<void> formatFat(const Disk::Device &device, std::uint64_t offset, std::uint64_t length, const std::string &label)
{
    if (length < mebibyte)
        return fail(ErrorCode::NoSpace, "An EFI partition of " + std::to_string(length) + " bytes is too small for a FAT file system");
    PREON_TRY(const Fd image, memoryFile("fat", {}));
    if (::ftruncate(image.get(), static_cast<off_t>(length)) < 0)
        return failErrno("A file in memory could not be made");

    const std::uint32_t sector = device.sectorSize();
    // Firmware takes what has fewer than 65,525 clusters for FAT16, whatever it says.
    const bool fat32 = length / sector > 66000;
    std::uint64_t clusterSectors = 1;
    while (fat32 && clusterSectors * sector < 4096 && length / (2 * clusterSectors * sector) > 66000)
        clusterSectors *= 2;
    std::vector<std::string> command{"mkfs.vfat", "-F", fat32 ? "32" : "16", "-S", std::to_string(sector), "-n", label};
    if (fat32) {
        command.emplace_back("-s");
        command.push_back(std::to_string(clusterSectors));
    }
    command.push_back("/proc/self/fd/" + std::to_string(imageNumber));
    ProcessOptions options;
    options.files = {{&image, imageNumber}};
    PREON_TRY(const ProcessOutput ignored, runTool(command, options));
    static_cast<void>(ignored);

    PREON_TRY(const std::uint64_t size, metadataSize(image));
    if (size > length)
        return fail(ErrorCode::ToolFailed, "The EFI partition's file system came out larger than its place");
    Bytes buffer(mebibyte);
    for (std::uint64_t at = 0; at < size; at += buffer.size()) {
        const std::span<std::byte> part = std::span(buffer).first(static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size - at)));
        PREON_CHECK(readAt(image, at, part));
        PREON_CHECK(writeAt(device.fd(), offset + at, part));
    }
    return {};
}

} // namespace Preon::Boot
