// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Modhex: bytes as letters that lie at the same place on every keyboard layout with Latin letters (the alphabet of YubiKeys). Recovery keys are written in it,
// so both directions work on Secret.

#include "core/base/secret.h"

#include <optional>

namespace Preon
{

// Two letters a byte, the high half first, lower case.
Secret toModhex(const Secret &data);
// Either case; nullopt when a letter is none of modhex, or the number of letters is odd.
std::optional<Secret> fromModhex(const Secret &text);

} // namespace Preon
