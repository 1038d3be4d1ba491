// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/offer.h"

#include "core/base/format.h"
#include "core/boot/choice.h"

#include <algorithm>
#include <array>
#include <format>

namespace Preon::Update
{

namespace
{

std::string sizeOrUnknown(const std::optional<std::uint64_t> &bytes)
{
    return bytes ? formatSize(*bytes) : "an unknown size";
}

Begun noteOf(const Offer &offer)
{
    Begun begun{.version = offer.plan.version, .fetch = offer.cost.fetch + offer.cost.kept, .hashes = {}};
    for (const TransferPlan &transfer : offer.plan.transfers) {
        const OfferedBytes *offered = transfer.wholeOffer();
        if (offered && offered->sha256 && isUrl(transfer.sourceType))
            begun.hashes.push_back(*offered->sha256);
    }
    return begun;
}

} // namespace

Result<Offer> offerOf(System system, const std::string &version, const Fetching &fetching, Progress &progress)
{
    PREON_TRY(UpdatePlan plan, system.plan(version));
    PREON_TRY(UpdateCost cost, costOf(plan, fetching, progress));
    return Offer{.system = std::move(system), .plan = std::move(plan), .cost = std::move(cost)};
}

Result<Offer> makeOffer(const Host &host, const std::string &version, const SystemOptions &options, Progress &progress)
{
    PREON_TRY(System system, System::look(host, options, progress));
    return offerOf(std::move(system), version, options.fetching, progress);
}

Result<std::optional<Offer>> makeOffer(const Host &host, const SystemOptions &options, Progress &progress)
{
    PREON_TRY(System system, System::look(host, options, progress));
    if (!system.candidate())
        return std::nullopt;
    PREON_TRY(Offer offer, offerOf(std::move(system), {}, options.fetching, progress));
    return std::optional(std::move(offer));
}

std::vector<std::string> removedVersions(const Offer &offer)
{
    std::vector<std::string> versions;
    for (const UpdateSet &set : offer.system.sets().all) {
        const auto isOfIt = [&set](const Removal &removal) {
            return removal.instance.stage != Stage::Partial && compareVersions(removal.instance.fields.version, set.version) == 0;
        };
        if (set.version != offer.plan.version && std::ranges::any_of(offer.plan.vacuum.removals, isOfIt))
            versions.push_back(set.version);
    }
    return versions;
}

std::vector<std::string> stayingVersions(const Offer &offer)
{
    const auto removed = removedVersions(offer);
    std::vector<std::string> versions;
    for (const UpdateSet &set : offer.system.sets().all) {
        if (isWhole(set) && set.installed && set.version != offer.plan.version && !std::ranges::contains(removed, set.version))
            versions.push_back(set.version);
    }
    return versions;
}

bool isSigned(const UpdatePlan &plan)
{
    return std::ranges::all_of(plan.transfers, [](const TransferPlan &transfer) { return transfer.verify || !isUrl(transfer.sourceType); });
}

nlohmann::ordered_json essence(const UpdatePlan &plan)
{
    nlohmann::ordered_json json = toJson(plan);
    for (auto &transfer : json["transfers"]) {
        for (const char *estimate : {"bytesNeeded", "bytesFree", "resumed"})
            transfer.erase(estimate);
    }
    json["signed"] = isSigned(plan);
    return json;
}

nlohmann::ordered_json toJson(const Offer &offer, const std::string &running)
{
    nlohmann::ordered_json json = toJson(offer.plan);
    json["from"] = running;
    json["cost"] = toJson(offer.cost);
    return json;
}

std::string toText(const Offer &offer, const std::string &running)
{
    std::string text = "Version " + offer.plan.version + (running.empty() ? "" : ", in the place of " + running) + ":\n";
    for (const PartCost &part : offer.cost.parts)
        text += std::format("  {:<24} fetch {:<16} write {:<16} {}\n", part.id, sizeOrUnknown(part.fetch), sizeOrUnknown(part.write), part.target);
    for (const Removal &removal : offer.plan.vacuum.removals)
        text += "  goes: " + removal.instance.name + " (" + removal.instance.path + ")\n";
    if (offer.cost.kept > 0)
        text += formatSize(offer.cost.kept) + " are here from an earlier attempt.\n";
    return text
        + std::format("To fetch: {} ({} bytes){}. To write: {} at most.\n", formatSize(offer.cost.fetch), offer.cost.fetch,
                      offer.cost.exact ? "" : ", and what the server does not say", formatSize(offer.cost.write));
}

std::string placeInWords(const TransferPlan &transfer, const VacuumPlan &vacuum)
{
    const auto *slot = transfer.place ? std::get_if<SlotTarget>(&*transfer.place) : nullptr;
    if (!slot) {
        const auto *file = transfer.place ? std::get_if<FileTarget>(&*transfer.place) : nullptr;
        return file ? file->name : transfer.targetPath;
    }
    std::string words = "partition " + std::to_string(slot->before.number);
    for (const Removal &removal : vacuum.removals) {
        if (removal.instance.slot && removal.instance.slot->number == slot->before.number && removal.folder == slot->device)
            words += ", " + removal.instance.slot->label + " goes";
    }
    return words;
}

Result<Updated> carryOut(const Host &host, const Offer &offer, const Fetching &fetching, Progress &progress)
{
    PREON_CHECK(writeBegun(host, noteOf(offer)));
    UpdatingOptions how;
    how.fetching = fetching;
    PREON_TRY(Updated updated, applyUpdate(offer.plan, how, progress));
    // From here on it is done; what could not be tidied up is said.
    for (const auto &tidied : {forgetBegun(host), Boot::forgetChoice(host, Boot::HowLong::Always)}) {
        if (!tidied)
            progress.log(tidied.error().text());
    }
    return updated;
}

Result<void> discard(const Host &host, const SystemOptions &options, Progress &progress)
{
    PREON_CHECK(forgetAllBut(options.fetching, {}));
    PREON_CHECK(forgetBegun(host));
    SystemOptions here = options;
    here.offline = true;
    PREON_TRY(const System system, System::look(host, here, progress));
    VacuumPlan left;
    const auto &enabled = system.seen().enabled;
    for (std::size_t i = 0; i < enabled.size(); ++i) {
        const Seen &seen = enabled[i];
        for (const Instance &instance : seen.target.instances) {
            if (instance.stage == Stage::Whole)
                continue;
            Removal removal{.transfer = i,
                            .type = seen.transfer->target.type,
                            .folder = seen.target.path,
                            .sectorSize = seen.target.sectorSize,
                            .instance = instance,
                            .emptied = {}};
            if (instance.slot) {
                removal.emptied = *instance.slot;
                removal.emptied.label = "_empty";
                removal.emptied.type = seen.transfer->target.partitionType;
            }
            left.removals.push_back(std::move(removal));
        }
    }
    return applyVacuum(left, progress);
}

} // namespace Preon::Update
