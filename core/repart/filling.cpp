// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/repart/filling.h"

#include "core/base/units.h"
#include "core/disk/parttypes.h"
#include "core/repart/allocation.h"
#include "core/repart/relations.h"
#include "core/repart/tree.h"

#include <algorithm>
#include <numeric>

#include <sys/stat.h>

namespace Preon::Repart
{

namespace
{
constexpr std::uint64_t roomy = 1024 * 1024 * mebibyte; // a sparse file that everything fits into

// Smaller ones their mkfs refuses, or the kernel.
std::uint64_t smallestOf(const std::string &format)
{
    return format == "ext4" ? 32 * mebibyte : format == "btrfs" ? 256 * mebibyte : format == "xfs" ? 300 * mebibyte : 0;
}

struct Minimizer {
    Snapshot &snapshot;
    const FillOptions &options;
    Progress &progress;
    std::vector<Relation> relations;
    std::vector<Identity> identities;
    Prepared prepared;

    Result<void> fileSystem(std::size_t index);
    Result<void> hashTree(std::size_t index);
    Result<ScratchFile> make(std::size_t index, const Uuid &uuid, std::uint64_t size);
    Contents contentsOf(std::size_t index) const;
    void use(std::size_t index, ScratchFile file, std::uint64_t size);
};

Contents Minimizer::contentsOf(std::size_t index) const
{
    const Contents &own = snapshot.definitions[index].contents;
    const auto &supplement = relations[index].supplementedBy;
    return supplement && !identities[*supplement].existing ? own.mergedWith(snapshot.definitions[*supplement].contents) : own;
}

Result<ScratchFile> Minimizer::make(std::size_t index, const Uuid &uuid, std::uint64_t size)
{
    const Definition &definition = snapshot.definitions[index];
    const FileSystem fs{.format = definition.format,
                        .label = identities[index].label,
                        .uuid = uuid,
                        .size = size,
                        .sectorSize = snapshot.fileSystemSector,
                        .discard = true,
                        .tree = {},
                        .compression = {},
                        .compressionLevel = {},
                        .subvolumes = {},
                        .defaultSubvolume = {}};
    const Contents contents = contentsOf(index);
    const auto elsewhere = mountPointsElsewhere(snapshot);
    return makeFilled(fs, {.contents = contents, .type = definition.type, .mountPointsElsewhere = elsewhere}, options, progress);
}

void Minimizer::use(std::size_t index, ScratchFile file, std::uint64_t size)
{
    snapshot.sources[index] = {.path = file.path(), .offset = 0, .size = size, .uuid = {}, .label = {}};
    prepared.files.push_back(std::move(file));
}

Result<std::uint64_t> sizeOf(const ScratchFile &file)
{
    std::error_code error;
    const std::uint64_t size = std::filesystem::file_size(file.path(), error);
    if (error)
        return failErrno(error.value(), "The size of a scratch file could not be read");
    return size;
}

// What is not a hole.
Result<std::uint64_t> dataIn(const ScratchFile &file)
{
    PREON_TRY(const Disk::Device device, Disk::Device::open(file.path(), Disk::Access::Read));
    PREON_TRY(const auto ranges, dataRanges(device));
    return std::accumulate(ranges.begin(), ranges.end(), std::uint64_t{0}, [](std::uint64_t sum, const Disk::Range &range) { return sum + range.length; });
}

Result<void> Minimizer::fileSystem(std::size_t index)
{
    const Definition &definition = snapshot.definitions[index];
    progress.phase("Measuring the " + definition.format + " file system of " + definition.path.stem().string(), 0);
    if (isReadOnlyFormat(definition.format)) {
        PREON_TRY(ScratchFile file, make(index, identities[index].fileSystem, 0));
        PREON_TRY(const std::uint64_t size, sizeOf(file));
        use(index, std::move(file), size);
        return {};
    }
    std::uint64_t size = 0;
    {
        PREON_TRY(const Uuid uuid, Uuid::random());
        PREON_TRY(const ScratchFile file, make(index, uuid, roomy));
        PREON_TRY(size, dataIn(file));
    }
    // What lies in the file is a good guess only; half as much again has proved enough, and as much again for xfs.
    const std::uint64_t grain = std::max<std::uint64_t>(4096, snapshot.table.sectorSize);
    size = std::max(roundUp(size + (definition.format == "xfs" ? size : size / 2), grain), smallestOf(definition.format));
    PREON_TRY(ScratchFile file, make(index, identities[index].fileSystem, size));
    use(index, std::move(file), size);
    return {};
}

Result<void> Minimizer::hashTree(std::size_t index)
{
    const Definition &definition = snapshot.definitions[index];
    const std::size_t data = *relations[index].data;
    const auto source = snapshot.sources.find(data);
    if (source == snapshot.sources.end())
        return fail(ErrorCode::NotFound, "The hashes of " + definition.path.string() + " cannot be measured",
                    "there is nothing yet in " + snapshot.definitions[data].path.string());
    const VerityPart part{.role = Verity::Hash,
                          .data = {},
                          .hash = {},
                          .signature = {},
                          .rootHash = {},
                          .uuid = verityUuidFrom(snapshot.seed),
                          .salt = veritySaltFrom(snapshot.seed),
                          .dataBlock = definition.verityDataBlock.value_or(snapshot.fileSystemSector),
                          .hashBlock = definition.verityHashBlock.value_or(snapshot.fileSystemSector)};
    PREON_TRY(const Disk::Device device, Disk::Device::open(source->second.path, Disk::Access::Read));
    progress.phase("Measuring the hash tree of " + definition.path.stem().string(), source->second.size);
    PREON_TRY(Preon::Verity::BuiltTree tree, makeHashTree(device, {source->second.offset, source->second.size}, part, progress));
    PREON_TRY(ScratchFile file, ScratchFile::create(options.scratch, areaOf(tree)));
    {
        PREON_TRY(const Disk::Device made, Disk::Device::open(file.path(), Disk::Access::Write));
        PREON_CHECK(tree.write(made, {0, made.size()}));
    }
    snapshot.rootHashes[index] = std::move(tree.rootHash);
    use(index, std::move(file), areaOf(tree));
    return {};
}
}

Result<ScratchFile> makeFilled(FileSystem fs, const Filling &filling, const FillOptions &options, Progress &progress)
{
    const Contents &contents = filling.contents;
    fs.compression = contents.compression;
    fs.compressionLevel = contents.compressionLevel;
    if (!contents.isPopulated() && filling.added.empty())
        return makeFileSystem(fs, options.scratch, progress);
    if (!canBeFilled(fs.format))
        return fail(ErrorCode::Unsupported, "A " + fs.format + " file system cannot be filled when it is made", {},
                    "Use ext4, btrfs, xfs, vfat, erofs or squashfs.");
    fs.subvolumes = contents.subvolumes;
    fs.defaultSubvolume = contents.defaultSubvolume;
    PREON_TRY(const ScratchFolder tree, ScratchFolder::create(options.scratch));
    const std::filesystem::path root = tree.path() / "root";
    if (mkdir(root.c_str(), 0755) < 0)
        return failErrno(root.string() + " could not be made");
    const TreeOptions how{.source = options.source,
                          .isRoot = Disk::designator(filling.type) == Disk::Designator::Root,
                          .mountPointsElsewhere = filling.mountPointsElsewhere,
                          .epoch = sourceDateEpoch(),
                          .rootAttributes = {}};
    PREON_CHECK(buildTree(contents, how, root, progress));
    if (!filling.added.empty()) {
        TreeOptions over = how;
        over.source = filling.added;
        Contents everything;
        everything.copyFiles = {{"/", "/"}};
        PREON_CHECK(buildTree(everything, over, root, progress));
    }
    fs.tree = root;
    return makeFileSystem(fs, options.scratch, progress);
}

Result<Prepared> prepareMinimized(Snapshot &snapshot, const FillOptions &options, Progress &progress)
{
    const auto asks = [](const Definition &definition) {
        return definition.minimize != Minimize::Off;
    };
    if (std::ranges::none_of(snapshot.definitions, asks))
        return Prepared();
    PREON_TRY(auto relations, relate(snapshot.definitions));
    PREON_TRY(auto identities, identitiesOf(snapshot));
    Minimizer minimizer{
        .snapshot = snapshot, .options = options, .progress = progress, .relations = std::move(relations), .identities = std::move(identities), .prepared = {}};
    const auto wanted = [&](std::size_t index) {
        return asks(snapshot.definitions[index]) && !minimizer.identities[index].existing && !snapshot.sources.contains(index);
    };
    for (std::size_t i = 0; i < snapshot.definitions.size(); ++i) {
        if (wanted(i) && !snapshot.definitions[i].format.empty() && minimizer.contentsOf(i).isPopulated())
            PREON_CHECK(minimizer.fileSystem(i));
    }
    for (std::size_t i = 0; i < snapshot.definitions.size(); ++i) {
        if (wanted(i) && snapshot.definitions[i].verity == Verity::Hash)
            PREON_CHECK(minimizer.hashTree(i));
    }
    return std::move(minimizer.prepared);
}

} // namespace Preon::Repart
