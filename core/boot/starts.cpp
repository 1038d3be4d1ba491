// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/boot/starts.h"

#include "core/base/fd.h"
#include "core/base/version.h"
#include "core/boot/assessment.h"
#include "core/boot/efivars.h"
#include "core/boot/pe.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <initializer_list>
#include <ranges>

#include <nlohmann/json.hpp>

namespace Preon::Boot
{

namespace
{

using Json = nlohmann::ordered_json;

constexpr const char *recordPath = "/var/lib/preon/starts.json";
constexpr std::size_t longestText = 512, mostReasons = 16;
constexpr std::array<std::string_view, 3> outcomes{"running", "came-up", "failed"};

std::string textOf(const Json &json, const char *member)
{
    const auto found = json.find(member);
    return found != json.end() && found->is_string() ? found->get<std::string>().substr(0, longestText) : std::string();
}

std::optional<StartRecord> parseStart(const Json &json)
{
    if (!json.is_object())
        return std::nullopt;
    StartRecord start;
    const auto id = Uuid::parse(textOf(json, "bootId"));
    const auto outcome = std::ranges::find(outcomes, textOf(json, "outcome"));
    if (!id || outcome == outcomes.end())
        return std::nullopt;
    start.bootId = *id;
    start.outcome = static_cast<Outcome>(outcome - outcomes.begin());
    start.version = textOf(json, "version");
    start.kernel = textOf(json, "kernel");
    if (const auto began = json.find("began"); began != json.end() && began->is_number_integer())
        start.began = began->get<std::int64_t>();
    const auto left = json.find("triesLeft"), done = json.find("triesDone");
    if (left != json.end() && done != json.end() && left->is_number_unsigned() && done->is_number_unsigned())
        start.count = BootCount{left->get<unsigned>(), done->get<unsigned>()};
    if (const auto reasons = json.find("reasons"); reasons != json.end() && reasons->is_array()) {
        for (const Json &reason : *reasons | std::views::take(mostReasons)) {
            if (reason.is_string())
                start.reasons.push_back(reason.get<std::string>().substr(0, longestText));
        }
    }
    return start;
}

Result<void> writeStarts(const Host &host, std::vector<StartRecord> starts)
{
    if (starts.size() > mostStarts)
        starts.erase(starts.begin(), starts.end() - mostStarts);
    const std::filesystem::path path = host.path(recordPath);
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error)
        return failErrno(error.value(), "Could not make " + path.parent_path().string());
    return replaceFile(path, asBytes(startsText(starts)));
}

Result<std::string> runningVersion(const Host &host)
{
    for (const char *path : {"/usr/lib/os-release", "/etc/os-release"}) {
        const auto place = host.resolved(path);
        const auto text = place ? readTextFile(*place) : Result<std::string>(std::unexpected(place.error()));
        if (!text)
            continue;
        const auto fields = parseOsRelease(*text);
        for (const char *key : {"IMAGE_VERSION", "VERSION_ID", "BUILD_ID"}) {
            if (const auto field = fields.find(key); field != fields.end() && !field->second.empty())
                return field->second;
        }
    }
    return fail(ErrorCode::NotFound, "This system does not say which version it is", "its os-release has neither IMAGE_VERSION nor VERSION_ID");
}

StartRecord thisStart(const Host &host, const Uuid &bootId, std::string version, std::int64_t now)
{
    StartRecord start;
    start.bootId = bootId;
    start.began = now;
    start.version = std::move(version);
    // What the loader says is good to know, and no reason to lose the record.
    if (const auto selected = loaderString(host, "LoaderEntrySelected"); selected && *selected)
        start.kernel = **selected;
    if (const auto counted = countedStart(host); counted && *counted)
        start.count = (*counted)->count;
    return start;
}

} // namespace

std::string_view outcomeName(Outcome outcome)
{
    return outcomes[static_cast<std::size_t>(outcome)];
}

std::vector<StartRecord> parseStarts(std::string_view text)
{
    std::vector<StartRecord> starts;
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_array())
        return starts;
    for (const Json &each : json) {
        if (auto start = parseStart(each); start && starts.size() < mostStarts)
            starts.push_back(std::move(*start));
    }
    return starts;
}

