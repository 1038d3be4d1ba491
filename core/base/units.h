// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>

namespace Preon
{

constexpr std::uint64_t mebibyte = 1U << 20U, gibibyte = 1U << 30U; // bytes

} // namespace Preon
