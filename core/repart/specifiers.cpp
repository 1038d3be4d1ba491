// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/repart/specifiers.h"

#include "core/base/fd.h"
#include "core/disk/parttypes.h"

#include <cstdlib>
#include <sstream>

#include <sys/utsname.h>

namespace Preon::Repart
{

namespace
{
constexpr std::string_view letters = "aAbBHlqmMoTvVwW";

// os-release(5): shell-like assignments; quotes go, nothing is expanded.
std::map<std::string, std::string> readAssignments(const Host &host, const std::filesystem::path &path)
{
    std::map<std::string, std::string> values;
    const auto text = host.resolved(path).and_then([](const std::filesystem::path &file) { return readTextFile(file, 64U << 10U); });
    std::istringstream lines(text ? *text : std::string());
    for (std::string line; std::getline(lines, line);) {
        const std::size_t equals = line.find('=');
        if (line.starts_with('#') || equals == std::string::npos)
            continue;
        std::string value = line.substr(equals + 1);
        if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front())
            value = value.substr(1, value.size() - 2);
        values[line.substr(0, equals)] = value;
    }
    return values;
}

std::string folderFrom(const char *fallback)
{
    for (const char *name : {"TMPDIR", "TEMP", "TMP"}) {
        if (const char *value = std::getenv(name); value && *value == '/')
            return value;
    }
    return fallback;
}
}

std::optional<std::string> Specifiers::expand(std::string_view text, std::size_t limit) const
{
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%' || i + 1 == text.size()) {
            result += text[i];
            continue;
        }
        const char letter = text[++i];
        if (letter == '%') {
            result += '%';
        } else if (const auto found = values.find(letter); found != values.end()) {
            result += found->second;
        } else if (letters.find(letter) != std::string_view::npos) {
            return std::nullopt;
        } else {
            result += '%';
            result += letter;
        }
    }
    if (result.size() > limit)
        return std::nullopt;
    return result;
}

Specifiers readSpecifiers(const Host &host)
{
    Specifiers specifiers;
    auto &values = specifiers.values;
    auto release = readAssignments(host, "/etc/os-release");
    if (release.empty())
        release = readAssignments(host, "/usr/lib/os-release");
    // Without the file they have no value; a line that is not in it is an empty one.
    for (const auto &[letter, key] : {std::pair('o', "ID"), std::pair('w', "VERSION_ID"), std::pair('B', "BUILD_ID"), std::pair('W', "VARIANT_ID"),
                                      std::pair('M', "IMAGE_ID"), std::pair('A', "IMAGE_VERSION")}) {
        if (!release.empty())
            values[letter] = release[key];
    }
    if (const auto id = host.machineId())
        values['m'] = id->hex();
    if (const auto id = host.bootId())
        values['b'] = id->hex();
    utsname names{};
    if (uname(&names) == 0) {
        const std::string node = names.nodename;
        values['H'] = node;
        values['l'] = node.substr(0, node.find('.'));
        values['v'] = names.release;
        auto info = readAssignments(host, "/etc/machine-info");
        values['q'] = info.contains("PRETTY_HOSTNAME") ? info["PRETTY_HOSTNAME"] : values['l'];
    }
    if (const auto root = Disk::partitionType("root"))
        values['a'] = Disk::partitionTypeName(*root).substr(std::string_view("root-").size());
    values['T'] = folderFrom("/tmp");
    values['V'] = folderFrom("/var/tmp");
    return specifiers;
}

} // namespace Preon::Repart
