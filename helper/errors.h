// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Errors on their way to D-Bus: org.preon.Error.NoSpace, with the whole error as a JSON object for its message (helper/interfaces/org.preon.Helper1.xml).

#include "core/base/result.h"

#include <sdbus-c++/Error.h>

namespace Preon::Helper
{

sdbus::Error toDBus(const Error &error);

} // namespace Preon::Helper
