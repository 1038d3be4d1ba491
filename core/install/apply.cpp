// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/install/apply.h"

#include "core/boot/efivars.h"
#include "core/boot/firmwareentries.h"
#include "core/boot/pe.h"
#include "core/install/copy.h"
#include "core/install/phases.h"
#include "core/install/removal.h"
#include "core/install/rootlock.h"

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
    Result<void> discard(const Disk::Range &range);
    Result<Verity::HashTree> loadTree();
    Result<void> copySystem(const Verity::HashTree &tree);
    Result<void> copyWhole(const Disk::Partition &from, const Disk::Partition &to, std::uint64_t length);
    Result<void> clear();
    Result<void> formatBootPartitions();
    Result<void> writeBootFiles(bool onNewPartitions);
    Result<Bytes> sealForFirstStart();
    void carryNetwork();
    Result<void> writeChoices();
    Result<void> compareChoices();
    Result<void> readBack();
    Result<void> publish();
    Result<void> addToExisting();
    Result<void> writeAll();
    Error withConsequences(Error error);
    void makeBootEntry();
    void askOwner();

    std::uint64_t treeSize(const Verity::HashTree &tree) const
    {
        return Verity::layoutOf(tree.superblock()).size;
    }
    // Those that the plan writes to partitions that it makes, or to those that are there.
    std::vector<PlannedFile> filesOn(bool newPartitions) const;
    std::uint64_t sizeOf(const std::vector<PlannedFile> &files) const;
    Result<void> compareBootFiles(const std::vector<PlannedFile> &files);
    Boot::Fat fat(unsigned partition) const;

    Choices choices = plan.choices; // with the network, once it is sealed
    Sha256Digest signatureDigest{};
    bool touched = false, published = false;
};

std::vector<PlannedFile> Installation::filesOn(bool newPartitions) const
{
    std::vector<PlannedFile> files;
    std::ranges::copy_if(plan.files, std::back_inserter(files),
                         [&](const PlannedFile &file) { return !file.kept && plan.makes(file.partition) == newPartitions; });
    return files;
}

std::uint64_t Installation::sizeOf(const std::vector<PlannedFile> &files) const
{
    std::uint64_t size = 0;
    for (const PlannedFile &file : files)
        size += source.bootFiles[file.source].content.bytes().size();
    return size;
}

Boot::Fat Installation::fat(unsigned partition) const
{
    return {target, std::ranges::find(plan.layout.after.partitions, partition, &Disk::Partition::number)->start};
}

// Without its table a disk is empty to everybody, so that what an interrupted installation leaves is never taken for a system.
Result<void> Installation::erase()
{
    progress.phase(PhaseName::erase, 0);
    for (const Disk::Partition &old : plan.target.table.partitions)
        PREON_CHECK(Disk::wipeSignatures(target, old.start, old.size));
    PREON_CHECK(Disk::wipeSignatures(target, 0, target.size()));
    PREON_CHECK(target.flush());
    PREON_CHECK(target.rereadPartitions());
    return discard({0, target.size()});
}

// Tells an SSD what it need not keep. Where the disk cannot, nothing is lost.
Result<void> Installation::discard(const Disk::Range &range)
{
    constexpr std::uint64_t piece = 1ULL << 30U;
    for (std::uint64_t at = 0; at < range.length; at += piece) {
        PREON_CHECK(progress.check());
        if (!target.discard(range.offset + at, std::min(piece, range.length - at)))
            break;
    }
    return {};
}

