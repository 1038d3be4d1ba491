// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command.h"

namespace Preon::Ctl
{

void addImage(CLI::App &app, Invocation &)
{
    app.add_subcommand("image", "Look into operating system images");
}

} // namespace Preon::Ctl
