// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// preonctl's commands: one file and one add function each. A command's callback sets the exit status; errors are printed by finish().

#include "core/base/host.h"
#include "core/base/result.h"

#include <CLI/CLI.hpp>

namespace Preon::Ctl
{

// What stands for the value of "--option=" on its way through the parser; commands in which an empty value means something turn it back.
constexpr char emptyValue = '\x01';

struct Invocation {
    Host host;
    int status = 0;
    bool json = false; // this command was asked for JSON

    // Prints the error (text to standard error; with json an object {"error":{code,what,why,todo}} to standard output) and sets the status.
    void finish(const Result<void> &result, int failure = 1);
};

void addVersion(CLI::App &app, Invocation &invocation);
void addDisks(CLI::App &app, Invocation &invocation);
void addRepart(CLI::App &app, Invocation &invocation);
void addSysupdate(CLI::App &app, Invocation &invocation);
void addInstall(CLI::App &app, Invocation &invocation);
void addJob(CLI::App &app, Invocation &invocation);
void addImage(CLI::App &app, Invocation &invocation);
void addVerity(CLI::App &app, Invocation &invocation);
void addVerityFormat(CLI::App &verity, Invocation &invocation);
void addVeritySign(CLI::App &verity, Invocation &invocation);
void addBoot(CLI::App &app, Invocation &invocation);
void addBootAssessment(CLI::App &boot, Invocation &invocation);
void addBootOwner(CLI::App &boot, Invocation &invocation);
void addBootInitrd(CLI::App &boot, Invocation &invocation);
void addFirstStart(CLI::App &app, Invocation &invocation);
void addHome(CLI::App &app, Invocation &invocation);
void addHomeAdopt(CLI::App &home, Invocation &invocation);
void addHomeVolume(CLI::App &app, Invocation &invocation);
void addLuks(CLI::App &app, Invocation &invocation);
void addLuksKeys(CLI::App &luks, Invocation &invocation);
void addUnlock(CLI::App &app, Invocation &invocation);
void addUpdate(CLI::App &app, Invocation &invocation);
void addUpdateAutomatic(CLI::App &update, Invocation &invocation);

} // namespace Preon::Ctl
