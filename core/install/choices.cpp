// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/install/choices.h"

#include "core/base/fd.h"
#include "core/base/hash.h"
#include "core/install/wifi.h"

#include <algorithm>
#include <array>
#include <regex>
#include <utility>

#include <sys/stat.h>

namespace Preon::Install
{

namespace
{

constexpr std::array<std::pair<Lock, const char *>, 3> locks{{{Lock::Tpm, "tpm"}, {Lock::TpmAndPin, "tpm-pin"}, {Lock::Passphrase, "passphrase"}}};
constexpr std::size_t longest = 64; // characters of a value

bool isOf(std::string_view value, const char *form)
{
    return value.size() <= longest && std::regex_match(value.begin(), value.end(), std::regex(form));
}

const char *lockName(Lock lock)
{
    return std::ranges::find(locks, lock, &std::pair<Lock, const char *>::first)->second;
}

std::string keyboardOf(const Choices &choices)
{
    return choices.variant.empty() ? choices.layout : choices.layout + ' ' + choices.variant;
}

bool setKeyboard(Choices &choices, std::string_view value)
{
    const std::string_view layout = value.substr(0, value.find(' '));
    const std::string_view variant = layout.size() < value.size() ? value.substr(layout.size() + 1) : std::string_view();
    if (!isOf(layout, "[a-z][a-z0-9_]*") || (layout.size() < value.size() && !isOf(variant, "[A-Za-z0-9][A-Za-z0-9_-]*")))
        return false;
    choices.layout = layout;
    choices.variant = variant;
    return true;
}

bool setLock(Choices &choices, std::string_view value)
{
    const auto found = std::ranges::find(locks, value, &std::pair<Lock, const char *>::second);
    if (found == locks.end())
        return false;
    choices.lock = found->first;
    return true;
}

bool setText(std::string &member, std::string_view value, const char *form)
{
    if (!isOf(value, form))
        return false;
    member = value;
    return true;
}

// locale.conf(5) and its like are read as assignments of a shell; no value that setChoice() takes needs quotes there.
Result<void> writeFile(const std::filesystem::path &path, const std::string &text)
{
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error)
        return failErrno(error.value(), path.parent_path().string() + " could not be made");
    return replaceFile(path, asBytes(text), 0644);
}

Result<void> makeLink(const std::filesystem::path &target, const std::filesystem::path &path)
{
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (!error)
        std::filesystem::create_symlink(target, path, error);
    if (error)
        return failErrno(error.value(), path.string() + " could not be made");
    return {};
}

// glibc keeps the locales that were built in a folder each, or all in one archive, under names in which the character set is in small letters without dashes.
bool hasLocale(const std::filesystem::path &sysusr, const std::string &language)
{
    const std::filesystem::path folder = sysusr / "usr/lib/locale";
    std::string folded = language;
    if (const auto set = folded.find(".UTF-8"); set != std::string::npos)
        folded.replace(set, 6, ".utf8");
    std::error_code error;
    return std::filesystem::exists(folder / folded, error) || std::filesystem::exists(folder / language, error)
        || std::filesystem::exists(folder / "locale-archive", error);
}

} // namespace

bool Choices::isEmpty() const
{
    return *this == Choices();
}

Result<void> setChoice(Choices &choices, std::string_view name, std::string_view value)
{
    bool isFine = false;
    if (name == "language")
        isFine = setText(choices.language, value, R"(([a-z]{2,3}_[A-Z]{2}|C)\.UTF-8(@[a-z]+)?)");
    else if (name == "keyboard")
        isFine = setKeyboard(choices, value);
    else if (name == "time-zone")
        isFine = setText(choices.timeZone, value, "[A-Z][A-Za-z0-9_+-]*(/[A-Z][A-Za-z0-9_+-]*){0,2}");
    else if (name == "hostname")
        isFine = setText(choices.hostname, value, R"([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*)");
    else if (name == "protection")
        isFine = setLock(choices, value);
    else
        return fail(ErrorCode::BadArgument, "There is no such thing to choose", std::string(name.substr(0, longest)));
    if (!isFine)
        return fail(ErrorCode::BadArgument, "That is no value for " + std::string(name), std::string(value.substr(0, longest)));
    return {};
}

