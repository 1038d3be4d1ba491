// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/repart/apply.h"

#include "core/luks/integrity.h"
#include "core/repart/filling.h"
#include "core/repart/place.h"

#include <algorithm>

namespace Preon::Repart
{

namespace
{
constexpr std::uint32_t encryptionSector = 4096; // as systemd-repart: faster than 512, and partitions are multiples of it

struct Maker {
    Plan plan; // becomes what was made
    const ApplyOptions &options;
    const Host &host;
    const Disk::Device &device;
    Progress &progress;
    std::filesystem::path scratch;

    Result<void> reset();
    Result<void> clear();
    Result<void> make(std::size_t index);
    // How much of the place a hash tree speaks of.
    Result<std::uint64_t> fill(const PlannedPartition &planned, const Place &place, std::uint32_t sectorSize);
    Result<void> copySource(const PlannedPartition &planned, const Place &place);
    Result<void> encrypted(const PlannedPartition &planned);
    const Addition &additionTo(const PlannedPartition &planned) const;
    Result<void> addKeys(Luks::Volume &volume, const PlannedPartition &planned);
    Result<void> protect(const PlannedPartition &data, std::uint64_t size);
    Result<void> makeTree(const PlannedPartition &data, std::uint64_t size, std::size_t index);
    Result<void> makeSignature(const PlannedPartition &data, std::size_t index);
    void takeRootHash(const PlannedPartition &data, const Bytes &rootHash);
    void name(std::size_t index, const Uuid &uuid);
};

bool isMade(const PlannedPartition &planned)
{
    return planned.activity == Activity::Create && !planned.deferred;
}

bool asksKey(const PlannedPartition &planned)
{
    return planned.encrypt == Encrypt::KeyFile || planned.encrypt == Encrypt::KeyFileAndTpm2 || planned.encrypt == Encrypt::IntegrityKey;
}

bool isPlain(const PlannedPartition &planned)
{
    return planned.encrypt == Encrypt::Off;
}

std::string partitionName(const PlannedPartition &planned)
{
    return planned.file.filename().string() + " (partition " + std::to_string(planned.partition.number) + ")";
}

// Partitions go by one write of the table before anything is put where they were: a power cut leaves them whole or gone.
Result<void> Maker::reset()
{
    if (plan.removed.empty())
        return {};
    progress.phase("Removing what a factory reset removes", 0);
    Disk::Table left = plan.before;
    std::erase_if(left.partitions, [this](const Disk::Partition &partition) { return std::ranges::contains(plan.removed, partition); });
    PREON_CHECK(Disk::writeTable(device, left));
    return device.rereadPartitions();
}

// Old signatures inside a new partition would be found by whoever probes it before it is used. The space behind it is as unused as it was, so that it goes
// in the same breath; each byte is discarded once.
Result<void> Maker::clear()
{
    std::vector<Disk::Range> areas;
    if (plan.fromScratch) {
        areas.push_back({0, device.size()});
    } else {
        std::vector<const PlannedPartition *> made;
        for (const PlannedPartition &planned : plan.partitions) {
            if (isMade(planned))
                made.push_back(&planned);
        }
        std::ranges::sort(made, {}, [](const PlannedPartition *planned) { return planned->partition.start; });
        for (const PlannedPartition *planned : made) {
            const Disk::Range range{planned->partition.start, planned->partition.size + planned->padding};
            if (!areas.empty() && areas.back().offset + areas.back().length == range.offset)
                areas.back().length += range.length;
            else
                areas.push_back(range);
        }
    }
    for (const Disk::Range &area : areas) {
        if (options.discard) {
            progress.phase("Discarding what was there", area.length);
            PREON_CHECK(discardRange(device, area, progress));
        }
        PREON_CHECK(Disk::wipeSignatures(device, area.offset, area.length));
    }
    for (const PlannedPartition &planned : plan.partitions) {
        if (isMade(planned))
            PREON_CHECK(Disk::wipeSignatures(device, planned.partition.start, planned.partition.size));
    }
    return {};
}

Result<void> Maker::copySource(const PlannedPartition &planned, const Place &place)
{
    const Source &source = *planned.source;
    if (source.size > place.size())
        return fail(ErrorCode::NoSpace, partitionName(planned) + " is smaller than " + source.path.string());
    progress.phase("Copying " + planned.file.stem().string(), source.size);
    PREON_TRY(const Disk::Device from, Disk::Device::open(source.path, Disk::Access::Read));
    PREON_TRY(const auto data, dataRanges(from));
    return place.fill(from, {source.offset, source.size}, data, planned.verity ? Holes::ZeroToTheEnd : Holes::Zero, progress);
}

const Addition &Maker::additionTo(const PlannedPartition &planned) const
{
    static const Addition none;
    const auto found = options.additions.find(planned.partition.type);
    return found == options.additions.end() ? none : found->second;
}

Result<std::uint64_t> Maker::fill(const PlannedPartition &planned, const Place &place, std::uint32_t sectorSize)
{
    if (planned.source)
        PREON_CHECK(copySource(planned, place));
    if (planned.source || planned.format.empty())
        return place.size();
    progress.phase("Making the " + planned.format + " file system of " + planned.file.stem().string(), 0);
    // Where holes become zeroes anyway mkfs may leave them; where they do not, it must write the zeroes that it relies on.
    const bool exact = planned.verity || isReadOnlyFormat(planned.format);
    const bool sparse = exact || place.isFile();
    const FileSystem fs{.format = planned.format,
                        .label = planned.partition.label,
                        .uuid = planned.fileSystemUuid,
                        .size = place.size(),
                        .sectorSize = sectorSize,
                        .discard = sparse,
                        .tree = {},
                        .compression = {},
                        .compressionLevel = {},
                        .subvolumes = {},
                        .defaultSubvolume = {}};
    const Filling filling{
        .contents = planned.contents, .type = planned.partition.type, .mountPointsElsewhere = planned.mountPointsElsewhere, .added = additionTo(planned).files};
    const FillOptions how{.source = options.copySource.empty() ? host.root : options.copySource, .scratch = scratch};
    PREON_TRY(const ScratchFile file, makeFilled(fs, filling, how, progress));
    PREON_TRY(const Disk::Device made, Disk::Device::open(file.path(), Disk::Access::Read));
    PREON_TRY(const auto ranges, sparse ? dataRanges(made) : writtenRanges(made));
    const Holes holes = planned.verity ? Holes::ZeroToTheEnd : exact ? Holes::Zero : Holes::Keep;
    PREON_CHECK(place.fill(made, {0, made.size()}, ranges, holes, progress));
    return made.size(); // of a read-only one that is less than the place
}

Result<void> Maker::addKeys(Luks::Volume &volume, const PlannedPartition &planned)
{
    const Encrypt how = planned.encrypt;
    if (asksKey(planned)) {
        const auto found = options.keysByType.find(planned.partition.type);
        const Secret &key = found == options.keysByType.end() ? options.key : found->second;
        PREON_TRY([[maybe_unused]] const int slot, volume.addKeyFile(key));
    }
    if (how == Encrypt::Tpm2 || how == Encrypt::KeyFileAndTpm2) {
        PREON_TRY(Tpm::Context tpm, Tpm::Context::open(host));
        PREON_TRY([[maybe_unused]] const int slot, volume.enrollTpm(tpm, options.tpm));
    }
    if (how == Encrypt::Passphrase) {
        PREON_TRY([[maybe_unused]] const int slot, volume.addPassphrase(options.passphrase));
    } else if (how == Encrypt::RecoveryKey) {
        PREON_TRY([[maybe_unused]] const int slot, volume.addRecoveryKey(options.recoveryKey));
    }
    return {};
}

// The header is made in a file of its own and put in place after the payload: until then nothing on the disk looks like a volume.
Result<void> Maker::encrypted(const PlannedPartition &planned)
{
    const Disk::Partition &partition = planned.partition;
    progress.phase("Encrypting " + planned.file.stem().string(), 0);
    PREON_TRY(const ScratchFile header, ScratchFile::create(scratch, partition.size));
    const std::string subsystem = planned.encrypt == Encrypt::IntegrityKey ? Luks::integritySubsystem : "";
    const Luks::FormatOptions format{
        .uuid = planned.luksUuid, .label = planned.volumeLabel, .subsystem = subsystem, .sectorSize = encryptionSector, .dataOffset = 0};
    PREON_TRY(Luks::Volume volume, Luks::Volume::format(header.path(), format));
    PREON_CHECK(addKeys(volume, planned));
    const Addition &addition = additionTo(planned);
    if (!addition.enrolmentKey.empty()) {
        PREON_TRY([[maybe_unused]] const int slot, volume.addEnrolmentKey(addition.enrolmentKey));
    }
    if (!addition.note.is_null())
        PREON_CHECK(volume.addNote(addition.note));
    if (volume.dataOffset() >= partition.size)
        return fail(ErrorCode::NoSpace, partitionName(planned) + " is too small to be encrypted");
    PREON_CHECK(fill(planned, Place(device, partition.start, partition.size, &volume), volume.sectorSize()));
    PREON_TRY(const Disk::Device made, Disk::Device::open(header.path(), Disk::Access::Read));
    const Disk::Range head{0, volume.dataOffset()};
    return Place(device, partition.start, partition.size).fill(made, head, {head}, Holes::Keep, progress);
}

void Maker::name(std::size_t index, const Uuid &uuid)
{
    Disk::Partition &partition = plan.partitions[index].partition;
    if (!partition.uuid.isNull())
        return;
    partition.uuid = uuid;
    const auto entry = std::ranges::find(plan.after.partitions, partition.number, &Disk::Partition::number);
    if (entry != plan.after.partitions.end() && isMade(plan.partitions[index]))
        entry->uuid = uuid;
}

void Maker::takeRootHash(const PlannedPartition &data, const Bytes &rootHash)
{
    const VerityPart siblings = *data.verity;
    const auto self = static_cast<std::size_t>(&data - plan.partitions.data());
    for (const auto &index : {std::optional(self), siblings.hash, siblings.signature}) {
        if (index)
            plan.partitions[*index].verity->rootHash = rootHash;
    }
    name(self, verityDataUuid(rootHash));
    name(*siblings.hash, verityHashUuid(rootHash));
}

// The tree over the partition as it is on the disk, or as much of it as its file system takes.
Result<void> Maker::makeTree(const PlannedPartition &data, std::uint64_t size, std::size_t index)
{
    const PlannedPartition &planned = plan.partitions[index];
    progress.phase("Making the hash tree of " + data.file.stem().string(), size);
    const Disk::Range place{planned.partition.start, planned.partition.size};
    PREON_TRY(const Preon::Verity::BuiltTree tree, makeHashTree(device, {data.partition.start, size}, *planned.verity, progress));
    const std::uint64_t area = areaOf(tree);
    if (area > place.length)
        return fail(ErrorCode::NoSpace, "Verity hash data does not fit in partition " + partitionName(planned),
                    "it needs " + std::to_string(area) + " bytes and has " + std::to_string(place.length), "Set SizeMinBytes= or Minimize=best.");
    PREON_CHECK(Place(device, place.offset, place.length).zero(0, area - tree.blocks.size()));
    PREON_CHECK(tree.write(device, place));
    takeRootHash(data, tree.rootHash);
    return {};
}

Result<void> Maker::makeSignature(const PlannedPartition &data, std::size_t index)
{
    const PlannedPartition &planned = plan.partitions[index];
    if (!data.verity->rootHash || !options.signer)
        return fail(ErrorCode::BadArgument, partitionName(planned) + " cannot be signed", data.verity->rootHash ? "there is no key" : "there is no hash tree");
    PREON_TRY(const std::string text, signatureText(*data.verity->rootHash, *options.signer));
    if (text.size() + 1 > planned.partition.size)
        return fail(ErrorCode::NoSpace, "Verity signature too long for partition.");
    const Place place(device, planned.partition.start, planned.partition.size);
    PREON_CHECK(place.write(0, asBytes(text)));
    return place.zero(text.size(), planned.partition.size - text.size());
}

// What belongs to a partition of verity data once that is there.
Result<void> Maker::protect(const PlannedPartition &data, std::uint64_t size)
{
    if (!data.verity || data.verity->role != Verity::Data)
        return {};
    if (const auto hash = data.verity->hash; hash && isMade(plan.partitions[*hash]) && !plan.partitions[*hash].source)
        PREON_CHECK(makeTree(data, size, *hash));
    if (const auto signature = data.verity->signature; signature && isMade(plan.partitions[*signature]))
        PREON_CHECK(makeSignature(data, *signature));
    return {};
}

Result<void> Maker::make(std::size_t index)
{
    const PlannedPartition &planned = plan.partitions[index];
    const Disk::Partition &partition = planned.partition;
    if (!isPlain(planned))
        return encrypted(planned);
    if (!planned.source && planned.format.empty())
        return {};
    const Place place(device, partition.start, partition.size);
    PREON_TRY(const std::uint64_t size, fill(planned, place, options.fileSystemSector.value_or(device.sectorSize())));
    return protect(planned, size);
}

// What is missing is found out before anything is written.
Result<void> checkKeys(const Plan &plan, const ApplyOptions &options)
{
    for (const PlannedPartition &planned : plan.partitions) {
        if (!isMade(planned))
            continue;
        const std::string name = partitionName(planned);
        const auto own = options.keysByType.find(planned.partition.type);
        const bool key = !options.key.empty() || (own != options.keysByType.end() && !own->second.empty());
        if (asksKey(planned) && !key)
            return fail(ErrorCode::BadArgument, name + " shall be encrypted with a key file, and none was given", {}, "Name one with --key-file=.");
        if (planned.encrypt == Encrypt::Passphrase && options.passphrase.empty())
            return fail(ErrorCode::BadArgument, name + " shall be encrypted, there is no usable TPM, and no passphrase was given", {}, "Give a passphrase.");
        if (planned.encrypt == Encrypt::RecoveryKey && options.recoveryKey.empty())
            return fail(ErrorCode::BadArgument, name + " shall be encrypted, there is no usable TPM, and no recovery key was given", {},
                        "Give a recovery key.");
        const bool readOnlyTree = planned.contents.isPopulated() && !planned.source && !canBeFilled(planned.format);
        if (readOnlyTree)
            return fail(ErrorCode::Unsupported, "The " + planned.format + " file system of " + name + " cannot be filled when it is made", {},
                        "Use ext4, btrfs, xfs, vfat, erofs or squashfs.");
    }
    return {};
}
}

Result<Plan> apply(const Plan &plan, const ApplyOptions &options, const Host &host, const Disk::Device &device, Progress &progress)
{
    if (!plan.changed)
        return plan;
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
    PREON_CHECK(maker.reset());
    PREON_CHECK(maker.clear());
    for (std::size_t i = 0; i < plan.partitions.size(); ++i) {
        if (!isMade(plan.partitions[i]))
            continue;
        if (auto made = maker.make(i); !made)
            return std::unexpected(made.error().during(partitionName(plan.partitions[i]) + " could not be made"));
    }
    progress.phase("Writing the partition table", 0);
    PREON_CHECK(device.flush());
    PREON_CHECK(Disk::writeTable(device, maker.plan.after));
    PREON_CHECK(device.rereadPartitions());
    return std::move(maker.plan);
}

} // namespace Preon::Repart
