// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What of a record that another system signed holds here.
#include "core/home/adopt.h"

#include "core/base/format.h"
#include "core/home/username.h"

#include <algorithm>
#include <array>
#include <span>

namespace Preon::Home
{

namespace
{
using Json = nlohmann::json;

constexpr std::uint64_t firstUid = 60001, lastUid = 60513; // systemd's range for homes

// What says who somebody is, how they like it, and what opens their home. Everything else (groups, capabilities, mount options, limits, the environment, aliases …) may
// give rights, or take them from others.
constexpr std::array harmless{"emailAddress",
                              "iconName",
                              "location",
                              "preferredLanguage",
                              "additionalLanguages",
                              "timeZone",
                              "umask",
                              "preferredSessionType",
                              "preferredSessionLauncher",
                              "lastPasswordChangeUSec",
                              "enforcePasswordPolicy",
                              "passwordChangeMinUSec",
                              "passwordChangeMaxUSec",
                              "passwordChangeWarnUSec",
                              "passwordChangeInactiveUSec",
                              "pkcs11TokenUri",
                              "fido2HmacCredential",
                              "recoveryKeyType"};
constexpr std::array harmlessPrivileged{"passwordHint", "hashedPassword", "pkcs11EncryptedKey", "fido2HmacSalt", "recoveryKey", "sshAuthorizedKeys"};
// How the home is treated, wherever it is. Said for the old machine alone, most often.
constexpr std::array treatment{"autoResizeMode", "rebalanceWeight", "luksDiscard", "luksOfflineDiscard"};
// Decided anew, each time.
constexpr std::array anew{"userName",
                          "realName",
                          "disposition",
                          "lastChangeUSec",
                          "shell",
                          "memberOf",
                          "storage",
                          "diskSize",
                          "imagePath",
                          "homeDirectory",
                          "uid",
                          "gid",
                          "privileged",
                          "perMachine",
                          "binding",
                          "status",
                          "signature",
                          "autoResizeMode",
                          "rebalanceWeight",
                          "luksDiscard",
                          "luksOfflineDiscard",
                          "diskSizeRelative",
                          "fileSystemType",
                          "partitionUuid",
                          "luksUuid",
                          "fileSystemUuid",
                          "luksCipher",
                          "luksCipherMode",
                          "luksVolumeKeySize"};

std::unexpected<Error> untrusted(const FoundHome &home, std::string why)
{
    return fail(ErrorCode::Untrusted, "The home of " + home.userName + " is not adopted", std::move(why),
                "Such a record was not made for a person of this computer. Copy what you need out of it as an administrator.");
}

Result<void> checkPart(const Json &part, const FoundHome &home)
{
    for (const char *id : {"uid", "gid"}) {
        const auto found = part.find(id);
        if (found != part.end() && !found->is_null() && (found->get<std::uint64_t>() < firstUid || found->get<std::uint64_t>() > lastUid))
            return untrusted(home,
                             "its record asks for the " + std::string(id) + " " + std::to_string(found->get<std::uint64_t>()) + ", which is none of a home");
    }
    const auto folder = part.find("homeDirectory");
    if (folder != part.end() && !folder->is_null() && *folder != "/home/" + home.userName)
        return untrusted(home, "its record asks for another place than /home/" + home.userName);
    return {};
}

Result<void> checkRecord(const Record &record, const FoundHome &home)
{
    if (record.disposition() != "regular")
        return untrusted(home, "its record is of another kind of user");
    const auto realm = record.json().find("realm");
    if (realm != record.json().end() && !realm->is_null())
        return untrusted(home, "its user belongs to a network of computers (a realm)");
    PREON_CHECK(checkPart(record.json(), home));
    const auto parts = record.json().find("perMachine");
    if (parts != record.json().end() && parts->is_array()) {
        for (const Json &part : *parts)
            PREON_CHECK(checkPart(part, home));
    }
    return {};
}

void take(const Json &from, Json &to, std::span<const char *const> members)
{
    for (const char *member : members) {
        if (const auto found = from.find(member); found != from.end() && !found->is_null())
            to[member] = *found;
    }
}

Json placeOf(const Record &record, const FoundHome &home)
{
    Json place = {{"storage", home.storage}};
    if (home.storage != "luks")
        return place;
    place["diskSize"] = home.size;
    take(record.json(), place, treatment);
    if (const auto parts = record.json().find("perMachine"); parts != record.json().end() && parts->is_array()) {
        for (const Json &part : *parts)
            take(part, place, treatment);
    }
    return place;
}

std::string commaList(const std::vector<std::string> &words)
{
    std::string text;
    for (const std::string &word : words)
        text += (text.empty() ? "" : ", ") + word;
    return text;
}

// What the person had, and has no more.
std::vector<Decision> lossesOf(const Record &record, const AdoptionFacts &facts, const std::vector<std::string> &groups)
{
    std::vector<Decision> losses;
    std::vector<std::string> lost = record.memberOf();
    std::erase_if(lost, [&groups](const std::string &group) { return std::ranges::contains(groups, group); });
    if (!lost.empty())
        losses.push_back({"memberOf", commaList(lost), "a home gives nobody rights: whoever adopts it does"});
    const auto shell = record.json().find("shell");
    if (shell != record.json().end() && shell->is_string() && !std::ranges::contains(facts.shells, shell->get<std::string>()))
        losses.push_back({"shell", shell->get<std::string>(), "this system does not have it in /etc/shells"});
    std::vector<std::string> others;
    for (const auto &[name, value] : record.json().items()) {
        if (!value.is_null() && !std::ranges::contains(harmless, name) && !std::ranges::contains(anew, name))
            others.push_back(name.substr(0, 64));
    }
    if (!others.empty())
        losses.push_back({commaList(others), "as by default", "whether it gives rights that others do not have is not known"});
    return losses;
}
}

Result<Adoption> planAdoption(const Record &record, const FoundHome &home, const AdoptionFacts &facts, std::vector<std::string> groups)
{
    PREON_CHECK(checkRecord(record, home));
    if (facts.machineId.empty())
        return fail(ErrorCode::NotFound, "The home of " + home.userName + " cannot be adopted", "this computer has no machine-id yet");
    std::ranges::sort(groups);
    const auto doubles = std::ranges::unique(groups);
    groups.erase(doubles.begin(), doubles.end());
    Json json = {{"userName", home.userName}, {"disposition", "regular"}, {"lastChangeUSec", std::max(facts.now, record.lastChange() + 1)}};
    take(record.json(), json, harmless);
    if (checkRealName(record.realName()))
        json["realName"] = record.realName();
    if (!groups.empty())
        json["memberOf"] = groups;
    const auto shell = record.json().find("shell");
    if (shell != record.json().end() && shell->is_string() && std::ranges::contains(facts.shells, shell->get<std::string>()))
        json["shell"] = *shell;
    if (const auto privileged = record.json().find("privileged"); privileged != record.json().end() && privileged->is_object()) {
        Json kept = Json::object();
        take(*privileged, kept, harmlessPrivileged);
        if (!kept.empty())
            json["privileged"] = std::move(kept);
    }
    Json place = placeOf(record, home);
    place["matchMachineId"] = facts.machineId;
    json["perMachine"] = Json::array({place});
    json["binding"]
        = {{facts.machineId,
            {{"imagePath", home.path}, {"homeDirectory", "/home/" + home.userName}, {"storage", home.storage}, {"uid", facts.uid}, {"gid", facts.uid}}}};
    PREON_TRY(Record made, Record::from(std::move(json)));
    return Adoption{.home = home, .realName = made.realName(), .groups = groups, .record = std::move(made), .decisions = lossesOf(record, facts, groups)};
}

nlohmann::ordered_json toJson(const Adoption &plan)
{
    nlohmann::ordered_json lost = nlohmann::ordered_json::array();
    for (const Decision &decision : plan.decisions)
        lost.push_back({{"member", decision.member}, {"value", decision.value}, {"reason", decision.reason}});
    return {{"userName", plan.home.userName}, {"realName", plan.realName}, {"path", plan.home.path},         {"storage", plan.home.storage},
            {"size", plan.home.size},         {"groups", plan.groups},     {"notTakenOver", std::move(lost)}};
}

std::string toText(const Adoption &plan)
{
    std::string text = "Adopt the home of " + plan.home.userName + " (" + plan.realName + "), " + plan.home.path;
    if (plan.home.size > 0)
        text += ", " + formatSize(plan.home.size);
    text += plan.groups.empty() ? "\n  in no groups" : "\n  in the groups " + commaList(plan.groups);
    for (const Decision &decision : plan.decisions)
        text += "\n  not taken over: " + decision.member + " (" + decision.value + ") – " + decision.reason;
    return text;
}

} // namespace Preon::Home
