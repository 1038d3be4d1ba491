// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Lets polkit ask for a password on this terminal, where nothing else would ask: polkit's own pkttyagent, for as long as this lives. Does nothing without a terminal.

#include <sys/types.h>

namespace Preon::Ctl
{

class PasswordAgent
{
public:
    PasswordAgent(); // returns once it is known to polkit, or could not be
    ~PasswordAgent();
    PasswordAgent(const PasswordAgent &) = delete;
    PasswordAgent &operator=(const PasswordAgent &) = delete;

private:
    pid_t m_process = -1;
};

} // namespace Preon::Ctl
