// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/install/apply.h"

#include "core/boot/efivars.h"
#include "core/boot/firmwareentries.h"
#include "core/install/copy.h"

#include <algorithm>

namespace Preon::Install
{

namespace
{

using Disk::Designator;

// One installation at work: what the steps share.
struct Installation {
    const Plan &plan;
    const Source &source;
    const Host &host;
    Progress &progress;
    const Disk::Device &target;
    Outcome outcome;

    Result<void> erase();
    Result<Verity::HashTree> loadTree();
    Result<void> copySystem(const Verity::HashTree &tree);
    Result<void> copyWhole(const Disk::Partition &from, const Disk::Partition &to, std::uint64_t length);
    Result<void> writeBootPartition();
    Result<void> readBack();
    Result<void> publish();
    void makeBootEntry();

    std::uint64_t treeSize(const Verity::HashTree &tree) const
    {
        return Verity::layoutOf(tree.superblock()).size;
    }
    Sha256Digest signatureDigest{};
};

// Without its table a disk is empty to everybody, so that what an interrupted installation leaves is never taken for a system.
Result<void> Installation::erase()
{
    progress.phase("Erasing the old content", 0);
    for (const Disk::Partition &old : plan.target.table.partitions)
        PREON_CHECK(Disk::wipeSignatures(target, old.start, old.size));
    PREON_CHECK(Disk::wipeSignatures(target, 0, target.size()));
    PREON_CHECK(target.flush());
    PREON_CHECK(target.rereadPartitions());
    // Tells an SSD what it need not keep. Where the disk cannot, nothing is lost.
    constexpr std::uint64_t piece = 1ULL << 30U;
    for (std::uint64_t at = 0; at < target.size(); at += piece) {
        PREON_CHECK(progress.check());
        if (!target.discard(at, std::min(piece, target.size() - at)))
            break;
    }
    return {};
}

Result<Verity::HashTree> Installation::loadTree()
{
    const auto rootHash = fromHex(plan.source.system.rootHash);
    if (!rootHash)
        return fail(ErrorCode::BadArgument, "The plan has no root hash");
    const Disk::Partition &verity = plan.source.system.verity;
    auto tree = Verity::HashTree::load(source.device, {verity.start, verity.size}, *rootHash, progress);
    if (!tree)
        return std::unexpected(badMedium(tree.error(), source.device.path()));
    return tree;
}

Result<void> Installation::copyWhole(const Disk::Partition &from, const Disk::Partition &to, std::uint64_t length)
{
    Bytes buffer(1U << 20U);
    for (std::uint64_t at = 0; at < length; at += buffer.size()) {
        PREON_CHECK(progress.check());
        const auto part = std::span(buffer).first(static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), length - at)));
        if (const auto read = readAt(source.device.fd(), from.start + at, part); !read)
            return std::unexpected(badMedium(read.error(), source.device.path()));
        if (const auto written = writeAt(target.fd(), to.start + at, part); !written)
            return std::unexpected(badTarget(written.error(), target.path()));
        progress.advance(part.size());
    }
    outcome.written += length;
    return {};
}

Result<void> Installation::copySystem(const Verity::HashTree &tree)
{
    const Image::System &system = plan.source.system;
    const Disk::Partition *signature = plan.findPartition(Designator::UsrVeritySig);
    const std::uint64_t signatureSize = signature && system.signature ? system.signature->size : 0;
    progress.phase("Copying the system", tree.dataSize() + treeSize(tree) + signatureSize);
    PREON_CHECK(copyVerified(source.device, {system.usr.start, system.usr.size}, tree, target, plan.partition(Designator::Usr).start, progress));
    outcome.written += tree.dataSize();
    PREON_CHECK(copyWhole(system.verity, plan.partition(Designator::UsrVerity), treeSize(tree)));
    if (signatureSize > 0) {
        PREON_CHECK(copyWhole(*system.signature, *signature, signatureSize));
        SilentProgress silent;
        PREON_TRY(signatureDigest, Disk::hashRange(source.device, {system.signature->start, signatureSize}, silent));
    }
    return {};
}

Result<void> Installation::writeBootPartition()
{
    const Disk::Partition &esp = plan.partition(Designator::Esp);
    progress.phase("Writing the boot files", Boot::sizeOf(source.bootFiles));
    auto written = Boot::formatFat(target, esp.start, esp.size, "ESP");
    if (written)
        written = Boot::writeBootFiles(Boot::Fat(target, esp.start), source.bootFiles, progress);
    if (!written)
        return std::unexpected(badTarget(written.error(), target.path()));
    outcome.written += Boot::sizeOf(source.bootFiles);
    return {};
}

// From the medium, not from what the kernel remembers of it, against the root hash in the signed kernel.
Result<void> Installation::readBack()
{
    progress.phase("Flushing", 0);
    if (const auto flushed = target.flush(); !flushed)
        return std::unexpected(badTarget(flushed.error(), target.path()));
    PREON_CHECK(target.dropCache());

    const Disk::Partition &usr = plan.partition(Designator::Usr), &verity = plan.partition(Designator::UsrVerity);
    const auto check = [&]() -> Result<void> {
        SilentProgress silent;
        PREON_TRY(const Verity::HashTree tree, Verity::HashTree::load(target, {verity.start, verity.size}, *fromHex(plan.source.system.rootHash), progress));
        progress.phase("Checking what was written", tree.dataSize() + Boot::sizeOf(source.bootFiles));
        PREON_CHECK(Verity::verifyData(target, {usr.start, usr.size}, tree, progress));
        const Disk::Partition *signature = plan.findPartition(Designator::UsrVeritySig);
        if (signature && plan.source.system.signature) {
            PREON_TRY(const Sha256Digest digest, Disk::hashRange(target, {signature->start, plan.source.system.signature->size}, silent));
            if (digest != signatureDigest)
                return fail(ErrorCode::Corrupt, "The signature came back different from what was written");
        }
        return Boot::compareBootFiles(Boot::Fat(target, plan.partition(Designator::Esp).start), source.bootFiles, progress);
    };
    if (const auto checked = check(); !checked)
        return std::unexpected(badTarget(checked.error(), target.path()));
    return {};
}

