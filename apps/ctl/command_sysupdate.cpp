// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command_sysupdate.h"

#include "apps/ctl/progress.h"

#include "core/base/process.h"
#include "core/update/apply.h"
#include "core/update/online.h"
#include "core/update/proof.h"
#include "core/update/updating.h"

#include <algorithm>
#include <iostream>
#include <memory>

namespace Preon::Ctl
{

namespace
{
using namespace Update;

void say(const std::string &line)
{
    std::cerr << line << '\n';
}

// One call, from its words to its end.
struct SysupdateRun {
    const SysupdateOptions &options;
    Invocation &invocation;
    SysupdateRequest request;
    Definitions definitions = {};
    Look look = {};
    Sets sets = {};

    Result<void> go();
    Result<void> load();
    Result<void> lookHere();
    Result<void> lookEverywhere();
    Result<void> list();
    Result<void> features();
    void components() const;
    Result<void> checkNew();
    Result<void> vacuum();
    Result<void> update();
    Result<bool> choose(const UpdateSet *&set) const;
    Result<void> carryOut(const UpdatePlan &plan);
    Result<void> makeRoom(const VacuumPlan &plan, Progress &progress) const;
    Result<void> pending();
    Result<bool> isNewerInstalled();
    void print(const nlohmann::ordered_json &json) const
    {
        std::cout << jsonText(json, *request.json) << std::flush;
    }
    std::string named(const std::string &verb) const
    {
        return "The --root=/--image= switches may not be combined with the '" + verb + "' operation.";
    }
};

Result<void> SysupdateRun::load()
{
    const Update::DefinitionOptions how{
        .specifiers = Repart::readSpecifiers(request.places.host), .architecture = {}, .hasExplicitSource = !request.places.explicitSource.empty()};
    // A folder that is named is one of this machine, whatever the root.
    PREON_TRY(definitions, loadDefinitions(request.folders, how, options.definitions.empty() ? request.places.host.root : "/"));
    for (const Feature &feature : definitions.features)
        std::ranges::for_each(feature.warnings, say);
    for (Transfer &transfer : definitions.transfers) {
        std::ranges::for_each(transfer.warnings, say);
        transfer.verify = request.verify.value_or(transfer.verify);
    }
    if (definitions.legacy)
        say("As of v257, transfer definitions should have the '.transfer' extension.");
    if (definitions.hasEnabled())
        return {};
    if (!options.component.empty())
        return fail(ErrorCode::NotFound, "No transfer definitions for component '" + options.component + "' found");
    return fail(ErrorCode::NotFound, "No transfer definitions found");
}

Result<void> SysupdateRun::lookHere()
{
    PREON_CHECK(load());
    say("Discovering installed instances…");
    PREON_TRY(look, lookAtTargets(definitions, request.places));
    return {};
}

Result<void> SysupdateRun::lookEverywhere()
{
    PREON_CHECK(lookHere());
    if (!request.places.offline) {
        say("Discovering available instances…");
        TerminalProgress progress;
        request.places.manifest = manifestsFrom(request.fetching, request.places.host, progress);
        PREON_CHECK(lookAtSources(look, request.places));
        request.places.manifest = {};
    }
    say("Determining installed update sets…");
    if (!request.places.offline)
        say("Determining available update sets…");
    sets = discoverSets(look.enabled, request.kept);
    return {};
}

Result<void> SysupdateRun::list()
{
    PREON_CHECK(lookEverywhere());
    if (options.argument.empty()) {
        if (request.json)
            print(setsJson(sets, look.enabled));
        else
            std::cout << setsTable(sets, request.legend) << std::flush;
        return {};
    }
    const UpdateSet *set = sets.find(options.argument);
    if (!set)
        return fail(ErrorCode::NotFound, "Update '" + options.argument + "' not found");
    if (request.json)
        print(setJson(*set, look.enabled));
    else
        std::cout << setText(*set, look.enabled, request.legend) << std::flush;
    return {};
}

Result<void> SysupdateRun::features()
{
    PREON_CHECK(lookHere());
    if (options.argument.empty()) {
        if (request.json)
            print(featuresJson(definitions.features));
        else
            std::cout << featuresTable(definitions.features, request.legend) << std::flush;
        return {};
    }
    const auto feature = std::ranges::find(definitions.features, options.argument, &Feature::id);
    if (feature == definitions.features.end())
        return fail(ErrorCode::NotFound, "Optional feature not found: " + options.argument);
    if (request.json)
        print(featureJson(*feature, definitions.transfers));
    else
        std::cout << featureText(*feature, definitions.transfers, request.legend) << std::flush;
    return {};
}

void SysupdateRun::components() const
{
    const Components components = listComponents(request.places.host);
    if (request.json) {
        print({{"default", components.hasDefault}, {"components", components.names}});
        return;
    }
    if (!components.hasDefault && components.names.empty())
        say("No components defined.");
    if (components.hasDefault)
        std::cout << "<default>\n";
    for (const std::string &name : components.names)
        std::cout << name << '\n';
    std::cout << std::flush;
}

Result<void> SysupdateRun::checkNew()
{
    PREON_CHECK(lookEverywhere());
    const UpdateSet *next = sets.next();
    if (request.json)
        print({{"available", next ? nlohmann::ordered_json(next->version) : nlohmann::ordered_json()}});
    else if (next)
        std::cout << next->version << std::endl;
    else
        invocation.status = 1;
    return {};
}

Result<void> SysupdateRun::makeRoom(const VacuumPlan &plan, Progress &progress) const
{
    PREON_CHECK(applyVacuum(plan, progress, [](const Removal &removal) {
        const char *kind = removal.disabled            ? "disabled"
            : removal.instance.stage == Stage::Partial ? "old partial"
            : removal.instance.stage == Stage::Pending ? "old pending"
                                                       : "old";
        say(std::string("♻️ Removing ") + kind + " '" + removal.instance.path + "' (" + std::string(resourceTypeName(removal.type)) + ").");
    }));
    if (request.json)
        print({{"removed", plan.removed}, {"disabledTransfers", plan.disabledTransfers}});
    else if (plan.removed == 0 && plan.disabledTransfers == 0)
        say("Found nothing to remove.");
    if (plan.removed > 0)
        say("Removed " + std::to_string(plan.removed) + " instances.");
    if (plan.disabledTransfers > 0)
        say("Removed " + std::to_string(plan.disabledTransfers) + " disabled transfers.");
    return {};
}

Result<void> SysupdateRun::vacuum()
{
    if (request.instancesMax && *request.instancesMax < 1)
        return fail(ErrorCode::BadArgument, "The --instances-max argument must be >= 1 while vacuuming");
    PREON_CHECK(lookHere());
    say("Making room…");
    const VacuumOptions how{.space = 0, .extraProtected = {}, .instancesMax = request.instancesMax, .kept = request.kept};
    PREON_TRY(const VacuumPlan plan, planVacuum(look.enabled, look.disabled, how));
    TerminalProgress progress;
    return makeRoom(plan, progress);
}

// False: there is nothing to do.
Result<bool> SysupdateRun::choose(const UpdateSet *&set) const
{
    set = options.argument.empty() ? sets.next() : sets.find(options.argument);
    if (!set && options.argument.empty()) {
        say("No update needed.");
        return false;
    }
    if (!set)
        return fail(ErrorCode::NotFound, "Update '" + options.argument + "' not found");
    const std::string selected = "Selected update '" + set->version + "' ";
    if (set->partial)
        say(selected + "is already acquired and partially installed. Going on with it.");
    else if (set->pending)
        say(selected + "is already acquired and pending installation.");
    else if (set->installed && set->incomplete)
        say(selected + "is already installed, but incomplete. Repairing.");
    else if (set->installed) {
        say(selected + "is already installed. Skipping update.");
        return false;
    }
    if (set->obsolete)
        return fail(ErrorCode::BadArgument, selected + "is obsolete, refusing");
    if (!set->available && !set->pending)
        return fail(ErrorCode::NotFound, selected + "is not available, refusing");
    if (const UpdateSet *current = sets.current(); current && compareVersions(current->version, set->version) > 0)
        say(selected + "is older than newest installed version, proceeding anyway.");
    else if (!set->newest && sets.next() && sets.next() != set)
        say(selected + "is not the newest, proceeding anyway.");
    return true;
}

Result<void> SysupdateRun::carryOut(const UpdatePlan &plan)
{
    TerminalProgress progress;
    say("Making room for 1 updates…");
    PREON_CHECK(makeRoom(plan.vacuum, progress));
    for (const TransferPlan &transfer : plan.transfers) {
        if (transfer.installed || transfer.acquired)
            continue;
        say("⤵️ Acquiring " + transfer.sourcePath + " → " + transfer.targetPath + "...");
        PREON_CHECK(bring(transfer, request.fetching, progress));
        say("Successfully acquired '" + transfer.sourcePath + "'.");
    }
    PREON_CHECK(proveUpdate(plan, progress));
    for (const TransferPlan &transfer : plan.transfers) {
        if (transfer.installed)
            continue;
        PREON_CHECK(install(transfer));
        say("Successfully installed '" + transfer.sourcePath + "' (" + std::string(resourceTypeName(transfer.sourceType)) + ") as '" + transfer.targetPath
            + "' (" + std::string(resourceTypeName(transfer.targetType)) + ").");
        if (!transfer.link.empty())
            say("Updated symlink '" + transfer.link.string() + "' → '" + transfer.linkTarget.string() + "'.");
    }
    say("✨ Successfully installed update '" + plan.version + "'.");
    return {};
}

Result<void> SysupdateRun::update()
{
    if (request.instancesMax && *request.instancesMax < 2)
        return fail(ErrorCode::BadArgument, "The --instances-max argument must be >= 2 while updating");
    PREON_CHECK(lookEverywhere());
    const UpdateSet *set = nullptr;
    PREON_TRY(const bool needed, choose(set));
    if (needed) {
        const UpdateOptions how{.instancesMax = request.instancesMax, .kept = request.kept, .marks = SlotMarks::None};
        PREON_TRY(const UpdatePlan plan, planUpdate(look.enabled, look.disabled, *set, how));
        say("Selected update '" + set->version + "' for install.");
        PREON_CHECK(carryOut(plan));
    }
    if (!options.reboot)
        return {};
    PREON_TRY(const bool newer, isNewerInstalled());
    if (newer)
        PREON_CHECK(runTool({"systemctl", "reboot"}));
    return {};
}

Result<bool> SysupdateRun::isNewerInstalled()
{
    PREON_CHECK(lookHere());
    say("Determining installed update sets…");
    sets = discoverSets(look.enabled, request.kept);
    const UpdateSet *newest = sets.current();
    if (!newest)
        return fail(ErrorCode::NotFound, "Couldn't find any suitable installed versions");
    const std::string booted = bootedVersion(request.places.host);
    if (booted.empty())
        return fail(ErrorCode::NotFound, "/etc/os-release lacks IMAGE_VERSION field");
    const int order = compareVersions(newest->version, booted);
    say("Newest installed version '" + newest->version + "' "
        + (order > 0       ? "is newer than"
               : order < 0 ? "is older than"
                           : "matches")
        + " booted version '" + booted + "'." + (order > 0 && options.verb == "pending" ? " Reboot recommended." : ""));
    return order > 0;
}

Result<void> SysupdateRun::pending()
{
    if (request.elsewhere)
        return fail(ErrorCode::BadArgument, named(options.verb));
    PREON_TRY(const bool newer, isNewerInstalled());
    if (newer && options.verb == "reboot")
        PREON_CHECK(runTool({"systemctl", "reboot"}));
    if (!newer && options.verb == "pending")
        invocation.status = 1;
    return {};
}

Result<void> SysupdateRun::go()
{
    const std::string &verb = options.verb;
    if (verb.empty() || verb == "list")
        return list();
    if (verb == "features")
        return features();
    if (verb == "check-new")
        return checkNew();
    if (verb == "update")
        return update();
    if (verb == "vacuum")
        return vacuum();
    if (verb == "pending" || verb == "reboot")
        return pending();
    if (verb == "components") {
        components();
        return {};
    }
    return fail(ErrorCode::BadArgument, "Unknown command verb '" + verb + "'", {},
                "Use list, features, check-new, update, vacuum, pending, reboot or components.");
}

Result<void> sysupdate(const SysupdateOptions &options, Invocation &invocation)
{
    if (options.version) {
        std::cout << "systemd 257 (257)\npreonctl " << PREON_VERSION << " in place of systemd-sysupdate\n";
        return {};
    }
    const bool takesArgument = options.verb == "list" || options.verb == "features" || options.verb == "update";
    if (!options.tooMany.empty() || (!options.argument.empty() && !takesArgument))
        return fail(ErrorCode::BadArgument, "Too many arguments");
    PREON_TRY(SysupdateRequest request, understandSysupdate(options, invocation.host));
    SysupdateRun run{.options = options, .invocation = invocation, .request = std::move(request)};
    return run.go();
}

constexpr auto footer = "Transfers are files of sysupdate.d(5). Commands, options, output and exit status are those of systemd-sysupdate(8): list [VERSION], "
                        "features [FEATURE],\n"
                        "check-new, update [VERSION], vacuum, pending, reboot, components; list when none is given. A kernel that pins a /usr is "
                        "installed only once that is proven.\n\n"
                        "  preonctl sysupdate --offline                              which versions are installed\n"
                        "  preonctl sysupdate --definitions=sysupdate.d check-new\n"
                        "  preonctl sysupdate --root=tree --json=pretty list 2";
}

void addSysupdate(CLI::App &app, Invocation &invocation)
{
    auto options = std::make_shared<SysupdateOptions>();
    auto *command = app.add_subcommand("sysupdate", "List, install and remove versions as transfers say, like systemd-sysupdate");
    command->footer(footer);
    command->add_option("COMMAND", options->verb, "What to do (default: list)");
    command->add_option("VERSION", options->argument, "A version, or a feature");
    command->add_option("MORE", options->tooMany)->group("");
    command->add_option("-C,--component", options->component, "The component to update");
    command->add_option("--definitions", options->definitions, "A folder of transfers (default: sysupdate.d of the system)");
    command->add_option("--root", options->root, "Another system's root folder");
    command->add_option("--image", options->image, "A disk image with the system, read-only but for its partition table");
    command->add_option("--image-policy", options->imagePolicy)->group("");
    command->add_option("-m,--instances-max", options->instancesMax, "How many versions to keep");
    command->add_option("--sync", options->sync, "Accepted: what is published is always flushed first");
    command->add_option("--verify", options->verify, "Whether signatures are checked, whatever the transfers say");
    command->add_flag("--reboot", options->reboot, "Restart once a newer version is installed");
    command->add_flag("--offline", options->offline, "Look at no source");
    command->add_flag("--no-pager", options->noPager, "Accepted: there is no pager");
    command->add_flag("--no-legend", options->noLegend, "Leave out titles");
    command->add_option("--json", options->json, "Print JSON: pretty, short, off");
    command->add_option("--transfer-source", options->transferSource, "What PathRelativeTo=explicit means");
    command->add_flag("--version", options->version, "Print which version of systemd-sysupdate this stands for");
    command->add_option("--fetcher", options->fetcher, "The program that fetches and unpacks")->type_name("FILE");
    command->add_flag("--stand-in", options->standIn)->group("");
    for (CLI::Option *option : command->get_options()) {
        if (option->get_items_expected_max() == 1 && option->get_type_size() > 0 && !option->get_positional())
            option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    }
    command->callback([options, &invocation] {
        for (std::string *value : {&options->component, &options->definitions, &options->root, &options->image, &options->imagePolicy, &options->instancesMax,
                                   &options->sync, &options->verify, &options->json, &options->transferSource, &options->verb, &options->argument}) {
            if (*value == std::string(1, emptyValue))
                value->clear();
        }
        invocation.finish(sysupdate(*options, invocation));
    });
}

} // namespace Preon::Ctl
