// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Values that hold several words, split as systemd splits them: by blanks with quotes, or by colons with C escapes. Also its rules for paths in settings.

#include "core/base/result.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace Preon::Repart
{

enum class Escapes {
    Literal, // a backslash keeps the next character as it is
    C, // \n, \x41, \u20ac … as in C; any other is an error
};

// One word after the other from a text.
class Words
{
public:
    // blanks: words are parted by any number of blanks; otherwise each `separator` parts two words, which may be empty.
    static Words byBlanks(std::string_view text);
    static Words bySeparator(std::string_view text, char separator, Escapes escapes, bool quotes);

    // The next word; nullopt at the end. BadFormat where a quote is not closed or an escape makes no sense.
    Result<std::optional<std::string>> next();
    // What has not been read.
    std::string_view rest() const
    {
        return m_text;
    }

private:
    Result<void> escape(std::string &word);
    bool separates(char c) const;

    std::string_view m_text;
    char m_separator = 0; // 0: blanks
    Escapes m_escapes = Escapes::Literal;
    bool m_quotes = true;
    bool m_ended = false;
};

// All words, or the error of the first that is broken.
Result<std::vector<std::string>> allWords(Words words);

// A path of a setting made simple: no double slashes, no "." parts, no slash at the end unless that is kept. nullopt with the reason in systemd's words
// ("path is not absolute, ignoring: x") where it is none.
struct SettingPath {
    std::optional<std::string> path;
    std::string problem;
};
SettingPath settingPath(const std::string &path, bool keepTrailingSlash = false);

// Whether a path lies at or below a folder, by components; the rest of it without leading slashes.
std::optional<std::string> below(std::string_view path, std::string_view folder);

// A single name that a folder can hold.
bool isFileName(std::string_view name);

} // namespace Preon::Repart
