// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/repart/words.h"

#include <algorithm>
#include <charconv>
#include <climits>
#include <cstdint>

namespace Preon::Repart
{

namespace
{
constexpr std::string_view blanks = " \t\n\r";

void appendUtf8(std::string &to, std::uint32_t point)
{
    const auto add = [&to](std::uint32_t byte) {
        to += static_cast<char>(static_cast<unsigned char>(byte));
    };
    if (point < 0x80) {
        add(point);
    } else if (point < 0x800) {
        add(0xc0U | (point >> 6U));
        add(0x80U | (point & 0x3fU));
    } else if (point < 0x10000) {
        add(0xe0U | (point >> 12U));
        add(0x80U | ((point >> 6U) & 0x3fU));
        add(0x80U | (point & 0x3fU));
    } else {
        add(0xf0U | (point >> 18U));
        add(0x80U | ((point >> 12U) & 0x3fU));
        add(0x80U | ((point >> 6U) & 0x3fU));
        add(0x80U | (point & 0x3fU));
    }
}

std::unexpected<Error> broken(std::string_view text)
{
    return fail(ErrorCode::BadFormat, "Invalid syntax: " + std::string(text));
}

struct Numeric {
    std::size_t digits;
    int base;
};

// How many digits follow \x, \u, \U, and octal ones.
std::optional<Numeric> numericEscape(char kind)
{
    if (kind == 'x')
        return Numeric{2, 16};
    if (kind == 'u')
        return Numeric{4, 16};
    if (kind == 'U')
        return Numeric{8, 16};
    if (kind >= '0' && kind <= '7')
        return Numeric{3, 8};
    return std::nullopt;
}
}

Words Words::byBlanks(std::string_view text)
{
    Words words;
    words.m_text = text;
    return words;
}

Words Words::bySeparator(std::string_view text, char separator, Escapes escapes, bool quotes)
{
    Words words;
    words.m_text = text;
    words.m_separator = separator;
    words.m_escapes = escapes;
    words.m_quotes = quotes;
    return words;
}

bool Words::separates(char c) const
{
    return m_separator ? c == m_separator : blanks.find(c) != std::string_view::npos;
}

// m_text begins behind the backslash.
Result<void> Words::escape(std::string &word)
{
    if (m_text.empty())
        return broken("\\");
    const char kind = m_text.front();
    if (m_escapes == Escapes::Literal) {
        word += kind;
        m_text.remove_prefix(1);
        return {};
    }
    constexpr std::string_view letters = "abfnrtvs\\\"'", meanings = "\a\b\f\n\r\t\v \\\"'";
    if (const std::size_t at = letters.find(kind); at != std::string_view::npos) {
        word += meanings[at];
        m_text.remove_prefix(1);
        return {};
    }
    const auto numeric = numericEscape(kind);
    if (!numeric)
        return broken(m_text);
    const std::size_t skip = numeric->base == 8 ? 0 : 1;
    if (m_text.size() < skip + numeric->digits)
        return broken(m_text);
    const std::string_view digits = m_text.substr(skip, numeric->digits);
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, numeric->base);
    const bool byte = numeric->digits < 4;
    const bool character = value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
    if (error != std::errc() || end != digits.data() + digits.size() || value == 0 || (byte ? value > 0xff : !character))
        return broken(m_text);
    if (byte)
        word += static_cast<char>(static_cast<unsigned char>(value));
    else
        appendUtf8(word, value);
    m_text.remove_prefix(skip + numeric->digits);
    return {};
}

Result<std::optional<std::string>> Words::next()
{
    while (!m_separator && !m_text.empty() && separates(m_text.front()))
        m_text.remove_prefix(1);
    // An empty text holds no blank-parted word, but one empty word between separators.
    if (m_ended || (m_text.empty() && !m_separator))
        return std::nullopt;
    std::string word;
    char quote = 0;
    while (!m_text.empty()) {
        const char c = m_text.front();
        m_text.remove_prefix(1);
        if (c == '\\') {
            PREON_CHECK(escape(word));
        } else if (quote) {
            if (c == quote)
                quote = 0;
            else
                word += c;
        } else if (m_quotes && (c == '"' || c == '\'')) {
            quote = c;
        } else if (separates(c)) {
            return word;
        } else {
            word += c;
        }
    }
    if (quote)
        return broken(word);
    m_ended = true;
    return word;
}

Result<std::vector<std::string>> allWords(Words words)
{
    std::vector<std::string> all;
    for (;;) {
        PREON_TRY(std::optional<std::string> word, words.next());
        if (!word)
            return all;
        all.push_back(std::move(*word));
    }
}

SettingPath settingPath(const std::string &path, bool keepTrailingSlash)
{
    if (!path.starts_with('/'))
        return {.path = {}, .problem = "path is not absolute, ignoring: " + path};
    std::string simple;
    for (std::size_t at = 0; at < path.size();) {
        const std::size_t begin = path.find_first_not_of('/', at);
        if (begin == std::string::npos)
            break;
        at = std::min(path.find('/', begin), path.size());
        const std::string part = path.substr(begin, at - begin);
        if (part == "..")
            return {.path = {}, .problem = "path is not normalized, ignoring: " + path};
        if (part.size() > NAME_MAX)
            return {.path = {}, .problem = "path has invalid length (" + std::to_string(path.size()) + " bytes), ignoring."};
        if (part != ".")
            simple += '/' + part;
    }
    if (simple.empty() || (keepTrailingSlash && path.ends_with('/')))
        simple += '/';
    if (simple.size() >= PATH_MAX)
        return {.path = {}, .problem = "path has invalid length (" + std::to_string(simple.size()) + " bytes), ignoring."};
    return {.path = simple, .problem = {}};
}

std::optional<std::string> below(std::string_view path, std::string_view folder)
{
    const auto strip = [](std::string_view &text) {
        while (text.starts_with('/'))
            text.remove_prefix(1);
    };
    if (path.starts_with('/') != folder.starts_with('/'))
        return std::nullopt;
    strip(path);
    strip(folder);
    while (!folder.empty()) {
        const std::string_view wanted = folder.substr(0, folder.find('/'));
        const std::string_view there = path.substr(0, path.find('/'));
        if (wanted != there)
            return std::nullopt;
        folder.remove_prefix(wanted.size());
        path.remove_prefix(there.size());
        strip(folder);
        strip(path);
    }
    return std::string(path);
}

bool isFileName(std::string_view name)
{
    return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos && name.size() <= NAME_MAX;
}

} // namespace Preon::Repart
