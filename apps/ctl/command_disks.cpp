// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command.h"

namespace Preon::Ctl
{

void addDisks(CLI::App &app, Invocation &)
{
    app.add_subcommand("disks", "List the disks of this machine");
}

} // namespace Preon::Ctl
