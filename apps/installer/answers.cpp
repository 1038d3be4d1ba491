// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/installer/answers.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <set>

namespace Preon::Installer
{

namespace
{

using AnswersJson = nlohmann::ordered_json;
using Check = std::string (*)(const std::string &); // what the value should be; empty: it is

constexpr std::size_t longestAnswer = 255;
const std::string cannotBeUsed = "The answers file cannot be used";

std::unexpected<AnswersError> badAnswers(std::string why, std::string todo)
{
    return std::unexpected(AnswersError{.code = "bad-format", .what = cannotBeUsed, .why = std::move(why), .todo = std::move(todo)});
}

std::string inQuotes(std::string_view text)
{
    return '"' + std::string(text) + '"';
}

bool isPlain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool consistsOf(std::string_view text, std::string_view others)
{
    return !text.empty() && std::ranges::all_of(text, [&](char c) { return isPlain(c) || others.contains(c); });
}

// A locale without its character set: ll_CC or lll_CC.
std::string checkLanguage(const std::string &text)
{
    const auto isIn = [](std::string_view part, char first, char last) {
        return std::ranges::all_of(part, [&](char c) { return c >= first && c <= last; });
    };
    const auto middle = text.find('_');
    const bool isFine = (middle == 2 || middle == 3) && text.size() == middle + 3 && isIn(std::string_view(text).substr(0, middle), 'a', 'z')
        && isIn(std::string_view(text).substr(middle + 1), 'A', 'Z');
    return isFine ? "" : "a language and a country, as in \"de_DE\"";
}

std::string checkKeyboard(const std::string &text)
{
    const auto space = text.find(' ');
    const bool isFine = consistsOf(std::string_view(text).substr(0, space), "_-")
        && (space == std::string::npos || consistsOf(std::string_view(text).substr(space + 1), "_-.,()+"));
    return isFine ? "" : "a layout, or a layout and a variant, as in \"de nodeadkeys\"";
}

std::string checkTimeZone(const std::string &text)
{
    const bool isFine = consistsOf(text, "_+-/") && text.contains('/') && !text.starts_with('/') && !text.ends_with('/') && !text.contains("//");
    return isFine ? "" : "a place of the time zone database, as in \"Europe/Berlin\"";
}

std::string checkHostname(const std::string &text)
{
    return isHostname(text) ? "" : "letters, digits and hyphens, at most 64, as in \"anna-laptop\"";
}

// As user records have it (systemd, "User/Group Name Syntax", strict).
std::string checkUserName(const std::string &text)
{
    const auto isFine = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    };
    return text.size() <= 31 && text.front() >= 'a' && text.front() <= 'z' && std::ranges::all_of(text, isFine)
        ? ""
        : "small letters from a to z, digits, - and _, at most 31, as in \"anna\"";
}

std::string checkRealName(const std::string &text)
{
    return text.contains(':') ? "a name without a colon, as in \"Anna Schmidt\"" : "";
}

template<std::size_t size>
std::string checkWord(const std::string &text, const std::array<const char *, size> &words)
{
    if (std::ranges::contains(words, text))
        return {};
    std::string list;
    for (const char *word : words)
        list += (list.empty() ? "" : ", ") + inQuotes(word);
    return "one of " + list;
}

std::string checkProtection(const std::string &text)
{
    return checkWord(text, std::array{"tpm", "tpm-pin", "passphrase"});
}

std::string checkSecureBoot(const std::string &text)
{
    return checkWord(text, std::array{"prepare", "leave"});
}

std::string checkMode(const std::string &text)
{
    return checkWord(text, std::array{"erase", "beside", "reinstall"});
}

std::string checkAfterwards(const std::string &text)
{
    return checkWord(text, std::array{"restart", "poweroff", "stay"});
}

std::string checkConfirm(const std::string &text)
{
    for (const char *mode : {"erase", "reinstall"}) {
        if (const std::string begin = confirmation(mode, ""); text.starts_with(begin) && text.size() > begin.size())
            return {};
    }
    return inQuotes(confirmation("erase", "SERIAL")) + " or " + inQuotes(confirmation("reinstall", "SERIAL"));
}

std::string checkAccount(const std::string &text)
{
    return checkWord(text, std::array{"encrypted", "ordinary"});
}

std::string checkSkip(const std::string &text)
{
    return checkWord(text, std::array{"skip"});
}

std::string checkName(const std::string &)
{
    return {};
}

struct Key {
    const char *name;
    std::string Answers::*value;
    Check check;
};
constexpr auto keys = std::to_array<Key>({
    {"language", &Answers::language, checkLanguage},
    {"keyboard", &Answers::keyboard, checkKeyboard},
    {"timeZone", &Answers::timeZone, checkTimeZone},
    {"hostname", &Answers::hostname, checkHostname},
    {"protection", &Answers::protection, checkProtection},
    {"secureBoot", &Answers::secureBoot, checkSecureBoot},
    {"mode", &Answers::mode, checkMode},
    {"confirm", &Answers::confirm, checkConfirm},
    {"afterwards", &Answers::afterwards, checkAfterwards},
    {"realName", &Answers::realName, checkRealName},
    {"userName", &Answers::userName, checkUserName},
    {"account", &Answers::account, checkAccount},
    {"network", &Answers::network, checkSkip},
    {"recoveryKey", &Answers::recoveryKey, checkSkip},
});

struct DiskKey {
    const char *name;
    std::string WantedDisk::*value;
};
constexpr auto diskKeys = std::to_array<DiskKey>({{"serial", &WantedDisk::serial}, {"model", &WantedDisk::model}, {"name", &WantedDisk::name}});

const std::string knownKeys = "Keys are language, keyboard, timeZone, hostname, protection, secureBoot, disk, mode, confirm and afterwards; of the first start "
                              "realName, userName, account, network and recoveryKey.";
const std::string knownDisks = "Write \"only\", \"largest\", or one or more of {\"serial\": \"…\", \"model\": \"…\", \"name\": \"…\"}.";

std::expected<std::string, AnswersError> textOf(const std::string &key, const AnswersJson &value, Check check)
{
    if (!value.is_string())
        return badAnswers("the value of " + inQuotes(key) + " is not a text", "Put it between quotation marks.");
    std::string text = value.get<std::string>();
    if (text.empty())
        return badAnswers("the value of " + inQuotes(key) + " is empty", "Leave the key out to be asked.");
    if (text.size() > longestAnswer || std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7F; }))
        return badAnswers("the value of " + inQuotes(key) + " is too long, or has control characters in it",
                          "Write one line of at most " + std::to_string(longestAnswer) + " bytes.");
    if (const std::string wanted = check(text); !wanted.empty())
        return badAnswers("the value of " + inQuotes(key) + " is " + inQuotes(text), "Write " + wanted + '.');
    return text;
}

