// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What org.preon.Updates1 needs of the machine and of the maker's server: versions, the next one, what it costs, and the work itself. Takes time, so
// it runs in workers' threads; knows nothing of D-Bus or callers. What asks the server (check, plan, prepare) belongs to one thread, all else to
// another: they meet in files only, which are replaced as a whole.

#include "core/update/offer.h"
#include "core/update/policy.h"
#include "helper/arguments.h"
#include "helper/callers.h"
#include "helper/service.h"
#include "helper/work.h"

#include <atomic>
#include <chrono>

namespace Preon::Helper
{

class Updating
{
public:
    using Clock = std::chrono::steady_clock;
    explicit Updating(const Settings &settings);

    // As org.preon.Updates1.Describe has it. user: who asks, and is no other.
    Result<nlohmann::ordered_json> describe(std::uint32_t user) const;
    Result<void> discard() const;
    Result<void> startFrom(const std::string &version) const;
    Result<void> keep(const std::string &version, bool keep) const;
    Result<void> setFeature(const std::string &id, bool enabled) const;
    Result<void> setPolicy(const PolicyChange &change) const;

    // As Check has it. Who asked before the last look at the server began is answered by it: many who ask at once are one question.
    // hasLooked: whether the server was asked for this answer.
    Result<nlohmann::ordered_json> check(Clock::time_point asked, bool &hasLooked);
    struct Planned {
        KeptUpdate kept;
        nlohmann::ordered_json plan; // as Plan has it
    };
    Result<Planned> plan(const std::string &version, bool metered) const;

    // All that is needed to carry it out; no other update begins meanwhile.
    struct Ready {
        Update::Offer offer;
        Update::Fetching fetching;
        Fd lock;
    };
    // Looks at everything anew and plans again. Changed names what differs, also a connection that costs now; Busy.
    Result<Ready> prepare(const KeptUpdate &kept) const;
    nlohmann::ordered_json planJson(const Update::Offer &offer) const;
    std::string titleOf(const std::string &version) const; // "Particle 3"
    // In a thread of its own, which may outlive all but the settings. progress: the phases of phases().
    static Result<nlohmann::ordered_json> carryOut(const Settings &settings, const Ready &ready, Progress &progress);
    static std::vector<WorkPhase> phases(const Update::Offer &offer);

    // From any thread: who waits for the server waits no longer.
    void giveUp();

private:
    std::optional<Error> whyNot() const;
    Update::SystemOptions options() const;
    struct Answer {
        std::optional<Update::Candidate> candidate;
        bool failedHere = false;
    };
    Result<Answer> askServer(Progress &progress) const;
    Result<nlohmann::ordered_json> look() const;
    const Settings &m_settings;
    std::atomic<bool> m_gaveUp = false;
    std::optional<Clock::time_point> m_lookBegan; // the last one, and what it came to
    Result<nlohmann::ordered_json> m_answer;
};

} // namespace Preon::Helper
