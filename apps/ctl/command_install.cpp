// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command.h"

namespace Preon::Ctl
{

void addInstall(CLI::App &app, Invocation &)
{
    app.add_subcommand("install", "Install an operating system on a disk");
}

} // namespace Preon::Ctl
