// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The system that runs now, told of settings that it otherwise reads at its next start only: so that the session which comes next has them already.

#include "core/base/result.h"

#include <string>

namespace Preon::Bus
{

// The name of this computer (org.freedesktop.hostname1, which writes it to /etc/hostname too). To be called before the file is written by anybody else: systemd-hostnamed
// does nothing where the file says so already. Empty: the one that the system has by itself.
Result<void> nameComputer(const std::string &hostname);

// LANG of all that systemd starts from now on (Manager.SetEnvironment, org.freedesktop.systemd1(5)). locale: "de_DE.UTF-8"; empty: none.
Result<void> speak(const std::string &locale);

// systemd-homed, started anew (Manager.RestartUnit), which is when it reads its keys and records. Homes that are open stay so. Returns once that is under way: whoever asks
// systemd-homed something then waits until it answers.
Result<void> restartHomed();

} // namespace Preon::Bus
