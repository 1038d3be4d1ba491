// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command.h"
#include "apps/ctl/progress.h"
#include "apps/ctl/secrets.h"

#include "bus/homed.h"
#include "bus/running.h"
#include "core/base/process.h"
#include "core/home/firststart.h"
#include "core/home/handover.h"
#include "core/install/unlock.h"

#include <algorithm>
#include <iostream>
#include <memory>

#include <nlohmann/json.hpp>
#include <unistd.h>

namespace Preon::Ctl
{

namespace
{
using Json = nlohmann::ordered_json;

struct ResetOptions {
    Home::HandOverWishes wishes;
    std::string keyFile;
    bool cancel = false, now = false, yes = false, dryRun = false, json = false;

    void print(const Json &object, const std::string &text) const
    {
        std::cout << (json ? object.dump(2, ' ', false, Json::error_handler_t::replace) : text) << '\n' << std::flush;
    }
};

// Also ends one that was cut off when all but its end was done.
Result<void> isNeeded(const Host &host)
{
    PREON_TRY(const Home::FirstStartFacts facts, Home::lookAtFirstStart(host));
    if (Home::isAllButDone(facts) && ::geteuid() == 0)
        PREON_CHECK(Home::noteDone(host));
    if (const auto why = Home::whyNoFirstStart(facts))
        return std::unexpected(*why);
    return {};
}

// Lines of the journal name people; what is written since this start begins stays.
void forgetJournal(const Host &host, Progress &progress)
{
    if (host.root != "/")
        return;
    if (const auto gone = runTool({"journalctl", "--rotate", "--vacuum-time=1s", "--quiet"}); !gone)
        progress.log(gone.error().text());
}

// By the unit, before anybody can log in.
Result<void> carryOut(const Home::HandOverPlan &plan, const Host &host)
{
    LogProgress told;
    if (!plan.wishes.keepsSettings && host.root == "/") {
        for (const auto &forgotten : {Bus::nameComputer({}), Bus::speak({})}) {
            if (!forgotten)
                told.log(forgotten.error().text());
        }
    }
    std::optional<Bus::Homed> homed;
    PREON_CHECK(Home::applyHandOver(
        plan, host,
        [&homed](const std::string &user) -> Result<void> {
            if (!homed) {
                PREON_TRY(homed, Bus::Homed::open(Bus::Homed::Asking::Nobody));
            }
            return homed->remove(user);
        },
        told));
    forgetJournal(host, told);
    return {};
}

// The volume's part is done at once: its key is known only now.
Result<void> takeKeyBack(const ResetOptions &options, const Host &host, const Install::LockedVolume &volume, const Install::RootWays &ways)
{
    const bool asks = !ways.enrolmentKey;
    Secret existing;
    if (asks) {
        PREON_TRY(existing,
                  options.keyFile.empty() ? askSecret("Recovery key or passphrase of " + volume.partition.string()) : readSecretLine(options.keyFile));
    }
    LogProgress told;
    return Install::prepareForNextOwner(volume, host.root, asks ? &existing : nullptr, told);
}

Result<void> confirmed(const ResetOptions &options)
{
    if (options.yes)
        return {};
    if (::isatty(STDIN_FILENO) != 1)
        return fail(ErrorCode::BadArgument, "Nobody can be asked whether all that may go", {}, "Say --yes.");
    std::cerr << "It cannot be taken back once the computer has restarted. Type \"next owner\" to go on: " << std::flush;
    std::string typed;
    std::getline(std::cin, typed);
    if (typed != "next owner")
        return fail(ErrorCode::Cancelled, "Nothing was asked for");
    return {};
}

Result<void> reset(const ResetOptions &options, const Host &host)
{
    if (options.cancel) {
        const bool was = Home::requestedHandOver(host).has_value();
        if (was && !options.dryRun)
            PREON_CHECK(Home::withdrawHandOver(host));
        options.print({{"withdrawn", was}, {"dryRun", options.dryRun}}, was ? "The accounts stay." : "Nothing was asked for.");
        return {};
    }
    const auto requested = Home::requestedHandOver(host);
    if (options.now && !requested)
        return fail(ErrorCode::NotFound, "Nobody asked for this computer to be made ready for its next owner", {}, "Ask with: preonctl first-start reset.");
    PREON_TRY(const Home::HandOverPlan plan, Home::planHandOver(Home::lookAtHandOver(host), options.now ? *requested : options.wishes));
    if (options.now && !options.dryRun)
        return carryOut(plan, host);
    // Root may be no volume of ours.
    const auto volume = Install::systemVolume(host);
    std::optional<Install::RootWays> ways;
    if (volume) {
        PREON_TRY(ways, Install::rootWays(*volume));
    }
    const bool takesKey = ways && !options.now && (!ways->enrolmentKey || std::ranges::contains(ways->ways, Luks::WayKind::RecoveryKey, &Luks::Way::kind));
    Json object = Home::toJson(plan);
    object["takesRecoveryKeyBack"] = takesKey;
    object["asksForKey"] = takesKey && !ways->enrolmentKey;
    object["dryRun"] = options.dryRun;
    std::string text = Home::toText(plan);
    if (takesKey)
        text += "\nThe recovery key of the disk is taken back; the next owner is given one of their own.";
    if (ways && ways->lock == Install::Lock::Passphrase)
        text += "\nThe passphrase of the disk stays: hand it over, or have it changed.";
    if (ways && ways->lock == Install::Lock::TpmAndPin)
        text += "\nThe PIN of the disk stays: hand it over, or have it changed.";
    if (options.dryRun) {
        options.print(object, text);
        return {};
    }
    if (!options.json)
        std::cerr << text << '\n';
    PREON_CHECK(confirmed(options));
    if (takesKey)
        PREON_CHECK(takeKeyBack(options, host, *volume, *ways));
    PREON_CHECK(Home::requestHandOver(host, options.wishes));
    options.print(object, "This is done by the next start, before anybody can log in. Until then it can be taken back: preonctl first-start reset --cancel.");
    return {};
}

} // namespace

void addFirstStart(CLI::App &app, Invocation &invocation)
{
    auto *group = app.add_subcommand("first-start", "The greeting of this computer's owner, who makes the first account");
    group->require_subcommand(1);
    auto *needed = group->add_subcommand("needed", "Whether there is nobody yet (exit status 0), or somebody (1)");
    needed->footer("For the unit that shows the greeting before anybody can log in.\n\n"
                   "  ExecCondition=+/usr/bin/preonctl first-start needed");
    needed->callback([&invocation] { invocation.finish(isNeeded(invocation.host)); });

    auto options = std::make_shared<ResetOptions>();
    auto *resetting = group->add_subcommand("reset", "Make this computer ready for its next owner: accounts, homes, networks and settings go");
    resetting->add_flag("--keep-settings", options->wishes.keepsSettings, "Keep language, keyboard, time zone and name of this computer");
    resetting->add_option("--key-file", options->keyFile, "Read the recovery key or passphrase of the disk from this file (one line) instead of asking");
    resetting->add_flag("--yes", options->yes, "Do not ask");
    resetting->add_flag("--cancel", options->cancel, "Take the request back, as long as the computer was not restarted");
    resetting->add_flag("--now", options->now, "Do what was asked for in this start: for the unit that runs before anybody can log in");
    resetting->add_flag("--dry-run", options->dryRun, "Only say what would go");
    resetting->add_flag("--json", options->json, "Print an object");
    resetting->footer(
        "For makers and shops who tried a computer out. The disk keeps its keys: one that held a life is better installed anew.\n"
        "The recovery key or passphrase of the disk is asked for where a recovery key was made (or read from standard input, one line).\n\n"
        "  preonctl first-start reset --dry-run\n  preonctl first-start reset\n  preonctl first-start reset --keep-settings --yes --key-file=recovery.txt");
    resetting->callback([options, &invocation] {
        invocation.json = options->json;
        invocation.finish(reset(*options, invocation.host));
    });
}

} // namespace Preon::Ctl
