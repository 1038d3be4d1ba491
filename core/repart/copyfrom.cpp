// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/repart/copyfrom.h"

#include "core/repart/allocation.h"
#include "core/repart/flags.h"

#include <algorithm>
#include <array>

namespace Preon::Repart
{

namespace
{
constexpr std::uint64_t alignment = 1024 * 1024; // what libfdisk aligns to on an image, and so what counts as free

std::uint64_t freeBehind(const Disk::Table &table, const Disk::Partition &partition)
{
    const std::uint64_t end = partition.start + partition.size;
    std::uint64_t next = table.endUsable;
    for (const Disk::Partition &other : table.partitions) {
        if (other.start >= end)
            next = std::min(next, other.start);
    }
    const std::uint64_t from = roundUp(end, alignment), to = roundDown(next, alignment);
    return to > from ? to - from : 0;
}

Definition definitionOf(const std::filesystem::path &image, const Disk::Table &table, const Disk::Partition &partition)
{
    Definition definition;
    definition.name = image.filename();
    definition.path = image;
    definition.type = partition.type;
    definition.uuid = partition.uuid;
    if (!partition.label.empty())
        definition.label = partition.label;
    definition.sizeMin = definition.sizeMax = partition.size;
    definition.paddingMin = definition.paddingMax = freeBehind(table, partition);
    definition.copyBlocks = image;
    definition.flags = settableFlags(partition.flags);
    return definition;
}
}

Result<std::uint32_t> sectorSizeOf(const std::filesystem::path &file)
{
    PREON_TRY(const Disk::Device device, Disk::Device::open(file, Disk::Access::Read));
    std::uint32_t found = 0;
    for (const std::uint32_t size : {512U, 1024U, 2048U, 4096U}) {
        std::array<std::byte, 8> magic{};
        if (device.size() < std::uint64_t{2} * 4096 || !readAt(device.fd(), size, magic) || !std::ranges::equal(magic, asBytes("EFI PART")))
            continue;
        if (found != 0)
            return fail(ErrorCode::BadFormat, file.string() + " seems to have several partition tables",
                        "there is one for sectors of " + std::to_string(found) + " and one for sectors of " + std::to_string(size) + " bytes",
                        "Use --sector-size=.");
        found = size;
    }
    return found ? found : 512;
}

Result<void> copyFrom(Snapshot &snapshot, const std::vector<std::filesystem::path> &images, const DefinitionOptions &options)
{
    std::vector<Definition> definitions;
    std::map<std::size_t, Source> sources;
    for (const std::filesystem::path &image : images) {
        PREON_TRY(const std::uint32_t sector, sectorSizeOf(image));
        PREON_TRY(const Disk::Device device, Disk::Device::open(image, Disk::Access::Read, sector));
        if (device.isBlockDevice())
            return fail(ErrorCode::Unsupported, image.string() + " is not a file");
        PREON_TRY(const Disk::Table table, Disk::readTable(device));
        if (table.kind != Disk::LabelKind::Gpt)
            return fail(ErrorCode::Unsupported, "Cannot copy from disk " + image.string() + " with no GPT disk label.");
        for (const Disk::Partition &partition : table.partitions) {
            if (!options.takes(partition.type))
                continue;
            sources[definitions.size()] = {.path = image, .offset = partition.start, .size = partition.size, .uuid = {}, .label = {}};
            definitions.push_back(definitionOf(image, table, partition));
        }
    }
    const std::size_t added = definitions.size();
    for (auto &[index, source] : snapshot.sources)
        sources[index + added] = std::move(source);
    snapshot.sources = std::move(sources);
    snapshot.definitions.insert(snapshot.definitions.begin(), definitions.begin(), definitions.end());
    return {};
}

} // namespace Preon::Repart
