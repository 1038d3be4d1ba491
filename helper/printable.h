// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Words that came from a disk (its model, the name of a partition) on their way to D-Bus, which drops a whole message for one byte that is no text.

#include <string>
#include <string_view>

namespace Preon::Helper
{

constexpr std::size_t longestWords = 1024; // bytes

// No longer than that, never cut within a character; what is no UTF-8, a control character or a noncharacter of Unicode becomes U+FFFD.
std::string printable(std::string_view words, std::size_t longest = longestWords);

} // namespace Preon::Helper
