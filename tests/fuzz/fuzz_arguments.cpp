// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/home/username.h"
#include "core/install/choices.h"
#include "helper/arguments.h"
#include "helper/errors.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include <sdbus-c++/sdbus-c++.h>

using namespace Preon;

namespace
{

using Options = std::map<std::string, sdbus::Variant>;
constexpr std::size_t deepest = 40;

// Up to the next separator, which no name or value that matters here holds.
std::string_view take(std::string_view &text, char separator)
{
    const std::string_view part = text.substr(0, text.find(separator));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    return part;
}

// type: letters from the outside to the inside. Lower-case ones of the D-Bus specification for what holds a value itself, and v, A, E, R for what holds another.
sdbus::Variant value(std::string_view type, const std::string &text, std::size_t depth = 0)
{
    const auto number = static_cast<std::int64_t>(std::strtoll(text.c_str(), nullptr, 0));
    const char first = type.empty() || depth == deepest ? 's' : type.front();
    const auto inner = [&] {
        return value(type.substr(1), text, depth + 1);
    };
    switch (first) {
    case 'y':
        return sdbus::Variant(static_cast<std::uint8_t>(number));
    case 'b':
        return sdbus::Variant(number != 0);
    case 'n':
        return sdbus::Variant(static_cast<std::int16_t>(number));
    case 'q':
        return sdbus::Variant(static_cast<std::uint16_t>(number));
    case 'i':
        return sdbus::Variant(static_cast<std::int32_t>(number));
    case 'u':
        return sdbus::Variant(static_cast<std::uint32_t>(number));
    case 'x':
        return sdbus::Variant(number);
    case 't':
        return sdbus::Variant(static_cast<std::uint64_t>(number));
    case 'd':
        return sdbus::Variant(std::strtod(text.c_str(), nullptr));
    case 'o':
        return sdbus::Variant(sdbus::ObjectPath(text));
    case 'g':
        return sdbus::Variant(sdbus::Signature(text));
    case 'h':
        return sdbus::Variant(sdbus::UnixFd(0));
    case 'S':
        return sdbus::Variant(std::vector<std::string>{text, text});
    case 'Y':
        return sdbus::Variant(std::vector<std::uint8_t>(text.begin(), text.end()));
    case 'v':
        return {inner(), sdbus::embed_variant};
    case 'A':
        return sdbus::Variant(std::vector<sdbus::Variant>{inner()});
    case 'E':
        return sdbus::Variant(Options{{text, inner()}});
    case 'R':
        return sdbus::Variant(sdbus::Struct<std::string, sdbus::Variant>(text, inner()));
    default:
        return sdbus::Variant(text);
    }
}

// As it arrives: written into a message of the bus and read from it. What the bus itself refuses (no UTF-8, no path) reaches nobody.
std::optional<Options> received(std::string_view text)
{
    try {
        Options options;
        while (!text.empty()) {
            std::string_view option = take(text, '\x1e');
            const std::string name(take(option, '\x1f'));
            const std::string_view type = take(option, '\x1f');
            options[name] = value(type, std::string(option));
        }
        return sdbus::Variant(options).get<Options>();
    } catch (const sdbus::Error &) {
        return std::nullopt;
    }
}

void check(bool holds)
{
    if (!holds)
        std::abort();
}

// The answer can be sent, and is short whatever was asked.
void checkRefusal(const Error &error)
{
    check(error.code == ErrorCode::BadArgument && !error.what.empty());
    const std::string message = Helper::toDBus(error).getMessage();
    check(message.size() < 2048 && std::ranges::all_of(message, [](char c) { return c >= ' ' && c <= '~'; }));
}

// What the first start takes has its form, too: names go into the list of users.
void atFirstStart(const std::map<std::string, sdbus::Variant> &options)
{
    const auto wishes = Helper::readFirstStartWishes(options);
    if (!wishes)
        return checkRefusal(wishes.error());
    check(!options.contains("user-name") || Home::checkUserName(wishes->userName).has_value());
    check(wishes->realName.find_first_of(":\n") == std::string::npos);
    check(!wishes->choices.lock && wishes->choices.network.empty());
    check(!wishes->recoveryKey || options.contains("recovery-key"));
    check(wishes->homeSize.has_value() == options.contains("home-size"));
}

// How updates come: what is taken was sent, and stays within its bounds.
void ofUpdates(const std::map<std::string, sdbus::Variant> &options)
{
    if (const auto metered = Helper::readMetered(options); !metered)
        checkRefusal(metered.error());
    else
        check(!*metered || options.at("metered").get<bool>());
    const auto change = Helper::readPolicyChange(options);
    if (!change)
        return checkRefusal(change.error());
    check(change->automatic.has_value() == options.contains("automatic") && change->rate.has_value() == options.contains("rate"));
    check(change->metered.has_value() == options.contains("metered") && change->notify.has_value() == options.contains("notify"));
    check(!change->rate || Update::checkPolicy({.rate = *change->rate}).has_value());
}

} // namespace

// Anybody on the bus may send options; root reads them. None of them throws, what is taken is what was sent, of its own type, and comes to the first start unchanged.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    const auto options = received(std::string_view(reinterpret_cast<const char *>(data), size));
    if (!options)
        return 0;
    atFirstStart(*options);
    ofUpdates(*options);
    const auto wishes = Helper::readWishes(*options);
    if (!wishes) {
        checkRefusal(wishes.error());
        return 0;
    }
    const auto chosen = Install::toJson(wishes->choices);
    std::size_t texts = 0;
    for (const auto &[name, sent] : *options) {
        if (name == "allow-removable" || name == "prepare-secure-boot") {
            check(sent.containsValueOfType<bool>());
            check((name == "allow-removable" ? wishes->allowRemovable : wishes->prepareSecureBoot) == sent.get<bool>());
        } else if (name == "wifi") {
            check(sent.containsValueOfType<std::string>() && wishes->network != nullptr);
        } else {
            ++texts;
            check(sent.containsValueOfType<std::string>());
            check(chosen.contains(name) && chosen[name] == sent.get<std::string>());
        }
    }
    check(chosen.size() == texts);
    check(!wishes->allowRemovable || options->contains("allow-removable"));
    check(!wishes->network || options->contains("wifi"));
    check(!wishes->prepareSecureBoot || options->contains("prepare-secure-boot"));
    const std::string hash(64, 'a');
    const std::string text = Install::choicesText(wishes->choices, hash);
    check(text.size() <= Install::largestChoices);
    const auto again = Install::parseChoices(text, hash);
    check(again && *again == wishes->choices);
    return 0;
}
