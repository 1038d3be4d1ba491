// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What speaks for or against updating right now: the connection (NetworkManager), the battery (UPower), who else is logged in (systemd-logind). Each
// is asked once and shortly; who is not there or does not answer in time says nothing, and that is no error. Starts no service.

#include <cstdint>

namespace Preon::Bus
{

struct Surroundings {
    bool online = true; // false only where NetworkManager says so
    bool metered = false; // every byte may cost; NetworkManager's guesses count
    bool onBattery = false;
    int percent = -1; // of the battery, 0 … 100; -1: not known, or there is none
    bool idle = true; // nobody has touched keyboard or mouse for a while in any session, or there is none
    std::uint32_t others = 0; // people with a session, but that user
};

// Takes at most some seconds, where everything hangs; for threads that may wait.
Surroundings lookAround(std::uint32_t user);

} // namespace Preon::Bus
