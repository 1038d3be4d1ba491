// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command.h"
#include "apps/ctl/secrets.h"

#include "core/base/format.h"
#include "core/install/homevolume.h"
#include "core/luks/mapping.h"
#include "core/luks/recovery.h"

#include <iostream>
#include <memory>

#include <nlohmann/json.hpp>

namespace Preon::Ctl
{

namespace
{
using Json = nlohmann::ordered_json;

// Messages go to standard error, so that standard output stays what was asked for.
class LineProgress : public SilentProgress
{
public:
    void log(std::string_view line) override
    {
        std::cerr << line << '\n' << std::flush;
    }
};

struct HomeOptions {
    std::string partition, keyFile, recoveryFile;
    bool recovery = false, json = false, readOnly = false;

    std::filesystem::path device(const Host &host) const
    {
        return partition.empty() ? host.dev / "disk/by-preon/home" : std::filesystem::path(partition);
    }
    // With the recovery key where that was asked for, else with the key file, by default this root's.
    Result<Luks::Volume> unlock(const Host &host) const
    {
        Secret key;
        if (!recoveryFile.empty()) {
            PREON_TRY(key, readSecretLine(recoveryFile));
        } else if (recovery) {
            PREON_TRY(key, askSecret("Recovery key of " + device(host).string()));
        } else {
            PREON_TRY(key, readKeyFile(keyFile.empty() ? (host.root / Install::keyFolder / Install::homeKey).string() : keyFile));
        }
        return Install::unlockHome(device(host), key);
    }
    void print(const Json &object, const std::string &text) const
    {
        std::cout << (json ? object.dump(2, ' ', false, Json::error_handler_t::replace) : text) << '\n';
    }
};

Result<void> open(const HomeOptions &options, const Host &host)
{
    LineProgress progress;
    PREON_TRY(const Luks::Volume volume, options.unlock(host));
    PREON_CHECK(Install::openHome(options.device(host), volume, progress));
    options.print({{"device", "/dev/mapper/home"}}, "The home volume is open as /dev/mapper/home.");
    return {};
}

Result<void> close(const HomeOptions &, const Host &)
{
    const auto open = Luks::removeMapping(Install::homeMapping);
    const auto unchecked = Luks::removeMapping(Install::uncheckedHomeMapping);
    return open || (open.error().code == ErrorCode::NotFound && unchecked) ? Result<void>() : open;
}

Result<void> status(const HomeOptions &options, const Host &host)
{
    const auto open = Luks::integrityStatus(Install::homeMapping);
    if (!open && open.error().code != ErrorCode::NotFound)
        return std::unexpected(open.error());
    Json object = {{"open", open.has_value()}, {"recoveryKey", false}};
    std::string text = open ? "The home volume is open, " + formatSize(open->size) + "; " + std::to_string(open->mismatches)
            + (open->mismatches == 1 ? " block" : " blocks") + " did not fit since it was opened."
                            : "The home volume is shut.";
    if (open) {
        object["size"] = open->size;
        object["mismatches"] = open->mismatches;
    }
    PREON_TRY(const Luks::Volume volume, Luks::Volume::load(options.device(host)));
    const bool ours = volume.subsystem() == Luks::integritySubsystem;
    const auto slots = volume.slots();
    const bool recovery = std::ranges::contains(slots, Luks::recoveryToken, &Luks::Slot::token);
    object["protected"] = ours;
    object["keySlots"] = slots.size();
    object["recoveryKey"] = recovery;
    if (!ours)
        text += "\nIts partition is no integrity protected home.";
    text += recovery ? "\nA recovery key opens it without this root."
                     : "\nNo recovery key: were this root lost, nothing could open it. See \"preonctl home-volume add-recovery\".";
    options.print(object, text);
    return {};
}

Result<void> addRecovery(const HomeOptions &options, const Host &host)
{
    PREON_TRY(Luks::Volume volume, options.unlock(host));
    PREON_TRY(const Secret key, Luks::makeRecoveryKey());
    PREON_TRY(const int slot, volume.addRecoveryKey(key));
    const std::string text(key.chars(), key.size());
    if (!options.json)
        std::cerr << "This recovery key opens the home volume when the root file system is lost. Write it down and keep it away from this machine; it is not "
                     "shown again:\n";
    options.print({{"slot", slot}, {"recoveryKey", text}}, text);
    return {};
}

Result<void> adopt(HomeOptions options, const Host &host)
{
    options.recovery = true;
    LineProgress progress;
    PREON_TRY(Luks::Volume volume, options.unlock(host));
    PREON_TRY(const std::size_t removed, Install::adoptHome(volume, options.device(host), host.root));
    const auto opened = Luks::integrityStatus(Install::homeMapping) ? Result<void>() : Install::openHome(options.device(host), volume, progress);
    if (!opened)
        return std::unexpected(opened.error().during("The home volume belongs to this system now, but"));
    options.print({{"adopted", true}, {"removedSlots", removed}},
                  "The home volume belongs to this system now: each start opens it. It is open as /dev/mapper/home; mount it, or start again.");
    return {};
}

Result<void> recover(const HomeOptions &options, const Host &host)
{
    LineProgress progress;
    if (!options.readOnly)
        return fail(ErrorCode::BadArgument, "The home volume can be recovered from only by reading", {}, "Say --read-only.");
    const auto volume = options.unlock(host);
    if (!volume)
        progress.log("Without a key, what was written last may be missing: " + volume.error().text());
    PREON_CHECK(Install::openHomeUnchecked(options.device(host), volume ? &*volume : nullptr, progress));
    options.print({{"device", "/dev/mapper/home-unchecked"}, {"checked", false}},
                  "The home volume can be read as /dev/mapper/home-unchecked. NOTHING READ FROM IT IS CHECKED: files may be damaged, or altered by whoever had "
                  "the disk.\n"
                  "Copy out what you need:  mount -o ro,nosuid,nodev,noexec /dev/mapper/home-unchecked /mnt");
    return {};
}
}

void addHomeVolume(CLI::App &app, Invocation &invocation)
{
    auto options = std::make_shared<HomeOptions>();
    auto *home = app.add_subcommand("home-volume", "The partition that homes lie on: integrity protected, not encrypted")->require_subcommand(1);
    home->footer("Its key is a file on this system's root; a recovery key opens it where that is lost. Without either nothing on it is touched.");
    const auto add = [&](const char *name, const char *description, auto step) {
        auto *command = home->add_subcommand(name, description);
        command->add_option("PARTITION", options->partition, "The partition (default: this system's, /dev/disk/by-preon/home)");
        command->add_flag("--json", options->json, "Print an object");
        command->callback([options, &invocation, step] {
            invocation.json = options->json;
            invocation.finish(step(*options, invocation.host));
        });
        return command;
    };
    const auto withKey = [&](CLI::App *command) {
        auto *file = command->add_option("--key-file", options->keyFile, "The key (default: this root's, /var/lib/preon/keys/home.key)");
        command->add_flag("--recovery", options->recovery, "Ask for the recovery key (or read it from standard input, one line)")->excludes(file);
    };
    withKey(add("open", "Open it as /dev/mapper/home, each block checked", open));
    add("close", "Close it", close);
    add("status", "Say whether it is open, what opens it, and how many blocks did not fit", status);
    withKey(add("add-recovery", "Make a recovery key, which opens it when the root is lost", addRecovery));
    add("adopt", "Make it this system's, after the root was made anew: asks for its recovery key", adopt)
        ->add_option("--recovery-file", options->recoveryFile, "Read the recovery key from this file instead");
    auto *recovering = add("recover", "Open it for copying out what can still be read, without any check", recover);
    recovering->add_flag("--read-only", options->readOnly, "Needed: there is no other way");
    withKey(recovering);
}

} // namespace Preon::Ctl