nlohmann::ordered_json toJson(const Choices &choices)
{
    nlohmann::ordered_json json = nlohmann::ordered_json::object();
    const std::array<std::pair<const char *, std::string>, 5> all{{{"language", choices.language},
                                                                   {"keyboard", keyboardOf(choices)},
                                                                   {"time-zone", choices.timeZone},
                                                                   {"hostname", choices.hostname},
                                                                   {"protection", choices.lock ? lockName(*choices.lock) : ""}}};
    for (const auto &[name, value] : all) {
        if (!value.empty())
            json[name] = value;
    }
    return json;
}

std::string choicesText(const Choices &choices, const std::string &rootHash)
{
    std::string text = "system=" + rootHash + '\n';
    const nlohmann::ordered_json all = toJson(choices);
    for (const auto &[name, value] : all.items())
        text += name + '=' + value.get<std::string>() + '\n';
    if (!choices.network.empty())
        text += "network=" + toBase64(choices.network) + '\n';
    return text;
}

Result<Choices> parseChoices(std::string_view text, const std::string &rootHash)
{
    const auto wrong = [] {
        return fail(ErrorCode::BadFormat, "What was chosen at the installation cannot be read", "its file on the EFI partition is damaged");
    };
    if (text.size() > largestChoices || rootHash.empty())
        return wrong();
    Choices choices;
    std::size_t number = 0;
    for (; !text.empty(); ++number) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        const std::size_t equals = line.find('=');
        if (end == std::string_view::npos || equals == std::string_view::npos)
            return wrong();
        text.remove_prefix(end + 1);
        const std::string_view name = line.substr(0, equals), value = line.substr(equals + 1);
        if (number == 0) {
            if (name != "system")
                return wrong();
            if (value != rootHash)
                return fail(ErrorCode::NotFound, "What was chosen at the installation is for another system");
            continue;
        }
        if (name == "network") {
            const auto sealed = fromBase64(value);
            if (!sealed || sealed->empty() || sealed->size() > largestSealedNetwork || !choices.network.empty())
                return wrong();
            choices.network = *sealed;
            continue;
        }
        const std::size_t before = toJson(choices).size();
        // A name may stand there once.
        if (!setChoice(choices, name, value) || toJson(choices).size() != before + 1)
            return wrong();
    }
    return number == 0 ? Result<Choices>(wrong()) : choices;
}

Result<Choices> readChoices(const Host &host, const std::string &rootHash)
{
    const auto text = readTextFile(host.run / "preon/first-start.conf", largestChoices);
    if (!text && text.error().code != ErrorCode::NotFound)
        return std::unexpected(text.error());
    return !text || text->empty() ? Choices() : parseChoices(*text, rootHash);
}

std::string consoleKeymap(const Choices &choices)
{
    return choices.variant.empty() ? choices.layout : choices.layout + '-' + choices.variant;
}

Result<void> writeSettings(const Choices &choices, const std::filesystem::path &sysusr, const std::filesystem::path &folder, Progress &progress)
{
    const std::filesystem::path etc = folder / "etc";
    std::error_code error;
    if (choices.language.empty() || hasLocale(sysusr, choices.language)) {
        if (!choices.language.empty())
            PREON_CHECK(writeFile(etc / "locale.conf", "LANG=" + choices.language + '\n'));
    } else {
        progress.log("The chosen language " + choices.language + " is not in this system.");
    }
    if (!choices.layout.empty()) {
        std::string text = "KEYMAP=" + consoleKeymap(choices) + "\nXKBLAYOUT=" + choices.layout + '\n';
        if (!choices.variant.empty())
            text += "XKBVARIANT=" + choices.variant + '\n';
        // Debian keeps the same words in a place of its own, and at each start makes the common name a link to it.
        PREON_CHECK(writeFile(etc / "default/keyboard", text));
        PREON_CHECK(makeLink("default/keyboard", etc / "vconsole.conf"));
    }
    if (!choices.hostname.empty())
        PREON_CHECK(writeFile(etc / "hostname", choices.hostname + '\n'));
    if (choices.timeZone.empty())
        return {};
    const std::filesystem::path zone = std::filesystem::path("usr/share/zoneinfo") / choices.timeZone;
    if (!std::filesystem::is_regular_file(sysusr / zone, error)) {
        progress.log("The chosen time zone " + choices.timeZone + " is not in this system.");
        return {};
    }
    return makeLink(".." / zone, etc / "localtime");
}

} // namespace Preon::Install
