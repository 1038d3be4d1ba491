// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What the helper's interfaces share. Everything here belongs to the loop's thread, but what is said to be constant.

#include "core/base/host.h"
#include "helper/authority.h"
#include "helper/worker.h"

#include <filesystem>

namespace Preon::Helper
{

constexpr auto objectPath = "/org/preon/Helper1";

// Virtual disks in a folder instead of the machine's, for developers and tests. Only by the program's own start options, never as root.
struct Sandbox {
    std::filesystem::path folder; // its *.raw are the disks
    std::filesystem::path image; // is installed
    std::filesystem::path fetcher; // in the place of the installed preon-fetch; empty: that one
};

struct Settings {
    Host host;
    std::optional<Sandbox> sandbox;
    std::string session; // "live", "installed", "sandbox"
};

struct Service {
    const Settings &settings;
    Loop &loop;
    sdbus::IConnection &connection;
    Callers &callers;
    Authority &authority;
    Worker &worker;
};

// Who calls the method that an object is at.
std::string callerOf(const sdbus::IObject &object);
Call callOf(const sdbus::IObject &object);
// The message that is being answered carries a secret: its memory is wiped when it goes.
void wipeWhenDone(const sdbus::IObject &object);

} // namespace Preon::Helper
