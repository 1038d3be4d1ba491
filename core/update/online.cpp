// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/online.h"

#include "core/sign/openpgp.h"
#include "core/update/localsource.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <ranges>
#include <thread>

#include <nlohmann/json.hpp>

namespace Preon::Update
{

namespace
{

using Json = nlohmann::ordered_json;

constexpr std::size_t largestSignature = 1U << 16U, largestRecord = 1U << 20U, mostFolders = 256, longestFolder = 4096;
constexpr const char *recordPath = "/var/lib/preon/update/seen.json";
// A list and its signature are two files: whoever asks while they are replaced gets one of each.
constexpr int triesForAPair = 3;
constexpr auto pauseBetweenTries = std::chrono::seconds(2);

Fetch::Request requestFor(const std::string &url, const Fetching &fetching, std::uint64_t limit)
{
    Fetch::Request request;
    request.limit = limit;
    request.bytesPerSecond = fetching.bytesPerSecond;
    request.proxy = fetching.proxy;
    request.caFile = fetching.caFile;
    request.mirrors.push_back({.url = url});
    return request;
}

std::int64_t now()
{
    return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// The one that signed last: of several signers of the same bytes any may be late.
std::int64_t signedAt(const std::vector<Sign::OpenPgpSigner> &signers)
{
    std::int64_t latest = 0;
    for (const auto &signer : signers)
        latest = std::max(latest, signer.signedAt.value_or(0));
    return latest;
}

Result<void> remember(const std::string &folder, std::int64_t when, const Host &host)
{
    const auto path = host.path(recordPath);
    const auto text = readTextFile(path, largestRecord);
    auto seen = text ? parseSeenManifests(*text) : std::vector<SeenManifest>();
    const auto known = std::ranges::find(seen, folder, &SeenManifest::folder);
    if (known != seen.end() && when > 0 && when < known->signedAt) {
        const std::chrono::sys_seconds then{std::chrono::seconds(known->signedAt)}, offered{std::chrono::seconds(when)};
        return fail(
            ErrorCode::Stale, "The list of versions at " + folder + " is older than the one that was there before",
            std::format("it was signed on {:%Y-%m-%d %H:%M:%S}, and one that was signed on {:%Y-%m-%d %H:%M:%S} (UTC) was seen here already", offered, then),
            "The server, or somebody between it and here, offers what is past. Try again later, or in another network.");
    }
    if (known != seen.end())
        seen.erase(known);
    seen.push_back({.folder = folder, .signedAt = when, .seenAt = now()});
    if (seen.size() > mostFolders)
        seen.erase(seen.begin());
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error)
        return failErrno(error.value(), "Could not make " + path.parent_path().string());
    return replaceFile(path, asBytes(seenManifestsText(seen)));
}

} // namespace

std::vector<SeenManifest> parseSeenManifests(std::string_view text)
{
    std::vector<SeenManifest> seen;
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_array())
        return seen;
    for (const Json &each : json | std::views::take(mostFolders)) {
        if (!each.is_object())
            continue;
        const auto folder = each.find("folder"), signedAt = each.find("signedAt"), seenAt = each.find("seenAt");
        if (folder == each.end() || !folder->is_string() || folder->get_ref<const std::string &>().size() > longestFolder || signedAt == each.end()
            || !signedAt->is_number_integer() || seenAt == each.end() || !seenAt->is_number_integer())
            continue;
        seen.push_back({.folder = folder->get<std::string>(), .signedAt = signedAt->get<std::int64_t>(), .seenAt = seenAt->get<std::int64_t>()});
    }
    return seen;
}

std::string seenManifestsText(const std::vector<SeenManifest> &seen)
{
    Json json = Json::array();
    for (const SeenManifest &each : seen)
        json.push_back({{"folder", each.folder}, {"signedAt", each.signedAt}, {"seenAt", each.seenAt}});
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

Result<Bytes> fetchSmall(const std::string &url, const Fetching &fetching, std::size_t limit, Progress &progress)
{
    if (pathOfFileUrl(url))
        return readLocal(url, limit);
    PREON_TRY(auto download, Fetch::Download::start(requestFor(url, fetching, limit), fetching.program));
    Bytes content;
    while (true) {
        PREON_TRY(const auto frame, download.next(progress));
        if (const auto *start = std::get_if<Fetch::Start>(&frame)) {
            if (start->offset == 0)
                content.clear();
        } else if (const auto *data = std::get_if<Fetch::Data>(&frame)) {
            if (data->bytes.size() > limit - std::min(limit, content.size()))
                return fail(ErrorCode::BadFormat, url + " is too large", "it has more than " + std::to_string(limit) + " bytes");
            content.insert(content.end(), data->bytes.begin(), data->bytes.end());
        } else if (std::holds_alternative<Fetch::Done>(frame)) {
            return content;
        }
    }
}

Result<Bytes> fetchManifest(const std::string &folder, bool verify, const Fetching &fetching, const Host &host, Progress &progress)
{
    const std::string url = folder + "/SHA256SUMS";
    if (!verify)
        return fetchSmall(url, fetching, largestManifest, progress);
    PREON_TRY(const auto keyrings, Sign::importKeyrings(host));
    for (int tries = 1;; ++tries) {
        PREON_TRY(auto manifest, fetchSmall(url, fetching, largestManifest, progress));
        PREON_TRY(const auto signature, fetchSmall(url + ".gpg", fetching, largestSignature, progress));
        const auto signers = Sign::verifyOpenPgp(manifest, signature, keyrings);
        if (signers) {
            PREON_CHECK(remember(folder, signedAt(*signers), host));
            return manifest;
        }
        if (signers.error().code != ErrorCode::Untrusted || tries == triesForAPair)
            return std::unexpected(signers.error().during("The list of versions at " + folder + " cannot be trusted"));
        PREON_CHECK(progress.check());
        std::this_thread::sleep_for(pauseBetweenTries);
    }
}

Result<std::optional<std::uint64_t>> fetchSize(const std::string &url, const Fetching &fetching, Progress &progress)
{
    if (pathOfFileUrl(url)) {
        PREON_TRY(const LocalFile file, openLocal(url));
        return file.size;
    }
    auto request = requestFor(url, fetching, Fetch::Request().limit);
    request.sizeOnly = true;
    for (const std::string &mirror : mirrorsOf(url, fetching))
        request.mirrors.push_back({.url = mirror});
    PREON_TRY(auto download, Fetch::Download::start(request, fetching.program));
    while (true) {
        PREON_TRY(const auto frame, download.next(progress));
        if (const auto *start = std::get_if<Fetch::Start>(&frame))
            return start->total;
    }
}

std::function<Result<Bytes>(const Transfer &)> manifestsFrom(const Fetching &fetching, const Host &host, Progress &progress)
{
    auto lists = std::make_shared<std::map<std::pair<std::string, bool>, Bytes>>();
    return [lists, &fetching, &host, &progress](const Transfer &transfer) -> Result<Bytes> {
        const std::pair key(transfer.source.path, transfer.verify);
        if (const auto known = lists->find(key); known != lists->end())
            return known->second;
        PREON_TRY(auto list, fetchManifest(key.first, key.second, fetching, host, progress));
        return lists->emplace(key, std::move(list)).first->second;
    };
}

} // namespace Preon::Update
