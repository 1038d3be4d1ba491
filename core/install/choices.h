// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What a person chose before the installation and shall not be asked again: language, keyboard, time zone, the computer's name, and how its disk is to be locked.
// No secret is among them in the clear (the Wi-Fi network is sealed: wifi.h). They travel to the first start in a file on the EFI partition, which anybody who holds the computer can write; so what is read there is a
// short list of names with narrow values, none of which can do more than its own person could wish for, and it counts only while no root exists yet.

#include "core/base/host.h"
#include "core/base/progress.h"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace Preon::Install
{

enum class Lock {
    Tpm, // nobody is asked for anything
    TpmAndPin, // the TPM gives the key to whoever knows the PIN
    Passphrase,
};

// Empty members: not chosen. Values are of the form that setChoice() takes.
struct Choices {
    std::string language; // a locale: "de_DE.UTF-8"
    std::string layout, variant; // of the keyboard, as XKB calls them: "de", "neo"; a variant has a layout
    std::string timeZone; // a name of the tz database: "Europe/Berlin"
    std::string hostname; // at most 64 characters (hostname(7), RFC 1123)
    std::optional<Lock> lock;
    Bytes network = {}; // the Wi-Fi network, sealed (wifi.h); only in the file, and never a wish

    bool isEmpty() const;
    bool operator==(const Choices &) const = default;
};

// name: "language", "keyboard" ("LAYOUT" or "LAYOUT VARIANT"), "time-zone", "hostname", "protection" ("tpm", "tpm-pin", "passphrase"). BadArgument for any other, and for
// values that are not of their form; whether a system knows them is found out at its first start.
Result<void> setChoice(Choices &choices, std::string_view name, std::string_view value);

// By the names of setChoice(), those that were chosen: without the sealed network.
nlohmann::ordered_json toJson(const Choices &choices);

// Where the file lies on the EFI partition, and its largest size in bytes.
constexpr const char *choicesPath = "/loader/preon-first-start.conf";
constexpr std::size_t largestChoices = 4096;

// One NAME=VALUE a line; the first is "system=", the root hash (lower-case hex) of the system that they are for; the last may be "network=", the sealed network in base64.
std::string choicesText(const Choices &choices, const std::string &rootHash);
// BadFormat: what is not of that form, whole or in part. NotFound: they are for another system.
Result<Choices> parseChoices(std::string_view text, const std::string &rootHash);

// Where a unit of the initrd without privileges leaves what it read of that file: RUN/preon/first-start.conf (docs/boot.md). Nothing there is no error.
Result<Choices> readChoices(const Host &host, const std::string &rootHash);

// What the console's keymap for that keyboard is called; empty: none was chosen.
std::string consoleKeymap(const Choices &choices);

// The files of a new root's /etc that say so (locale.conf(5), vconsole.conf(5), localtime(5), hostname(5)), into an empty folder. What the system below sysusr does not have
// (a locale, a time zone) is left out with a line in the log, for a wrong one is worse than none.
Result<void> writeSettings(const Choices &choices, const std::filesystem::path &sysusr, const std::filesystem::path &folder, Progress &progress);

} // namespace Preon::Install
