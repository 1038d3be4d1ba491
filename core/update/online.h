// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What a server offers, asked for before anything is decided: its list of files with its signature, and how large the files are. Both through preon-fetch; nothing of it is
// parsed by us before its signature was checked, by another program. What a file:// URL names is read instead.

#include "core/base/host.h"
#include "core/update/acquire.h"
#include "core/update/manifest.h"

#include <functional>

namespace Preon::Update
{

// The list of a folder of a server, which a settings file may say needs no signature (Verify=no). Untrusted: no signature by one of the machine's keys. Stale, for lists that are signed: one that is older than
// what was seen here before (a mirror that was stopped, or plays back what it once had).
Result<Bytes> fetchManifest(const std::string &folder, bool verify, const Fetching &fetching, const Host &host, Progress &progress);

// The same for a look: of a folder that several transfers have in common the server is asked once. host, fetching and progress have to outlive it.
std::function<Result<Bytes>(const Transfer &)> manifestsFrom(const Fetching &fetching, const Host &host, Progress &progress);

// A file of the server, whole and in memory; BadFormat where it has more than `limit` bytes. Nothing vouches for it yet.
Result<Bytes> fetchSmall(const std::string &url, const Fetching &fetching, std::size_t limit, Progress &progress);

// Bytes of a file on the server, without fetching it; nullopt where the server does not say.
Result<std::optional<std::uint64_t>> fetchSize(const std::string &url, const Fetching &fetching, Progress &progress);

// The newest signature that was seen of each folder's list, in /var/lib/preon/update/seen.json.
struct SeenManifest {
    std::string folder;
    std::int64_t signedAt = 0; // seconds since 1970
    std::int64_t seenAt = 0;
    bool operator==(const SeenManifest &) const = default;
};
std::vector<SeenManifest> parseSeenManifests(std::string_view text);
std::string seenManifestsText(const std::vector<SeenManifest> &seen);

} // namespace Preon::Update
