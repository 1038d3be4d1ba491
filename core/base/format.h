// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Texts and numbers as people read and write them.

#include <cstdint>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace Preon
{

// Without blanks, tabs and line ends around it; a part of the given text.
std::string_view trimmed(std::string_view text);
std::string_view trimmed(std::string &&text) = delete; // would dangle

std::string lowerCase(std::string_view text); // ASCII letters

std::string formatSize(std::uint64_t bytes); // "8.2 GB": decimal units as on the box, two or three digits
std::string formatBinarySize(std::uint64_t bytes); // "7.6G", as systemd's FORMAT_BYTES prints
std::string formatDuration(std::chrono::seconds seconds); // "4 minutes", "12 seconds"
// systemd's parse_size with base 1024: "512M", "1.5G", "4096"; nullopt when it is none or beyond 64 bits.
std::optional<std::uint64_t> parseSize(std::string_view text);
// systemd's parse_boolean: 1 yes y true t on / 0 no n false f off, any case.
std::optional<bool> parseBoolean(std::string_view text);

} // namespace Preon
