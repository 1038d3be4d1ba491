// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/arguments.h"

#include "core/home/username.h"

namespace Preon::Helper
{

Result<Install::Wishes> readWishes(const std::map<std::string, sdbus::Variant> &options)
{
    Install::Wishes wishes;
    for (const auto &[name, value] : options) {
        if (name == "allow-removable" || name == "prepare-secure-boot") {
            if (!value.containsValueOfType<bool>())
                return fail(ErrorCode::BadArgument, "The option " + name + " is yes or no");
            (name == "allow-removable" ? wishes.allowRemovable : wishes.prepareSecureBoot) = value.get<bool>();
        } else if (name == "wifi") {
            PREON_TRY(auto network, Install::parseWirelessNetwork(value.containsValueOfType<std::string>() ? value.get<std::string>() : std::string()));
            wishes.network = std::make_shared<const Install::WirelessNetwork>(std::move(network));
        } else {
            PREON_CHECK(Install::setChoice(wishes.choices, name, value.containsValueOfType<std::string>() ? value.get<std::string>() : std::string()));
        }
    }
    return wishes;
}

Result<Home::FirstStartWishes> readFirstStartWishes(const std::map<std::string, sdbus::Variant> &options)
{
    Home::FirstStartWishes wishes;
    for (const auto &[name, value] : options) {
        const std::string text = value.containsValueOfType<std::string>() ? value.get<std::string>() : std::string();
        if (name == "recovery-key") {
            if (!value.containsValueOfType<bool>())
                return fail(ErrorCode::BadArgument, "The option " + name + " is yes or no");
            wishes.recoveryKey = value.get<bool>();
        } else if (name == "home-size") {
            if (!value.containsValueOfType<std::uint64_t>())
                return fail(ErrorCode::BadArgument, "The option " + name + " is a number of bytes");
            wishes.homeSize = value.get<std::uint64_t>();
        } else if (!value.containsValueOfType<std::string>()) {
            return fail(ErrorCode::BadArgument, "The option " + name.substr(0, 64) + " is a text");
        } else if (name == "account") {
            const auto kind = Home::accountKindFrom(text);
            if (!kind)
                return fail(ErrorCode::BadArgument, "There is no such kind of account", text.substr(0, 64));
            wishes.kind = *kind;
        } else if (name == "user-name") {
            PREON_CHECK(Home::checkUserName(text));
            wishes.userName = text;
        } else if (name == "real-name") {
            PREON_CHECK(Home::checkRealName(text));
            wishes.realName = text;
        } else if (name == "protection") {
            return fail(ErrorCode::BadArgument, "What locks the disk was chosen when it was made");
        } else {
            PREON_CHECK(Install::setChoice(wishes.choices, name, text));
        }
    }
    return wishes;
}

Result<bool> readMetered(const std::map<std::string, sdbus::Variant> &options)
{
    bool metered = false;
    for (const auto &[name, value] : options) {
        if (name != "metered")
            return fail(ErrorCode::BadArgument, "There is no such option", name.substr(0, 64));
        if (!value.containsValueOfType<bool>())
            return fail(ErrorCode::BadArgument, "The option " + name + " is yes or no");
        metered = value.get<bool>();
    }
    return metered;
}

Result<PolicyChange> readPolicyChange(const std::map<std::string, sdbus::Variant> &policy)
{
    PolicyChange change;
    for (const auto &[name, value] : policy) {
        if (name == "metered" || name == "notify") {
            if (!value.containsValueOfType<bool>())
                return fail(ErrorCode::BadArgument, "The option " + name + " is yes or no");
            (name == "metered" ? change.metered : change.notify) = value.get<bool>();
        } else if (name == "rate") {
            if (!value.containsValueOfType<std::uint64_t>())
                return fail(ErrorCode::BadArgument, "The option " + name + " is a number of bytes");
            change.rate = value.get<std::uint64_t>();
            PREON_CHECK(Update::checkPolicy({.rate = *change.rate}));
        } else if (name == "automatic") {
            const std::string text = value.containsValueOfType<std::string>() ? value.get<std::string>() : std::string();
            change.automatic = Update::automaticFrom(text);
            if (!change.automatic)
                return fail(ErrorCode::BadArgument, "So updates do not come", text.substr(0, 64), "It is off, check or fetch.");
        } else {
            return fail(ErrorCode::BadArgument, "There is no such option", name.substr(0, 64));
        }
    }
    return change;
}

} // namespace Preon::Helper
