// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command.h"

#include "core/base/process.h"
#include "core/boot/assessment.h"
#include "core/boot/check.h"
#include "core/boot/starts.h"

#include <chrono>
#include <format>
#include <iostream>
#include <memory>

#include <nlohmann/json.hpp>

namespace Preon::Ctl
{

namespace
{

using Json = nlohmann::ordered_json;

struct Options {
    bool json = false, dryRun = false, restart = false;
};

// Of a start that is not counted nothing is to be said to the loader; the record has it all the same.
Result<void> sayVerdict(const Host &host, Boot::Verdict verdict, const Options &options)
{
    PREON_TRY(const auto counted, Boot::countedStart(host));
    if (!counted)
        return fail(ErrorCode::NotFound, "This start is not counted", "the loader gave no counter for it", "There is nothing to decide.");
    if (options.dryRun) {
        std::cout << "Would rename " << counted->path << " to " << (verdict == Boot::Verdict::Good ? counted->good : counted->bad) << '\n';
        return {};
    }
    return Boot::setVerdict(host, Boot::bootFolders(host), verdict);
}

Json toJson(const Boot::StartRecord &start)
{
    Json json{{"bootId", start.bootId.text()},
              {"began", start.began},
              {"version", start.version},
              {"kernel", start.kernel},
              {"outcome", Boot::outcomeName(start.outcome)}};
    if (start.count)
        json["count"] = {{"left", start.count->left}, {"done", start.count->done}};
    json["reasons"] = start.reasons;
    return json;
}

void print(const Boot::StartRecord &start)
{
    const std::chrono::sys_seconds began{std::chrono::seconds(start.began)};
    std::cout << std::format("{:%Y-%m-%d %H:%M} UTC  version {}  {}", began, start.version.empty() ? "?" : start.version, Boot::outcomeName(start.outcome));
    if (start.count)
        std::cout << std::format(" (try {} of {})", start.count->done, start.count->done + start.count->left);
    std::cout << '\n';
    for (const std::string &reason : start.reasons)
        std::cout << "    " << reason << '\n';
}

Result<void> list(const Host &host, bool json)
{
    PREON_TRY(const auto starts, Boot::readStarts(host));
    Json all = Json::array();
    for (const Boot::StartRecord &start : starts) {
        if (json)
            all.push_back(toJson(start));
        else
            print(start);
    }
    if (json)
        std::cout << all.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
    return {};
}

// What cannot be read or recorded (a full disk, settings that make no sense) is said, and is no reason to leave a version in which people can log in.
template<typename T>
bool orSaid(const Result<T> &result)
{
    if (!result)
        std::cerr << result.error().text() << '\n';
    return result.has_value();
}

// What preon-boot-check.service does: the record, then the wait. A version that is on trial and in which nobody can log in is not stayed in: the next start counts it down further, or
// takes the one before it.
Result<void> check(const Host &host, const Options &options)
{
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
    orSaid(Boot::noteStart(host, now));
    const auto rules = Boot::readCheckRules(host);
    orSaid(rules);
    const SilentProgress silent;
    PREON_TRY(const auto result, Boot::waitForLogin(rules.value_or(Boot::CheckRules()), silent));
    orSaid(Boot::noteOutcome(host, result.cameUp ? Boot::Outcome::CameUp : Boot::Outcome::Failed, result.missing));
    if (result.cameUp)
        return {};
    std::string why;
    for (const std::string &missing : result.missing)
        why += (why.empty() ? "" : " ") + missing;
    const auto counted = Boot::countedStart(host);
    if (options.restart && counted && *counted) {
        std::cerr << "This version is on trial; starting anew.\n";
        PREON_CHECK(runTool({"systemctl", "--no-block", "reboot"}));
    }
    return fail(ErrorCode::Timeout, "This system did not come up", why);
}

} // namespace

void addBootAssessment(CLI::App &boot, Invocation &invocation)
{
    auto options = std::make_shared<Options>();
    const auto verdict = [&](const char *name, const char *help, const char *more, Boot::Verdict wanted) {
        auto *command = boot.add_subcommand(name, help);
        command->footer(more);
        command->add_flag("--dry-run", options->dryRun, "Only say what would be renamed");
        command->callback([options, &invocation, wanted] { invocation.finish(sayVerdict(invocation.host, wanted, *options)); });
    };
    verdict("good", "Keep the version that runs: the loader stops counting its starts",
            "As \"systemd-bless-boot good\" does it, by the kernel's file name on the boot partition.\n\n  preonctl boot good", Boot::Verdict::Good);
    verdict("bad", "Leave the version that runs: the next start takes another one",
            "As \"systemd-bless-boot bad\" does it. Nothing is restarted.\n\n  preonctl boot bad && systemctl reboot", Boot::Verdict::Bad);
    auto *starts = boot.add_subcommand("starts", "What is remembered of the starts of this system");
    starts->footer(
        "Which version ran, whether somebody could log in, and if not, why. The newest is the last.\n\n  preonctl boot starts\n  preonctl boot starts --json");
    starts->add_flag("--json", options->json, "Print a list of objects");
    starts->callback([options, &invocation] {
        invocation.json = options->json;
        invocation.finish(list(invocation.host, options->json));
    });
    auto *checking = boot.add_subcommand("check", "Wait until somebody could log in, and record whether it came to that");
    checking->footer("What it takes stands in boot-check.conf (docs/boot.md, \"Whether it came up\"). For preon-boot-check.service.\n\n  preonctl boot check");
    checking->add_flag("--restart", options->restart, "Start anew where a version on trial did not come up");
    checking->callback([options, &invocation] { invocation.finish(check(invocation.host, *options)); });
}

} // namespace Preon::Ctl
