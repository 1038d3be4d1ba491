// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// JSON of strangers, and JSON as systemd prints it. A user record lies on a stick, in a LUKS header and in a home that its user can write: it is read with bounds,
// and what two readers could understand differently (a name twice, a NUL in a text) is refused. The printing is systemd's, byte for byte, because signatures are
// made over it. Pure.

#include "core/base/secret.h"

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace Preon::Home
{

constexpr std::size_t longestRecord = 1U << 20U; // bytes; real ones have some thousand
constexpr unsigned deepestNesting = 16;
constexpr std::size_t mostValues = 65536; // numbers, texts, lists, objects, together

// BadFormat: not JSON, not an object, longer, deeper or more than the above, a name twice in one object, a NUL in a text.
Result<nlohmann::json> parseObject(std::string_view text, std::string_view what);

// As systemd formats a normalized variant: names sorted by their bytes, no blanks, real numbers in scientific notation with all digits of the widest type.
std::string canonical(const nlohmann::json &value);

// A text as JSON has it, quotes included, made and kept in bytes that wipe themselves. The text must be UTF-8 without NUL: BadArgument.
Result<Secret> quoted(const Secret &text);

// Overwrites every text in it.
void wipe(nlohmann::json &value);

} // namespace Preon::Home
