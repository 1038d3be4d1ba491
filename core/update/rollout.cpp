// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/rollout.h"

#include "core/base/fd.h"
#include "core/base/hash.h"
#include "core/base/version.h"
#include "core/update/pattern.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <span>

namespace Preon::Update
{

namespace
{
constexpr std::string_view rolloutMarker = "ROLLOUT-";
constexpr unsigned placesOfAPercent = 100;
constexpr std::size_t bytesOfAPlace = 8;
}

bool isRollout(std::string_view name)
{
    return name.starts_with(rolloutMarker);
}

std::optional<Rollout> parseRollout(std::string_view name)
{
    if (!isRollout(name))
        return std::nullopt;
    name.remove_prefix(rolloutMarker.size());
    Rollout rollout;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), rollout.percent);
    const auto digits = static_cast<std::size_t>(end - name.data());
    if (error != std::errc() || rollout.percent > wholePercent || digits == name.size() || name[digits] != '-')
        return std::nullopt;
    rollout.version = name.substr(digits + 1);
    return isVersion(rollout.version) ? std::optional(std::move(rollout)) : std::nullopt;
}

unsigned placeInLine(std::string_view machineId, std::string_view version)
{
    constexpr unsigned places = wholePercent * placesOfAPercent;
    if (machineId.empty())
        return places - 1;
    const std::string words = "rollout\n" + std::string(machineId) + '\n' + std::string(version);
    Sha256 hash;
    hash.add(asBytes(words));
    const Sha256Digest digest = hash.finish();
    std::uint64_t number = 0;
    for (const std::byte byte : std::span(digest).first(bytesOfAPlace))
        number = (number << 8U) | std::to_integer<std::uint64_t>(byte);
    return static_cast<unsigned>(number % places);
}

std::optional<unsigned> heldBackAt(const std::vector<Rollout> &rollouts, std::string_view version, std::string_view machineId)
{
    unsigned percent = wholePercent;
    for (const Rollout &rollout : rollouts) {
        if (compareVersions(rollout.version, version) == 0)
            percent = std::min(percent, rollout.percent);
    }
    return placeInLine(machineId, version) < percent * placesOfAPercent ? std::nullopt : std::optional(percent);
}

} // namespace Preon::Update
