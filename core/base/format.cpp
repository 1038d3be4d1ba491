// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/base/format.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <limits>

namespace Preon
{

namespace
{
struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr std::uint64_t KiB = 1024;

}

std::string_view trimmed(std::string_view text)
{
    constexpr std::string_view blanks = " \t\n\r";
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos)
        return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

std::string lowerCase(std::string_view text)
{
    std::string result(text);
    std::ranges::transform(result, result.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return result;
}

std::string formatSize(std::uint64_t bytes)
{
    constexpr std::array<Unit, 6> units{
        {{"EB", 1000000000000000000U}, {"PB", 1000000000000000U}, {"TB", 1000000000000U}, {"GB", 1000000000U}, {"MB", 1000000U}, {"kB", 1000U}}};
    for (const Unit &unit : units) {
        if (bytes < unit.factor)
            continue;
        const double value = static_cast<double>(bytes) / static_cast<double>(unit.factor);
        std::array<char, 32> text{};
        std::snprintf(text.data(), text.size(), value < 99.95 ? "%.1f" : "%.0f", value);
        std::string number(text.data());
        if (number.ends_with(".0"))
            number.resize(number.size() - 2);
        return number + ' ' + std::string(unit.name);
    }
    return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes");
}

std::string formatBinarySize(std::uint64_t bytes)
{
    constexpr std::array<Unit, 6> units{{{"E", KiB * KiB * KiB * KiB * KiB * KiB},
                                         {"P", KiB * KiB * KiB * KiB * KiB},
                                         {"T", KiB * KiB * KiB * KiB},
                                         {"G", KiB * KiB * KiB},
                                         {"M", KiB * KiB},
                                         {"K", KiB}}};
    for (const Unit &unit : units) {
        if (bytes < unit.factor)
            continue;
        // The first decimal is cut, not rounded: what is printed never exceeds what is there.
        const std::uint64_t tenths = (bytes % unit.factor) * 10 / unit.factor; // at most 2^60 × 10: fits
        std::string text = std::to_string(bytes / unit.factor);
        if (tenths > 0)
            text += '.' + std::to_string(tenths);
        return text + std::string(unit.name);
    }
    return std::to_string(bytes) + "B";
}

std::string formatDuration(std::chrono::seconds seconds)
{
    const auto counted = [](long long number, const char *unit) {
        return std::to_string(number) + ' ' + unit + (number == 1 ? "" : "s");
    };
    const long long total = std::max<long long>(0, seconds.count());
    if (total < 60)
        return counted(total, "second");
    if (total < 3600)
        return counted((total + 30) / 60, "minute");
    const long long minutes = (total + 30) / 60;
    std::string text = counted(minutes / 60, "hour");
    if (minutes % 60 != 0)
        text += ' ' + counted(minutes % 60, "minute");
    return text;
}

std::optional<std::uint64_t> parseSize(std::string_view text)
{
    constexpr std::array<Unit, 8> units{{{"E", KiB * KiB * KiB * KiB * KiB * KiB},
                                         {"P", KiB * KiB * KiB * KiB * KiB},
                                         {"T", KiB * KiB * KiB * KiB},
                                         {"G", KiB * KiB * KiB},
                                         {"M", KiB * KiB},
                                         {"K", KiB},
                                         {"B", 1},
                                         {"", 1}}};
    // A size may be a sum, largest unit first: "1G 512M".
    std::uint64_t sum = 0;
    std::size_t firstAllowed = 0;
    bool any = false;
    const auto skipBlanks = [&text] {
        while (!text.empty() && (text.front() == ' ' || text.front() == '\t' || text.front() == '\n' || text.front() == '\r'))
            text.remove_prefix(1);
    };
    for (skipBlanks(); !text.empty(); skipBlanks()) {
        std::uint64_t whole = 0;
        const auto [next, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
        if (error != std::errc())
            return std::nullopt;
        text.remove_prefix(static_cast<std::size_t>(next - text.data()));
        double fraction = 0;
        if (!text.empty() && text.front() == '.') {
            text.remove_prefix(1);
            if (text.empty() || text.front() < '0' || text.front() > '9')
                return std::nullopt;
            for (double place = 0.1; !text.empty() && text.front() >= '0' && text.front() <= '9'; place /= 10) {
                fraction += place * (text.front() - '0');
                text.remove_prefix(1);
            }
        }
        skipBlanks();
        std::size_t unit = firstAllowed;
        while (unit < units.size() && !text.starts_with(units[unit].name))
            ++unit;
        // "" fits everything: what follows must then be the end.
        if (unit == units.size() || (units[unit].name.empty() && !text.empty()))
            return std::nullopt;
        text.remove_prefix(units[unit].name.size());
        const std::uint64_t factor = units[unit].factor;
        const auto part = static_cast<std::uint64_t>(fraction * static_cast<double>(factor));
        if (whole > (std::numeric_limits<std::uint64_t>::max() - part) / factor || whole * factor + part > std::numeric_limits<std::uint64_t>::max() - sum)
            return std::nullopt;
        sum += whole * factor + part;
        firstAllowed = unit + 1;
        any = true;
    }
    return any ? std::optional(sum) : std::nullopt;
}

std::optional<bool> parseBoolean(std::string_view text)
{
    const std::string word = lowerCase(text);
    for (const std::string_view yes : {"1", "yes", "y", "true", "t", "on"}) {
        if (word == yes)
            return true;
    }
    for (const std::string_view no : {"0", "no", "n", "false", "f", "off"}) {
        if (word == no)
            return false;
    }
    return std::nullopt;
}

} // namespace Preon
