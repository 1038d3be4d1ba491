// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The attribute bits of a GPT entry that definitions speak of (UAPI.2).

#include <cstdint>

namespace Preon::Repart
{

constexpr std::uint64_t growFlag = 1ULL << 59U;
constexpr std::uint64_t readOnlyFlag = 1ULL << 60U;
constexpr std::uint64_t noAutoFlag = 1ULL << 63U;
// The bits that belong to the type; libfdisk spells the others in words and systemd-repart does not: where one of them is set, it sets none.
constexpr std::uint64_t typeFlags = ~((1ULL << 48U) - 1);

constexpr std::uint64_t settableFlags(std::uint64_t flags)
{
    return (flags & ~typeFlags) != 0 ? 0 : flags;
}

} // namespace Preon::Repart
