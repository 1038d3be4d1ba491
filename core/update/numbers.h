// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Numbers in settings and names as systemd's parsers read them, which is as strtoull() does and a little more. For core/update only.

#include <cstdint>
#include <optional>
#include <string_view>

namespace Preon::Update
{

enum class NumberProblem { None, Invalid, TooLarge };

// Base 0: a prefix 0x, 0o, 0b or a leading zero names it; base 16 takes 0x too. Blanks before and a plus sign are fine, a minus is TooLarge.
std::optional<std::uint64_t> parseUnsigned(std::string_view text, int base = 0, NumberProblem *problem = nullptr);

// An access mode: octal, at most 07777; blanks before it are fine, a sign is not.
std::optional<std::uint32_t> parseMode(std::string_view text);

} // namespace Preon::Update
