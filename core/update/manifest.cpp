// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/update/manifest.h"

#include "core/base/fd.h"
#include "core/base/text.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace Preon::Update
{

namespace
{
constexpr std::size_t hashLetters = 64, longestName = 255;
constexpr std::string_view marker = "BEST-BEFORE-";

// Why it is no name of a file in the manifest's own folder; nullptr when it is one.
const char *problemOf(std::string_view name)
{
    if (name.empty())
        return "it names no file";
    if (std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 127; }))
        return "the file name has control characters";
    if (name == "." || name == ".." || name.find('/') != std::string_view::npos || name.size() > longestName)
        return "what it names is no file of this folder";
    return nullptr;
}

std::optional<std::chrono::year_month_day> parseDay(std::string_view text)
{
    const auto number = [&](std::size_t at, std::size_t length) -> std::optional<int> {
        int value = 0;
        const std::string_view digits = text.substr(at, length);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        return error == std::errc() && end == digits.data() + digits.size() && value >= 0 ? std::optional(value) : std::nullopt;
    };
    if (text.size() != std::string_view("2026-12-31").size() || text[4] != '-' || text[7] != '-')
        return std::nullopt;
    const auto year = number(0, 4), month = number(5, 2), day = number(8, 2);
    if (!year || !month || !day)
        return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    return date.ok() ? std::optional(date) : std::nullopt;
}

Result<ManifestEntry> parseLine(std::string_view line)
{
    const auto refuse = [](const char *why) {
        return fail(ErrorCode::BadFormat, why);
    };
    if (line.starts_with('\\'))
        return refuse("escaped file names are not taken");
    if (line.size() < hashLetters + 2)
        return refuse("it is too short");
    const auto hash = fromHex(line.substr(0, hashLetters));
    if (!hash)
        return refuse("it does not begin with a SHA-256 hash");
    const char kind = line[hashLetters + 1];
    if (line[hashLetters] != ' ' || (kind != ' ' && kind != '*'))
        return refuse("two blanks, or a blank and a star, have to stand between hash and name");
    ManifestEntry entry;
    entry.name = line.substr(hashLetters + 2);
    if (const char *problem = problemOf(entry.name))
        return refuse(problem);
    std::ranges::copy(*hash, entry.sha256.begin());
    return entry;
}
}

bool Manifest::isStale(std::chrono::sys_seconds now) const
{
    return std::ranges::any_of(bestBefore, [now](const auto &day) { return now >= std::chrono::sys_days(day) + std::chrono::days(1); });
}

Result<Manifest> parseManifest(ByteView bytes)
{
    const auto refuse = [](std::string why) {
        return fail(ErrorCode::BadFormat, "The list of offered files (SHA256SUMS) is broken", std::move(why));
    };
    if (bytes.size() > largestManifest)
        return refuse("it is larger than " + std::to_string(largestManifest) + " bytes");
    std::string_view text(reinterpret_cast<const char *>(bytes.data()), bytes.size());
    if (text.find('\0') != std::string_view::npos)
        return refuse("it has a NUL byte");
    if (!isUtf8(text))
        return refuse("it is not UTF-8");
    Manifest manifest;
    for (unsigned number = 1; !text.empty(); ++number) {
        const std::string where = "line " + std::to_string(number) + ": ";
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos)
            return refuse(where + "it has no end");
        auto entry = parseLine(text.substr(0, end));
        if (!entry)
            return refuse(where + entry.error().what);
        text.remove_prefix(end + 1);
        if (isRollout(entry->name)) {
            if (auto rollout = parseRollout(entry->name))
                manifest.rollouts.push_back(std::move(*rollout));
            else
                manifest.warnings.push_back(entry->name + " names no percentage of a version, ignoring.");
            continue;
        }
        if (!entry->name.starts_with(marker)) {
            manifest.entries.push_back(std::move(*entry));
            continue;
        }
        if (const auto day = parseDay(std::string_view(entry->name).substr(marker.size())))
            manifest.bestBefore.push_back(*day);
        else
            manifest.warnings.push_back(entry->name + " names no day, ignoring.");
    }
    return manifest;
}

} // namespace Preon::Update
