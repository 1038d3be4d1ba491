// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/home/account.h"

#include "core/base/units.h"
#include "core/base/format.h"
#include "core/base/text.h"
#include "core/home/username.h"

#include <algorithm>
#include <array>

namespace Preon::Home
{

namespace
{
using Json = nlohmann::json;

// What lies around the file system in a home image: the partition table and 4 MiB of LUKS2 header among it.
constexpr std::uint64_t imageOverhead = 18874368;
constexpr std::uint64_t leastOfUse = 512 * mebibyte; // a desktop's first login writes some hundred
constexpr std::size_t longestLocale = 128, longestZone = 128, longestHint = 256;
constexpr auto recoveryType = "modhex64";

struct FileSystem {
    std::string_view name;
    std::uint64_t minimum; // as systemd-homed takes it
};
constexpr std::array fileSystems{FileSystem{"btrfs", 256 * mebibyte}, FileSystem{"ext4", 32 * mebibyte}, FileSystem{"xfs", 300 * mebibyte}};

std::uint64_t less(std::uint64_t from, std::uint64_t what)
{
    return from > what ? from - what : 0;
}

std::uint64_t wholeMebibytes(std::uint64_t bytes)
{
    return bytes / mebibyte * mebibyte;
}

bool consistsOf(std::string_view text, std::string_view signs)
{
    return std::ranges::all_of(text, [signs](char letter) {
        return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') || signs.contains(letter);
    });
}

Result<void> checkLanguage(const std::string &language)
{
    if (language.empty() || language.size() > longestLocale || !consistsOf(language, "_.@-") || language.front() == '.')
        return fail(ErrorCode::BadArgument, "\"" + language.substr(0, longestLocale) + "\" is no language", "a locale is meant, as \"de_DE.UTF-8\"");
    return {};
}

Result<void> checkZone(const std::string &zone)
{
    if (zone.size() > longestZone || !consistsOf(zone, "_+-/") || zone.front() == '/' || zone.back() == '/' || zone.contains("//"))
        return fail(ErrorCode::BadArgument, "\"" + zone.substr(0, longestZone) + "\" is no time zone", "one like \"Europe/Berlin\" is meant");
    return {};
}

Result<void> checkWish(const AccountFacts &facts, const AccountWish &wish)
{
    PREON_CHECK(checkUserName(wish.userName));
    PREON_CHECK(checkRealName(wish.realName));
    if (wish.userName == "root" || wish.userName == "nobody" || std::ranges::contains(facts.takenNames, wish.userName))
        return fail(ErrorCode::Exists, "The user name \"" + wish.userName + "\" is taken", "a user or a group of this computer has it", "Choose another one.");
    for (const std::string &group : wish.memberOf) {
        if (!checkUserName(lowerCase(group)))
            return fail(ErrorCode::BadArgument, "\"" + group.substr(0, longestUserName) + "\" cannot be a group");
    }
    for (const std::string &language : wish.moreLanguages)
        PREON_CHECK(checkLanguage(language));
    if (!wish.language.empty())
        PREON_CHECK(checkLanguage(wish.language));
    else if (!wish.moreLanguages.empty())
        return fail(ErrorCode::BadArgument, "Further languages need a first one");
    if (!wish.timeZone.empty())
        PREON_CHECK(checkZone(wish.timeZone));
    if (!wish.shell.empty() && (wish.shell.front() != '/' || !consistsOf(wish.shell, "/._-+")))
        return fail(ErrorCode::BadArgument, "That is no shell", "the path of a program is meant");
    if (wish.passwordHint.size() > longestHint || !isUtf8(wish.passwordHint))
        return fail(ErrorCode::BadArgument, "That cannot be a hint", "it is longer than 256 bytes, or no text in UTF-8");
    if (wish.storage != "luks" && wish.storage != "directory" && wish.storage != "subvolume")
        return fail(ErrorCode::Unsupported, "\"" + wish.storage + "\" is no storage for a home that can be made here",
                    "there are luks, directory and subvolume");
    if (wish.storage == "luks" && !std::ranges::contains(fileSystems, wish.fileSystem, &FileSystem::name))
        return fail(ErrorCode::Unsupported, "\"" + wish.fileSystem + "\" is no file system for a home", "there are btrfs, ext4 and xfs");
    if (wish.diskSize && wish.storage != "luks")
        return fail(ErrorCode::BadArgument, "A home that is a folder has no size of its own", {}, "Leave the size out.");
    return {};
}

std::string numbers(const SizeForecast &size, const AccountFacts &facts)
{
    return "of " + formatSize(facts.freeBytes) + " free, " + formatSize(size.kept) + " stay free for the system and " + formatSize(facts.promisedBytes)
        + " belong to other homes; at least " + formatSize(size.minimum) + " are needed";
}

Result<std::uint64_t> decideSize(const SizeForecast &size, const AccountFacts &facts, const AccountWish &wish)
{
    if (!size.fits())
        return fail(ErrorCode::NoSpace, "There is no room for an encrypted home", numbers(size, facts), "Free some space, or take an ordinary account.");
    if (!wish.diskSize)
        return size.suggested;
    if (*wish.diskSize < size.minimum)
        return fail(ErrorCode::BadArgument, "A home of " + formatSize(*wish.diskSize) + " is too small",
                    "at least " + formatSize(size.minimum) + " are needed");
    if (*wish.diskSize > size.maximum)
        return fail(ErrorCode::NoSpace, "A home of " + formatSize(*wish.diskSize) + " does not fit",
                    "at most " + formatSize(size.maximum) + " can be had: " + numbers(size, facts), "Take a smaller one.");
    return wholeMebibytes(*wish.diskSize);
}

// What belongs to an image with a file system of its own.
void decideImage(Json &json, std::vector<Decision> &decisions, std::uint64_t size, const AccountWish &wish)
{
    json["fileSystemType"] = wish.fileSystem;
    json["diskSize"] = size;
    json["autoResizeMode"] = "off";
    json["rebalanceWeight"] = 0U; // as homectl writes "off"
    json["luksDiscard"] = false;
    json["luksOfflineDiscard"] = true;
    if (!wish.diskSize)
        decisions.push_back({"diskSize", formatSize(size), "most of what is free, with room left for the system and for others"});
    decisions.push_back({"autoResizeMode", "off",
                         "shrinking at each logout and growing at each login can fail, and then nobody can log in; the size stays until somebody changes it"});
    decisions.push_back(
        {"rebalanceWeight", "off", "homes that push each other around while in use fill the disk; the sizes above were chosen so that all fit"});
    decisions.push_back(
        {"luksDiscard", "off", "while its user is logged in, the home has all of its space for certain: no write fails because others filled the disk"});
    decisions.push_back({"luksOfflineDiscard", "on", "at logout the unused space goes back to the disk"});
}
}

SizeForecast forecastSize(const AccountFacts &facts, const std::string &fileSystem)
{
    const auto known = std::ranges::find(fileSystems, fileSystem, &FileSystem::name);
    SizeForecast size;
    size.minimum = std::max(leastOfUse, (known == fileSystems.end() ? 0 : known->minimum) + imageOverhead);
    // Of a volume of their own a btrfs takes up to half a gibibyte for itself when it comes to write its first metadata (512 MiB; 2 GiB where it has 50 GiB or more). A home that was made into the last free
    // bytes would not find them again at the next login.
    size.kept = facts.isSystemVolume ? std::max(2 * gibibyte, facts.totalBytes / 10) : std::max(gibibyte, facts.totalBytes / 20);
    size.maximum = wholeMebibytes(less(facts.freeBytes, size.kept + facts.promisedBytes));
    // Of a volume of their own homes get what systemd-homed gives by default; beside the system less, for it grows.
    const std::uint64_t share = facts.isSystemVolume ? 70 : 85;
    size.suggested = std::clamp(size.maximum / mebibyte * share / 100 * mebibyte, std::min(size.minimum, size.maximum), size.maximum);
    return size;
}

Result<AccountPlan> planAccount(const AccountFacts &facts, const AccountWish &wish)
{
    PREON_CHECK(checkWish(facts, wish));
    std::vector<Decision> decisions;
    SizeForecast size;
    Json json = {{"userName", wish.userName}, {"disposition", "regular"}, {"lastChangeUSec", facts.now}, {"lastPasswordChangeUSec", facts.now}};
    Json place = {{"storage", wish.storage}};
    if (wish.storage == "luks") {
        size = forecastSize(facts, wish.fileSystem);
        PREON_TRY(const std::uint64_t bytes, decideSize(size, facts, wish));
        decideImage(place, decisions, bytes, wish);
    } else {
        decisions.push_back({"storage", wish.storage, "the home is a folder: who has the disk can read it"});
    }
    const auto set = [&json](const char *name, const std::string &value) {
        if (!value.empty())
            json[name] = value;
    };
    set("realName", wish.realName);
    set("preferredLanguage", wish.language);
    set("timeZone", wish.timeZone);
    set("shell", wish.shell);
    if (!wish.moreLanguages.empty())
        json["additionalLanguages"] = wish.moreLanguages;
    if (!wish.memberOf.empty()) {
        std::vector<std::string> groups = wish.memberOf; // as homectl writes them: sorted, each once
        std::ranges::sort(groups);
        const auto doubles = std::ranges::unique(groups);
        groups.erase(doubles.begin(), doubles.end());
        json["memberOf"] = groups;
    }
    json["enforcePasswordPolicy"] = !wish.takesAnyPassword;
    decisions.push_back(wish.takesAnyPassword ? Decision{"enforcePasswordPolicy", "off", "asked for: any password is taken"}
                                              : Decision{"enforcePasswordPolicy", "on", "the password alone guards the home of a stolen disk"});
    if (!wish.passwordHint.empty())
        json["privileged"] = {{"passwordHint", wish.passwordHint}};
    if (facts.machineId.empty()) {
        json.update(place);
    } else {
        place["matchMachineId"] = facts.machineId;
        json["perMachine"] = Json::array({place});
    }
    PREON_TRY(Record record, Record::from(std::move(json)));
    return AccountPlan{.machineId = facts.machineId, .record = std::move(record), .size = size, .decisions = std::move(decisions)};
}

nlohmann::ordered_json toJson(const AccountPlan &plan)
{
    nlohmann::ordered_json decisions = nlohmann::ordered_json::array();
    for (const Decision &decision : plan.decisions)
        decisions.push_back({{"member", decision.member}, {"value", decision.value}, {"reason", decision.reason}});
    nlohmann::ordered_json object = {{"record", plan.record.json()}, {"decisions", decisions}};
    if (plan.size.minimum > 0)
        object["size"] = {{"minimum", plan.size.minimum}, {"suggested", plan.size.suggested}, {"maximum", plan.size.maximum}, {"kept", plan.size.kept}};
    return object;
}

std::string toText(const AccountPlan &plan)
{
    std::string text = "Account " + plan.record.userName() + " (" + plan.record.realName() + "), home: " + plan.record.storage(plan.machineId);
    if (const auto size = plan.record.diskSize(plan.machineId))
        text += ", " + formatSize(*size) + " (" + formatSize(plan.size.minimum) + " to " + formatSize(plan.size.maximum) + ")";
    for (const Decision &decision : plan.decisions)
        text += "\n  " + decision.member + ": " + decision.value + " – " + decision.reason;
    return text;
}

Result<Record> withRecoveryKey(const Record &record, const Secret *recoveryKey)
{
    Json json = record.json();
    json.erase("recoveryKeyType");
    if (json.contains("privileged"))
        json["privileged"].erase("recoveryKey");
    if (recoveryKey) {
        PREON_TRY(const std::string hash, hashPassword(*recoveryKey));
        json["recoveryKeyType"] = {recoveryType};
        json["privileged"]["recoveryKey"] = Json::array({{{"type", recoveryType}, {"hashedPassword", hash}}});
    }
    return Record::from(std::move(json));
}

Result<Secret> accountRequest(const AccountPlan &plan, const Secret &password, const Secret *recoveryKey)
{
    if (password.empty())
        return fail(ErrorCode::BadArgument, "An account needs a password");
    PREON_TRY(const std::string hash, hashPassword(password));
    Json json = plan.record.json();
    json["privileged"]["hashedPassword"] = {hash};
    PREON_TRY(Record record, Record::from(std::move(json)));
    std::vector<const Secret *> clear{&password};
    if (recoveryKey) {
        PREON_TRY(record, withRecoveryKey(record, recoveryKey));
        clear.push_back(recoveryKey);
    }
    PREON_TRY(const Secret section, secretSection(clear));
    return withSecret(record, section);
}

Result<Record> forUpdate(const Record &record, std::uint64_t now)
{
    Json json = record.json();
    for (const char *section : {"binding", "status", "signature"})
        json.erase(section);
    json["lastChangeUSec"] = std::max(now, record.lastChange() + 1); // an older one would be refused
    return Record::from(std::move(json));
}

} // namespace Preon::Home
