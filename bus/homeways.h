// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The ways into a home, changed in the order that systemd-homed needs. It writes all key slots anew at each change of the password, and must be given every password
// and recovery key that shall go on opening the home; so a recovery key is either typed along, or replaced by a new one. A new recovery key is first written into
// the user record, then into the key slots, then tried; where that fails, the record is put back as it was.

#include "bus/homed.h"
#include "core/home/record.h"

#include <optional>

namespace Preon::Bus
{

// What opens the home now; one of them at least.
struct HomeWays {
    std::optional<Secret> password = {}, recoveryKey = {};

    Result<Secret> section() const; // as a secret of systemd-homed's methods
};

struct NewHomeWays {
    const Secret *password = nullptr; // else the old one stays, and must be given
    bool recoveryKey = false; // a new one is made, and is the only one from then on
};

// record: as systemd-homed has it, with its privileged part. Gives the new recovery key, tried out, where one was wished. Without one, and where the home has one, the
// old one must be among the ways: BadRecoveryKey's Error else.
Result<std::optional<Secret>> renewWays(Homed &homed, const Home::Record &record, const HomeWays &before, const NewHomeWays &wish);

} // namespace Preon::Bus
