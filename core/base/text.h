// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Bytes that are to be text.

#include <string>
#include <string_view>

namespace Preon
{

// Well-formed UTF-8, NUL included.
bool isUtf8(std::string_view text);

// Somebody else's words as plain text of several lines: line ends as here, without control characters but new lines and tabs, without blanks at its end. Empty where
// it is no UTF-8.
std::string readableText(std::string_view text);

} // namespace Preon