std::expected<WantedDisk, AnswersError> wantedDisk(const AnswersJson &value)
{
    if (value == "only" || value == "largest")
        return WantedDisk{.pick = value == "only" ? WantedDisk::Pick::Only : WantedDisk::Pick::Largest, .serial = {}, .model = {}, .name = {}};
    if (!value.is_object() || value.empty())
        return badAnswers("the value of \"disk\" does not say which", knownDisks);
    WantedDisk wanted;
    for (const auto &[name, each] : value.items()) {
        const auto found = std::ranges::find(diskKeys, name, &DiskKey::name);
        if (found == diskKeys.end())
            return badAnswers("\"disk\" has a key " + inQuotes(name) + " that is not known", knownDisks);
        auto text = textOf("disk." + name, each, checkName);
        if (!text)
            return std::unexpected(text.error());
        wanted.*(found->value) = std::move(*text);
    }
    return wanted;
}

// The library keeps the last of two equal keys and says nothing.
struct Duplicates {
    std::vector<std::set<std::string>> open;
    std::string found;

    void see(AnswersJson::parse_event_t event, const AnswersJson &parsed)
    {
        if (event == AnswersJson::parse_event_t::object_start) {
            open.emplace_back();
        } else if (event == AnswersJson::parse_event_t::object_end) {
            open.pop_back();
        } else if (event == AnswersJson::parse_event_t::key && !open.back().insert(parsed.get<std::string>()).second && found.empty()) {
            found = parsed.get<std::string>();
        }
    }
};

std::expected<AnswersJson, AnswersError> parsed(std::string_view text)
{
    Duplicates duplicates;
    AnswersJson json;
    try {
        json = AnswersJson::parse(text, [&](int, AnswersJson::parse_event_t event, const AnswersJson &value) {
            duplicates.see(event, value);
            return true;
        });
    } catch (const AnswersJson::parse_error &error) {
        const auto until = text.substr(0, std::min(error.byte, text.size()));
        return badAnswers("it is not JSON in line " + std::to_string(1 + std::ranges::count(until, '\n')),
                          "Look for a missing comma, quotation mark or brace there.");
    } catch (const AnswersJson::exception &) {
        return badAnswers("it has a number in it that is too large", "No answer is a number: put it between quotation marks.");
    }
    if (!duplicates.found.empty())
        return badAnswers("the key " + inQuotes(duplicates.found) + " is there twice", "Keep one of them.");
    if (!json.is_object())
        return badAnswers("it is JSON, but not one object", "Put all keys between one pair of braces.");
    return json;
}

bool isCalled(const OfferedDisk &disk, std::string_view name)
{
    return !name.empty() && (disk.name == name || (disk.name.starts_with("/dev/") && std::string_view(disk.name).substr(5) == name));
}

bool fits(const WantedDisk &wanted, const OfferedDisk &disk)
{
    return (wanted.serial.empty() || wanted.serial == disk.serial) && (wanted.model.empty() || wanted.model == disk.model)
        && (wanted.name.empty() || isCalled(disk, wanted.name));
}

} // namespace

bool isHostname(std::string_view name)
{
    bool isFine = name.size() <= 64 && consistsOf(name, "-.");
    for (std::size_t start = 0; isFine && start <= name.size();) {
        const std::size_t end = std::min(name.find('.', start), name.size());
        const std::string_view label = name.substr(start, end - start);
        isFine = !label.empty() && label.size() <= 63 && !label.starts_with('-') && !label.ends_with('-');
        start = end + 1;
    }
    return isFine;
}

