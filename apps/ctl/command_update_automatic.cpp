// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command.h"
#include "apps/ctl/helperclient.h"
#include "apps/ctl/progress.h"

#include "core/base/errorjson.h"
#include "core/update/automatic.h"

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <optional>

namespace Preon::Ctl
{

namespace
{

// Where systemd gives this service a folder for it; otherwise nothing is remembered.
std::optional<std::filesystem::path> attemptsPath()
{
    const char *folder = std::getenv("STATE_DIRECTORY");
    return folder && *folder == '/' ? std::optional(std::filesystem::path(folder) / "attempts.json") : std::nullopt;
}

Update::Attempts readAttempts()
{
    constexpr std::size_t largest = 4096;
    const auto path = attemptsPath();
    const auto text = path ? readTextFile(*path, largest) : Result<std::string>(std::string());
    return text ? Update::parseAttempts(*text) : Update::Attempts();
}

Result<void> writeAttempts(const Update::Attempts &attempts)
{
    const auto path = attemptsPath();
    return path ? replaceFile(*path, asBytes(Update::attemptsText(attempts))) : Result<void>();
}

Result<Update::AutomaticFacts> automaticFacts(const HelperClient::Json &state)
{
    Update::AutomaticFacts facts;
    try {
        const auto &policy = state.at("policy");
        facts.policy.automatic = Update::automaticFrom(policy.at("automatic").get_ref<const std::string &>()).value_or(Update::Automatic::Off);
        facts.policy.metered = policy.at("metered").get<bool>();
        facts.online = state.at("connection").at("online").get<bool>();
        facts.metered = state.at("connection").at("metered").get<bool>();
        facts.onBattery = state.at("power").at("onBattery").get<bool>();
        facts.idle = state.at("idle").get<bool>();
        facts.asked = state.at("checked").get<std::int64_t>();
        facts.answered = state.at("checkError").is_null();
        if (const auto &candidate = state.at("candidate"); !candidate.is_null()) {
            facts.candidate = candidate.at("version").get<std::string>();
            facts.failedHere = candidate.at("failedHere").get<bool>();
            facts.heldBack = candidate.at("percent").get<unsigned>() < 100;
            facts.found = state.at("found").get<std::int64_t>();
        }
    } catch (const HelperClient::Json::exception &error) {
        return fail(ErrorCode::BadFormat, "Preon's helper gave an answer that makes no sense", error.what());
    }
    facts.now = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
    if (const Update::Attempts attempts = readAttempts(); attempts.version == facts.candidate) {
        facts.failures = attempts.failures;
        facts.failed = attempts.last;
    }
    return facts;
}

// Stops what was begun once it would not be begun any more: the plug was pulled, the connection is another one.
class WhileItMay : public TerminalProgress
{
public:
    explicit WhileItMay(HelperClient &helper)
        : m_helper(helper)
    {
    }
    bool isCancelled() const override
    {
        if (TerminalProgress::isCancelled() || m_isOver)
            return true;
        const auto now = std::chrono::steady_clock::now();
        if (now - m_looked < between)
            return false;
        m_looked = now;
        const auto state = m_helper.updates();
        const auto facts = state ? automaticFacts(*state) : std::unexpected(state.error());
        m_isOver = facts && !Update::mayGoOn(*facts);
        return m_isOver;
    }
    bool isOver() const
    {
        return m_isOver;
    }

private:
    static constexpr std::chrono::seconds between{30};
    HelperClient &m_helper;
    mutable std::chrono::steady_clock::time_point m_looked = std::chrono::steady_clock::now();
    mutable bool m_isOver = false;
};

Result<void> fetchByItself(HelperClient &helper, const Update::AutomaticFacts &facts)
{
    WhileItMay progress(helper);
    // Not by its name: its maker may have stopped it since the server was asked, and a name is what gets a version all the same.
    const auto plan = helper.planUpdate({});
    if (!plan && plan.error().code == ErrorCode::NotFound && helper.askForUpdates()) {
        PREON_TRY(const HelperClient::Json state, helper.updates());
        PREON_TRY(const Update::AutomaticFacts now, automaticFacts(state));
        if (now.candidate != facts.candidate || now.heldBack) {
            std::cout << "Version " << facts.candidate << " is not offered to this computer any more.\n";
            return {};
        }
    }
    const auto fetch = [&]() -> Result<void> {
        if (!plan)
            return std::unexpected(plan.error());
        PREON_TRY(const std::string job, helper.applyUpdate(plan->id));
        const auto updated = helper.follow(job, progress);
        if (const auto forgotten = helper.forget(job); !forgotten)
            progress.log(forgotten.error().text());
        return updated ? Result<void>() : std::unexpected(updated.error());
    };
    const auto fetched = fetch();
    if (fetched) {
        std::cout << "Version " << facts.candidate << " is installed; a restart starts it.\n";
        return writeAttempts({});
    }
    if (progress.isOver()) {
        std::cout << "Stopped: the policy, the connection or the power is not what it was. What was fetched is kept.\n";
        return {};
    }
    PREON_CHECK(writeAttempts({.version = facts.candidate, .failures = facts.failures + 1, .last = facts.now}));
    return fetched;
}

// By way of the helper, so that windows see what comes and nothing is known in two places.
Result<void> automatic()
{
    PREON_TRY(HelperClient helper, HelperClient::open());
    bool hasAsked = false;
    for (;;) {
        PREON_TRY(const HelperClient::Json state, helper.updates());
        if (const auto problem = state.find("problem"); problem != state.end() && problem->is_object()) {
            std::cout << "Nothing to do: " << errorFromJson(*problem).text() << '\n';
            return {};
        }
        PREON_TRY(const Update::AutomaticFacts facts, automaticFacts(state));
        const Update::AutomaticDecision decision = Update::decideAutomatic(facts);
        if (decision.step == Update::AutomaticStep::Nothing) {
            std::cout << "Nothing to do: " << decision.reason << ".\n";
            return {};
        }
        if (decision.step == Update::AutomaticStep::Ask) {
            // Never twice: a clock that stands still would make it go round.
            if (std::exchange(hasAsked, true))
                return {};
            std::cout << "Asking the server: " << decision.reason << ".\n" << std::flush;
            PREON_CHECK(helper.askForUpdates());
            continue;
        }
        std::cout << "Fetching: " << decision.reason << ".\n" << std::flush;
        return fetchByItself(helper, facts);
    }
}

} // namespace

void addUpdateAutomatic(CLI::App &update, Invocation &invocation)
{
    auto *byItself = update.add_subcommand("automatic", "Do what the policy says is to be done by itself now: ask the server, fetch, or nothing");
    byItself->footer("What preon-update.timer runs every hour or so. The server is asked about once a day; what is new is fetched on mains power, where no "
                     "byte costs, and while nobody\n"
                     "is at the computer, if the policy says so at all.\n\n  preonctl update automatic");
    byItself->callback([&invocation] { invocation.finish(automatic()); });
}

} // namespace Preon::Ctl
