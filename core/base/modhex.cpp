// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/base/modhex.h"

#include <string_view>

namespace Preon
{

namespace
{
constexpr std::string_view alphabet = "cbdefghijklnrtuv";
}

Secret toModhex(const Secret &data)
{
    Secret text(data.size() * 2);
    std::size_t at = 0;
    for (const std::byte octet : data.bytes()) {
        text.writable()[at++] = static_cast<std::byte>(alphabet[std::to_integer<unsigned>(octet >> 4U)]);
        text.writable()[at++] = static_cast<std::byte>(alphabet[std::to_integer<unsigned>(octet & std::byte{15})]);
    }
    return text;
}

std::optional<Secret> fromModhex(const Secret &text)
{
    if (text.size() % 2 != 0)
        return std::nullopt;
    Secret data(text.size() / 2);
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char letter = text.chars()[at];
        const std::size_t value = alphabet.find(letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter);
        if (value == std::string_view::npos)
            return std::nullopt;
        std::byte &octet = data.writable()[at / 2];
        octet = octet << 4U | static_cast<std::byte>(value);
    }
    return data;
}

} // namespace Preon
