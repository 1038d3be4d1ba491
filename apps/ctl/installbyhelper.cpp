// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/helperclient.h"
#include "apps/ctl/installing.h"
#include "apps/ctl/passwordagent.h"
#include "apps/ctl/progress.h"
#include "apps/ctl/secrets.h"

#include <iostream>

#include <sdbus-c++/Types.h>

namespace Preon::Ctl
{

namespace
{

Result<nlohmann::ordered_json> diskAt(HelperClient &helper, const std::string &target)
{
    std::error_code error;
    const auto path = std::filesystem::canonical(target, error);
    PREON_TRY(const nlohmann::ordered_json disks, helper.disks());
    for (const auto &disk : disks) {
        if (const std::string device = disk.value("device", ""); device == target || device == path)
            return disk;
    }
    return fail(ErrorCode::NotFound, "Preon's helper knows no disk " + target, {},
                "See \"preonctl disks\". The disk that the system runs from is not among those to install to.");
}

} // namespace

Result<void> installByHelper(const InstallOptions &options)
{
    if (options.source != "booted")
        return fail(ErrorCode::BadArgument, "Preon's helper installs the system that is running", "an image file was named",
                    "Say --source=booted, or run this as root.");
    std::map<std::string, sdbus::Variant> wishes{{"allow-removable", sdbus::Variant(options.allowRemovable)},
                                                 {"prepare-secure-boot", sdbus::Variant(options.prepareSecureBoot)}};
    for (const auto &[name, value] : options.choices) {
        if (!value.empty())
            wishes.emplace(name, sdbus::Variant(value));
    }
    if (!options.wifiFrom.empty()) {
        PREON_TRY(const Secret line, readSecretLine(options.wifiFrom));
        wishes.emplace("wifi", sdbus::Variant(std::string(line.chars(), line.size())));
    }
    PREON_TRY(HelperClient helper, HelperClient::open());
    const PasswordAgent agent;
    PREON_TRY(const nlohmann::ordered_json disk, diskAt(helper, options.target));
    PREON_TRY(const HelperClient::Plan plan, helper.plan(disk.value("token", ""), options.mode, wishes));
    nlohmann::ordered_json json = plan.json;
    const std::string text = json.value("text", "");
    json.erase("text");
    if (options.dryRun && options.json)
        std::cout << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    else
        (options.json ? std::cerr : std::cout) << text << std::flush;
    if (options.dryRun)
        return {};
    const std::string name = disk.value("name", "").empty() ? options.target : disk.value("name", "");
    if (!options.yes)
        PREON_CHECK(askForConsent(options.target, Install::parseMode(options.mode).value_or(Install::Mode::Erase), name));

    const auto began = Clock::now();
    PREON_TRY(const std::string job, helper.apply(plan.id));
    auto outcome = [&] {
        TerminalProgress progress;
        return helper.follow(job, progress);
    }();
    // Seen to its end here; who else looks on has seen it too. A record that stays is no harm.
    static_cast<void>(helper.forget(job));
    if (!outcome)
        return std::unexpected(outcome.error());
    if (options.json)
        printWithResult(std::move(json), std::move(*outcome), Clock::now() - began);
    else
        sayWhatCame(*outcome, json.value("source", nlohmann::ordered_json::object()).value("title", ""), false, Clock::now() - began);
    return {};
}

} // namespace Preon::Ctl
