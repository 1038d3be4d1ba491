// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What is to be done by itself right now, as a person's policy says: ask the server, fetch and prepare, or nothing. Decides from facts; who asks and fetches is the helper, who
// calls it every hour or so is preon-update.timer (by way of `preonctl update automatic`).

#include "core/update/policy.h"

#include <chrono>

namespace Preon::Update
{

// The server is asked this often; after it gave no answer, sooner. The timer adds a spread of its own.
constexpr std::chrono::hours askEvery{20}, askAgainAfter{2};
// What is new is fetched while nobody is at the computer; where somebody always is, this long after it was found.
constexpr std::chrono::hours waitForNobody{6};
// After a fetch that failed or that somebody stopped: this long, twice as long after each further one, at most longestPause.
constexpr std::chrono::hours firstPause{2}, longestPause{48};

struct AutomaticFacts {
    Policy policy;
    bool online = true, metered = false, onBattery = false;
    bool idle = true; // nobody has touched keyboard or mouse for a while, or nobody is logged in
    std::int64_t asked = 0; // when the server was asked last, seconds since 1970; 0: never
    bool answered = true; // whether it gave an answer then
    std::int64_t now = 0;
    std::string candidate; // the version that it had then and that is not here; empty: none
    std::int64_t found = 0; // when it had that version first; 0: not known
    int failures = 0; // of fetching that version, one after the other
    std::int64_t failed = 0; // the last of them
    bool failedHere = false; // that version was left here before
    bool heldBack = false; // it is handed out in steps, and this computer's turn is still to come
};

enum class AutomaticStep { Nothing, Ask, Fetch };
struct AutomaticDecision {
    AutomaticStep step = AutomaticStep::Nothing;
    std::string reason; // for the journal
    bool operator==(const AutomaticDecision &) const = default;
};
AutomaticDecision decideAutomatic(const AutomaticFacts &facts);

// Whether what was begun by itself shall go on: still wanted, still free, still on mains power. Somebody coming back to the computer does not stop it.
bool mayGoOn(const AutomaticFacts &facts);

// What came of the fetches that were begun by itself, in a file of whoever begins them. What makes no sense counts as nothing.
struct Attempts {
    std::string version;
    int failures = 0;
    std::int64_t last = 0; // seconds since 1970
    bool operator==(const Attempts &) const = default;
};
Attempts parseAttempts(std::string_view text);
std::string attemptsText(const Attempts &attempts);

} // namespace Preon::Update
