// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command.h"
#include "apps/ctl/progress.h"

#include "bus/surroundings.h"
#include "core/base/format.h"
#include "core/base/process.h"
#include "core/boot/starts.h"
#include "core/job/job.h"
#include "core/update/offer.h"
#include "core/update/policy.h"
#include "core/update/print.h"

#include <algorithm>
#include <format>
#include <iostream>
#include <memory>

#include <unistd.h>

namespace Preon::Ctl
{

namespace
{

using Json = nlohmann::ordered_json;

struct Options {
    std::string version, component, root, disk, proxy, change, feature, fetcher = Fetch::installedProgram;
    std::vector<std::string> mirrors;
    std::uint64_t rate = 0;
    bool json = false, dryRun = false, yes = false, offline = false, unsigned_ = false, reboot = false;
};

Update::SystemOptions systemOptions(const Options &options, const Host &host)
{
    Update::SystemOptions how;
    how.component = options.component;
    how.disk = options.disk;
    how.offline = options.offline;
    if (options.unsigned_)
        how.verify = false;
    how.fetching.program = options.fetcher;
    how.fetching.store = host.path("/var/lib/preon/update/kept");
    how.fetching.bytesPerSecond = options.rate;
    how.fetching.mirrors = options.mirrors;
    how.fetching.proxy = options.proxy;
    return how;
}

void print(const Json &json)
{
    std::cout << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

Result<Update::Offer> offer(const Host &host, const Options &options, Progress &progress)
{
    return Update::makeOffer(host, options.version, systemOptions(options, host), progress);
}

// What is on offer for this computer; where nothing is, what will be once its turn has come: an answer too, and no error.
struct Answer {
    std::optional<Update::Offer> offer;
    std::string later; // a version that is handed out in steps
    unsigned percent = 100; // of computers that get it now
};

Result<Answer> offerIfAny(const Host &host, const Options &options, Progress &progress)
{
    const auto how = systemOptions(options, host);
    PREON_TRY(Update::System system, Update::System::look(host, how, progress));
    Answer answer;
    if (options.version.empty() && !system.candidate()) {
        if (const auto *set = system.laterOffer()) {
            answer.later = set->version;
            answer.percent = system.heldBack(*set).value_or(answer.percent);
        }
        return answer;
    }
    PREON_TRY(answer.offer, Update::offerOf(std::move(system), options.version, how.fetching, progress));
    return answer;
}

void sayNothingNewer(const Answer &answer)
{
    std::cout << "There is no newer version" << (answer.later.empty() ? ".\n" : " for this computer yet.\n");
    if (!answer.later.empty())
        std::cout << std::format("Version {0} is handed out in steps, to {1} % of computers now. `preonctl update install {0}` takes it all the same.\n",
                                 answer.later, answer.percent);
}

Json toJson(const Update::Offer &offer, const Host &host)
{
    return Update::toJson(offer, Update::runningVersion(host));
}

void show(const Update::Offer &offer, const Host &host)
{
    std::cout << Update::toText(offer, Update::runningVersion(host));
}

Result<void> check(const Host &host, const Options &options, Invocation &invocation)
{
    TerminalProgress progress;
    PREON_TRY(const Answer answer, offerIfAny(host, options, progress));
    if (!answer.offer) {
        if (options.json)
            print({{"candidate", nullptr}, {"later", answer.later.empty() ? Json() : Json{{"version", answer.later}, {"percent", answer.percent}}}});
        else
            sayNothingNewer(answer);
        invocation.status = 1;
        return {};
    }
    const Update::Offer *found = &*answer.offer;
    if (options.json)
        print({{"candidate", {{"version", found->plan.version}, {"fetch", found->cost.fetch}, {"write", found->cost.write}}}});
    else
        std::cout << found->plan.version << "  (" << formatSize(found->cost.fetch) << " to fetch)\n";
    return {};
}

Result<void> plan(const Host &host, const Options &options)
{
    TerminalProgress progress;
    PREON_TRY(const Update::Offer found, offer(host, options, progress));
    if (options.json)
        print(toJson(found, host));
    else
        show(found, host);
    return {};
}

// The connection is that of this machine, whichever system is updated.
Result<void> askForConsent(const Options &options)
{
    if (options.yes || options.json)
        return {};
    if (Bus::lookAround(::getuid()).metered)
        std::cout << "Every byte may cost on this connection.\n";
    std::cout << "Update? [y/N] " << std::flush;
    std::string answer;
    if (!std::getline(std::cin, answer) || (answer != "y" && answer != "Y" && answer != "yes"))
        return fail(ErrorCode::Cancelled, "Nothing was changed");
    return {};
}

Result<void> carryOut(const Update::Offer &found, const Host &host, const Options &options)
{
    TerminalProgress progress;
    PREON_TRY(const auto job, Job::Job::begin(Job::jobFolder(host), "update", "Version " + found.plan.version, toJson(found, host), progress));
    const auto updated = Update::carryOut(host, found, systemOptions(options, host).fetching, *job);
    if (!updated) {
        PREON_CHECK(job->failWith(updated.error()));
        return std::unexpected(updated.error());
    }
    PREON_CHECK(job->succeed(Update::toJson(*updated)));
    if (options.json)
        print(Update::toJson(*updated));
    else
        std::cout << "Version " << updated->version << " is installed (" << formatSize(updated->fetched) << " fetched, " << formatSize(updated->written)
                  << " written); a restart starts it.\n";
    return {};
}

Result<void> install(const Host &host, const Options &options)
{
    // Before it is planned: what another update changes meanwhile would not be in the plan.
    Fd lock;
    if (!options.dryRun) {
        PREON_TRY(lock, Update::lockUpdates(host));
    }
    Answer answer;
    {
        TerminalProgress progress;
        PREON_TRY(answer, offerIfAny(host, options, progress));
    }
    if (!answer.offer) {
        if (options.json)
            print({{"version", nullptr}});
        else
            sayNothingNewer(answer);
        return {};
    }
    const Update::Offer *found = &*answer.offer;
    if (!options.json)
        show(*found, host);
    if (options.dryRun) {
        if (options.json)
            print(toJson(*found, host));
        return {};
    }
    PREON_CHECK(askForConsent(options));
    PREON_CHECK(carryOut(*found, host, options));
    return options.reboot ? runTool({"systemctl", "reboot"}).transform([](const auto &) { }) : Result<void>();
}

Json versionsJson(const Update::System &system, const Host &host)
{
    Json all = Json::array();
    const std::string running = Update::runningVersion(host);
    for (const Update::UpdateSet &set : system.sets().all) {
        all.push_back({{"version", set.version},
                       {"running", set.version == running},
                       {"installed", set.installed},
                       {"available", set.available},
                       {"newest", set.newest},
                       {"incomplete", set.incomplete},
                       {"partial", set.partial},
                       {"pending", set.pending},
                       {"obsolete", set.obsolete},
                       {"kept", system.kept().contains(set.version)}});
    }
    return all;
}

Result<void> listVersions(const Host &host, const Options &options)
{
    TerminalProgress progress;
    PREON_TRY(const auto system, Update::System::look(host, systemOptions(options, host), progress));
    if (options.json) {
        print(versionsJson(system, host));
        return {};
    }
    const std::string running = Update::runningVersion(host);
    for (const Update::UpdateSet &set : system.sets().all) {
        std::cout << std::format("{:<16} {}{}{}\n", set.version, Update::assessment(set), set.version == running ? ", running" : "",
                                 system.kept().contains(set.version) ? ", stays" : "");
    }
    return {};
}

Result<void> vacuum(const Host &host, const Options &options)
{
    TerminalProgress progress;
    auto here = options;
    here.offline = true;
    Fd lock;
    if (!options.dryRun) {
        PREON_TRY(lock, Update::lockUpdates(host));
    }
    PREON_TRY(const auto system, Update::System::look(host, systemOptions(here, host), progress));
    PREON_TRY(const auto room, system.planRoom());
    if (options.json)
        print(Update::toJson(room));
    else
        for (const Update::Removal &removal : room.removals)
            std::cout << (options.dryRun ? "Would remove " : "Removing ") << removal.instance.path << '\n';
    if (options.dryRun)
        return {};
    return Update::applyVacuum(room, progress);
}

// What a paused or cut-off download left.
Result<void> cancel(const Host &host, const Options &options)
{
    if (options.dryRun)
        return {};
    PREON_TRY(const Fd lock, Update::lockUpdates(host));
    TerminalProgress progress;
    return Update::discard(host, systemOptions(options, host), progress);
}

Result<void> history(const Host &host, const Options &options)
{
    PREON_TRY(const auto jobs, Job::list(Job::jobFolder(host)));
    PREON_TRY(const auto starts, Boot::readStarts(host));
    Json json{{"updates", Json::array()}, {"starts", Json::array()}};
    for (const Job::Record &job : jobs) {
        if (job.kind != "update")
            continue;
        const auto version = job.plan.find("version");
        json["updates"].push_back({{"version", version == job.plan.end() ? Json() : *version},
                                   {"state", Job::stateName(job.state)},
                                   {"began", job.began},
                                   {"ended", job.changed},
                                   {"error", job.error ? Json(job.error->text()) : Json()}});
    }
    for (const Boot::StartRecord &start : starts)
        json["starts"].push_back(
            {{"version", start.version}, {"began", start.began}, {"outcome", Boot::outcomeName(start.outcome)}, {"reasons", start.reasons}});
    if (options.json) {
        print(json);
        return {};
    }
    const auto when = [](const Json &seconds) {
        return std::format("{:%Y-%m-%d %H:%M}", std::chrono::sys_seconds{std::chrono::seconds(seconds.get<std::int64_t>())});
    };
    for (const Json &update : json["updates"])
        std::cout << when(update["began"]) << "  update to " << (update["version"].is_string() ? update["version"].get<std::string>() : "?") << ": "
                  << update["state"].get<std::string>() << '\n';
    for (const Json &start : json["starts"])
        std::cout << when(start["began"]) << "  start of " << start["version"].get<std::string>() << ": " << start["outcome"].get<std::string>() << '\n';
    return {};
}

Json featureList(const std::vector<Update::Feature> &features)
{
    Json all = Json::array();
    for (const Update::Feature &feature : features)
        all.push_back({{"id", feature.id}, {"description", feature.description}, {"documentation", feature.documentation}, {"enabled", feature.enabled}});
    return all;
}

Result<void> features(const Host &host, const Options &options)
{
    if (options.change.empty()) {
        auto here = options;
        here.offline = true;
        TerminalProgress progress;
        PREON_TRY(const auto system, Update::System::look(host, systemOptions(here, host), progress));
        if (options.json)
            print(featureList(system.definitions().features));
        else
            std::cout << Update::featuresTable(system.definitions().features, true);
        return {};
    }
    if (options.feature.empty())
        return fail(ErrorCode::BadArgument, "No feature is named", "what is to be switched on or off has to be said", "`preonctl update features` lists them.");
    const bool enabled = options.change == "enable";
    PREON_CHECK(Update::setFeature(host, options.feature, enabled));
    if (options.json)
        print({{"feature", options.feature}, {"enabled", enabled}});
    else
        std::cout << options.feature << (enabled ? " comes" : " goes") << " with the next update.\n";
    return {};
}

} // namespace

void addUpdate(CLI::App &app, Invocation &invocation)
{
    auto options = std::make_shared<Options>();
    auto *update = app.add_subcommand("update", "New versions of this system")->require_subcommand(1);
    const auto add = [&](const char *name, const char *help, const std::string &more, auto work) {
        auto *command = update->add_subcommand(name, help);
        command->footer(more);
        command->add_flag("--json", options->json, "Print JSON");
        command->add_option("--root", options->root, "The system below that folder, not the one that runs")->type_name("FOLDER");
        command->add_option("--disk", options->disk, "Its disk, or an image of one")->type_name("FILE");
        command->callback([options, &invocation, work] {
            invocation.json = options->json;
            if (!options->root.empty())
                invocation.host.root = std::filesystem::absolute(options->root).lexically_normal();
            invocation.finish(work(invocation.host, *options));
        });
        return command;
    };
    const auto online = [&](CLI::App *command, bool withVersion) {
        if (withVersion)
            command->add_option("VERSION", options->version, "Another one than the newest");
        command->add_option("--component", options->component, "What is updated besides the system: sysupdate.NAME.d");
        command->add_option("--mirror", options->mirrors, "A folder of another server with the same files, tried after the one in the settings")
            ->type_name("URL");
        command->add_option("--rate", options->rate, "Fetch no faster than that")->type_name("BYTES")->transform(CLI::AsSizeValue(false));
        command->add_option("--proxy", options->proxy, "Fetch through it: http://…, socks5h://…")->type_name("URL");
        command->add_flag("--unsigned", options->unsigned_, "Take a list of files without a signature");
        command->add_option("--fetcher", options->fetcher, "The program that fetches and unpacks")->type_name("FILE");
        return command;
    };
    const auto changing = [&](CLI::App *command) {
        command->add_flag("--dry-run", options->dryRun, "Only say what would be done");
        return command;
    };
    online(add("check", "Ask whether there is a newer version, and how much would be fetched",
               "Fetches the list of files and checks its signature. The exit status is 1 where there is nothing newer.\n\n  preonctl update check --json",
               [&invocation](const Host &host, const Options &how) { return check(host, how, invocation); }),
           false);
    online(add("plan", "Show what an update would do: bytes to fetch and to write, slots", "  preonctl update plan\n  preonctl update plan 3 --json", plan),
           true);
    for (const auto &[name, help] :
         {std::pair("install", "Fetch and install a version; a restart starts it"), std::pair("resume", "Go on with an update that was stopped or cut off")}) {
        auto *command = changing(online(add(name, help,
                                            "Fetches what is missing, checks it, and only then gives it its names, the kernel last: until then nothing is "
                                            "different. What was fetched stays when it is stopped.\n\n"
                                            "  preonctl update install --yes && systemctl reboot",
                                            install),
                                        true));
        command->add_flag("--yes,-y", options->yes, "Do not ask");
        command->add_flag("--reboot", options->reboot, "Restart afterwards");
    }
    changing(add("cancel", "Remove what an update that was stopped has left", "  preonctl update cancel", cancel));
    online(add("list", "List versions, here and on offer", "  preonctl update list\n  preonctl update list --offline --json", listVersions), false)
        ->add_flag("--offline", options->offline, "Only those that are here");
    changing(add("vacuum", "Remove versions beyond what the settings keep",
                 "The one that runs and the last one that came up are never removed.\n\n  preonctl update vacuum --dry-run", vacuum));
    add("history", "What was updated and started, and how it went", "  preonctl update history", history);
    auto *optional = add("features", "List what can be had beside the system itself, or switch some of it on or off",
                         "What is switched on comes with the next update, and what is switched off goes with it.\n\n"
                         "  preonctl update features\n  preonctl update features enable FEATURE",
                         features);
    optional->add_option("SWITCH", options->change, "enable or disable")->check(CLI::IsMember({"enable", "disable"}));
    optional->add_option("FEATURE", options->feature, "Which");
    addUpdateAutomatic(*update, invocation);
}

} // namespace Preon::Ctl
