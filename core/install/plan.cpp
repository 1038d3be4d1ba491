// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/install/plan.h"

#include "core/base/units.h"
#include "core/base/format.h"
#include "core/install/firstboot.h"
#include "core/install/installed.h"
#include "core/install/layout.h"

#include <algorithm>
#include <array>

namespace Preon::Install
{

namespace
{

using Disk::Designator;

Result<void> refuse(const Snapshot &snapshot)
{
    const TargetFacts &target = snapshot.target;
    const std::string name = nameOf(target);
    if (target.isSource)
        return fail(ErrorCode::BadArgument, name + " cannot be installed to", "it is what is installed from, or what this system runs from",
                    "Choose another disk.");
    if (!target.isWholeDisk)
        return fail(ErrorCode::BadArgument, name + " is a partition", "a system is installed on a disk, not on a part of one", "Give the disk itself.");
    if (target.info.readOnly)
        return fail(ErrorCode::Permission, name + " cannot be written", "it is read-only");
    if (target.info.inUse) {
        std::string uses;
        for (const std::string &use : target.info.uses)
            uses += (uses.empty() ? "" : "; ") + use;
        return fail(ErrorCode::Busy, name + " is in use", uses, "Unmount what is mounted from it, then try again.");
    }
    if (target.info.removable && !snapshot.wishes.allowRemovable)
        return fail(ErrorCode::BadArgument, name + " can be unplugged", "a system is rarely meant to live on such a disk", "If it is, say --allow-removable.");
    return {};
}

// Both passes of the first start, with what it will find; nullopt when its definitions are not known.
Result<std::optional<Repart::Plan>> simulateFirstStart(const Snapshot &snapshot, const Plan &plan)
{
    if (snapshot.firstBoot.empty())
        return std::nullopt;
    FirstBootFacts facts;
    facts.state.disk = snapshot.target.path;
    facts.state.esp = plan.esp.uuid;
    facts.table = plan.layout.after;
    facts.table.kind = Disk::LabelKind::Gpt;
    facts.definitions = snapshot.firstBoot;
    facts.rootHash = fromHex(snapshot.source.system.rootHash).value_or(Bytes());
    facts.imageId = snapshot.source.system.name;
    std::optional<Repart::Plan> last;
    for (const Pass pass : {Pass::Root, Pass::Volumes}) {
        PREON_TRY(last, Repart::plan(firstBootSnapshot(facts, pass)));
        PREON_CHECK(matchesOnly(*last, ownUuids(facts)));
        facts.table = last->after;
    }
    return last;
}

// What is kept stays where it is and what it is; growing at its end is all that the first start may do to it.
Result<void> keepsHome(const Repart::Plan &firstBoot, const Disk::Partition &home)
{
    for (const Repart::PlannedPartition &planned : firstBoot.partitions) {
        const Disk::Partition &partition = planned.partition;
        const bool same = partition.number == home.number && partition.start == home.start && partition.size >= home.size && partition.uuid == home.uuid;
        if (same && planned.activity != Repart::Activity::Create)
            return {};
    }
    return fail(ErrorCode::Exists, "The home partition would not be kept",
                "the system's first start would make something else of partition " + std::to_string(home.number));
}

// The smallest disk that holds what is shipped and what the first start adds.
std::uint64_t neededSize(const Snapshot &snapshot, Repart::Snapshot layout, const std::optional<Disk::Partition> &home)
{
    std::vector<Uuid> shipped;
    if (home)
        shipped.push_back(home->type);
    for (const Repart::Definition &definition : layout.definitions)
        shipped.push_back(definition.type);
    for (const Repart::Definition &definition : snapshot.firstBoot) {
        // The n-th definition of a type takes the n-th partition of that type: these are there already.
        if (const auto made = std::ranges::find(shipped, definition.type); made != shipped.end())
            shipped.erase(made);
        else
            layout.definitions.push_back(definition);
    }
    layout.empty = Repart::Empty::Force;
    layout.table.partitions.clear();
    return Repart::minimalDiskSize(layout);
}

struct FreeSpace {
    std::uint64_t all = 0, largest = 0; // bytes
};

FreeSpace freeSpace(const Disk::Table &table)
{
    std::vector<Disk::Partition> partitions = table.partitions;
    std::ranges::sort(partitions, {}, &Disk::Partition::start);
    FreeSpace space;
    std::uint64_t at = table.firstUsable;
    const auto until = [&](std::uint64_t next) {
        const std::uint64_t free = next > at ? next - at : 0;
        space.all += free;
        space.largest = std::max(space.largest, free);
    };
    for (const Disk::Partition &partition : partitions) {
        until(partition.start);
        at = std::max(at, partition.start + partition.size);
    }
    until(table.endUsable);
    return space;
}

std::string bytesInWords(std::uint64_t size)
{
    return formatSize(size) + " (" + std::to_string(size) + " bytes)";
}

std::unexpected<Error> tooSmall(const Snapshot &snapshot, std::uint64_t needed, const std::string &reason)
{
    if (snapshot.mode != Mode::Erase) {
        const FreeSpace space = freeSpace(snapshot.target.table);
        const bool anew = snapshot.mode == Mode::Reinstall;
        return fail(ErrorCode::NoSpace, "There is not enough free space on " + nameOf(snapshot.target),
                    reason + ": " + bytesInWords(needed) + " are needed, " + bytesInWords(space.all)
                        + (anew ? " are free once the system that is there has gone, " : " are free, ") + bytesInWords(space.largest) + " of them in one piece",
                    "Make room with the tools of the system that is there (nothing is made smaller from here), or let the whole disk be erased.");
    }
    return fail(ErrorCode::NoSpace, nameOf(snapshot.target) + " is too small",
                reason + ": " + bytesInWords(needed) + " are needed, " + bytesInWords(snapshot.target.info.size) + " are there", "Choose a larger disk.");
}

// The installer's definitions must make all that a system starts from, and an EFI partition that holds it.
Result<void> checkShape(const Plan &plan, const BootPlacement &placement)
{
    std::vector<Designator> wanted{Designator::Usr, Designator::UsrVerity};
    if (!placement.esp)
        wanted.push_back(Designator::Esp);
    if (placement.makesXbootldr)
        wanted.push_back(Designator::Xbootldr);
    for (const Designator role : wanted) {
        if (!plan.findPartition(role))
            return fail(ErrorCode::BadFormat, "The installer's definitions are incomplete", "boot partition, /usr and its hash tree must all be there");
    }
    // FAT's own tables and the unused ends of clusters take their part too.
    const std::uint64_t needed = plan.source.bootFilesSize(plan.start.start) + plan.source.bootFilesSize(plan.start.start) / 64 + 2 * mebibyte;
    for (const Designator role : {Designator::Esp, Designator::Xbootldr}) {
        const Disk::Partition *made = plan.findPartition(role);
        if (made && needed > made->size)
            return fail(ErrorCode::NoSpace, "The boot partition would be too small",
                        formatSize(needed) + " are needed, " + formatSize(made->size) + " are planned");
    }
    return {};
}

std::string contentWords(const Disk::Partition &partition, const Disk::Content &content)
{
    std::string words = partition.label.empty() ? Disk::partitionTypeName(partition.type) : '"' + partition.label + '"';
    words += ", " + formatSize(partition.size);
    if (!content.type.empty())
        words += ", " + content.type + (content.label.empty() ? "" : " \"" + content.label + '"');
    return words;
}

std::vector<std::string> losses(const TargetFacts &target)
{
    std::vector<std::string> lost;
    if (!target.damage.empty())
        lost.push_back("A partition table that cannot be read, and all that it holds: " + target.damage);
    for (std::size_t i = 0; i < target.table.partitions.size(); ++i) {
        const Disk::Partition &partition = target.table.partitions[i];
        lost.push_back("Partition " + std::to_string(partition.number) + ": " + contentWords(partition, target.contents[i]));
    }
    if (!target.content.type.empty())
        lost.push_back("A file system on the whole disk: " + target.content.type + (target.content.label.empty() ? "" : " \"" + target.content.label + '"'));
    if (target.table.hybrid)
        lost.emplace_back("A hybrid partition table: what is also in its MBR, for systems that do not know a GPT");
    if (target.table.kind == Disk::LabelKind::Dos || (target.table.kind == Disk::LabelKind::Other && target.damage.empty()))
        lost.emplace_back("A partition table of another kind than GPT, and all that it holds");
    return lost;
}

} // namespace

std::string nameOf(const TargetFacts &target)
{
    std::string model = target.info.vendor;
    if (!target.info.model.empty() && !target.info.model.starts_with(target.info.vendor))
        model += (model.empty() ? "" : " ") + target.info.model;
    else if (!target.info.model.empty())
        model = target.info.model;
    const std::string place = formatSize(target.info.size) + ", " + target.path.string();
    return model.empty() ? target.path.string() + " (" + formatSize(target.info.size) + ')' : model + " (" + place + ')';
}

const Disk::Partition *Plan::findPartition(Designator role) const
{
    return findOwn(layout, role);
}

const Disk::Partition &Plan::partition(Designator role) const
{
    return *findPartition(role);
}

bool Plan::makes(unsigned number) const
{
    return std::ranges::any_of(layout.partitions, [number](const Repart::PlannedPartition &planned) {
        return planned.partition.number == number && planned.activity == Repart::Activity::Create;
    });
}

namespace
{

// Where the loader goes, and the files with it.
Result<void> planBoot(const Snapshot &snapshot, const BootPlacement &placement, Plan &plan)
{
    PREON_CHECK(checkShape(plan, placement));
    if (placement.esp)
        plan.esp = *std::ranges::find(plan.layout.after.partitions, *placement.esp, &Disk::Partition::number);
    else
        plan.esp = plan.partition(Designator::Esp);
    plan.files = planFiles(snapshot, plan.start.start, placement, plan.layout, plan.esp);
    const bool shared = placement.esp && !placement.ownEsp;
    const std::string first = plan.start.start == Boot::Start::Shim ? Boot::shimPath() : Boot::loaderPath();
    plan.loaderPath = shared ? pathBesideOthers(first, snapshot.source.system.name).value_or("") : first;
    plan.sharesEsp = shared;
    return {};
}

BootNeeds needsOf(const SourceFacts &source, Boot::Start start)
{
    BootNeeds needs;
    for (const SourceFacts::File &file : source.bootFiles) {
        if (file.only.value_or(start) != start)
            continue;
        (file.path == source.installedKernelPath ? needs.kernel : needs.loader) += file.size;
    }
    return needs;
}

// What the first start would do on this machine about the lock of root.
Result<void> noteLock(const Snapshot &snapshot, Plan &plan)
{
    const auto root = std::ranges::find(snapshot.firstBoot, Disk::partitionType("root").value_or(Uuid()), &Repart::Definition::type);
    if (root == snapshot.firstBoot.end())
        return {};
    const std::optional<Lock> wish = snapshot.wishes.choices.lock;
    if (snapshot.noTpm.empty()) {
        if (wish == Lock::TpmAndPin)
            plan.notes.emplace_back("Its first start asks for a new PIN, which is then asked for at each start.");
        else if (wish == Lock::Passphrase)
            plan.notes.emplace_back("Its first start asks for a new passphrase, which then locks the disk.");
        return {};
    }
    if (wish == Lock::Tpm || wish == Lock::TpmAndPin)
        return fail(ErrorCode::NoTpm, "The disk cannot be locked with this computer's TPM", snapshot.noTpm, "Choose a passphrase.");
    if (root->encrypt == Repart::Encrypt::Tpm2)
        return fail(ErrorCode::NoTpm, "The system could not be started on this computer", snapshot.noTpm);
    if (root->encrypt == Repart::Encrypt::Tpm2OrPassphrase)
        plan.notes.push_back("Its first start on this computer asks for a new passphrase, which then locks the disk. " + snapshot.noTpm);
    return {};
}

// A secret is carried over sealed or not at all.
void noteNetwork(const Snapshot &snapshot, Plan &plan)
{
    if (!snapshot.wishes.network)
        return;
    if (snapshot.noTpm.empty())
        plan.network = snapshot.wishes.network;
    else
        plan.notes.push_back("The password of the Wi-Fi network \"" + nameOf(*snapshot.wishes.network)
                             + "\" will be asked for again: only a TPM could keep it secret on the way.");
}

// The disk as the installation finds it, or, anew, as if the system that is there had gone already. home: what of that stays.
Result<void> planOn(const Snapshot &snapshot, const BootPlacement &placement, const std::optional<Disk::Partition> &home, Plan &plan)
{
    PREON_TRY(const Repart::Snapshot layout, layoutSnapshot(snapshot, placement));
    const std::uint64_t needed = neededSize(snapshot, layout, home);
    auto planned = Repart::plan(layout);
    if (!planned) {
        if (planned.error().code == ErrorCode::NoSpace)
            return tooSmall(snapshot, needed, "the system does not fit");
        return std::unexpected(planned.error());
    }
    plan.layout = std::move(*planned);
    PREON_CHECK(planBoot(snapshot, placement, plan));
    auto firstBoot = simulateFirstStart(snapshot, plan);
    if (!firstBoot) {
        if (firstBoot.error().code == ErrorCode::NoSpace)
            return tooSmall(snapshot, needed, "the system would fit, but not what its first start adds");
        return std::unexpected(firstBoot.error().during("The system's first start would fail"));
    }
    plan.firstBoot = std::move(*firstBoot);
    if (plan.firstBoot && home)
        PREON_CHECK(keepsHome(*plan.firstBoot, *home));
    if (!plan.firstBoot)
        plan.notes.emplace_back("How much room the system's first start needs is not known for an image file.");
    return noteLock(snapshot, plan);
}

Result<void> planAnew(const Snapshot &snapshot, Plan &plan)
{
    PREON_TRY(const Installed installed, findInstalled(snapshot));
    PREON_CHECK(checkHome(snapshot, installed));
    PREON_TRY(const BootPlacement placement, placeAnew(snapshot, installed, needsOf(snapshot.source, plan.start.start)));
    plan.removed = installed.system;
    plan.removedFiles = installed.kernels;
    plan.lost = lossesOf(snapshot, installed);
    plan.kept = keptOf(installed);
    if (installed.home) {
        plan.home = installed.home->number;
        plan.notes.emplace_back("The new system does not have the home partition's key: there it stays shut, and nothing on it is changed, until "
                                "\"preonctl home-volume adopt\" was run once. It asks for the recovery key: have it at hand.");
    } else {
        plan.notes.emplace_back("There is no home partition of that system on the disk: there is nothing to keep.");
    }
    Snapshot cleared = snapshot;
    std::erase_if(cleared.target.table.partitions, [&](const Disk::Partition &each) { return std::ranges::contains(installed.system, each); });
    return planOn(cleared, placement, installed.home, plan);
}

} // namespace

Result<StartWay> startOf(const Snapshot &snapshot)
{
    return chooseStart(snapshot.start, snapshot.source.hasShim(), snapshot.wishes.prepareSecureBoot, snapshot.source.system.name);
}

Result<Plan> plan(const Snapshot &snapshot)
{
    PREON_CHECK(refuse(snapshot));
    Plan plan;
    plan.mode = snapshot.mode;
    plan.source = snapshot.source;
    plan.target = snapshot.target;
    plan.choices = snapshot.wishes.choices;
    plan.makesBootEntry = snapshot.makesBootEntry;
    noteNetwork(snapshot, plan);
    PREON_TRY(plan.start, startOf(snapshot));
    if (plan.start.asks)
        plan.notes.emplace_back(
            "At the next start a blue screen asks whether this computer may start the new system, and for a code that is shown once it is installed.");
    if (snapshot.mode == Mode::Reinstall) {
        PREON_CHECK(planAnew(snapshot, plan));
        return plan;
    }
    BootPlacement placement;
    if (snapshot.mode == Mode::Beside) {
        PREON_CHECK(refuseBeside(snapshot));
        PREON_TRY(placement, placeBoot(snapshot.target.bootPartitions, needsOf(snapshot.source, plan.start.start), nameOf(snapshot.target)));
    } else {
        plan.lost = losses(snapshot.target);
    }
    PREON_CHECK(planOn(snapshot, placement, std::nullopt, plan));
    return plan;
}

} // namespace Preon::Install
