// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "core/base/fd.h"

inline Preon::Bytes joined(Preon::Bytes all, const Preon::Bytes &more)
{
    all.insert(all.end(), more.begin(), more.end());
    return all;
}
