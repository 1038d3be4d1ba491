// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/looking.h"

#include "core/base/errorjson.h"
#include "core/boot/efivars.h"
#include "core/boot/secureboot.h"
#include "core/install/rootlock.h"

namespace Preon::Helper
{

namespace
{

using Json = nlohmann::ordered_json;
constexpr std::array modes{Install::Mode::Erase, Install::Mode::Beside, Install::Mode::Reinstall};

std::string nameOf(const Disk::DiskInfo &disk)
{
    if (disk.model.empty() || disk.vendor.empty() || disk.model.starts_with(disk.vendor))
        return disk.model.empty() ? disk.vendor : disk.model;
    return disk.vendor + ' ' + disk.model;
}

Json partitionsJson(const Install::TargetFacts &target)
{
    Json list = Json::array();
    for (std::size_t i = 0; i < target.table.partitions.size(); ++i) {
        const Disk::Partition &each = target.table.partitions[i];
        const Disk::Content content = i < target.contents.size() ? target.contents[i] : Disk::Content();
        list.push_back({{"number", each.number},
                        {"start", each.start},
                        {"size", each.size},
                        {"type", Disk::partitionTypeName(each.type)},
                        {"label", each.label},
                        {"content", content.type},
                        {"name", content.label}});
    }
    return list;
}

bool isRefusal(const Error &error)
{
    return error.code == ErrorCode::Busy || error.code == ErrorCode::Permission || error.code == ErrorCode::NoTpm || error.code == ErrorCode::Io;
}

// What differs, in the words of somebody who read the plan.
std::string difference(const Json &before, const Json &after)
{
    constexpr std::array<std::pair<const char *, const char *>, 6> parts{{{"source", "the system that would be installed is another one"},
                                                                          {"target", "the disk is another one"},
                                                                          {"before", "what is on the disk is not what it was"},
                                                                          {"lost", "something else would be lost"},
                                                                          {"removed", "something else would be removed"},
                                                                          {"files", "other boot files would be written"}}};
    for (const auto &[key, words] : parts) {
        if (before.value(key, Json()) != after.value(key, Json()))
            return words;
    }
    return "the outcome would be another one";
}

} // namespace

Looking::Looking(const Settings &settings)
    : m_settings(settings)
{
}

std::string Looking::sourceName() const
{
    return m_settings.sandbox ? m_settings.sandbox->image.string() : "booted";
}

Result<const Looking::Known *> Looking::known()
{
    if (!m_known) {
        PREON_TRY(Install::Source source, Install::openSource(m_settings.host, sourceName()));
        PREON_TRY(Install::SourceSettings settings, Install::readSettings(m_settings.host, source));
        m_known.emplace(std::move(source), std::move(settings));
    }
    return &*m_known;
}

Result<Json> Looking::machine()
{
    PREON_TRY(const Known *known, this->known());
    const Image::System &system = known->source.facts.system;
    const Host &host = m_settings.host;
    const auto holds = m_settings.sandbox ? Result<void>() : Install::canHold(host, {});
    const Install::StartFacts facts = Install::readStartFacts(host, known->source);
    const auto start = Install::chooseStart(facts, known->source.facts.hasShim(), false, system.name);
    const Install::StartWay way = start.value_or(Install::StartWay());
    return Json{
        {"system", {{"name", system.name}, {"version", system.version}, {"title", system.title}}},
        {"firmware",
         m_settings.sandbox                ? "none"
             : Boot::hasEfiVariables(host) ? "uefi"
                                           : "bios"},
        {"secureBoot", Boot::stateName(facts.state)},
        {"start",
         {{"loader", way.start == Boot::Start::Shim ? "shim" : "own"}, {"couldAsk", way.couldAsk}, {"asks", way.asks}, {"trustsOthers", facts.trustsOthers}}},
        {"startProblem", start || m_settings.sandbox ? Json() : toJson(start.error())},
        {"tpm", holds ? std::string() : holds.error().text()}};
}

Result<std::vector<Looking::SeenDisk>> Looking::disks()
{
    PREON_TRY(const Known *known, this->known());
    PREON_TRY(const std::vector<Disk::DiskInfo> all, disksOf(m_settings));
    std::vector<SeenDisk> seen;
    for (const Disk::DiskInfo &disk : all) {
        const auto target = Install::inspectTarget(m_settings.host, disk.device, known->source.facts);
        if (target && target->isSource)
            continue;
        Json facts = {{"device", disk.device.string()}, {"name", nameOf(disk)},        {"size", disk.size},
                      {"transport", disk.transport},    {"removable", disk.removable}, {"serial", disk.serial}};
        facts["refusal"] = target ? Json() : toJson(target.error());
        facts["content"] = Json::array();
        facts["partitions"] = target ? partitionsJson(*target) : Json::array();
        facts["damage"] = target ? target->damage : std::string();
        for (const Install::Mode mode : modes) {
            Uuid seed;
            const auto plan = target ? planOn(disk.device, mode, {.allowRemovable = true, .choices = {}}, seed) : std::unexpected(target.error());
            facts["modes"][std::string(Install::modeName(mode))] = plan ? Json() : toJson(plan.error());
            if (plan && mode == Install::Mode::Erase)
                facts["content"] = plan->lost;
            if (!plan && mode == Install::Mode::Erase && isRefusal(plan.error()))
                facts["refusal"] = toJson(plan.error());
        }
        seen.push_back({identityOf(disk), std::move(facts)});
    }
    return seen;
}

// A seed that is given is used, one that is null is set to the one that was.
Result<Install::Plan> Looking::planOn(const std::filesystem::path &device, Install::Mode mode, const Install::Wishes &wishes, Uuid &seed)
{
    PREON_TRY(const Known *known, this->known());
    PREON_TRY(Install::Snapshot snapshot, Install::takeSnapshot(m_settings.host, mode, known->source, known->settings, device, wishes));
    if (!seed.isNull())
        snapshot.seed = seed;
    seed = snapshot.seed;
    return Install::plan(snapshot);
}

Result<KeptPlan> Looking::plan(const DiskIdentity &disk, Install::Mode mode, const Install::Wishes &wishes)
{
    PREON_CHECK(sameDisk(m_settings, disk));
    KeptPlan kept{.plan = {}, .seed = {}, .wishes = wishes, .disk = disk};
    PREON_TRY(kept.plan, planOn(disk.device, mode, wishes, kept.seed));
    return kept;
}

Result<Looking::Ready> Looking::prepare(const KeptPlan &kept)
{
    PREON_TRY(Disk::Device target, Disk::Device::open(kept.disk.device, Disk::Access::Exclusive));
    PREON_CHECK(sameDisk(m_settings, kept.disk));
    PREON_TRY(Install::Source source, Install::openSource(m_settings.host, sourceName()));
    PREON_TRY(Install::SourceSettings settings, Install::readSettings(m_settings.host, source));
    PREON_TRY(Install::Snapshot snapshot, Install::takeSnapshot(m_settings.host, kept.plan.mode, source, std::move(settings), kept.disk.device, kept.wishes));
    snapshot.seed = kept.seed;
    const std::string what = "Nothing was changed on " + Install::nameOf(kept.plan.target) + ": it is not as it was when the plan was made";
    auto again = Install::plan(snapshot);
    if (!again)
        return fail(ErrorCode::Changed, what, again.error().text(), "Look at what will be done again.");
    const Json before = Install::toJson(kept.plan), after = Install::toJson(*again);
    if (before != after)
        return fail(ErrorCode::Changed, what, difference(before, after), "Look at what will be done again.");
    return Ready{.plan = std::move(*again), .source = std::move(source), .target = std::move(target)};
}

} // namespace Preon::Helper
