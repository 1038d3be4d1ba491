// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// `preonctl sysupdate`, shared by the files that make it up: its words, and what they mean.

#include "apps/ctl/command.h"

#include "core/update/acquire.h"
#include "core/update/instance.h"
#include "core/update/print.h"

namespace Preon::Ctl
{

// As written; empty: not given.
struct SysupdateOptions {
    std::string verb, argument;
    std::vector<std::string> tooMany;
    std::string component, definitions, root, image, imagePolicy, instancesMax, sync, verify, json, transferSource;
    std::string fetcher = Fetch::installedProgram;
    bool reboot = false, offline = false, noPager = false, noLegend = false, version = false;
    bool standIn = false; // called by systemd-sysupdate's name
};

// What the words on the command line mean.
struct SysupdateRequest {
    Update::Places places;
    std::vector<std::filesystem::path> folders; // of definitions
    std::optional<Update::JsonStyle> json;
    std::optional<std::uint64_t> instancesMax;
    std::optional<bool> verify;
    std::set<std::string> kept; // versions that this machine stands on
    Update::Fetching fetching;
    bool legend = true;
    bool elsewhere = false; // --root=, --image=
};

Result<SysupdateRequest> understandSysupdate(const SysupdateOptions &options, const Host &host);

// Where the EFI partition and the extended boot partition are mounted below the root ($SYSTEMD_ESP_PATH and $SYSTEMD_XBOOTLDR_PATH count first); empty where there
// is none.
void findBootPlaces(Update::Places &places);

// IMAGE_VERSION= of os-release; empty where it has none.
std::string bootedVersion(const Host &host);

} // namespace Preon::Ctl
