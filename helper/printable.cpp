// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/printable.h"

#include <optional>

namespace Preon::Helper
{

namespace
{

struct Character {
    std::size_t bytes = 1;
    std::optional<char32_t> code; // none: these bytes are no character
};

// RFC 3629: the shortest form only, no surrogates, nothing above U+10FFFF.
Character firstOf(std::string_view words)
{
    const auto byte = [&](std::size_t i) {
        return static_cast<unsigned char>(words[i]);
    };
    const unsigned char lead = byte(0);
    if (lead < 0x80)
        return {1, lead};
    const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || words.size() < bytes)
        return {};
    char32_t code = lead & (0x7fU >> bytes);
    for (std::size_t i = 1; i < bytes; ++i) {
        if ((byte(i) & 0xc0U) != 0x80)
            return {};
        code = (code << 6U) | (byte(i) & 0x3fU);
    }
    constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < least[bytes] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        return {};
    return {bytes, code};
}

bool isShown(char32_t code)
{
    const bool isControl = code < 0x20 || (code >= 0x7f && code < 0xa0);
    const bool isNoncharacter = (code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffeU) == 0xfffe;
    return !isControl && !isNoncharacter;
}

} // namespace

std::string printable(std::string_view words, std::size_t longest)
{
    constexpr std::string_view replacement = "\xef\xbf\xbd";
    std::string text;
    while (!words.empty()) {
        const Character character = firstOf(words);
        const std::string_view shown = character.code && isShown(*character.code) ? words.substr(0, character.bytes) : replacement;
        if (text.size() + shown.size() > longest)
            break;
        text += shown;
        words.remove_prefix(character.bytes);
    }
    return text;
}

} // namespace Preon::Helper
