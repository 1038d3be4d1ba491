// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command.h"

namespace Preon::Ctl
{

void addBoot(CLI::App &app, Invocation &)
{
    app.add_subcommand("boot", "Boot entries and the boot process");
}

} // namespace Preon::Ctl