// What lies where the new partitions will be belonged to somebody who gave it up, or to the system that is replaced.
Result<void> Installation::clear()
{
    progress.phase(PhaseName::clear, 0);
    for (const Repart::PlannedPartition &planned : plan.layout.partitions) {
        if (planned.activity != Repart::Activity::Create)
            continue;
        PREON_CHECK(discard({planned.partition.start, planned.partition.size}));
        PREON_CHECK(Disk::wipeSignatures(target, planned.partition.start, planned.partition.size));
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
            return std::unexpected(badTarget(written.error(), target));
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
    progress.phase(PhaseName::copy, tree.dataSize() + treeSize(tree) + signatureSize);
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

Result<void> Installation::formatBootPartitions()
{
    for (const Designator role : {Designator::Esp, Designator::Xbootldr}) {
        const Disk::Partition *partition = plan.findPartition(role);
        if (!partition || !plan.makes(partition->number))
            continue;
        if (const auto made = Boot::formatFat(target, partition->start, partition->size, role == Designator::Esp ? "ESP" : "XBOOTLDR"); !made)
            return std::unexpected(badTarget(made.error(), target));
    }
    return {};
}

Result<void> Installation::writeBootFiles(bool onNewPartitions)
{
    const std::vector<PlannedFile> files = filesOn(onNewPartitions);
    progress.phase(onNewPartitions ? PhaseName::bootFiles : PhaseName::addBootFiles, sizeOf(files));
    // Before the kernel, which makes a system of it all.
    if (plan.makes(plan.esp.number) == onNewPartitions)
        PREON_CHECK(writeChoices());
    for (const PlannedFile &file : files) {
        // Once the table is there, going on is the short way to a state that makes sense.
        if (!published)
            PREON_CHECK(progress.check());
        const Boot::MemoryFile &content = source.bootFiles[file.source].content;
        if (const auto written = fat(file.partition).write(file.path, content, published ? nullptr : &progress); !written)
            return std::unexpected(badTarget(written.error(), target));
        progress.advance(content.bytes().size());
        outcome.written += content.bytes().size();
    }
    return {};
}

// To the initrd of the kernel that is installed: its policy key says who signs for it.
Result<Bytes> Installation::sealForFirstStart()
{
    if (plan.target.isFile)
        return fail(ErrorCode::Unsupported, "A file is started by another computer, whose TPM is not at hand");
    const Boot::BootFile *kernel = source.find(source.facts.installedKernelPath, plan.start.start);
    if (!kernel)
        return fail(ErrorCode::NotFound, "The kernel is not there");
    const ByteView bytes = kernel->content.bytes();
    PREON_TRY(const auto sections, Boot::readPeSections(bytes));
    const auto key = std::ranges::find(sections, ".pcrpkey", &Boot::PeSection::name);
    if (key == sections.end())
        return fail(ErrorCode::NotFound, "The kernel carries no key that a TPM could seal to");
    const ByteView pem = bytes.subspan(key->offset, key->size);
    const Tpm::SealPolicy policy = rootPolicy(std::string(reinterpret_cast<const char *>(pem.data()), pem.size()));
    PREON_CHECK(canHold(host, policy));
    return sealNetwork(host, *plan.network, policy, plan.source.system.rootHash);
}

// A network that is asked for again is no failed installation.
void Installation::carryNetwork()
{
    if (!plan.network)
        return;
    auto sealed = sealForFirstStart();
    if (sealed)
        choices.network = std::move(*sealed);
    else
        outcome.notes.push_back(sealed.error().during("The password of the Wi-Fi network will be asked for again").text());
}

Result<void> Installation::writeChoices()
{
    const Boot::Fat esp = fat(plan.esp.number);
    if (choices.isEmpty()) {
        if (plan.makes(plan.esp.number))
            return {};
        // What an interrupted run left would speak for somebody who chose otherwise.
        const auto removed = esp.remove(choicesPath);
        if (!removed && removed.error().code != ErrorCode::NotFound)
            return std::unexpected(badTarget(removed.error(), target));
        return {};
    }
    PREON_TRY(const Boot::MemoryFile content, Boot::MemoryFile::copyOf(asBytes(choicesText(choices, plan.source.system.rootHash))));
    if (const auto written = esp.write(choicesPath, content, published ? nullptr : &progress); !written)
        return std::unexpected(badTarget(written.error(), target));
    return {};
}

Result<void> Installation::compareChoices()
{
    if (choices.isEmpty())
        return {};
    PREON_TRY(const Boot::MemoryFile found, fat(plan.esp.number).read(choicesPath, largestChoices));
    if (!std::ranges::equal(found.bytes(), asBytes(choicesText(choices, plan.source.system.rootHash))))
        return fail(ErrorCode::Corrupt, "What was chosen came back different from what was written");
    return {};
}

Result<void> Installation::compareBootFiles(const std::vector<PlannedFile> &files)
{
    for (const PlannedFile &file : files) {
        const ByteView wanted = source.bootFiles[file.source].content.bytes();
        PREON_TRY(const Boot::MemoryFile found, fat(file.partition).read(file.path));
        if (!std::ranges::equal(found.bytes(), wanted))
            return fail(ErrorCode::Corrupt, file.path + " came back different from what was written");
        progress.advance(wanted.size());
    }
    return {};
}

// From the medium, not from what the kernel remembers of it, against the root hash in the signed kernel.
Result<void> Installation::readBack()
{
    progress.phase(PhaseName::flush, 0);
    if (const auto flushed = target.flush(); !flushed)
        return std::unexpected(badTarget(flushed.error(), target));
    PREON_CHECK(target.dropCache());

    const Disk::Partition &usr = plan.partition(Designator::Usr), &verity = plan.partition(Designator::UsrVerity);
    const auto check = [&]() -> Result<void> {
        SilentProgress silent;
        PREON_TRY(const Verity::HashTree tree, Verity::HashTree::load(target, {verity.start, verity.size}, *fromHex(plan.source.system.rootHash), progress));
        const std::vector<PlannedFile> files = filesOn(true);
        progress.phase(PhaseName::check, tree.dataSize() + sizeOf(files));
        PREON_CHECK(Verity::verifyData(target, {usr.start, usr.size}, tree, progress));
        const Disk::Partition *signature = plan.findPartition(Designator::UsrVeritySig);
        if (signature && plan.source.system.signature) {
            PREON_TRY(const Sha256Digest digest, Disk::hashRange(target, {signature->start, plan.source.system.signature->size}, silent));
            if (digest != signatureDigest)
                return fail(ErrorCode::Corrupt, "The signature came back different from what was written");
        }
        if (plan.makes(plan.esp.number))
            PREON_CHECK(compareChoices());
        return compareBootFiles(files);
    };
    if (const auto checked = check(); !checked)
        return std::unexpected(badTarget(checked.error(), target));
    return {};
}

Result<void> Installation::publish()
{
    progress.phase(PhaseName::publish, 0);
    PREON_CHECK(progress.check()); // the last moment to turn back
    if (!plan.layout.changed) { // an interrupted run wrote this very table
        published = true;
        return {};
    }
    auto written = Disk::writeTable(target, plan.layout.after);
    if (written)
        written = target.dropCache();
    if (!written)
        return std::unexpected(badTarget(written.error(), target));
    published = true;
    PREON_TRY(const Disk::Table found, Disk::readTable(target));
    if (found.partitions != plan.layout.after.partitions || found.diskUuid != plan.layout.after.diskUuid)
        return std::unexpected(badTarget({ErrorCode::Corrupt, "The partition table came back different from what was written", {}, {}}, target));
    if (const auto seen = target.rereadPartitions(); !seen)
        outcome.notes.push_back(seen.error().text());
    return {};
}

// Onto an EFI partition that was there: of others, or of the system that is replaced.
Result<void> Installation::addToExisting()
{
    const std::vector<PlannedFile> files = filesOn(false);
    if (files.empty())
        return {};
    PREON_CHECK(writeBootFiles(false));
    if (const auto flushed = target.flush(); !flushed)
        return std::unexpected(badTarget(flushed.error(), target));
    PREON_CHECK(target.dropCache());
    if (const auto checked = compareBootFiles(files); !checked)
        return std::unexpected(badTarget(checked.error(), target));
    if (!plan.makes(plan.esp.number)) {
        if (const auto checked = compareChoices(); !checked)
            return std::unexpected(badTarget(checked.error(), target));
    }
    return {};
}

Result<void> Installation::writeAll()
{
    progress.phase(PhaseName::checkSource, 0);
    PREON_TRY(const Verity::HashTree tree, loadTree()); // a bad hash tree costs nobody their disk
    if (plan.mode == Mode::Reinstall) {
        // Nor does bad data: what is there can be started and is worth something.
        progress.phase(PhaseName::checkSourceData, tree.dataSize());
        const Disk::Partition &usr = plan.source.system.usr;
        if (const auto checked = Verity::verifyData(source.device, {usr.start, usr.size}, tree, progress); !checked)
            return std::unexpected(badMedium(checked.error(), source.device.path()));
        PREON_CHECK(progress.check());
    }
    carryNetwork();
    touched = true;
    if (plan.mode == Mode::Reinstall) {
        if (const auto removed = removeSystem(plan, target, progress); !removed)
            return std::unexpected(badTarget(removed.error(), target));
    }
    PREON_CHECK(plan.mode == Mode::Erase ? erase() : clear());
    PREON_CHECK(copySystem(tree));
    PREON_CHECK(formatBootPartitions());
    PREON_CHECK(writeBootFiles(true));
    PREON_CHECK(readBack());
    PREON_CHECK(publish());
    return addToExisting();
}

// What a person must know beside the reason.
Error Installation::withConsequences(Error error)
{
    // Ctrl-C reaches the programs that we run as well; what they then complain of is not the reason.
    if (progress.isCancelled() && !published)
        error = {ErrorCode::Cancelled, "Stopped as asked", {}, {}};
    if (!touched)
        return error;
    const std::string disk = target.path().string();
    std::string state = disk + ": everything that was there before is as it was";
    if (plan.mode == Mode::Reinstall) {
        state = "the system that was on " + disk
            + " does not start any more, and the new one not yet; the home partition and all that belongs to others is as it was";
        if (error.todo.empty())
            error.todo = "Start this again: it goes on with what is there.";
    } else if (plan.mode == Mode::Beside && published) {
        state += "; the new partitions are there, but nothing starts from them yet";
    } else if (plan.mode == Mode::Erase) {
        // Whatever there is of a table by now, there must be none.
        const bool empty = Disk::wipeSignatures(target, 0, target.size()) && target.flush();
        state = disk
            + (empty ? " was erased before: it has no partition table now and nothing starts from it"
                     : " was erased before, and its partition table may be left unfinished");
    }
    error.why += (error.why.empty() ? "" : "; ") + state;
    if (error.code == ErrorCode::Cancelled)
        error.todo = "To install after all, start the installation again.";
    return error;
}

// Without the answer the same screen comes at each start, and offers to take the key from the disk; nothing is lost.
void Installation::askOwner()
{
    if (!plan.start.asks)
        return;
    const Boot::BootFile *kernel = source.find(source.facts.installedKernelPath, plan.start.start);
    const std::vector<Sign::Certificate> signers = kernel ? Boot::signersOf(kernel->content.bytes()) : std::vector<Sign::Certificate>();
    auto code = signers.empty() ? Result<std::string>(fail(ErrorCode::Untrusted, "The kernel is not signed")) : Boot::requestPermission(host, signers.front());
    if (code)
        outcome.code = std::move(*code);
    else
        outcome.notes.push_back(code.error().during("With Secure Boot on, this computer will not start the system").text());
}

// The loader also lies where firmware looks by itself, so a firmware that takes no entry is no failed installation.
void Installation::makeBootEntry()
{
    if (!plan.makesBootEntry)
        return;
    progress.phase(PhaseName::firmware, 0);
    const Disk::Partition &esp = plan.esp;
    const std::uint64_t sector = target.sectorSize();
    const Boot::HardDriveFile file{.partition = esp.number,
                                   .start = esp.start / sector,
                                   .size = esp.size / sector,
                                   .partitionUuid = esp.uuid,
                                   .path = Boot::firmwarePath(plan.loaderPath)};
    std::vector<Uuid> erased;
    if (plan.mode == Mode::Erase) {
        for (const Disk::Partition &old : plan.target.table.partitions)
            erased.push_back(old.uuid);
    }
    askOwner();
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
    return apply(plan, source, host, progress, target);
}

Result<Outcome> apply(const Plan &plan, const Source &source, const Host &host, Progress &progress, const Disk::Device &target)
{
    PREON_CHECK(unchanged(plan, target));
    Installation work{.plan = plan, .source = source, .host = host, .progress = progress, .target = target, .outcome = {}};
    if (auto written = work.writeAll(); !written)
        return std::unexpected(work.withConsequences(std::move(written).error()));
    work.makeBootEntry();
    work.outcome.diskUuid = plan.layout.after.diskUuid;
    work.outcome.espUuid = plan.esp.uuid;
    return work.outcome;
}

nlohmann::ordered_json toJson(const Outcome &outcome)
{
    nlohmann::ordered_json json
        = {{"written", outcome.written}, {"diskUuid", outcome.diskUuid.text()}, {"espUuid", outcome.espUuid.text()}, {"notes", outcome.notes}};
    if (outcome.bootEntry)
        json["bootEntry"] = *outcome.bootEntry;
    if (!outcome.code.empty())
        json["code"] = outcome.code;
    return json;
}

} // namespace Preon::Install
