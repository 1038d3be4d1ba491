// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Errors on their way to D-Bus: org.preon.Error.NoSpace, with the whole error as a JSON object for its message (helper/interfaces/org.preon.Helper1.xml).

#include "core/base/result.h"

#include <sdbus-c++/Error.h>

namespace Preon::Helper
{

sdbus::Error toDBus(const Error &error);

// Core throws nothing; what the standard library throws (no memory left) is an error like others and ends nothing but that work.
template<typename Work>
auto withoutExceptions(Work &&work) -> decltype(work())
{
    try {
        return work();
    } catch (const std::exception &error) {
        return fail(ErrorCode::Io, "The work was given up", error.what());
    }
}

} // namespace Preon::Helper
