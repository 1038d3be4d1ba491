// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/checked.h"

#include "core/base/errorjson.h"
#include "core/update/pattern.h"
#include "core/update/rollout.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace Preon::Update
{

namespace
{

using Json = nlohmann::ordered_json;

constexpr const char *checkedPath = "/var/lib/preon/update/checked.json", *begunPath = "/var/lib/preon/update/begun.json";
constexpr std::size_t largestChecked = 4U << 20U, mostParts = 64, mostHashes = 64, longestNotes = 1U << 16U, longestAddress = 2048, longestWord = 255;
constexpr std::uint64_t mostBytes = 1ULL << 50U; // sums of them stay far below what 64 bits hold

std::optional<std::string> wordOf(const Json &json, const char *member, std::size_t longest)
{
    const auto found = json.find(member);
    if (found == json.end() || !found->is_string() || found->get_ref<const std::string &>().size() > longest)
        return std::nullopt;
    return found->get<std::string>();
}

std::optional<std::uint64_t> bytesOf(const Json &json, const char *member)
{
    const auto found = json.find(member);
    if (found == json.end() || !found->is_number_unsigned() || found->get<std::uint64_t>() > mostBytes)
        return std::nullopt;
    return found->get<std::uint64_t>();
}

// Of a clock that is right or wrong, but not before its beginning.
std::int64_t timeOf(const Json &json, const char *member)
{
    const auto found = json.find(member);
    if (found == json.end() || !found->is_number_integer() || (found->is_number_unsigned() && found->get<std::uint64_t>() > INT64_MAX))
        return 0;
    return std::max<std::int64_t>(0, found->get<std::int64_t>());
}

std::optional<std::string> versionOf(const Json &json)
{
    auto version = wordOf(json, "version", longestWord);
    return version && isVersion(*version) ? version : std::nullopt;
}

std::optional<Sha256Digest> digestOf(const Json &json)
{
    const auto bytes = json.is_string() ? fromHex(json.get_ref<const std::string &>()) : std::nullopt;
    Sha256Digest digest{};
    if (!bytes || bytes->size() != digest.size())
        return std::nullopt;
    std::ranges::copy(*bytes, digest.begin());
    return digest;
}

std::optional<CandidatePart> parsePart(const Json &json)
{
    if (!json.is_object())
        return std::nullopt;
    const auto name = wordOf(json, "name", longestWord), target = wordOf(json, "target", longestAddress);
    const auto fetch = bytesOf(json, "fetch"), write = bytesOf(json, "write");
    if (!name || !target || !fetch || !write)
        return std::nullopt;
    return CandidatePart{.name = *name, .fetch = *fetch, .write = *write, .target = *target};
}

std::optional<Candidate> parseCandidate(const Json &json)
{
    if (!json.is_object())
        return std::nullopt;
    const auto version = versionOf(json), notes = wordOf(json, "notes", longestNotes), changeLog = wordOf(json, "changeLog", longestAddress);
    const auto fetch = bytesOf(json, "fetch"), write = bytesOf(json, "write");
    const auto parts = json.find("parts");
    if (!version || !notes || !changeLog || !fetch || !write || parts == json.end() || !parts->is_array() || parts->size() > mostParts
        || !(changeLog->empty() || changeLog->starts_with("https://")))
        return std::nullopt;
    Candidate candidate{.version = *version, .notes = *notes, .changeLog = *changeLog, .fetch = *fetch, .write = *write, .parts = {}};
    if (const auto percent = json.find("percent"); percent != json.end() && percent->is_number_unsigned())
        candidate.percent = static_cast<unsigned>(std::min<std::uint64_t>(percent->get<std::uint64_t>(), wholePercent));
    for (const Json &each : *parts) {
        auto part = parsePart(each);
        if (!part)
            return std::nullopt;
        candidate.parts.push_back(std::move(*part));
    }
    return candidate;
}

Result<void> writeRecord(const std::filesystem::path &path, const std::string &text)
{
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error)
        return failErrno(error.value(), "Could not make " + path.parent_path().string());
    return replaceFile(path, asBytes(text));
}

std::string recordText(const Json &json)
{
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

} // namespace

Checked parseChecked(std::string_view text)
{
    Checked checked;
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object())
        return checked;
    checked.when = timeOf(json, "when");
    checked.heard = timeOf(json, "heard");
    checked.found = timeOf(json, "found");
    if (const auto error = json.find("error"); error != json.end() && error->is_object())
        checked.error = errorFromJson(*error);
    if (const auto candidate = json.find("candidate"); candidate != json.end())
        checked.candidate = parseCandidate(*candidate);
    return checked;
}

std::string checkedText(const Checked &checked)
{
    Json json{{"when", checked.when},
              {"heard", checked.heard},
              {"found", checked.found},
              {"error", checked.error ? toJson(*checked.error) : Json(nullptr)},
              {"candidate", nullptr}};
    if (checked.candidate) {
        const Candidate &candidate = *checked.candidate;
        Json parts = Json::array();
        for (const CandidatePart &part : candidate.parts)
            parts.push_back({{"name", part.name}, {"fetch", part.fetch}, {"write", part.write}, {"target", part.target}});
        json["candidate"] = {{"version", candidate.version}, {"notes", candidate.notes},  {"changeLog", candidate.changeLog}, {"fetch", candidate.fetch},
                             {"write", candidate.write},     {"parts", std::move(parts)}, {"percent", candidate.percent}};
    }
    return recordText(json);
}

Checked readChecked(const Host &host)
{
    return parseChecked(readTextFile(host.path(checkedPath), largestChecked).value_or(std::string()));
}

Result<void> writeChecked(const Host &host, const Checked &checked)
{
    return writeRecord(host.path(checkedPath), checkedText(checked));
}

std::optional<Begun> parseBegun(std::string_view text)
{
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object())
        return std::nullopt;
    const auto version = versionOf(json);
    const auto fetch = bytesOf(json, "fetch");
    const auto hashes = json.find("hashes");
    if (!version || !fetch || hashes == json.end() || !hashes->is_array() || hashes->size() > mostHashes)
        return std::nullopt;
    Begun begun{.version = *version, .fetch = *fetch, .hashes = {}};
    for (const Json &each : *hashes) {
        const auto hash = digestOf(each);
        if (!hash)
            return std::nullopt;
        begun.hashes.push_back(*hash);
    }
    return begun;
}

std::string begunText(const Begun &begun)
{
    Json hashes = Json::array();
    for (const Sha256Digest &hash : begun.hashes)
        hashes.push_back(toHex(hash));
    return recordText({{"version", begun.version}, {"fetch", begun.fetch}, {"hashes", std::move(hashes)}});
}

std::optional<Begun> readBegun(const Host &host)
{
    return parseBegun(readTextFile(host.path(begunPath), largestChecked).value_or(std::string()));
}

Result<void> writeBegun(const Host &host, const Begun &begun)
{
    return writeRecord(host.path(begunPath), begunText(begun));
}

Result<void> forgetBegun(const Host &host)
{
    std::error_code error;
    std::filesystem::remove(host.path(begunPath), error);
    if (error)
        return failErrno(error.value(), "Could not remove " + host.path(begunPath).string());
    return {};
}

} // namespace Preon::Update
