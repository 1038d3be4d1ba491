// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command.h"
#include "apps/ctl/progress.h"
#include "apps/ctl/secrets.h"

#include "bus/adopting.h"
#include "core/base/format.h"

#include <algorithm>
#include <format>
#include <iostream>
#include <memory>

#include <grp.h>
#include <unistd.h>

namespace Preon::Ctl
{

namespace
{
using Json = nlohmann::ordered_json;

struct AdoptOptions {
    std::string name, passwordFile;
    std::vector<std::string> groups;
    bool list = false, dryRun = false, json = false;

    void print(const Json &object, const std::string &text) const
    {
        std::cout << (json ? object.dump(2, ' ', false, Json::error_handler_t::replace) : text) << '\n';
    }
};

void listFound(const AdoptOptions &options, const Host &host)
{
    Json array = Json::array();
    std::string text;
    for (const Home::FoundHome &home : Home::foundHomes(host)) {
        array.push_back({{"userName", home.userName}, {"storage", home.storage}, {"size", home.size}, {"path", home.path}});
        text += std::format("{:<16}  {:<9}  {:>8}  {}\n", home.userName, home.storage, home.size > 0 ? formatSize(home.size) : "", home.path);
    }
    if (text.empty())
        text = "There are no homes in /home that this system does not know.\n";
    options.print(array, text.substr(0, text.size() - 1));
}

Result<void> adopt(const AdoptOptions &options, const Host &host)
{
    // Others may not look into a home, nor at the keys.
    if (::geteuid() != 0)
        return fail(ErrorCode::Permission, "Only an administrator can adopt homes", {}, "Use: sudo preonctl home adopt.");
    if (options.list) {
        listFound(options, host);
        return {};
    }
    if (options.name.empty())
        return fail(ErrorCode::BadArgument, "Whose home is to be adopted was not said", {},
                    "Say its name; \"preonctl home adopt --list\" shows those that there are.");
    for (const std::string &group : options.groups) {
        if (!::getgrnam(group.c_str()))
            return fail(ErrorCode::NotFound, "There is no group " + group, {}, "See \"getent group\".");
    }
    PREON_CHECK(Home::foundHome(host, options.name)); // before anything is asked
    PREON_TRY(const Secret password,
              options.passwordFile.empty() ? askSecret("Password of " + options.name + ", as it was") : readSecretLine(options.passwordFile));
    PREON_TRY(Bus::Homed homed, Bus::Homed::open(Bus::Homed::Asking::Nobody));
    PREON_TRY(const Home::Adoption plan, Bus::planAdoption(homed, host, options.name, password, options.groups));
    Json object = Home::toJson(plan);
    object["adopted"] = !options.dryRun;
    if (options.dryRun) {
        options.print(object, Home::toText(plan));
        return {};
    }
    LogProgress told;
    PREON_CHECK(Bus::adopt(plan, host, password, told));
    if (!options.json)
        std::cerr << Home::toText(plan) << '\n';
    options.print(object, options.name + " can log in with the password that they always had.");
    return {};
}
}

void addHomeAdopt(CLI::App &home, Invocation &invocation)
{
    auto options = std::make_shared<AdoptOptions>();
    auto *command = home.add_subcommand("adopt", "Let somebody back into the home that they had before this system was installed anew");
    command->add_option("USER", options->name, "The user name, as in /home/USER.home");
    command->add_flag("--list", options->list, "Show the homes in /home that this system does not know");
    command->add_option("--group", options->groups, "A group to be in; may be said several times (those of before do not count)");
    command->add_option("--password-file", options->passwordFile,
                        "Read the password, or the home's recovery key, from this file (one line; /dev/fd/N for a descriptor)");
    command->add_flag("--dry-run", options->dryRun, "Open the home, show what would hold and what not; change nothing");
    command->add_flag("--json", options->json, "Print an object, or a list of them");
    command->footer("Whoever can open the home is its owner. Its user record is made out anew for this system; it gives no rights: groups are said here.\n"
                    "The picture is chosen anew. Nothing in the home changes. systemd-homed is started anew; homes that are open stay so.\n\n"
                    "  preonctl home adopt --list\n"
                    "  preonctl home adopt anna --group sudo\n"
                    "  preonctl home adopt anna --dry-run");
    command->callback([options, &invocation] {
        invocation.json = options->json;
        invocation.finish(adopt(*options, invocation.host));
    });
}

} // namespace Preon::Ctl
