// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// preonctl unlock: what opens the system's volume.
#include "apps/ctl/command.h"
#include "apps/ctl/secrets.h"

#include "core/install/rootlock.h"
#include "core/install/unlock.h"
#include "core/luks/recovery.h"

#include <algorithm>
#include <ctime>
#include <functional>
#include <iostream>
#include <memory>

#include <nlohmann/json.hpp>

namespace Preon::Ctl
{

namespace
{
using Json = nlohmann::ordered_json;
using Luks::WayKind;

struct UnlockOptions {
    std::string volume, existingFile, newFile, publicKey;
    int slot = -1;
    bool json = false, dryRun = false;

    Result<Install::LockedVolume> locked(const Host &host) const
    {
        return volume.empty() ? Install::systemVolume(host) : Install::lockedVolume(host, volume);
    }
    void print(const Json &object, const std::string &text) const
    {
        std::cout << (json ? object.dump(2, ' ', false, Json::error_handler_t::replace) : text) << '\n' << std::flush;
    }
};

std::string words(WayKind kind)
{
    switch (kind) {
    case WayKind::Tpm:
        return "this computer's TPM";
    case WayKind::TpmPin:
        return "this computer's TPM, with a PIN";
    case WayKind::RecoveryKey:
        return "a recovery key";
    case WayKind::Passphrase:
        return "a passphrase";
    case WayKind::KeyFile:
        return "a key file";
    case WayKind::EnrolmentKey:
        return "the enrolment key, which goes once there is a recovery key";
    case WayKind::SecurityKey:
        return "a FIDO2 device (of systemd; not handled here)";
    case WayKind::SmartCard:
        return "a PKCS#11 token (of systemd; not handled here)";
    case WayKind::Other:
        break;
    }
    return "something that is not known here";
}

std::string day(std::int64_t seconds)
{
    const std::time_t when = seconds;
    std::tm parts{};
    char text[sizeof "YYYY-MM-DD"]{};
    if (!::localtime_r(&when, &parts) || std::strftime(text, sizeof text, "%Y-%m-%d", &parts) == 0)
        return "some day";
    return text;
}

std::string testWords(const Luks::Way &way)
{
    if (way.kind == WayKind::EnrolmentKey)
        return {};
    if (way.tested)
        return ", tested on " + day(*way.tested);
    if (way.kind == WayKind::Tpm || way.kind == WayKind::TpmPin)
        return ", which only a start can test";
    return Luks::canBeTried(way.kind) ? ", not tested yet" : "";
}

Result<void> list(const UnlockOptions &options, const Host &host)
{
    PREON_TRY(const Install::LockedVolume volume, options.locked(host));
    PREON_TRY(const Install::RootWays found, Install::rootWays(volume));
    Json ways = Json::array();
    std::string text = "What opens " + volume.partition.string() + ":";
    for (const Luks::Way &way : found.ways) {
        ways.push_back({{"slot", way.slot},
                        {"kind", Luks::wayName(way.kind)},
                        {"tested", way.tested ? Json(*way.tested) : Json()},
                        {"canBeTried", Luks::canBeTried(way.kind)},
                        {"canBeRemoved", Luks::planRemoval(found.ways, way.slot).has_value()}});
        text += "\n  key slot " + std::to_string(way.slot) + ": " + words(way.kind) + testWords(way);
    }
    if (!found.recoveryKey)
        text += "\nNo recovery key was tested. Without one a broken TPM or a forgotten passphrase costs all that is on it: preonctl unlock add recovery-key.";
    if (!found.problem.empty())
        text += "\n" + found.problem;
    options.print({{"volume", found.volume.text()},
                   {"device", volume.partition.string()},
                   {"ways", ways},
                   {"recoveryKey", found.recoveryKey},
                   {"enrolmentKey", found.enrolmentKey},
                   {"problem", found.problem.empty() ? Json() : Json(found.problem)}},
                  text);
    return {};
}

Result<Secret> existingSecret(const UnlockOptions &options, const Install::LockedVolume &volume)
{
    if (!options.existingFile.empty())
        return readKeyFile(options.existingFile);
    return askSecret("Passphrase or recovery key of " + volume.partition.string());
}

Result<void> wouldAdd(const UnlockOptions &options, WayKind kind, bool asks)
{
    options.print({{"dryRun", true}, {"add", Luks::wayName(kind)}, {"asks", asks}},
                  "Would add " + words(kind)
                      + (asks ? ", once a passphrase or recovery key opened the volume." : ", by the enrolment key and without a question."));
    return {};
}

// Stays where a person must have it before it counts: shown first, then noted.
Result<void> addRecoveryKey(const UnlockOptions &options, const Host &host)
{
    PREON_TRY(const Install::LockedVolume volume, options.locked(host));
    PREON_TRY(const Install::RootWays before, Install::rootWays(volume));
    const bool asks = !before.enrolmentKey || !options.existingFile.empty();
    if (options.dryRun)
        return wouldAdd(options, WayKind::RecoveryKey, asks);
    Secret existing;
    if (asks) {
        PREON_TRY(existing, existingSecret(options, volume));
    }
    SilentProgress silent;
    PREON_TRY(const Secret key, Luks::makeRecoveryKey());
    PREON_TRY(const int slot, Install::addRecoveryKey(volume, asks ? &existing : nullptr, key, silent));
    const std::string text(key.chars(), key.size());
    if (!options.json)
        std::cerr << "This recovery key opens " << volume.partition.string() << ". Write it down and keep it away from this computer; it is not shown again:\n";
    options.print({{"slot", slot}, {"recoveryKey", text}, {"tested", true}}, text);
    if (!std::cout)
        return fail(ErrorCode::Io, "The recovery key could not be shown", "nothing takes what is printed",
                    "It does not count, and goes when this is run again.");
    PREON_CHECK(Install::confirmRecoveryKey(volume, key, silent));
    if (!options.json)
        std::cerr << "It was tried and is key slot " << slot << "." << (before.enrolmentKey ? " The enrolment key is gone." : "") << '\n';
    return {};
}

Result<void> addPassphrase(const UnlockOptions &options, const Host &host)
{
    PREON_TRY(const Install::LockedVolume volume, options.locked(host));
    if (options.dryRun)
        return wouldAdd(options, WayKind::Passphrase, true);
    PREON_TRY(const Secret existing, existingSecret(options, volume));
    PREON_TRY(const Secret passphrase,
              options.newFile.empty() ? askNewSecret("New passphrase of " + volume.partition.string()) : readSecretLine(options.newFile));
    if (passphrase.size() < Install::shortestPassphrase)
        return fail(ErrorCode::BadArgument, "That passphrase is too short", "it needs " + std::to_string(Install::shortestPassphrase) + " characters or more");
    PREON_TRY(const int slot, Install::addPassphrase(volume, existing, passphrase));
    options.print({{"slot", slot}, {"tested", true}}, "The passphrase was added as key slot " + std::to_string(slot) + " and tried.");
    return {};
}

// The one that the kernel brought along: who signs the system's kernels.
Result<std::string> policyKey(const UnlockOptions &options, const Host &host)
{
    if (!options.publicKey.empty())
        return readTextFile(options.publicKey);
    for (const std::filesystem::path &place : {host.run / "systemd", host.path("/etc/systemd"), host.path("/usr/lib/systemd")}) {
        if (auto key = readTextFile(place / "tpm2-pcr-public-key.pem"))
            return key;
    }
    return fail(ErrorCode::NotFound, "The TPM was not added", "this kernel brought no policy key along", "Name one with --tpm2-public-key=.");
}

Result<void> addTpm(const UnlockOptions &options, const Host &host, bool withPin)
{
    PREON_TRY(const Install::LockedVolume volume, options.locked(host));
    if (options.dryRun)
        return wouldAdd(options, withPin ? WayKind::TpmPin : WayKind::Tpm, true);
    PREON_TRY(std::string key, policyKey(options, host));
    PREON_TRY(const Secret existing, existingSecret(options, volume));
    Secret pin;
    if (withPin) {
        PREON_TRY(pin, options.newFile.empty() ? askNewSecret("New PIN of " + volume.partition.string()) : readSecretLine(options.newFile));
        if (pin.size() < Install::shortestPin)
            return fail(ErrorCode::BadArgument, "That PIN is too short", "it needs " + std::to_string(Install::shortestPin) + " characters or more");
    }
    PREON_TRY(const int slot, Install::addTpm(volume, host, existing, std::move(key), std::move(pin)));
    options.print({{"slot", slot}, {"tested", false}},
                  "The TPM was added as key slot " + std::to_string(slot) + ". It gives the key only while the system starts: the next start tests it.");
    return {};
}

Result<void> remove(const UnlockOptions &options, const Host &host)
{
    PREON_TRY(const Install::LockedVolume volume, options.locked(host));
    PREON_TRY(const Install::RootWays found, Install::rootWays(volume));
    PREON_CHECK(Luks::planRemoval(found.ways, options.slot));
    const std::string kind = words(std::ranges::find(found.ways, options.slot, &Luks::Way::slot)->kind);
    const std::string name = "key slot " + std::to_string(options.slot) + " of " + volume.partition.string() + ", " + kind;
    if (!options.dryRun)
        PREON_CHECK(Install::removeWay(volume, options.slot));
    options.print({{"removed", options.slot}, {"dryRun", options.dryRun}}, options.dryRun ? "Would remove " + name + "." : "Removed " + name + ".");
    return {};
}

Result<void> test(const UnlockOptions &options, const Host &host)
{
    PREON_TRY(const Install::LockedVolume volume, options.locked(host));
    const auto only = options.slot < 0 ? std::nullopt : std::optional(options.slot);
    // What cannot be tried is said before anything is asked.
    PREON_TRY(const Install::RootWays found, Install::rootWays(volume));
    const auto way = only ? std::ranges::find(found.ways, *only, &Luks::Way::slot) : found.ways.end();
    const bool asks = !only || (way != found.ways.end() && Luks::canBeTried(way->kind));
    Secret key;
    if (asks && options.dryRun) {
        options.print({{"dryRun", true}}, "Would ask for a passphrase or recovery key and see whether it opens " + volume.partition.string() + ".");
        return {};
    }
    if (asks) {
        PREON_TRY(key, existingSecret(options, volume));
    }
    PREON_TRY(const int slot, Install::testWay(volume, key, only));
    options.print({{"slot", slot}, {"tested", true}}, "It opens " + volume.partition.string() + ", by key slot " + std::to_string(slot) + ".");
    return {};
}

using Work = std::function<Result<void>(const UnlockOptions &, const Host &)>;

CLI::App *addCommand(CLI::App &parent, Invocation &invocation, const std::shared_ptr<UnlockOptions> &options, const char *name, const char *purpose, Work work)
{
    CLI::App *command = parent.add_subcommand(name, purpose);
    command->add_option("--volume", options->volume, "A device or file (default: this system's root, /dev/disk/by-preon/root)");
    command->add_flag("--json", options->json, "Print an object");
    command->callback([options, &invocation, work = std::move(work)] {
        invocation.json = options->json;
        invocation.finish(work(*options, invocation.host));
    });
    return command;
}

void addAdding(CLI::App &unlock, Invocation &invocation, const std::shared_ptr<UnlockOptions> &options)
{
    CLI::App *adding = unlock.add_subcommand("add", "Add a way in")->require_subcommand(1);
    const auto add = [&](const char *name, const char *purpose, Work work) {
        CLI::App *command = addCommand(*adding, invocation, options, name, purpose, std::move(work));
        command->add_option("--key-file", options->existingFile, "Open the volume with the key in this file, all of it, instead of asking");
        command->add_flag("--dry-run", options->dryRun, "Only say what would be done");
        return command;
    };
    const std::string asked = "A passphrase or recovery key that opens the volume is asked for (or read from standard input, one line).\n\n";

    add("recovery-key", "Make a recovery key", addRecoveryKey)
        ->footer("Nothing is asked as long as the enrolment key of the first start is there; it goes once the new key was tried. Else a passphrase or recovery "
                 "key that opens the volume is asked for.\nThe key alone goes to standard output, once.\n\n"
                 "  preonctl unlock add recovery-key\n  preonctl unlock add recovery-key --dry-run\n"
                 "  preonctl unlock add recovery-key --volume=disk.img --key-file=old.key --json");
    CLI::App *passphrase = add("passphrase", "Add a passphrase", addPassphrase);
    passphrase->add_option("--new-file", options->newFile, "Read the new passphrase from this file (one line)");
    passphrase->footer(asked + "  preonctl unlock add passphrase");
    CLI::App *tpm
        = add("tpm", "Let this computer's TPM open it by itself", [](const UnlockOptions &given, const Host &host) { return addTpm(given, host, false); });
    CLI::App *pin = add("tpm-pin", "Let this computer's TPM open it for whoever knows a PIN",
                        [](const UnlockOptions &given, const Host &host) { return addTpm(given, host, true); });
    pin->add_option("--new-file", options->newFile, "Read the new PIN from this file (one line)");
    for (CLI::App *command : {tpm, pin})
        command->add_option("--tpm2-public-key", options->publicKey, "Kernels signed by this key open it (PEM; default: the running kernel's)");
    tpm->footer(asked + "  preonctl unlock add tpm");
    pin->footer(asked + "  preonctl unlock add tpm-pin");
}
}

void addUnlock(CLI::App &app, Invocation &invocation)
{
    auto options = std::make_shared<UnlockOptions>();
    auto *unlock = app.add_subcommand("unlock", "What opens this system's disk: list, add, remove, test")->require_subcommand(1);

    addCommand(*unlock, invocation, options, "list", "Say what opens it, and what of that was tested", list)
        ->footer("  preonctl unlock list\n  preonctl unlock list --json --volume=/dev/vda4");
    addAdding(*unlock, invocation, options);

    auto *removing = addCommand(*unlock, invocation, options, "remove", "Remove a way in, never the last one that was tested", remove);
    removing->add_option("SLOT", options->slot, "Its number, as `preonctl unlock list` shows it")->required();
    removing->add_flag("--dry-run", options->dryRun, "Only say whether it may go");
    removing->footer("  preonctl unlock remove 2\n  preonctl unlock remove 2 --dry-run");

    auto *testing
        = addCommand(*unlock, invocation, options, "test", "See whether a passphrase or recovery key opens it; nothing is changed but the note of it", test);
    testing->add_option("SLOT", options->slot, "Try this key slot alone");
    testing->add_option("--key-file", options->existingFile, "Try the key in this file, all of it, instead of asking");
    testing->add_flag("--dry-run", options->dryRun, "Only say what would be done");
    testing->footer("The key is asked for, or read from standard input, one line. What the TPM opens can be tested only by a start.\n\n"
                    "  preonctl unlock test\n  preonctl unlock test 2");
}

} // namespace Preon::Ctl
