// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/update/plan.h"

#include "core/base/format.h"
#include "core/disk/parttypes.h"
#include "core/repart/flags.h"

#include <algorithm>

namespace Preon::Update
{

namespace
{
constexpr std::size_t longestLabel = 36; // UTF-16 units of a GPT entry; names made from patterns are ASCII
constexpr std::size_t longestFileName = 255;
constexpr std::uint64_t usualTriesLeft = 3, usualTriesDone = 0;
constexpr std::uint32_t usualMode = 0644;

// Which types have which of the three attribute bits (UAPI.2).
bool growsAndIsMounted(Disk::Designator type)
{
    using enum Disk::Designator;
    return std::ranges::contains(std::array{Root, Usr, Home, Srv, Var, Tmp, Xbootldr}, type);
}

bool isVerity(Disk::Designator type)
{
    using enum Disk::Designator;
    return std::ranges::contains(std::array{RootVerity, UsrVerity, RootVeritySig, UsrVeritySig}, type);
}

// What the settings say counts before what the source's name says.
Fields wishedFields(const Transfer &transfer, const Instance &source)
{
    Fields fields = source.fields;
    const auto set = [](const auto &setting, auto &field) {
        if (setting)
            field = *setting;
    };
    set(transfer.partitionUuid, fields.partitionUuid);
    set(transfer.partitionFlags, fields.partitionFlags);
    set(transfer.noAuto, fields.noAuto);
    set(transfer.growFileSystem, fields.growFileSystem);
    set(transfer.readOnly, fields.readOnly);
    set(transfer.mode, fields.mode);
    fields.triesLeft = transfer.triesLeft ? *transfer.triesLeft : fields.triesLeft.value_or(usualTriesLeft);
    fields.triesDone = transfer.triesDone ? *transfer.triesDone : fields.triesDone.value_or(usualTriesDone);
    return fields;
}

// One transfer's share of an update to one set.
class TransferPlanner
{
public:
    TransferPlanner(const Seen &seen, const Part &part, const VacuumPlan &vacuum, std::size_t index, const std::vector<TransferPlan> &before, SlotMarks marks)
        : m_seen(seen)
        , m_part(part)
        , m_vacuum(vacuum)
        , m_before(before)
        , m_marks(marks)
    {
        m_plan.transfer = index;
    }
    Result<TransferPlan> run();

private:
    std::unexpected<Error> cannot(ErrorCode code, std::string why) const
    {
        return fail(code, "The update of " + m_seen.transfer->id + " to version " + m_part.instance.fields.version + " cannot be done", std::move(why));
    }
    Result<void> findSource();
    void describe();
    Result<void> placeFile(const std::string &name);
    Result<void> placeSlot(const std::string &label);
    std::vector<Disk::Partition> freeSlots() const;
    std::uint64_t flagsFor(const Disk::Partition &slot) const;
    void placeLink();

