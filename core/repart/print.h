// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// A plan as systemd-repart prints it: the JSON that scripts read (equal to the letter) and the table that people read.

#include "core/repart/plan.h"

namespace Preon::Repart
{

// "--json=pretty" (tabs) or "--json=short" (one line); ends with a new line.
std::string toJson(const Plan &plan, bool pretty);
std::string toTable(const Plan &plan, bool legend = true);
// The disk as a bar of that many characters, and which piece is what.
std::string toBar(const Plan &plan, std::size_t columns);

} // namespace Preon::Repart
