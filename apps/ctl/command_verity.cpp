// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command.h"

namespace Preon::Ctl
{

void addVerity(CLI::App &app, Invocation &)
{
    app.add_subcommand("verity", "Check data against its hash tree");
}

} // namespace Preon::Ctl
