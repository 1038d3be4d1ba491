// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command.h"

#include "core/home/firststart.h"

#include <iostream>

#include <unistd.h>

namespace Preon::Ctl
{

namespace
{

// Also ends one that was cut off when all but its end was done.
Result<void> isNeeded(const Host &host)
{
    PREON_TRY(const Home::FirstStartFacts facts, Home::lookAtFirstStart(host));
    if (Home::isAllButDone(facts) && ::geteuid() == 0)
        PREON_CHECK(Home::noteDone(host));
    if (const auto why = Home::whyNoFirstStart(facts))
        return std::unexpected(*why);
    return {};
}

} // namespace

void addFirstStart(CLI::App &app, Invocation &invocation)
{
    auto *group = app.add_subcommand("first-start", "The greeting of this computer's owner, who makes the first account");
    group->require_subcommand(1);
    auto *needed = group->add_subcommand("needed", "Whether there is nobody yet (exit status 0), or somebody (1)");
    needed->footer("For the unit that shows the greeting before anybody can log in.\n\n"
                   "  ExecCondition=+/usr/bin/preonctl first-start needed");
    needed->callback([&invocation] { invocation.finish(isNeeded(invocation.host)); });
}

} // namespace Preon::Ctl