Result<void> Installation::publish()
{
    progress.phase("Writing the partition table", 0);
    PREON_CHECK(progress.check()); // the last moment to turn back
    auto written = Disk::writeTable(target, plan.layout.after);
    if (written)
        written = target.dropCache();
    if (!written)
        return std::unexpected(badTarget(written.error(), target.path()));
    PREON_TRY(const Disk::Table found, Disk::readTable(target));
    if (found.partitions != plan.layout.after.partitions || found.diskUuid != plan.layout.after.diskUuid)
        return std::unexpected(badTarget({ErrorCode::Corrupt, "The partition table came back different from what was written", {}, {}}, target.path()));
    if (const auto seen = target.rereadPartitions(); !seen)
        outcome.notes.push_back(seen.error().text());
    return {};
}

// The loader also lies where firmware looks by itself, so a firmware that takes no entry is no failed installation.
void Installation::makeBootEntry()
{
    if (!plan.makesBootEntry)
        return;
    progress.phase("Telling the firmware", 0);
    const Disk::Partition &esp = plan.partition(Designator::Esp);
    const std::uint64_t sector = target.sectorSize();
    const Boot::HardDriveFile file{
        .partition = esp.number, .start = esp.start / sector, .size = esp.size / sector, .partitionUuid = esp.uuid, .path = Boot::firmwarePathOfLoader()};
    std::vector<Uuid> erased;
    for (const Disk::Partition &old : plan.target.table.partitions)
        erased.push_back(old.uuid);
    auto removed = Boot::removeEntries(host, erased, file.path);
    auto number = Boot::placeFirst(host, plan.source.system.name.empty() ? "Linux" : plan.source.system.name, file);
    if (number)
        outcome.bootEntry = *number;
    for (const auto &error : {removed ? std::optional<Error>() : removed.error(), number ? std::optional<Error>() : number.error()}) {
        if (error)
            outcome.notes.push_back(
                error->during("The firmware did not take our boot entry; choose the disk in its menu if it does not start by itself").text());
    }
}

Result<void> unchanged(const Plan &plan, const Disk::Device &target)
{
    const std::string what = target.path().string() + " is no longer as it was when the plan was made";
    if (target.size() != plan.target.info.size)
        return fail(ErrorCode::Changed, what, "its size is another one", "Look at the new plan.");
    const auto table = Disk::readTable(target);
    const bool same = table ? *table == plan.target.table : !plan.target.damage.empty();
    if (!same)
        return fail(ErrorCode::Changed, what, "its partitions are others", "Look at the new plan.");
    return {};
}

} // namespace

Result<Outcome> apply(const Plan &plan, const Source &source, const Host &host, Progress &progress)
{
    PREON_TRY(const Disk::Device target, Disk::Device::open(plan.target.path, Disk::Access::Exclusive));
    PREON_CHECK(unchanged(plan, target));
    Installation work{.plan = plan, .source = source, .host = host, .progress = progress, .target = target, .outcome = {}};
    progress.phase("Checking the source", 0);
    PREON_TRY(const Verity::HashTree tree, work.loadTree()); // a bad hash tree costs nobody their disk

    const auto write = [&]() -> Result<void> {
        PREON_CHECK(work.erase());
        PREON_CHECK(work.copySystem(tree));
        PREON_CHECK(work.writeBootPartition());
        PREON_CHECK(work.readBack());
        return work.publish();
    };
    if (auto written = write(); !written) {
        Error error = std::move(written).error();
        // Ctrl-C reaches the programs that we run as well; what they then complain of is not the reason.
        if (progress.isCancelled())
            error = {ErrorCode::Cancelled, "Stopped as asked", {}, {}};
        // Whatever there is of a table by now, there must be none.
        const bool empty = Disk::wipeSignatures(target, 0, target.size()) && target.flush();
        error.why += (error.why.empty() ? "" : "; ") + target.path().string()
            + (empty ? " was erased before: it has no partition table now and nothing starts from it"
                     : " was erased before, and its partition table may be left unfinished");
        if (error.code == ErrorCode::Cancelled)
            error.todo = "To install after all, start the installation again.";
        return std::unexpected(std::move(error));
    }
    work.makeBootEntry();
    work.outcome.diskUuid = plan.layout.after.diskUuid;
    work.outcome.espUuid = plan.partition(Designator::Esp).uuid;
    return work.outcome;
}

nlohmann::ordered_json toJson(const Outcome &outcome)
{
    nlohmann::ordered_json json
        = {{"written", outcome.written}, {"diskUuid", outcome.diskUuid.text()}, {"espUuid", outcome.espUuid.text()}, {"notes", outcome.notes}};
    if (outcome.bootEntry)
        json["bootEntry"] = *outcome.bootEntry;
    return json;
}

} // namespace Preon::Install
