// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command.h"

#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

using namespace Preon;

void Ctl::Invocation::finish(const Result<void> &result, int failure)
{
    if (result)
        return;
    const Error &error = result.error();
    status = failure;
    if (json) {
        const nlohmann::ordered_json object = {{"error", {{"code", errorName(error.code)}, {"what", error.what}, {"why", error.why}, {"todo", error.todo}}}};
        std::cout << object.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    } else {
        std::cerr << error.text() << '\n';
    }
}

int main(int argc, char **argv)
{
    CLI::App app("Looks at, installs and repairs image-based systems.", "preonctl");
    app.set_version_flag("--version", PREON_VERSION);
    app.require_subcommand(1);
    app.fallthrough(false);

    Ctl::Invocation invocation;
    Ctl::addDisks(app, invocation);
    Ctl::addInstall(app, invocation);
    Ctl::addJob(app, invocation);
    Ctl::addImage(app, invocation);
    Ctl::addRepart(app, invocation);
    Ctl::addSysupdate(app, invocation);
    Ctl::addVerity(app, invocation);
    Ctl::addLuks(app, invocation);
    Ctl::addFirstStart(app, invocation);
    Ctl::addUnlock(app, invocation);
    Ctl::addUpdate(app, invocation);
    Ctl::addHome(app, invocation);
    Ctl::addHomeVolume(app, invocation);
    Ctl::addBoot(app, invocation);
    Ctl::addVersion(app, invocation);

    // Under the name of systemd-repart or systemd-sysupdate we are its stand-in: a script or a build tool that calls it needs no change.
    std::vector<std::string> words(argv + 1, argv + argc);
    const std::string name = std::filesystem::path(argv[0]).filename();
    for (const std::string command : {"repart", "sysupdate"}) {
        if (name == "systemd-" + command)
            words.insert(words.begin(), {command, "--stand-in"});
    }
    const bool likeSystemd = !words.empty() && (words.front() == "repart" || words.front() == "sysupdate"); // also in its exit status
    // CLI11 takes the next word for the value of "--option="; systemd's tools take it as empty.
    for (std::string &word : words) {
        if (word.starts_with("--") && word.find('=') == word.size() - 1)
            word += Ctl::emptyValue;
    }
    std::ranges::reverse(words); // CLI11 takes them from the back
    try {
        app.parse(words);
    } catch (const CLI::ParseError &error) {
        const int status = app.exit(error);
        return likeSystemd && status != 0 ? EXIT_FAILURE : status;
    }
    return invocation.status;
}