    const Seen &m_seen;
    const Part &m_part;
    const VacuumPlan &m_vacuum;
    const std::vector<TransferPlan> &m_before;
    SlotMarks m_marks;
    const Instance *m_source = nullptr;
    Fields m_wished = {};
    TransferPlan m_plan = {};
};

void TransferPlanner::describe()
{
    const Transfer &transfer = *m_seen.transfer;
    m_plan.id = transfer.id;
    m_plan.sourceType = transfer.source.type;
    m_plan.targetType = transfer.target.type;
    m_plan.verify = transfer.verify;
    m_plan.signature = transfer.signature;
    m_plan.installed = m_part.installed && m_part.instance.stage == Stage::Whole;
    m_plan.acquired = m_part.installed && m_part.instance.stage == Stage::Pending;
    m_plan.resumed = m_part.installed && m_part.instance.stage == Stage::Partial;
}

Result<void> TransferPlanner::findSource()
{
    m_source = m_part.installed ? m_seen.source.find(m_part.instance.fields.version) : &m_part.instance;
    if (!m_source && !m_plan.acquired)
        return cannot(ErrorCode::NotFound, "it is here in part only, and the rest is no longer on offer");
    if (!m_source)
        return {};
    m_plan.sourcePath = m_source->path;
    m_plan.packed = m_source->packed;
    m_plan.ranges.push_back({.offset = 0, .length = {}, .from = OfferedBytes{.path = m_source->path, .sha256 = m_source->fields.sha256}});
    m_plan.bytesNeeded = m_source->fields.size;
    if (!m_plan.bytesNeeded && m_source->bytes > 0 && !m_source->packed && m_seen.transfer->source.type == ResourceType::RegularFile)
        m_plan.bytesNeeded = m_source->bytes;
    m_plan.ranges.front().length = m_plan.bytesNeeded;
    return {};
}

Result<void> TransferPlanner::placeFile(const std::string &name)
{
    for (const auto &part : std::filesystem::path(name)) {
        if (part.empty() || part == "." || part == ".." || part.string().size() > longestFileName)
            return cannot(ErrorCode::BadArgument, "\"" + name + "\" is no name for a file");
    }
    const Holdings &target = m_seen.target;
    m_plan.targetPath = (target.path / name).string();
    const bool readOnly = m_wished.readOnly.value_or(false);
    if (m_plan.targetType == ResourceType::RegularFile)
        m_plan.place
            = FileTarget{.folder = target.path, .name = name, .mode = m_wished.mode.value_or(usualMode), .modified = m_wished.modified, .readOnly = readOnly};
    else
        m_plan.place = FolderTarget{.folder = target.path, .name = name, .subvolume = m_plan.targetType == ResourceType::Subvolume, .readOnly = readOnly};
    m_plan.bytesFree = target.freeBytes;
    if (!m_plan.bytesFree)
        return {};
    for (const Removal &removal : m_vacuum.removals) {
        if (removal.folder == target.path)
            *m_plan.bytesFree += removal.instance.bytes;
    }
    if (m_plan.resumed)
        *m_plan.bytesFree += m_part.instance.bytes;
    if (m_plan.bytesNeeded && *m_plan.bytesNeeded > *m_plan.bytesFree)
        return cannot(ErrorCode::NoSpace,
                      target.path.string() + " has " + formatSize(*m_plan.bytesFree) + " free, " + formatSize(*m_plan.bytesNeeded) + " are needed");
    return {};
}

std::vector<Disk::Partition> TransferPlanner::freeSlots() const
{
    std::vector<Disk::Partition> slots = m_seen.target.emptySlots;
    for (const Removal &removal : m_vacuum.removals) {
        if (removal.transfer == m_plan.transfer && removal.instance.slot)
            slots.push_back(removal.emptied);
    }
    std::erase_if(slots, [this](const Disk::Partition &slot) {
        return std::ranges::any_of(m_before, [&](const TransferPlan &other) {
            const auto *taken = other.place ? std::get_if<SlotTarget>(&*other.place) : nullptr;
            return taken && taken->device == m_seen.target.path && taken->before.number == slot.number;
        });
    });
    std::ranges::sort(slots, [](const Disk::Partition &a, const Disk::Partition &b) { return std::pair(a.size, a.number) < std::pair(b.size, b.number); });
    return slots;
}

std::uint64_t TransferPlanner::flagsFor(const Disk::Partition &slot) const
{
    const auto type = Disk::designator(m_seen.transfer->target.partitionType);
    std::uint64_t flags = m_wished.partitionFlags.value_or(slot.flags);
    const auto merge = [&flags](std::uint64_t bit, const std::optional<bool> &value, bool known) {
        if (known && value)
            flags = *value ? flags | bit : flags & ~bit;
    };
    merge(Repart::noAutoFlag, m_wished.noAuto, growsAndIsMounted(type) || isVerity(type) || type == Disk::Designator::Swap);
    merge(Repart::readOnlyFlag, m_wished.readOnly, growsAndIsMounted(type) || isVerity(type));
    merge(Repart::growFlag, m_wished.growFileSystem, growsAndIsMounted(type));
    return flags;
}

Result<void> TransferPlanner::placeSlot(const std::string &label)
{
    if (label.empty() || label.size() > longestLabel)
        return cannot(ErrorCode::BadArgument,
                      "\"" + label + "\" is no label for a partition: it has " + std::to_string(label.size()) + " characters, and "
                          + std::to_string(longestLabel) + " at most are possible");
    const Holdings &target = m_seen.target;
    std::optional<Disk::Partition> chosen;
    if (m_part.installed) {
        chosen = m_part.instance.slot;
        // What it is once it is free: from there the writer goes on with the marks it finds.
        chosen->label = "_empty";
        chosen->type = m_seen.transfer->target.partitionType;
    } else {
        const auto slots = freeSlots();
        const auto fits = std::ranges::find_if(slots, [this](const Disk::Partition &slot) { return slot.size >= m_plan.bytesNeeded.value_or(0); });
        if (fits == slots.end() && slots.empty())
            return cannot(ErrorCode::NoSpace, "no partition for it on " + target.path.string() + " is free");
        if (fits == slots.end())
            return cannot(ErrorCode::NoSpace,
                          "the largest free partition for it has " + formatSize(slots.back().size) + ", " + formatSize(*m_plan.bytesNeeded) + " are needed");
        chosen = *fits;
    }
    m_plan.bytesFree = chosen->size;
    SlotTarget place{.device = target.path, .sectorSize = target.sectorSize, .before = *chosen, .after = *chosen, .marks = m_marks};
    // A slot that was begun and then called free without its type: nobody else would find it.
    place.after.type = m_seen.transfer->target.partitionType;
    place.after.label = label;
    place.after.uuid = m_wished.partitionUuid.value_or(chosen->uuid);
    place.after.flags = flagsFor(*chosen);
    if (m_part.installed)
        place.marks = SlotMarks::Types;
    m_plan.targetPath = Disk::partitionNode(target.path, chosen->number).string();
    m_plan.place = std::move(place);
    return {};
}

void TransferPlanner::placeLink()
{
    if (m_seen.link.empty())
        return;
    m_plan.link = m_seen.link;
    m_plan.linkTarget = m_plan.installed ? m_part.instance.path : m_plan.targetPath;
}

Result<TransferPlan> TransferPlanner::run()
{
    describe();
    if (m_plan.installed) {
        m_plan.targetPath = m_part.instance.path;
        return std::move(m_plan);
    }
    PREON_CHECK(findSource());
    const Transfer &transfer = *m_seen.transfer;
    m_wished = wishedFields(transfer, m_source ? *m_source : m_part.instance);
    std::string name = m_part.instance.name;
    if (!m_part.installed) {
        PREON_TRY(name, transfer.target.patterns.front().format(m_wished));
    }
    PREON_CHECK(m_seen.target.isSlots ? placeSlot(name) : placeFile(name));
    placeLink();
    return std::move(m_plan);
}
}

Result<UpdatePlan> planUpdate(const std::vector<Seen> &enabled, const std::vector<Seen> &disabled, const UpdateSet &set, const UpdateOptions &options)
{
    UpdatePlan plan;
    plan.version = set.version;
    const std::string what = "The update to version " + set.version + " cannot be done";
    if (set.obsolete)
        return fail(ErrorCode::BadArgument, what, "it is older or newer than the settings allow");
    for (std::size_t i = 0; i < enabled.size(); ++i) {
        if (!set.parts.at(i))
            return fail(ErrorCode::NotFound, what, enabled[i].transfer->id + " does not offer it");
    }
    const VacuumOptions vacuum{.space = 1, .extraProtected = set.version, .instancesMax = options.instancesMax, .kept = options.kept};
    PREON_TRY(plan.vacuum, planVacuum(enabled, disabled, vacuum));
    for (std::size_t i = 0; i < enabled.size(); ++i) {
        TransferPlanner planner(enabled[i], *set.parts[i], plan.vacuum, i, plan.transfers, options.marks);
        PREON_TRY(TransferPlan transfer, planner.run());
        plan.transfers.push_back(std::move(transfer));
    }
    return plan;
}

std::unique_ptr<TargetWriter> makeTarget(const TargetPlace &place)
{
    return std::visit([](const auto &target) { return makeTarget(target); }, place);
}

namespace
{
nlohmann::ordered_json numberOrNull(const std::optional<std::uint64_t> &number)
{
    return number ? nlohmann::ordered_json(*number) : nlohmann::ordered_json(nullptr);
}

nlohmann::ordered_json rangeJson(const SourcedRange &range)
{
    nlohmann::ordered_json json = {{"offset", range.offset}, {"length", numberOrNull(range.length)}};
    if (const auto *offered = std::get_if<OfferedBytes>(&range.from)) {
        json["from"] = offered->path;
        if (offered->sha256)
            json["sha256"] = toHex(*offered->sha256);
    } else {
        const auto &slot = std::get<SlotBytes>(range.from);
        json["from"] = slot.device.string();
        json["fromOffset"] = slot.offset;
    }
    return json;
}

nlohmann::ordered_json slotJson(const SlotTarget &slot)
{
    return {{"device", slot.device.string()}, {"number", slot.before.number},   {"size", slot.before.size}, {"label", slot.after.label},
            {"type", slot.after.type.text()}, {"uuid", slot.after.uuid.text()}, {"flags", slot.after.flags}};
}

nlohmann::ordered_json transferJson(const TransferPlan &plan)
{
    nlohmann::ordered_json json = {{"id", plan.id},
                                   {"source", plan.sourcePath},
                                   {"target", plan.targetPath},
                                   {"targetType", resourceTypeName(plan.targetType)},
                                   {"installed", plan.installed},
                                   {"acquired", plan.acquired},
                                   {"resumed", plan.resumed},
                                   {"bytesNeeded", numberOrNull(plan.bytesNeeded)},
                                   {"bytesFree", numberOrNull(plan.bytesFree)},
                                   {"ranges", nlohmann::ordered_json::array()}};
    for (const SourcedRange &range : plan.ranges)
        json["ranges"].push_back(rangeJson(range));
    if (const auto *slot = plan.place ? std::get_if<SlotTarget>(&*plan.place) : nullptr)
        json["slot"] = slotJson(*slot);
    if (!plan.link.empty())
        json["link"] = {{"path", plan.link.string()}, {"target", plan.linkTarget.string()}};
    return json;
}
}

nlohmann::ordered_json toJson(const VacuumPlan &plan)
{
    nlohmann::ordered_json json = {{"temporary", nlohmann::ordered_json::array()}, {"removals", nlohmann::ordered_json::array()}};
    for (const auto &path : plan.temporary)
        json["temporary"].push_back(path.string());
    for (const Removal &removal : plan.removals)
        json["removals"].push_back({{"path", removal.instance.path},
                                    {"type", resourceTypeName(removal.type)},
                                    {"version", removal.instance.fields.version},
                                    {"disabled", removal.disabled}});
    return json;
}

nlohmann::ordered_json toJson(const UpdatePlan &plan)
{
    nlohmann::ordered_json json = {{"version", plan.version}, {"vacuum", toJson(plan.vacuum)}, {"transfers", nlohmann::ordered_json::array()}};
    for (const TransferPlan &transfer : plan.transfers)
        json["transfers"].push_back(transferJson(transfer));
    return json;
}

const OfferedBytes *TransferPlan::wholeOffer() const
{
    return ranges.size() == 1 && ranges.front().offset == 0 ? std::get_if<OfferedBytes>(&ranges.front().from) : nullptr;
}

} // namespace Preon::Update
