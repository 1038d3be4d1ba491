// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// A version that is handed out in steps: its list names, beside the files and signed like them, ROLLOUT-PERCENT-VERSION (of an empty file; other readers pass it
// over). Which computers are among the first is theirs to know: each finds its own place from its machine ID, anew for each version, and tells nobody.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace Preon::Update
{

constexpr unsigned wholePercent = 100;

struct Rollout {
    std::string version;
    unsigned percent = wholePercent; // 0 … 100 of computers
    bool operator==(const Rollout &) const = default;
};

bool isRollout(std::string_view name); // begins as one does
std::optional<Rollout> parseRollout(std::string_view name); // nullopt: it only begins as one

// Where a computer stands in the line for a version: 0 … 9999, in hundredths of a percent, as even as SHA-256 is. Without an ID it stands last.
unsigned placeInLine(std::string_view machineId, std::string_view version);
// The smallest percentage that is said of a version, where the computer's turn is still to come; nullopt: it has come, or nothing is said of it.
std::optional<unsigned> heldBackAt(const std::vector<Rollout> &rollouts, std::string_view version, std::string_view machineId);

} // namespace Preon::Update