std::string startsText(const std::vector<StartRecord> &starts)
{
    Json all = Json::array();
    for (const StartRecord &start : starts) {
        Json json{{"bootId", start.bootId.text()}, {"began", start.began}, {"version", start.version}, {"kernel", start.kernel}};
        if (start.count) {
            json["triesLeft"] = start.count->left;
            json["triesDone"] = start.count->done;
        }
        json["outcome"] = outcomeName(start.outcome);
        if (!start.reasons.empty())
            json["reasons"] = start.reasons;
        all.push_back(std::move(json));
    }
    return all.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

Result<std::vector<StartRecord>> readStarts(const Host &host)
{
    const auto text = readTextFile(host.path(recordPath));
    if (!text && text.error().code != ErrorCode::NotFound && text.error().code != ErrorCode::BadFormat)
        return std::unexpected(text.error());
    return text ? parseStarts(*text) : std::vector<StartRecord>();
}

Result<StartRecord> noteStart(const Host &host, std::int64_t now)
{
    PREON_TRY(const Uuid bootId, host.bootId());
    PREON_TRY(auto starts, readStarts(host));
    if (const auto known = std::ranges::find(starts, bootId, &StartRecord::bootId); known != starts.end())
        return *known;
    PREON_TRY(auto version, runningVersion(host));
    starts.push_back(thisStart(host, bootId, std::move(version), now));
    const StartRecord start = starts.back();
    PREON_CHECK(writeStarts(host, std::move(starts)));
    return start;
}

Result<void> noteOutcome(const Host &host, Outcome outcome, const std::vector<std::string> &reasons)
{
    PREON_TRY(const Uuid bootId, host.bootId());
    PREON_TRY(auto starts, readStarts(host));
    const auto start = std::ranges::find(starts, bootId, &StartRecord::bootId);
    if (start == starts.end())
        return fail(ErrorCode::NotFound, "Nothing is recorded of this start");
    if (start->outcome == Outcome::CameUp || (start->outcome == outcome && start->reasons == reasons))
        return {};
    start->outcome = outcome;
    start->reasons = outcome == Outcome::Failed ? reasons : std::vector<std::string>();
    return writeStarts(host, std::move(starts));
}

std::vector<LeftVersion> leftVersions(const std::vector<Entry> &menu, const std::vector<StartRecord> &starts)
{
    std::vector<LeftVersion> left;
    for (const Entry &entry : menu) {
        if (entry.profileIndex != 0 || !entry.count || entry.count->left != 0)
            continue;
        LeftVersion version{.version = entry.version, .kernel = entry.id, .tries = entry.count->done};
        for (const StartRecord &start : starts) {
            if (start.version != entry.version || start.outcome == Outcome::CameUp)
                continue;
            version.gotToRoot = true;
            version.last = start.began;
            if (!start.reasons.empty())
                version.reasons = start.reasons;
        }
        left.push_back(std::move(version));
    }
    std::ranges::stable_sort(left, [](const LeftVersion &a, const LeftVersion &b) { return compareVersions(a.version, b.version) > 0; });
    return left;
}

bool failedHere(std::string_view version, const std::vector<LeftVersion> &left, const std::vector<StartRecord> &starts)
{
    const auto went = [&](Outcome outcome) {
        return std::ranges::any_of(starts, [&](const StartRecord &start) { return start.version == version && start.outcome == outcome; });
    };
    return std::ranges::contains(left, version, &LeftVersion::version) || (went(Outcome::Failed) && !went(Outcome::CameUp));
}

std::string lastGoodVersion(const std::vector<StartRecord> &starts, std::string_view runningVersion)
{
    bool failed = false;
    for (const StartRecord &start : starts | std::views::reverse) {
        const bool cameUp = start.outcome == Outcome::CameUp;
        if (cameUp && start.version != runningVersion)
            return start.version;
        if (cameUp && !failed)
            return {};
        failed = failed || (start.version == runningVersion && start.outcome == Outcome::Failed);
    }
    return {};
}

} // namespace Preon::Boot
