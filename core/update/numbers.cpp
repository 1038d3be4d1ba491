// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/update/numbers.h"

#include <charconv>

namespace Preon::Update
{

namespace
{
std::string_view withoutBlanksBefore(std::string_view text)
{
    const std::size_t begin = text.find_first_not_of(" \t\n\r");
    return begin == std::string_view::npos ? std::string_view() : text.substr(begin);
}

bool hasPrefix(std::string_view text, char letter)
{
    return text.size() > 2 && text[0] == '0' && (text[1] | 0x20) == letter;
}

// What the beginning says of the base, and is no digit.
int takeBase(std::string_view &text, int base)
{
    if ((base == 0 || base == 16) && hasPrefix(text, 'x')) {
        text.remove_prefix(2);
        return 16;
    }
    if (base != 0)
        return base;
    for (const auto &[letter, named] : {std::pair('o', 8), std::pair('b', 2)}) {
        // Of these two systemd knows the lower case only.
        if (hasPrefix(text, letter) && text[1] == letter) {
            text.remove_prefix(2);
            return named;
        }
    }
    return text.size() > 1 && text.front() == '0' ? 8 : 10;
}
}

std::optional<std::uint64_t> parseUnsigned(std::string_view text, int base, NumberProblem *problem)
{
    NumberProblem ignored{};
    NumberProblem &why = problem ? *problem : ignored;
    why = NumberProblem::Invalid;
    text = withoutBlanksBefore(text);
    const bool minus = text.starts_with('-');
    if (minus || text.starts_with('+'))
        text.remove_prefix(1);
    base = takeBase(text, base);
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (text.empty() || end != text.data() + text.size() || error == std::errc::invalid_argument)
        return std::nullopt;
    why = NumberProblem::TooLarge;
    if (error != std::errc() || (minus && value != 0))
        return std::nullopt;
    why = NumberProblem::None;
    return value;
}

std::optional<std::uint32_t> parseMode(std::string_view text)
{
    constexpr std::uint32_t everyBit = 07777;
    text = withoutBlanksBefore(text);
    if (text.starts_with('-') || text.starts_with('+'))
        return std::nullopt;
    const auto mode = parseUnsigned(text, 8);
    if (!mode || *mode > everyBit)
        return std::nullopt;
    return static_cast<std::uint32_t>(*mode);
}

} // namespace Preon::Update
