// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// A home of an earlier system (core/home/adopt.h), adopted with the running systemd-homed: it is told which UID it gives to the home, started anew so that it reads the new record, and has
// to open the home by it. Where it does not, all is as it was.

#include "bus/homed.h"
#include "core/base/progress.h"
#include "core/home/adopt.h"

namespace Preon::Bus
{

// The record opened and a plan made of it, with nothing changed. Errors of Home::openHome, Home::planAdoption and of systemd-homed.
Result<Home::Adoption> planAdoption(Homed &homed, const Host &host, const std::string &userName, const Secret &passwordOrKey,
                                    const std::vector<std::string> &groups);

// The account is there when it returns, and opens by that password.
Result<void> adopt(const Home::Adoption &plan, const Host &host, const Secret &passwordOrKey, Progress &progress);

} // namespace Preon::Bus
