// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/home/username.h"

#include "core/base/format.h"
#include "core/base/text.h"

#include <algorithm>
#include <array>

namespace Preon::Home
{

namespace
{
constexpr std::size_t longestRealName = 256;

bool isSmall(char letter)
{
    return letter >= 'a' && letter <= 'z';
}
bool isDigit(char letter)
{
    return letter >= '0' && letter <= '9';
}

// U+00C0 to U+017F (Latin-1 Supplement, Latin Extended-A), each as the letters that stand for it where there is only ASCII; "" where there are none.
constexpr std::array<std::string_view, 0x180 - 0xC0> latin{
    "a", "a", "a",  "a",  "ae", "a", "ae", "c", "e", "e", "e", "e", "i",  "i", "i",  "i",
    "d", "n", "o",  "o",  "o",  "o", "oe", "",  "o", "u", "u", "u", "ue", "y", "th", "ss", // À
    "a", "a", "a",  "a",  "ae", "a", "ae", "c", "e", "e", "e", "e", "i",  "i", "i",  "i",
    "d", "n", "o",  "o",  "o",  "o", "oe", "",  "o", "u", "u", "u", "ue", "y", "th", "y", // à
    "a", "a", "a",  "a",  "a",  "a", "c",  "c", "c", "c", "c", "c", "c",  "c", "d",  "d",
    "d", "d", "e",  "e",  "e",  "e", "e",  "e", "e", "e", "e", "e", "g",  "g", "g",  "g", // Ā
    "g", "g", "g",  "g",  "h",  "h", "h",  "h", "i", "i", "i", "i", "i",  "i", "i",  "i",
    "i", "i", "ij", "ij", "j",  "j", "k",  "k", "k", "l", "l", "l", "l",  "l", "l",  "l", // Ġ
    "l", "l", "l",  "n",  "n",  "n", "n",  "n", "n", "n", "n", "n", "o",  "o", "o",  "o",
    "o", "o", "oe", "oe", "r",  "r", "r",  "r", "r", "r", "s", "s", "s",  "s", "s",  "s", // ŀ
    "s", "s", "t",  "t",  "t",  "t", "t",  "t", "u", "u", "u", "u", "u",  "u", "u",  "u",
    "u", "u", "u",  "u",  "w",  "w", "y",  "y", "y", "z", "z", "z", "z",  "z", "z",  "s", // Š
};

static_assert(latin.back() == "s"); // ſ: none was left out

// One character from the front of well-formed UTF-8.
char32_t takeCharacter(std::string_view &text)
{
    const auto lead = static_cast<unsigned char>(text.front());
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    char32_t character = length == 1 ? lead : lead & (0x7FU >> length);
    for (std::size_t next = 1; next < length; ++next)
        character = character << 6U | (static_cast<unsigned char>(text[next]) & 0x3FU);
    text.remove_prefix(length);
    return character;
}

std::string folded(char32_t character)
{
    if (character < 0x80)
        return lowerCase(std::string(1, static_cast<char>(character)));
    if (character >= 0xC0 && character < 0x180)
        return std::string(latin[character - 0xC0]);
    switch (character) { // Romanian's letters with a comma below lie elsewhere
    case 0x218:
    case 0x219:
        return "s";
    case 0x21A:
    case 0x21B:
        return "t";
    case 0x1E9E:
        return "ss";
    default:
        return {};
    }
}

// The first word that leaves a letter behind.
std::string firstWord(std::string_view realName)
{
    std::string word;
    while (!realName.empty()) {
        const char32_t character = takeCharacter(realName);
        const bool isEnd = character == ' ' || character == '\t' || character == 0xA0 || character == ',';
        if (isEnd && !word.empty())
            break;
        for (const char letter : folded(character)) {
            if (isSmall(letter) || (isDigit(letter) && !word.empty()))
                word += letter;
        }
    }
    return word;
}
}

Result<void> checkUserName(std::string_view name)
{
    const auto refused = [&](const char *why) {
        return fail(ErrorCode::BadArgument, "\"" + std::string(name.substr(0, longestUserName)) + "\" cannot be a user name", why,
                    "Take small letters a to z, digits, \"_\" and \"-\", with a letter first.");
    };
    if (name.empty())
        return fail(ErrorCode::BadArgument, "A user needs a name", {}, "Take small letters a to z, digits, \"_\" and \"-\", with a letter first.");
    if (name.size() > longestUserName)
        return refused("it has more than 31 letters");
    if (!std::ranges::all_of(name, [](char letter) { return isSmall(letter) || isDigit(letter) || letter == '_' || letter == '-'; }))
        return refused("it has a letter or sign that does not go into one");
    if (!isSmall(name.front()) && name.front() != '_')
        return refused("it does not begin with a letter");
    return {};
}

Result<void> checkRealName(std::string_view name)
{
    const auto refused = [](const char *why) {
        return fail(ErrorCode::BadArgument, "That cannot be a person's name here", why);
    };
    if (name.size() > longestRealName)
        return refused("it is longer than 256 bytes");
    if (!isUtf8(name))
        return refused("it is no text in UTF-8");
    if (std::ranges::any_of(name, [](char letter) { return static_cast<unsigned char>(letter) < ' ' || letter == 0x7F; }))
        return refused("it has a control character");
    if (name.contains(':'))
        return refused("the system's list of users has \":\" between its columns");
    return {};
}

std::string suggestUserName(std::string_view realName, std::span<const std::string> taken)
{
    std::string base = isUtf8(realName) ? firstWord(realName) : std::string();
    if (base.empty())
        base = "user";
    std::string name = base.substr(0, longestUserName);
    for (unsigned number = 2; std::ranges::contains(taken, name); ++number) {
        const std::string suffix = std::to_string(number);
        name = base.substr(0, longestUserName - suffix.size()) + suffix;
    }
    return name;
}

} // namespace Preon::Home
