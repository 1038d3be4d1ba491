// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/base/secret.h"
#include "core/tpm/tpm.h"

inline Preon::Secret text(std::string_view characters)
{
    return Preon::Secret::copyOf(Preon::asBytes(characters));
}

constexpr Preon::Tpm::PcrMask pcr11 = 1U << 11U;
