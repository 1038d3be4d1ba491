// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command.h"
#include "apps/ctl/passwordagent.h"
#include "apps/ctl/secrets.h"

#include "bus/homeways.h"
#include "core/base/fd.h"
#include "core/base/format.h"
#include "core/home/account.h"
#include "core/luks/recovery.h"

#include <algorithm>
#include <format>
#include <iostream>
#include <memory>
#include <optional>

#include <grp.h>
#include <unistd.h>

namespace Preon::Ctl
{

namespace
{
using Json = nlohmann::ordered_json;

constexpr std::size_t largestPicture = 512U << 10U; // bytes

struct HomeOptions {
    Home::AccountWish wish; // its userName is the account that is meant
    std::string size, pictureFile, passwordFile, newPasswordFile, recoveryFile;
    bool withRecoveryKey = false, recovery = false, newRecoveryKey = false, yes = false, dryRun = false, json = false;

    const std::string &name() const
    {
        return wish.userName;
    }
    void print(const Json &object, const std::string &text) const
    {
        std::cout << (json ? object.dump(2, ' ', false, Json::error_handler_t::replace) : text) << '\n';
    }
};

// systemd-homed asks polkit itself; of root it asks nothing.
Result<Bus::Homed> openHomed()
{
    return Bus::Homed::open(::geteuid() == 0 ? Bus::Homed::Asking::Nobody : Bus::Homed::Asking::Person);
}

Result<Home::Record> recordOf(Bus::Homed &homed, const std::string &name)
{
    PREON_TRY(const Bus::Homed::UserRecord found, homed.record(name));
    return Home::Record::parse(found.json);
}

std::string machineId(const Host &host)
{
    const auto id = host.machineId();
    return id ? id->hex() : std::string();
}

// What a person calls the account while being asked.
std::string of(const HomeOptions &options)
{
    return " of " + options.name();
}

Result<Secret> oldPassword(const HomeOptions &options)
{
    return options.passwordFile.empty() ? askSecret("Password" + of(options)) : readSecretLine(options.passwordFile);
}

Result<Secret> recoveryKey(const HomeOptions &options)
{
    PREON_TRY(const Secret typed, options.recoveryFile.empty() ? askSecret("Recovery key" + of(options)) : readSecretLine(options.recoveryFile));
    std::optional<Secret> key = Luks::recoveryKeyFrom(typed);
    if (!key)
        return fail(ErrorCode::BadArgument, "That is no recovery key", "one has eight groups of eight letters", "Type all of it; the dashes may be left out.");
    return std::move(*key);
}

// Each key is shown once and kept nowhere.
void showKey(const HomeOptions &options, Json object, const std::string &text, const Secret &key)
{
    const std::string letters(key.chars(), key.size());
    if (!options.json)
        std::cerr << text << "\nThis recovery key opens the home of " << options.name()
                  << " when the password is forgotten. Write it down and keep it away from this computer; it is not shown again:\n";
    object["recoveryKey"] = letters;
    options.print(object, letters);
}

Result<void> listAccounts(const HomeOptions &options, const Host &host)
{
    PREON_TRY(Bus::Homed homed, openHomed());
    PREON_TRY(const std::vector<Bus::Homed::Home> homes, homed.list());
    Json array = Json::array();
    const std::string machine = machineId(host);
    for (const Bus::Homed::Home &home : homes) {
        PREON_TRY(const Home::Record record, recordOf(homed, home.userName));
        Json object = {{"userName", home.userName},
                       {"realName", home.realName},
                       {"uid", home.uid},
                       {"state", home.state},
                       {"home", home.homeDirectory},
                       {"storage", record.storage(machine)},
                       {"recoveryKeys", record.recoveryKeys()}};
        if (const auto size = record.diskSize(machine))
            object["size"] = *size;
        array.push_back(object);
        if (!options.json)
            std::cout << std::format("{:<16}  {:<10}  {:<9}  {:>8}  {}  {}\n", home.userName, home.state, record.storage(machine),
                                     object.contains("size") ? formatSize(object["size"]) : "", record.recoveryKeys() > 0 ? "recovery key" : "            ",
                                     home.realName);
    }
    if (options.json)
        std::cout << array.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
    else if (homes.empty())
        std::cout << "There are no accounts of systemd-homed.\n";
    return {};
}

Result<Home::AccountPlan> planned(const HomeOptions &options, const Host &host, Bus::Homed &homed)
{
    PREON_TRY(const std::vector<Bus::Homed::Home> homes, homed.list());
    std::vector<Home::Record> records;
    for (const Bus::Homed::Home &home : homes) {
        PREON_TRY(Home::Record record, recordOf(homed, home.userName));
        records.push_back(std::move(record));
    }
    for (const std::string &group : options.wish.memberOf) {
        if (!::getgrnam(group.c_str()))
            return fail(ErrorCode::NotFound, "There is no group " + group, {}, "See \"getent group\".");
    }
    Home::AccountWish wish = options.wish;
    if (!options.size.empty()) {
        wish.diskSize = parseSize(options.size);
        if (!wish.diskSize)
            return fail(ErrorCode::BadArgument, "\"" + options.size + "\" is no size", {}, "Write it as 20G or 500M.");
    }
    PREON_TRY(const Home::AccountFacts facts, Home::readAccountFacts(host, wish.userName, records));
    return Home::planAccount(facts, wish);
}

Result<void> create(const HomeOptions &options, const Host &host)
{
    PREON_TRY(Bus::Homed homed, openHomed());
    PREON_TRY(const Home::AccountPlan plan, planned(options, host, homed));
    if (options.dryRun) {
        options.print(Home::toJson(plan), Home::toText(plan));
        return {};
    }
    PREON_TRY(const Secret password, options.passwordFile.empty() ? askNewSecret("Password for " + options.name()) : readSecretLine(options.passwordFile));
    std::optional<Secret> key;
    if (options.withRecoveryKey) {
        PREON_TRY(key, Luks::makeRecoveryKey());
    }
    PREON_TRY(const Secret request, Home::accountRequest(plan, password, key ? &*key : nullptr));
    Bytes picture;
    if (!options.pictureFile.empty()) {
        PREON_TRY(picture, readFile(options.pictureFile, largestPicture));
    }
    const PasswordAgent agent;
    PREON_CHECK(homed.create(request, options.name(), picture));
    const Json object = {{"userName", options.name()}, {"storage", plan.record.storage(plan.machineId)}};
    const std::string text = "The account " + options.name() + " is made.";
    if (key)
        showKey(options, object, text, *key);
    else
        options.print(object, text + " No recovery key opens its home: were the password forgotten, nothing could. See \"preonctl home recovery-key\".");
    return {};
}

// Sees to it that what systemd-homed needs for writing the key slots anew is there: the recovery key as well, or leave to replace it.
Result<bool> decideNewKey(const HomeOptions &options, const Home::Record &record, std::optional<Secret> &key)
{
    if (record.recoveryKeys() == 0 || key || options.newRecoveryKey)
        return options.newRecoveryKey;
    if (::isatty(STDIN_FILENO) == 1 && options.passwordFile.empty()) {
        PREON_TRY(const Secret typed, askSecret("Recovery key" + of(options) + " (leave it empty, and a new one is made)"));
        if (typed.empty())
            return true;
        key = Luks::recoveryKeyFrom(typed);
        if (key)
            return false;
        return fail(ErrorCode::BadArgument, "That is no recovery key", "one has eight groups of eight letters", "Type all of it; the dashes may be left out.");
    }
    return fail(ErrorCode::BadArgument, "The recovery key" + of(options) + " is needed",
                "all key slots are written anew with the password, and its own needs it",
                "Say --recovery-key-file with it, or --new-recovery-key to have a new one in its place.");
}

Result<void> passwd(const HomeOptions &options, const Host &)
{
    PREON_TRY(Bus::Homed homed, openHomed());
    PREON_TRY(const Home::Record record, recordOf(homed, options.name()));
    Bus::HomeWays before;
    if (options.recovery || !options.recoveryFile.empty()) {
        PREON_TRY(before.recoveryKey, recoveryKey(options));
    }
    if (!before.recoveryKey || !options.passwordFile.empty()) {
        PREON_TRY(before.password, oldPassword(options));
    }
    PREON_TRY(const bool newKey, decideNewKey(options, record, before.recoveryKey));
    PREON_TRY(const Secret password,
              options.newPasswordFile.empty() ? askNewSecret("New password for " + options.name()) : readSecretLine(options.newPasswordFile));
    const PasswordAgent agent;
    PREON_TRY(const std::optional<Secret> key, Bus::renewWays(homed, record, before, {.password = &password, .recoveryKey = newKey}));
    const Json object = {{"userName", options.name()}, {"changed", "password"}};
    const std::string text = "The password of " + options.name() + " is changed.";
    if (key)
        showKey(options, object, text + " The old recovery key opens nothing any more.", *key);
    else
        options.print(object, text);
    return {};
}

Result<void> makeRecoveryKey(const HomeOptions &options, const Host &)
{
    PREON_TRY(Bus::Homed homed, openHomed());
    PREON_TRY(const Home::Record record, recordOf(homed, options.name()));
    Bus::HomeWays before;
    PREON_TRY(before.password, oldPassword(options));
    const PasswordAgent agent;
    PREON_TRY(const std::optional<Secret> key, Bus::renewWays(homed, record, before, {.password = nullptr, .recoveryKey = true}));
    showKey(options, {{"userName", options.name()}},
            record.recoveryKeys() > 0 ? "The old recovery key opens nothing any more." : "The home has a recovery key now.", *key);
    return {};
}

Result<void> remove(const HomeOptions &options, const Host &host)
{
    PREON_TRY(Bus::Homed homed, openHomed());
    PREON_TRY(const Home::Record record, recordOf(homed, options.name()));
    const std::string image = record.imagePath(machineId(host));
    const std::string what = options.name() + " (" + record.realName() + ") and all files in its home" + (image.empty() ? "" : ", " + image);
    if (options.dryRun) {
        options.print({{"userName", options.name()}, {"removes", image}}, "Would remove " + what + ".");
        return {};
    }
    if (!options.yes) {
        if (::isatty(STDIN_FILENO) != 1)
            return fail(ErrorCode::BadArgument, "Nobody can be asked whether to remove " + what, {}, "Say --yes.");
        std::cerr << "This removes " << what << ". It cannot be taken back.\nType the user name to go on: " << std::flush;
        std::string typed;
        std::getline(std::cin, typed);
        if (typed != options.name())
            return fail(ErrorCode::Cancelled, "Nothing was removed", "another name was typed");
    }
    const PasswordAgent agent;
    PREON_CHECK(homed.remove(options.name()));
    options.print({{"userName", options.name()}, {"removed", true}}, "The account " + options.name() + " and its home are removed.");
    return {};
}

void addCreating(CLI::App *command, const std::shared_ptr<HomeOptions> &options)
{
    Home::AccountWish &wish = options->wish;
    command->add_option("--real-name", wish.realName, "What the person is called");
    command->add_option("--group", wish.memberOf, "A group to be in; may be said several times");
    command->add_option("--storage", wish.storage, "luks (encrypted), directory or subvolume (not encrypted)")->capture_default_str();
    command->add_option("--file-system", wish.fileSystem, "Inside an encrypted home: btrfs, ext4 or xfs")->capture_default_str();
    command->add_option("--size", options->size, "Of an encrypted home, as 20G (default: most of what is free; see --dry-run)");
    command->add_option("--language", wish.language, "A locale, as de_DE.UTF-8 (default: the system's)");
    command->add_option("--time-zone", wish.timeZone, "As Europe/Berlin (default: the system's)");
    command->add_option("--shell", wish.shell, "The path of a shell (default: the system's)");
    command->add_option("--password-hint", wish.passwordHint, "Everybody at this computer may see it");
    command->add_flag("--any-password", wish.takesAnyPassword, "Take a password that is weak");
    command->add_option("--password-file", options->passwordFile, "Read the password from this file (one line; /dev/fd/N for a descriptor)");
    command->add_option("--picture", options->pictureFile, "A PNG or JPEG file of at most 512 KiB that shows the person");
    command->add_flag("--recovery-key", options->withRecoveryKey, "Make a recovery key too, and show it once");
    command->add_flag("--dry-run", options->dryRun, "Show what would be made, and why; ask nothing");
    command->footer("  preonctl home create zoe --real-name \"Zoë Ångström\" --group sudo --recovery-key\n"
                    "  preonctl home create zoe --size 40G --dry-run");
}

void addChanging(CLI::App *command, const std::shared_ptr<HomeOptions> &options)
{
    command->add_option("--password-file", options->passwordFile, "Read the old password from this file (one line; /dev/fd/N for a descriptor)");
    auto *recovery = command->add_flag("--recovery", options->recovery, "The password is forgotten: ask for the recovery key instead");
    command->add_option("--recovery-key-file", options->recoveryFile, "Read the recovery key from this file")->excludes(recovery);
    command->add_option("--new-password-file", options->newPasswordFile, "Read the new password from this file");
    command->add_flag("--new-recovery-key", options->newRecoveryKey, "Replace the recovery key, and show the new one once");
    command->footer("A home that has a recovery key needs it along with the password, or gets a new one: all of its key slots are written anew.\n\n"
                    "  preonctl home passwd zoe\n"
                    "  preonctl home passwd zoe --recovery          the password is forgotten");
}
}

void addHome(CLI::App &app, Invocation &invocation)
{
    auto *home = app.add_subcommand("home", "Accounts with a home of their own, encrypted by the password (systemd-homed)")->require_subcommand(1);
    home->footer("  preonctl home list\n"
                 "  preonctl home create zoe --real-name \"Zoë Ångström\" --recovery-key\n"
                 "  preonctl home passwd zoe\n"
                 "  preonctl home adopt --list                   homes from before this system was installed anew");
    const auto add = [&](const char *name, const char *description, bool named, auto step) {
        auto options = std::make_shared<HomeOptions>();
        auto *command = home->add_subcommand(name, description);
        if (named)
            command->add_option("USER", options->wish.userName, "The user name")->required();
        command->add_flag("--json", options->json, "Print an object, or a list of them");
        command->callback([options, &invocation, step] {
            invocation.json = options->json;
            invocation.finish(step(*options, invocation.host));
        });
        return std::pair(command, options);
    };
    add("list", "The accounts, and whether a recovery key opens their homes", false, listAccounts);
    const auto [creating, wishes] = add("create", "Make an account with a home", true, create);
    addCreating(creating, wishes);
    const auto [changing, ways] = add("passwd", "Change the password, by the old one or by the recovery key", true, passwd);
    addChanging(changing, ways);
    const auto [renewing, password] = add("recovery-key", "Make a recovery key, instead of the one that there is, and show it once", true, makeRecoveryKey);
    renewing->add_option("--password-file", password->passwordFile, "Read the password from this file (one line; /dev/fd/N for a descriptor)");
    const auto [removing, account] = add("remove", "Remove an account and all files in its home", true, remove);
    removing->add_flag("--yes", account->yes, "Do not ask");
    removing->add_flag("--dry-run", account->dryRun, "Show what would be removed");
    addHomeAdopt(*home, invocation);
}

} // namespace Preon::Ctl
