// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The list of files that a server offers, with their hashes: SHA256SUMS as sha256sum(1) writes it and systemd-sysupdate reads it. Gets bytes whose signature was
// checked already, or does not have to be; fetches nothing and trusts nothing.

#include "core/base/hash.h"
#include "core/base/result.h"
#include "core/update/rollout.h"

#include <chrono>
#include <string>
#include <vector>

namespace Preon::Update
{

struct ManifestEntry {
    std::string name; // one name, without folders
    Sha256Digest sha256{}; // of the file as it is fetched
    bool operator==(const ManifestEntry &) const = default;
};

struct Manifest {
    std::vector<ManifestEntry> entries; // in the order written, without the markers
    // The last days on which the list is good, from names such as BEST-BEFORE-2026-12-31. All of them are honoured.
    std::vector<std::chrono::year_month_day> bestBefore;
    std::vector<Rollout> rollouts; // from names such as ROLLOUT-25-3.1
    std::vector<std::string> warnings;

    // Whether the last of those days is over, in UTC.
    bool isStale(std::chrono::sys_seconds now) const;
};

constexpr std::size_t largestManifest = 16U << 20U; // bytes; what fetches stops there

// BadFormat names the line: one that is wrong makes all of it worthless.
Result<Manifest> parseManifest(ByteView bytes);

} // namespace Preon::Update
