// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command.h"
#include "apps/ctl/installing.h"
#include "apps/ctl/progress.h"
#include "apps/ctl/secrets.h"

#include "core/base/format.h"
#include "core/install/apply.h"
#include "core/job/job.h"

#include <chrono>
#include <filesystem>
#include <iostream>
#include <memory>

#include <unistd.h>

namespace Preon::Ctl
{

namespace
{

// Who is not root leaves disks to the helper; files are one's own.
bool goesByHelper(const InstallOptions &options)
{
    std::error_code error;
    return options.byHelper || (::geteuid() != 0 && options.source == "booted" && std::filesystem::is_block_file(options.target, error));
}

// The record is for others to see; an image file somewhere in a person's home can be made without one.
Result<std::unique_ptr<Job::Job>> recordJob(const Host &host, const Install::Plan &plan, Progress &progress)
{
    auto job = Job::Job::begin(Job::jobFolder(host), "install", Install::nameOf(plan.target), Install::toJson(plan), progress);
    if (!job && plan.target.isFile)
        return nullptr;
    return job;
}

Result<void> install(const Host &host, const InstallOptions &options)
{
    const Install::Mode mode = Install::parseMode(options.mode).value_or(Install::Mode::Beside); // CLI11 took no other words
    Install::Wishes wishes{.allowRemovable = options.allowRemovable, .choices = {}, .prepareSecureBoot = options.prepareSecureBoot};
    for (const auto &[name, value] : options.choices) {
        if (!value.empty())
            PREON_CHECK(Install::setChoice(wishes.choices, name, value));
    }
    if (!options.wifiFrom.empty()) {
        PREON_TRY(const Secret line, readSecretLine(options.wifiFrom));
        PREON_TRY(auto network, Install::parseWirelessNetwork({line.chars(), line.size()}));
        wishes.network = std::make_shared<const Install::WirelessNetwork>(std::move(network));
    }
    PREON_TRY(const Install::Source source, Install::openSource(host, options.source));
    PREON_TRY(const Install::Snapshot snapshot, Install::takeSnapshot(host, mode, source, options.target, wishes));
    PREON_TRY(const Install::Plan plan, Install::plan(snapshot));
    nlohmann::ordered_json json = Install::toJson(plan);
    if (options.dryRun) {
        if (options.json)
            std::cout << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
        else
            std::cout << Install::toText(plan);
        return {};
    }
    (options.json ? std::cerr : std::cout) << Install::toText(plan) << std::flush;
    if (!options.yes)
        PREON_CHECK(askForConsent(plan.target.path, mode, Install::nameOf(plan.target)));

    const auto began = Clock::now();
    auto outcome = [&]() -> Result<Install::Outcome> {
        TerminalProgress progress;
        PREON_TRY(const std::unique_ptr<Job::Job> job, recordJob(host, plan, progress));
        auto done = Install::apply(plan, source, host, job ? static_cast<Progress &>(*job) : progress);
        // The work itself is what counts; a record that cannot be written changes nothing about it.
        if (job)
            static_cast<void>(done ? job->succeed(Install::toJson(*done)) : job->failWith(done.error()));
        return done;
    }();
    if (!outcome)
        return std::unexpected(outcome.error());
    if (!options.json)
        sayWhatCame(Install::toJson(*outcome), plan.source.system.title, plan.target.isFile, Clock::now() - began);
    else
        printWithResult(json, Install::toJson(*outcome), Clock::now() - began);
    return {};
}

} // namespace

void addInstall(CLI::App &app, Invocation &invocation)
{
    auto *command = app.add_subcommand("install", "Install an operating system on a disk");
    command->footer(
        "Shows what will be on the disk and what is lost, asks once, copies while checking every block, reads everything back from the disk, and only then "
        "writes the\n"
        "partition table: interrupted at any moment, an erased disk is simply empty. The rest (encrypted root, room for updates) is made by the first "
        "start.\n\n"
        "  preonctl disks                                                             which disk?\n"
        "  preonctl install --source=booted --target=/dev/nvme0n1 --mode=erase --dry-run    only look\n"
        "  preonctl install --source=booted --target=/dev/nvme0n1 --mode=erase\n"
        "  truncate -s 20G disk.raw && preonctl install --source=Particle_1.raw --target=disk.raw --mode=erase --yes\n\n"
        "With --mode=beside other systems on the disk stay and start as before; nothing is made smaller, so there must be free space.\n"
        "With --mode=reinstall the system that is on the disk is replaced, its settings and all that lies on its root file system with it; the home partition "
        "and other\n"
        "systems stay. Make a recovery key for the home partition before, with \"preonctl home-volume add-recovery\" in that system: the new system asks for "
        "it once\n"
        "(\"preonctl home-volume adopt\"). Interrupted anywhere, the same command finishes it.\n"
        "Ctrl-C stops at the next safe point. Exit status: 0 when installed (or planned), 1 otherwise.");
    auto options = std::make_shared<InstallOptions>();
    command->add_option("--source", options->source, "\"booted\" for the system that is running, or an image file")
        ->type_name("booted|FILE")
        ->capture_default_str();
    command->add_option("--target", options->target, "The disk to install to, or a file that is as large as a disk")->type_name("DEVICE|FILE")->required();
    command
        ->add_option("--mode", options->mode,
                     "What becomes of the target: erase (the whole disk), beside (into its free space; what is there stays), or reinstall (in the place of the "
                     "system that "
                     "is there; its home partition stays)")
        ->check(CLI::IsMember({"erase", "beside", "reinstall"}))
        ->type_name("erase|beside|reinstall")
        ->required();
    command->add_flag("--dry-run", options->dryRun, "Print the plan and change nothing");
    command->add_flag("--allow-removable", options->allowRemovable, "Accept a disk that can be unplugged");
    command->add_option("--language", options->choices["language"], "Language of the new system, as a locale: de_DE.UTF-8")->type_name("LOCALE");
    command->add_option("--keyboard", options->choices["keyboard"], "Its keyboard: a layout of XKB, or layout and variant: \"de neo\"")->type_name("LAYOUT");
    command->add_option("--time-zone", options->choices["time-zone"], "Its time zone: Europe/Berlin")->type_name("ZONE");
    command->add_option("--hostname", options->choices["hostname"], "Its name in the network")->type_name("NAME");
    command
        ->add_option(
            "--protection", options->choices["protection"],
            "What locks its disk: tpm, tpm-pin, or passphrase; what is needed is asked for by the first start. Otherwise the TPM does where there is one")
        ->type_name("tpm|tpm-pin|passphrase");
    command
        ->add_option("--wifi-from", options->wifiFrom,
                     "A file with one line: the Wi-Fi network that the new system shall know, as its name in hexadecimal, none, owe, wpa-psk or sae, and the "
                     "password. It travels "
                     "sealed to this computer's TPM, or not at all")
        ->type_name("FILE");
    command->add_flag("--prepare-secure-boot", options->prepareSecureBoot,
                      "Secure Boot is off: let the next start ask whether it may be switched on with this system");
    command->add_flag("--helper", options->byHelper,
                      "Let Preon's helper do it, as it does for whoever is not root: polkit decides, and asks for a password where it should");
    command->add_flag("--yes", options->yes, "Do not ask");
    command->add_flag("--json", options->json, "Print the plan, and then with its result, as an object");
    command->callback([options, &invocation] {
        invocation.json = options->json;
        invocation.finish(goesByHelper(*options) ? installByHelper(*options) : install(invocation.host, *options));
    });
}

} // namespace Preon::Ctl
