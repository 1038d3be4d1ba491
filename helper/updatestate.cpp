// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/updatestate.h"

#include "core/boot/efivars.h"
#include "core/boot/pe.h"
#include "core/job/job.h"
#include "helper/printable.h"

#include <algorithm>
#include <ranges>

namespace Preon::Helper
{

namespace
{

using Json = nlohmann::ordered_json;

Json startsJson(const std::vector<Boot::StartRecord> &starts, const std::string &version)
{
    Json list = Json::array();
    for (const Boot::StartRecord &start : starts | std::views::reverse) {
        if (start.version == version)
            list.push_back({{"began", start.began},
                            {"outcome", Boot::outcomeName(start.outcome)},
                            {"reasons", start.reasons},
                            {"try", start.count ? start.count->done : 0}});
    }
    return list;
}

Json leftJson(const std::vector<Boot::LeftVersion> &left, const std::string &version)
{
    const auto found = std::ranges::find(left, version, &Boot::LeftVersion::version);
    if (found == left.end())
        return nullptr;
    return {{"tries", found->tries}, {"gotToRoot", found->gotToRoot}, {"reasons", found->reasons}, {"last", found->last}};
}

// Something of it is here that is more than what a cut left.
bool isHere(const Update::UpdateSet &set)
{
    return std::ranges::any_of(set.parts, [](const auto &part) { return part && part->installed && part->instance.stage != Update::Stage::Partial; });
}

bool isUpdateAtWork(const Host &host)
{
    const auto jobs = Job::list(Job::jobFolder(host));
    return jobs && std::ranges::any_of(*jobs, [](const Job::Record &job) { return job.kind == "update" && job.state == Job::State::Running; });
}

} // namespace

SystemNames namesOf(const Host &host)
{
    const auto file = host.resolved("/usr/lib/os-release");
    const auto fields = Boot::parseOsRelease(file ? readTextFile(*file).value_or(std::string()) : std::string());
    const auto value = [&](const char *key, const std::string &otherwise) {
        const auto field = fields.find(key);
        return field == fields.end() || field->second.empty() ? otherwise : field->second;
    };
    SystemNames names;
    // Where it says nothing: os-release(5).
    names.name = printable(value("NAME", "Linux"));
    names.version = printable(value("IMAGE_VERSION", value("VERSION_ID", "")));
    names.title = printable(value("PRETTY_NAME", names.name));
    return names;
}

std::string versionThatStartsNext(const Host &host, const Update::System &system)
{
    for (const char *variable : {"LoaderEntryOneShot", "LoaderEntryDefault"}) {
        const auto told = Boot::loaderString(host, variable).value_or(std::nullopt);
        const auto entry = told ? std::ranges::find(system.kernels(), *told, &Boot::Entry::id) : system.kernels().end();
        if (entry != system.kernels().end())
            return entry->version;
    }
    return system.kernels().empty() ? std::string() : system.kernels().front().version;
}

Json versionsJson(const Host &host, const Update::System &system, const std::string &running, const std::string &next)
{
    const std::string lastGood = Boot::lastGoodVersion(system.starts(), running);
    const auto wished = Update::wishedVersions(host);
    const auto came = [&](const Boot::StartRecord &start) {
        return start.version == running && start.outcome == Boot::Outcome::CameUp;
    };
    Json list = Json::array();
    for (const Update::UpdateSet &set : system.sets().all) {
        if (!isHere(set))
            continue;
        const bool runs = set.version == running;
        list.push_back({{"version", set.version},
                        {"running", runs},
                        {"startsNext", set.version == next},
                        {"lastGood", runs ? std::ranges::any_of(system.starts(), came) : set.version == lastGood},
                        {"kept", std::ranges::contains(wished, set.version)},
                        {"complete", Update::isWhole(set)},
                        {"left", leftJson(system.left(), set.version)},
                        {"starts", startsJson(system.starts(), set.version)}});
    }
    return list;
}

std::string pendingVersion(const Update::System &system, const std::string &running, const std::string &next)
{
    const Update::UpdateSet *set = next.empty() || next == running ? nullptr : system.sets().find(next);
    return set && Update::isWhole(*set) && Update::compareVersions(next, running) > 0 ? next : std::string();
}

Json partialJson(const Host &host, const Update::System &system, const Update::Fetching &fetching)
{
    const auto begun = Update::readBegun(host);
    // Somebody else may have brought it meanwhile.
    const Update::UpdateSet *here = begun ? system.sets().find(begun->version) : nullptr;
    if (!begun || (here && here->installed && Update::isWhole(*here)) || isUpdateAtWork(host))
        return nullptr;
    std::uint64_t fetched = 0;
    for (const Sha256Digest &hash : begun->hashes)
        fetched += std::min(Update::keptBytes(fetching, hash), begun->fetch);
    if (fetched == 0)
        return nullptr;
    return {{"version", begun->version}, {"fetched", std::min(fetched, begun->fetch)}, {"fetch", begun->fetch}};
}

Json partsJson(const std::vector<Update::CandidatePart> &parts)
{
    Json list = Json::array();
    for (const Update::CandidatePart &part : parts)
        list.push_back({{"name", part.name}, {"fetch", part.fetch}, {"write", part.write}, {"target", part.target}});
    return list;
}

Json candidateJson(const Update::Candidate &candidate, bool failedHere)
{
    return {{"version", candidate.version}, {"notes", candidate.notes},    {"changeLog", candidate.changeLog},
            {"fetch", candidate.fetch},     {"write", candidate.write},    {"parts", partsJson(candidate.parts)},
            {"failedHere", failedHere},     {"percent", candidate.percent}};
}

Json candidateNow(const Update::Checked &checked, const Update::System &system, const std::string &running)
{
    if (!checked.candidate || (!running.empty() && Update::compareVersions(checked.candidate->version, running) <= 0))
        return nullptr;
    const std::string &version = checked.candidate->version;
    const bool failed = system.failedHere(version);
    const bool isGivenUp = std::ranges::contains(system.left(), version, &Boot::LeftVersion::version);
    const Update::UpdateSet *here = system.sets().find(version);
    if (here && here->installed && Update::isWhole(*here) && !isGivenUp)
        return nullptr;
    return candidateJson(*checked.candidate, failed);
}

Json featureList(const std::vector<Update::Feature> &features)
{
    Json list = Json::array();
    for (const Update::Feature &feature : features)
        list.push_back({{"id", feature.id},
                        {"description", feature.description.empty() ? feature.id : feature.description},
                        {"documentation", feature.documentation},
                        {"enabled", feature.enabled}});
    return list;
}

std::vector<Update::CandidatePart> partsOf(const Update::UpdatePlan &plan, const Update::UpdateCost &cost)
{
    std::vector<Update::CandidatePart> parts;
    for (const Update::PartCost &part : cost.parts) {
        const auto transfer = std::ranges::find(plan.transfers, part.id, &Update::TransferPlan::id);
        parts.push_back({.name = part.id,
                         .fetch = part.fetch.value_or(0),
                         .write = part.write.value_or(0),
                         .target = transfer == plan.transfers.end() ? part.target : Update::placeInWords(*transfer, plan.vacuum)});
    }
    return parts;
}

Json phasesJson(const std::vector<WorkPhase> &phases)
{
    Json list = Json::array();
    for (const WorkPhase &phase : phases)
        list.push_back({{"name", phase.name}, {"bytes", phase.bytes}, {"cancellable", phase.cancellable}});
    return list;
}

} // namespace Preon::Helper
