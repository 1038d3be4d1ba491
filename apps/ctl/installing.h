// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What "preonctl install" says and asks, whether it works on the disk itself (command_install.cpp) or lets the helper do it (installbyhelper.cpp).

#include "core/install/plan.h"

#include <chrono>
#include <map>
#include <string>

namespace Preon::Ctl
{

using Clock = std::chrono::steady_clock;

struct InstallOptions {
    std::string source = "booted", target, mode;
    bool dryRun = false, json = false, yes = false, allowRemovable = false, prepareSecureBoot = false, byHelper = false;
    std::string wifiFrom; // a file: what Install::parseWirelessNetwork() takes
    std::map<std::string, std::string> choices; // by the names of Install::setChoice()
};

// The disk is one that the helper lists by that path; NotFound else. The source is the system that runs: the helper knows no other.
Result<void> installByHelper(const InstallOptions &options);

// The person has read the plan and says so. Nobody to ask means no. name: of the target, as a person knows it.
Result<void> askForConsent(const std::filesystem::path &target, Install::Mode mode, const std::string &name);

// outcome: as Install::toJson() has it. system: its title.
void sayWhatCame(const nlohmann::ordered_json &outcome, const std::string &system, bool isFile, Clock::duration took);
void printWithResult(nlohmann::ordered_json plan, nlohmann::ordered_json outcome, Clock::duration took);

} // namespace Preon::Ctl
