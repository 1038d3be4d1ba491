// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/install/plan.h"

#include "core/base/format.h"

#include <algorithm>
#include <array>

namespace Preon::Install
{

namespace
{

using Disk::Designator;

constexpr std::uint64_t mebibyte = 1U << 20U;

Result<void> refuse(const Snapshot &snapshot)
{
    const TargetFacts &target = snapshot.target;
    const std::string name = nameOf(target);
    if (target.isSource)
        return fail(ErrorCode::BadArgument, name + " cannot be installed to", "it is what is installed from, or what this system runs from",
                    "Choose another disk.");
    if (!target.isWholeDisk)
        return fail(ErrorCode::BadArgument, name + " is a partition", "a whole disk is erased, not a part of one", "Give the disk itself.");
    if (target.info.readOnly)
        return fail(ErrorCode::Permission, name + " cannot be written", "it is read-only");
    if (target.info.inUse) {
        std::string uses;
        for (const std::string &use : target.info.uses)
            uses += (uses.empty() ? "" : "; ") + use;
        return fail(ErrorCode::Busy, name + " is in use", uses, "Unmount what is mounted from it, then try again.");
    }
    if (target.info.removable && !snapshot.allowRemovable)
        return fail(ErrorCode::BadArgument, name + " can be unplugged", "a system is rarely meant to live on such a disk", "If it is, say --allow-removable.");
    return {};
}

// Where the source's partition of that type is; nullptr for what is not copied.
const Disk::Partition *sourcePartition(const SourceFacts &source, Designator role)
{
    switch (role) {
    case Designator::Usr:
        return &source.system.usr;
    case Designator::UsrVerity:
        return &source.system.verity;
    case Designator::UsrVeritySig:
        return source.system.signature ? &*source.system.signature : nullptr;
    default:
        return nullptr;
    }
}

// For a source whose definitions are not at hand: as it is laid out itself.
std::vector<Repart::Definition> definitionsLike(const SourceFacts &source)
{
    std::vector<Repart::Definition> definitions;
    const auto add = [&](const char *name, const Disk::Partition &partition) -> Repart::Definition & {
        Repart::Definition &definition = definitions.emplace_back();
        definition.name = name;
        definition.path = name;
        definition.type = partition.type;
        definition.sizeMin = partition.size;
        definition.sizeMax = partition.size;
        return definition;
    };
    Repart::Definition &esp = add("00-esp.conf", source.esp);
    esp.format = "vfat";
    esp.label = source.esp.label;
    esp.flags = source.esp.flags;
    add("10-usr.conf", source.system.usr).copyBlocksAuto = true;
    add("11-usr-verity.conf", source.system.verity).copyBlocksAuto = true;
    if (source.system.signature)
        add("12-usr-verity-sig.conf", *source.system.signature).copyBlocksAuto = true;
    return definitions;
}

// The definitions that can be met from this source, with what is copied.
Result<Repart::Snapshot> layoutSnapshot(const Snapshot &snapshot)
{
    Repart::Snapshot layout;
    layout.device = snapshot.target.path;
    layout.table = snapshot.target.table;
    layout.empty = Repart::Empty::Force;
    layout.seed = snapshot.seed;
    const SourceFacts &source = snapshot.source;
    for (Repart::Definition definition : snapshot.shipped.empty() ? definitionsLike(source) : snapshot.shipped) {
        const Designator role = Disk::designator(definition.type);
        const Disk::Partition *from = sourcePartition(source, role);
        if (role == Designator::UsrVeritySig && !from)
            continue; // an image need not be signed that way
        if (!from && (definition.isCopied() || role != Designator::Esp)) {
            return fail(ErrorCode::Unsupported, definition.path.string() + " cannot be met",
                        "the installer makes the EFI partition and the partitions of /usr only; all others are made by the first start");
        }
        if (from) {
            definition.sizeMin = std::max(definition.sizeMin.value_or(0), from->size);
            definition.sizeMax = std::max(definition.sizeMax.value_or(0), *definition.sizeMin);
            definition.flags |= from->flags;
            layout.sources[layout.definitions.size()] = {source.path, from->start, from->size, from->uuid, from->label};
        }
        layout.definitions.push_back(std::move(definition));
    }
    return layout;
}

// What the first start will find: its definitions on the table that the installer leaves.
Repart::Snapshot firstBootSnapshot(const Snapshot &snapshot, const Disk::Table &after)
{
    Repart::Snapshot firstBoot;
    firstBoot.device = snapshot.target.path;
    firstBoot.table = after;
    firstBoot.table.kind = Disk::LabelKind::Gpt;
    firstBoot.definitions = snapshot.firstBoot;
    firstBoot.seed = snapshot.seed;
    firstBoot.ours.emplace();
    for (const Disk::Partition &partition : after.partitions)
        firstBoot.ours->push_back(partition.uuid);
    return firstBoot;
}

// The smallest disk that holds what is shipped and what the first start adds.
std::uint64_t neededSize(const Snapshot &snapshot, Repart::Snapshot layout)
{
    std::vector<Uuid> shipped;
    for (const Repart::Definition &definition : layout.definitions)
        shipped.push_back(definition.type);
    for (const Repart::Definition &definition : snapshot.firstBoot) {
        // The n-th definition of a type takes the n-th partition of that type: these are there already.
        if (const auto made = std::ranges::find(shipped, definition.type); made != shipped.end())
            shipped.erase(made);
        else
            layout.definitions.push_back(definition);
    }
    return Repart::minimalDiskSize(layout);
}

std::unexpected<Error> tooSmall(const Snapshot &snapshot, std::uint64_t needed, const std::string &reason)
{
    return fail(ErrorCode::NoSpace, nameOf(snapshot.target) + " is too small",
                reason + ": " + formatSize(needed) + " (" + std::to_string(needed) + " bytes) are needed, " + formatSize(snapshot.target.info.size) + " ("
                    + std::to_string(snapshot.target.info.size) + " bytes) are there",
                "Choose a larger disk.");
}

// The installer's definitions must make all that a system starts from, and an EFI partition that holds it.
Result<void> checkShape(const Plan &plan)
{
    for (const Designator role : {Designator::Esp, Designator::Usr, Designator::UsrVerity}) {
        if (!plan.findPartition(role))
            return fail(ErrorCode::BadFormat, "The installer's definitions are incomplete", "EFI partition, /usr and its hash tree must all be there");
    }
    // FAT's own tables and the unused ends of clusters take their part too.
    const std::uint64_t size = plan.partition(Designator::Esp).size;
    const std::uint64_t needed = plan.source.bootFilesSize + plan.source.bootFilesSize / 64 + 2 * mebibyte;
    if (needed > size)
        return fail(ErrorCode::NoSpace, "The EFI partition would be too small", formatSize(needed) + " are needed, " + formatSize(size) + " are planned");
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
    const auto found
        = std::ranges::find_if(layout.after.partitions, [role](const Disk::Partition &partition) { return Disk::designator(partition.type) == role; });
    return found == layout.after.partitions.end() ? nullptr : &*found;
}

const Disk::Partition &Plan::partition(Designator role) const
{
    return *findPartition(role);
}

Result<Plan> plan(const Snapshot &snapshot)
{
    PREON_CHECK(refuse(snapshot));
    PREON_TRY(const Repart::Snapshot layout, layoutSnapshot(snapshot));
    Plan plan;
    plan.mode = snapshot.mode;
    plan.source = snapshot.source;
    plan.target = snapshot.target;
    plan.makesBootEntry = snapshot.makesBootEntry;
    const std::uint64_t needed = neededSize(snapshot, layout);
    auto planned = Repart::plan(layout);
    if (!planned) {
        if (planned.error().code == ErrorCode::NoSpace)
            return tooSmall(snapshot, needed, "the system does not fit");
        return std::unexpected(planned.error());
    }
    plan.layout = std::move(*planned);
    PREON_CHECK(checkShape(plan));
    if (snapshot.firstBoot.empty()) {
        plan.notes.emplace_back("How much room the system's first start needs is not known for an image file.");
    } else {
        auto firstBoot = Repart::plan(firstBootSnapshot(snapshot, plan.layout.after));
        if (!firstBoot) {
            if (firstBoot.error().code == ErrorCode::NoSpace)
                return tooSmall(snapshot, needed, "the system would fit, but not what its first start adds");
            return std::unexpected(firstBoot.error().during("The system's first start would fail"));
        }
        plan.firstBoot = std::move(*firstBoot);
    }
    plan.lost = losses(snapshot.target);
    return plan;
}

} // namespace Preon::Install
