// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/repart/apply.h"

#include "core/luks/volume.h"
#include "core/repart/filesystem.h"

#include <algorithm>
#include <functional>

namespace Preon::Repart
{

namespace
{
constexpr std::uint64_t chunk = 4U << 20U;
constexpr std::uint32_t encryptionSector = 4096; // as systemd-repart: faster than 512, and partitions are multiples of it

// Where the bytes of a partition go: plainly, or through the cipher of the volume made for it.
using Sink = std::function<Result<void>(std::uint64_t offset, ByteView data)>;

struct Maker {
    const Plan &plan;
    const ApplyOptions &options;
    const Host &host;
    const Disk::Device &device;
    Progress &progress;
    std::filesystem::path scratch;

    Result<void> make(const PlannedPartition &planned);
    Result<void> clear(std::uint64_t offset, std::uint64_t length);
    Result<void> fill(const PlannedPartition &planned, std::uint64_t size, std::uint32_t sectorSize, const Sink &sink);
    Result<void> pump(const Disk::Device &from, const Disk::Range &range, std::uint64_t toOffset, const Sink &sink);
    Result<void> encrypted(const PlannedPartition &planned);
    Result<void> addKeys(Luks::Volume &volume, const PlannedPartition &planned);
};

bool isMade(const PlannedPartition &planned)
{
    return planned.activity == Activity::Create && !planned.deferred;
}

std::string nameOf(const PlannedPartition &planned)
{
    return planned.file.filename().string() + " (partition " + std::to_string(planned.partition.number) + ")";
}

// Old signatures inside a new partition would be found by whoever probes it before it is used.
Result<void> Maker::clear(std::uint64_t offset, std::uint64_t length)
{
    if (options.discard) {
        if (auto discarded = device.discard(offset, length); !discarded && discarded.error().code != ErrorCode::Unsupported)
            return discarded;
    }
    return Disk::wipeSignatures(device, offset, length);
}

Result<void> Maker::pump(const Disk::Device &from, const Disk::Range &range, std::uint64_t toOffset, const Sink &sink)
{
    Bytes buffer(std::min(chunk, range.length));
    for (std::uint64_t done = 0; done < range.length;) {
        PREON_CHECK(progress.check());
        const std::span part(buffer.data(), std::min<std::uint64_t>(buffer.size(), range.length - done));
        if (auto read = readAt(from.fd(), range.offset + done, part); !read)
            return std::unexpected(read.error().during("Reading from " + from.path().string()));
        PREON_CHECK(sink(toOffset + done, part));
        done += part.size();
        progress.advance(part.size());
    }
    return {};
}

Result<void> Maker::fill(const PlannedPartition &planned, std::uint64_t size, std::uint32_t sectorSize, const Sink &sink)
{
    if (planned.source) {
        if (planned.source->size > size)
            return fail(ErrorCode::NoSpace, nameOf(planned) + " is smaller than " + planned.source->path.string());
        progress.phase("Copying " + planned.file.stem().string(), planned.source->size);
        PREON_TRY(const Disk::Device source, Disk::Device::open(planned.source->path, Disk::Access::Read));
        return pump(source, {planned.source->offset, planned.source->size}, 0, sink);
    }
    if (planned.format.empty())
        return {};
    progress.phase("Making the " + planned.format + " file system of " + planned.file.stem().string(), 0);
    const FileSystem fs{.format = planned.format, .label = planned.partition.label, .uuid = planned.fileSystemUuid, .size = size, .sectorSize = sectorSize};
    PREON_TRY(const ScratchFile file, makeFileSystem(fs, scratch, progress));
    PREON_TRY(const Disk::Device made, Disk::Device::open(file.path(), Disk::Access::Read));
    PREON_TRY(const auto ranges, writtenRanges(made));
    for (const Disk::Range &range : ranges)
        PREON_CHECK(pump(made, range, range.offset, sink));
    return {};
}

Result<void> Maker::addKeys(Luks::Volume &volume, const PlannedPartition &planned)
{
    if (planned.encrypt == Encrypt::KeyFile || planned.encrypt == Encrypt::KeyFileAndTpm2) {
        const auto found = options.keysByType.find(planned.partition.type);
        const Secret &key = found == options.keysByType.end() ? options.key : found->second;
        PREON_TRY([[maybe_unused]] const int slot, volume.addKeyFile(key));
    }
    if (planned.encrypt == Encrypt::Tpm2 || planned.encrypt == Encrypt::KeyFileAndTpm2) {
        PREON_TRY(Tpm::Context tpm, Tpm::Context::open(host));
        PREON_TRY([[maybe_unused]] const int slot, volume.enrollTpm(tpm, options.tpm));
    }
    return {};
}

// The header is made in a file of its own and put in place after the payload: until then nothing on the disk looks like a volume.
Result<void> Maker::encrypted(const PlannedPartition &planned)
{
    const Disk::Partition &partition = planned.partition;
    progress.phase("Encrypting " + planned.file.stem().string(), 0);
    PREON_TRY(const ScratchFile header, ScratchFile::create(scratch, partition.size));
    const Luks::FormatOptions format{.uuid = planned.luksUuid, .label = partition.label, .sectorSize = encryptionSector, .dataOffset = 0};
    PREON_TRY(Luks::Volume volume, Luks::Volume::format(header.path(), format));
    PREON_CHECK(addKeys(volume, planned));
    const std::uint64_t begin = volume.dataOffset();
    if (begin >= partition.size)
        return fail(ErrorCode::NoSpace, nameOf(planned) + " is too small to be encrypted");
    PREON_CHECK(fill(planned, partition.size - begin, volume.sectorSize(),
                     [&](std::uint64_t offset, ByteView data) { return volume.writePayload(device, partition.start, offset, data); }));
    PREON_TRY(const Disk::Device made, Disk::Device::open(header.path(), Disk::Access::Read));
    return pump(made, {0, begin}, 0, [&](std::uint64_t offset, ByteView data) { return writeAt(device.fd(), partition.start + offset, data); });
}

Result<void> Maker::make(const PlannedPartition &planned)
{
    const Disk::Partition &partition = planned.partition;
    PREON_CHECK(clear(partition.start, partition.size));
    if (planned.encrypt != Encrypt::Off)
        return encrypted(planned);
    return fill(planned, partition.size, device.sectorSize(),
                [&](std::uint64_t offset, ByteView data) { return writeAt(device.fd(), partition.start + offset, data); });
}

// What is missing is found out before anything is written.
Result<void> checkKeys(const Plan &plan, const ApplyOptions &options)
{
    for (const PlannedPartition &planned : plan.partitions) {
        const bool asksKey = planned.encrypt == Encrypt::KeyFile || planned.encrypt == Encrypt::KeyFileAndTpm2;
        if (!isMade(planned) || !asksKey || !options.key.empty())
            continue;
        const auto found = options.keysByType.find(planned.partition.type);
        if (found == options.keysByType.end() || found->second.empty())
            return fail(ErrorCode::BadArgument, nameOf(planned) + " shall be encrypted with a key file, and none was given", {}, "Name one with --key-file=.");
    }
    return {};
}
}

Result<void> apply(const Plan &plan, const ApplyOptions &options, const Host &host, const Disk::Device &device, Progress &progress)
{
    if (!plan.changed)
        return {};
    PREON_CHECK(checkKeys(plan, options));
    if (!plan.fromScratch) {
        PREON_TRY(const Disk::Table now, Disk::readTable(device));
        if (now != plan.before)
            return fail(ErrorCode::Changed, "The partition table of " + device.path().string() + " changed since it was planned for", {}, "Run this again.");
    } else if (device.size() != plan.before.deviceSize) {
        return fail(ErrorCode::Changed, "The size of " + device.path().string() + " changed since it was planned for", {}, "Run this again.");
    }
    Maker maker{.plan = plan,
                .options = options,
                .host = host,
                .device = device,
                .progress = progress,
                .scratch = options.scratch.empty() ? scratchFolder(host) : options.scratch};
    if (plan.fromScratch)
        PREON_CHECK(maker.clear(0, device.size()));
    for (const PlannedPartition &planned : plan.partitions) {
        if (!isMade(planned))
            continue;
        if (auto made = maker.make(planned); !made)
            return std::unexpected(made.error().during(nameOf(planned) + " could not be made"));
    }
    progress.phase("Writing the partition table", 0);
    PREON_CHECK(device.flush());
    PREON_CHECK(Disk::writeTable(device, plan.after));
    return device.rereadPartitions();
}

} // namespace Preon::Repart