std::expected<Answers, AnswersError> parseAnswers(std::string_view text)
{
    if (text.size() > longestAnswers)
        return std::unexpected(
            AnswersError{.code = "no-space",
                         .what = cannotBeUsed,
                         .why = "it is " + std::to_string(text.size()) + " bytes long, and " + std::to_string(longestAnswers) + " are the most",
                         .todo = "Check that it is the file you mean."});
    const auto json = parsed(text);
    if (!json)
        return std::unexpected(json.error());
    Answers answers;
    for (const auto &[name, value] : json->items()) {
        if (name == "disk") {
            auto disk = wantedDisk(value);
            if (!disk)
                return std::unexpected(disk.error());
            answers.disk = std::move(*disk);
            continue;
        }
        const auto found = std::ranges::find(keys, name, &Key::name);
        if (found == keys.end())
            return badAnswers("it has a key " + inQuotes(name) + " that is not known", knownKeys);
        auto answer = textOf(name, value, found->check);
        if (!answer)
            return std::unexpected(answer.error());
        answers.*(found->value) = std::move(*answer);
    }
    return answers;
}

std::string writeAnswers(const Answers &answers)
{
    AnswersJson json = AnswersJson::object();
    for (const Key &key : keys) {
        // Where people look for it: before how it is used.
        if (key.value == &Answers::mode && answers.disk) {
            const WantedDisk &disk = *answers.disk;
            if (disk.pick != WantedDisk::Pick::Named)
                json["disk"] = disk.pick == WantedDisk::Pick::Only ? "only" : "largest";
            for (const DiskKey &each : diskKeys) {
                if (disk.pick == WantedDisk::Pick::Named && !(disk.*(each.value)).empty())
                    json["disk"][each.name] = disk.*(each.value);
            }
        }
        if (!(answers.*(key.value)).empty())
            json[key.name] = answers.*(key.value);
    }
    return json.dump(4, ' ', false, AnswersJson::error_handler_t::replace) + '\n';
}

std::expected<std::size_t, AnswersError> findDisk(const WantedDisk &wanted, const std::vector<OfferedDisk> &disks)
{
    const auto notFound = [](std::string why, std::string todo) {
        return std::unexpected(
            AnswersError{.code = "not-found", .what = "The disk that the answers file names was not found", .why = std::move(why), .todo = std::move(todo)});
    };
    const auto several = [](std::string why) {
        return std::unexpected(AnswersError{.code = "changed",
                                            .what = "More than one disk is what the answers file names",
                                            .why = std::move(why),
                                            .todo = "Choose it here, or name it by its serial number."});
    };
    if (disks.empty())
        return notFound("no disk is there that something can be installed on", "Connect it, or choose one here.");
    if (wanted.pick == WantedDisk::Pick::Only)
        return disks.size() == 1 ? std::expected<std::size_t, AnswersError>(0)
                                 : several("it says \"only\", and " + std::to_string(disks.size()) + " disks are there");
    std::vector<std::size_t> fitting;
    for (std::size_t i = 0; i < disks.size(); ++i) {
        if (wanted.pick == WantedDisk::Pick::Largest ? disks[i].size == std::ranges::max(disks, {}, &OfferedDisk::size).size : fits(wanted, disks[i]))
            fitting.push_back(i);
    }
    if (fitting.empty())
        return notFound("none of the " + std::to_string(disks.size()) + " disks has that serial number, model or name",
                        "Connect it, or choose another one here.");
    if (fitting.size() > 1)
        return several(std::to_string(fitting.size()) + " disks fit");
    return fitting.front();
}

std::string confirmation(std::string_view mode, std::string_view disk)
{
    const std::string begin = mode == "erase" ? "erase everything on " : mode == "reinstall" ? "replace the system on " : "";
    return begin.empty() ? begin : begin + std::string(disk);
}

std::expected<bool, AnswersError> isConfirmed(const Answers &answers, const OfferedDisk &disk)
{
    if (answers.confirm.empty() || answers.mode.empty())
        return false;
    const std::string begin = confirmation(answers.mode, "");
    const std::string_view said = std::string_view(answers.confirm).substr(std::min(begin.size(), answers.confirm.size()));
    const bool isThis = (!said.empty() && (said == disk.serial || said == disk.model)) || isCalled(disk, said);
    if (!begin.empty() && answers.confirm.starts_with(begin) && isThis)
        return true;
    return std::unexpected(AnswersError{.code = "permission",
                                        .what = "The answers file allows something else",
                                        .why = "it says " + inQuotes(answers.confirm),
                                        .todo = begin.empty() ? "Nothing is taken from the disk this way: leave the key out, or confirm here."
                                                              : "Confirm here, or write "
                                                + inQuotes(confirmation(answers.mode, disk.serial.empty() ? disk.name : disk.serial)) + '.'});
}

} // namespace Preon::Installer
