// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/home/record.h"

#include "core/base/hash.h"

#include <algorithm>
#include <array>

namespace Preon::Home
{

namespace
{
using Json = nlohmann::json;

enum class Type { Text, Number, Integer, Flag, Texts, Objects, Object, FlagOrNumber };

struct Member {
    std::string_view name;
    Type type;
};

// systemd.io/USER_RECORD, as of systemd 257; what is not here may be anything.
constexpr std::array regularMembers{
    Member{"userName", Type::Text},
    Member{"realm", Type::Text},
    Member{"aliases", Type::Texts},
    Member{"blobDirectory", Type::Text},
    Member{"blobManifest", Type::Object},
    Member{"realName", Type::Text},
    Member{"emailAddress", Type::Text},
    Member{"iconName", Type::Text},
    Member{"location", Type::Text},
    Member{"disposition", Type::Text},
    Member{"lastChangeUSec", Type::Number},
    Member{"lastPasswordChangeUSec", Type::Number},
    Member{"shell", Type::Text},
    Member{"umask", Type::Number},
    Member{"environment", Type::Texts},
    Member{"timeZone", Type::Text},
    Member{"preferredLanguage", Type::Text},
    Member{"additionalLanguages", Type::Texts},
    Member{"niceLevel", Type::Integer},
    Member{"resourceLimits", Type::Object},
    Member{"locked", Type::Flag},
    Member{"notBeforeUSec", Type::Number},
    Member{"notAfterUSec", Type::Number},
    Member{"storage", Type::Text},
    Member{"diskSize", Type::Number},
    Member{"diskSizeRelative", Type::Number},
    Member{"skeletonDirectory", Type::Text},
    Member{"accessMode", Type::Number},
    Member{"tasksMax", Type::Number},
    Member{"memoryHigh", Type::Number},
    Member{"memoryMax", Type::Number},
    Member{"cpuWeight", Type::Number},
    Member{"ioWeight", Type::Number},
    Member{"mountNoDevices", Type::Flag},
    Member{"mountNoSuid", Type::Flag},
    Member{"mountNoExecute", Type::Flag},
    Member{"cifsDomain", Type::Text},
    Member{"cifsUserName", Type::Text},
    Member{"cifsService", Type::Text},
    Member{"cifsExtraMountOptions", Type::Text},
    Member{"imagePath", Type::Text},
    Member{"homeDirectory", Type::Text},
    Member{"uid", Type::Number},
    Member{"gid", Type::Number},
    Member{"memberOf", Type::Texts},
    Member{"fileSystemType", Type::Text},
    Member{"partitionUuid", Type::Text},
    Member{"luksUuid", Type::Text},
    Member{"fileSystemUuid", Type::Text},
    Member{"luksDiscard", Type::Flag},
    Member{"luksOfflineDiscard", Type::Flag},
    Member{"luksCipher", Type::Text},
    Member{"luksCipherMode", Type::Text},
    Member{"luksVolumeKeySize", Type::Number},
    Member{"luksPbkdfType", Type::Text},
    Member{"luksPbkdfHashAlgorithm", Type::Text},
    Member{"luksPbkdfForceIterations", Type::Number},
    Member{"luksPbkdfTimeCostUSec", Type::Number},
    Member{"luksPbkdfMemoryCost", Type::Number},
    Member{"luksPbkdfParallelThreads", Type::Number},
    Member{"luksSectorSize", Type::Number},
    Member{"luksExtraMountOptions", Type::Text},
    Member{"dropCaches", Type::Flag},
    Member{"autoResizeMode", Type::Text},
    Member{"rebalanceWeight", Type::FlagOrNumber},
    Member{"service", Type::Text},
    Member{"rateLimitIntervalUSec", Type::Number},
    Member{"rateLimitBurst", Type::Number},
    Member{"enforcePasswordPolicy", Type::Flag},
    Member{"autoLogin", Type::Flag},
    Member{"preferredSessionType", Type::Text},
    Member{"preferredSessionLauncher", Type::Text},
    Member{"stopDelayUSec", Type::Number},
    Member{"killProcesses", Type::Flag},
    Member{"passwordChangeMinUSec", Type::Number},
    Member{"passwordChangeMaxUSec", Type::Number},
    Member{"passwordChangeWarnUSec", Type::Number},
    Member{"passwordChangeInactiveUSec", Type::Number},
    Member{"passwordChangeNow", Type::Flag},
    Member{"pkcs11TokenUri", Type::Texts},
    Member{"fido2HmacCredential", Type::Texts},
    Member{"recoveryKeyType", Type::Texts},
    Member{"selfModifiableFields", Type::Texts},
    Member{"selfModifiableBlobs", Type::Texts},
    Member{"selfModifiablePrivileged", Type::Texts},
    Member{"capabilityBoundingSet", Type::Texts},
    Member{"capabilityAmbientSet", Type::Texts},
    Member{"privileged", Type::Object},
    Member{"perMachine", Type::Objects},
    Member{"binding", Type::Object},
    Member{"status", Type::Object},
    Member{"signature", Type::Objects},
};
constexpr std::array privilegedMembers{
    Member{"passwordHint", Type::Text},          Member{"hashedPassword", Type::Texts},  Member{"sshAuthorizedKeys", Type::Texts},
    Member{"pkcs11EncryptedKey", Type::Objects}, Member{"fido2HmacSalt", Type::Objects}, Member{"recoveryKey", Type::Objects},
};
constexpr std::array recoveryKeyMembers{Member{"type", Type::Text}, Member{"hashedPassword", Type::Text}};
constexpr std::array signatureMembers{Member{"data", Type::Text}, Member{"key", Type::Text}};
constexpr std::array bindingMembers{
    Member{"blobDirectory", Type::Text},
    Member{"imagePath", Type::Text},
    Member{"homeDirectory", Type::Text},
    Member{"partitionUuid", Type::Text},
    Member{"luksUuid", Type::Text},
    Member{"fileSystemUuid", Type::Text},
    Member{"uid", Type::Number},
    Member{"gid", Type::Number},
    Member{"storage", Type::Text},
    Member{"fileSystemType", Type::Text},
    Member{"luksCipher", Type::Text},
    Member{"luksCipherMode", Type::Text},
    Member{"luksVolumeKeySize", Type::Number},
};
constexpr std::array statusMembers{
    Member{"diskUsage", Type::Number},
    Member{"diskFree", Type::Number},
    Member{"diskSize", Type::Number},
    Member{"diskCeiling", Type::Number},
    Member{"diskFloor", Type::Number},
    Member{"state", Type::Text},
    Member{"service", Type::Text},
    Member{"signedLocally", Type::Flag},
    Member{"goodAuthenticationCounter", Type::Number},
    Member{"badAuthenticationCounter", Type::Number},
    Member{"lastGoodAuthenticationUSec", Type::Number},
    Member{"lastBadAuthenticationUSec", Type::Number},
    Member{"rateLimitBeginUSec", Type::Number},
    Member{"rateLimitCount", Type::Number},
    Member{"removable", Type::Flag},
    Member{"accessMode", Type::Number},
    Member{"fileSystemType", Type::Text},
    Member{"fallbackShell", Type::Text},
    Member{"fallbackHomeDirectory", Type::Text},
    Member{"useFallback", Type::Flag},
};

bool isUnsigned(const Json &value)
{
    return value.is_number_unsigned();
}

bool fits(const Json &value, Type type)
{
    switch (type) {
    case Type::Text:
        return value.is_string();
    case Type::Number:
        return isUnsigned(value);
    case Type::Integer:
        return value.is_number_integer();
    case Type::Flag:
        return value.is_boolean();
    case Type::Texts:
        return value.is_array() && std::ranges::all_of(value, [](const Json &each) { return each.is_string(); });
    case Type::Objects:
        return value.is_array() && std::ranges::all_of(value, [](const Json &each) { return each.is_object(); });
    case Type::Object:
        return value.is_object();
    case Type::FlagOrNumber:
        return value.is_boolean() || isUnsigned(value);
    }
    return false;
}

// Null stands for "not set" wherever systemd reads a member.
Result<void> check(const Json &object, std::span<const Member> members, std::string_view where)
{
    for (const Member &member : members) {
        const auto found = object.find(member.name);
        if (found != object.end() && !found->is_null() && !fits(*found, member.type))
            return fail(ErrorCode::BadFormat, "The user record cannot be used",
                        std::string(member.name) + (where.empty() ? "" : " in " + std::string(where)) + " has a type that it must not have");
    }
    return {};
}

// Objects that are keyed by a machine's id.
Result<void> checkByMachine(const Json &record, const char *section, std::span<const Member> members)
{
    const auto found = record.find(section);
    if (found == record.end() || found->is_null())
        return {};
    for (const auto &[machine, object] : found->items()) {
        if (!object.is_object())
            return fail(ErrorCode::BadFormat, "The user record cannot be used", std::string(section) + " has something else than objects in it");
        PREON_CHECK(check(object, members, section));
    }
    return {};
}

Result<void> checkEach(const Json &object, const char *list, std::span<const Member> members)
{
    const auto found = object.find(list);
    if (found == object.end() || found->is_null())
        return {};
    for (const Json &each : *found)
        PREON_CHECK(check(each, members, list));
    return {};
}

Result<void> checkAll(const Json &record)
{
    PREON_CHECK(check(record, regularMembers, {}));
    PREON_CHECK(checkEach(record, "perMachine", regularMembers));
    PREON_CHECK(checkEach(record, "signature", signatureMembers));
    PREON_CHECK(checkByMachine(record, "binding", bindingMembers));
    PREON_CHECK(checkByMachine(record, "status", statusMembers));
    if (const auto privileged = record.find("privileged"); privileged != record.end() && privileged->is_object()) {
        PREON_CHECK(check(*privileged, privilegedMembers, "privileged"));
        PREON_CHECK(checkEach(*privileged, "recoveryKey", recoveryKeyMembers));
    }
    return {};
}

constexpr std::string_view sectionName(Section section)
{
    switch (section) {
    case Section::Regular:
        return {};
    case Section::Privileged:
        return "privileged";
    case Section::PerMachine:
        return "perMachine";
    case Section::Binding:
        return "binding";
    case Section::Status:
        return "status";
    case Section::Signature:
        return "signature";
    case Section::Secret:
        return "secret";
    }
    return {};
}

std::string textOf(const Json &object, const char *name)
{
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool appliesTo(const Json &perMachine, const std::string &machineId)
{
    const auto match = perMachine.find("matchMachineId");
    if (match == perMachine.end() || machineId.empty())
        return false;
    return match->is_array() ? std::ranges::contains(*match, Json(machineId)) : *match == machineId;
}

// Where a member is looked for on a machine, first one first.
const Json *memberOn(const Json &record, const std::string &machineId, const char *name)
{
    const auto binding = record.find("binding");
    if (binding != record.end() && binding->is_object() && binding->contains(machineId) && (*binding)[machineId].contains(name))
        return &(*binding)[machineId][name];
    const Json *last = nullptr;
    if (const auto perMachine = record.find("perMachine"); perMachine != record.end() && perMachine->is_array()) {
        for (const Json &each : *perMachine) {
            if (each.contains(name) && appliesTo(each, machineId))
                last = &each[name];
        }
    }
    const auto regular = record.find(name);
    return last ? last : regular != record.end() ? &*regular : nullptr;
}

std::string textOn(const Json &record, const std::string &machineId, const char *name)
{
    const Json *found = memberOn(record, machineId, name);
    return found && found->is_string() ? found->get<std::string>() : std::string();
}
}

Record::Record(Json json)
    : m_json(std::move(json))
{
}

Result<Record> Record::parse(std::string_view text)
{
    PREON_TRY(Json json, parseObject(text, "The user record"));
    return from(std::move(json));
}

Result<Record> Record::from(Json json)
{
    if (const auto secret = json.find("secret"); secret != json.end()) {
        wipe(*secret);
        json.erase(secret);
    }
    PREON_CHECK(checkAll(json));
    const std::string name = textOf(json, "userName");
    if (name.empty() || name.size() > 256 || name.contains('/') || name.contains(':') || name == "." || name == "..")
        return fail(ErrorCode::BadFormat, "The user record cannot be used", name.empty() ? "it names no user" : "its user name cannot be one");
    return Record(std::move(json));
}

bool Record::has(Section section) const
{
    return section == Section::Regular || m_json.contains(sectionName(section));
}

std::string Record::userName() const
{
    return textOf(m_json, "userName");
}

std::string Record::realName() const
{
    const std::string name = textOf(m_json, "realName");
    return name.empty() ? userName() : name;
}

std::string Record::disposition() const
{
    const std::string disposition = textOf(m_json, "disposition");
    return disposition.empty() ? "regular" : disposition;
}

std::uint64_t Record::lastChange() const
{
    const auto found = m_json.find("lastChangeUSec");
    return found != m_json.end() && isUnsigned(*found) ? found->get<std::uint64_t>() : 0;
}

std::string Record::storage(const std::string &machineId) const
{
    return textOn(m_json, machineId, "storage");
}

std::string Record::imagePath(const std::string &machineId) const
{
    return textOn(m_json, machineId, "imagePath");
}

std::optional<std::uint32_t> Record::uid(const std::string &machineId) const
{
    const Json *found = memberOn(m_json, machineId, "uid");
    if (!found || !isUnsigned(*found) || found->get<std::uint64_t>() > UINT32_MAX)
        return std::nullopt;
    return found->get<std::uint32_t>();
}

std::optional<std::uint64_t> Record::diskSize(const std::string &machineId) const
{
    const Json *found = memberOn(m_json, machineId, "diskSize");
    return found && isUnsigned(*found) ? std::optional(found->get<std::uint64_t>()) : std::nullopt;
}

std::vector<std::string> Record::memberOf() const
{
    const auto found = m_json.find("memberOf");
    return found != m_json.end() && found->is_array() ? found->get<std::vector<std::string>>() : std::vector<std::string>();
}

std::size_t Record::recoveryKeys() const
{
    const auto found = m_json.find("recoveryKeyType");
    return found != m_json.end() && found->is_array() ? found->size() : 0;
}

std::string Record::signable() const
{
    Json reduced = m_json;
    for (const Section section : {Section::Secret, Section::Binding, Section::Status, Section::Signature})
        reduced.erase(std::string(sectionName(section)));
    return canonical(reduced);
}

std::string Record::text() const
{
    return canonical(m_json);
}

const Record *newest(std::span<const Record *const> records)
{
    const auto found = std::ranges::max_element(records, {}, [](const Record *record) { return record->lastChange(); });
    return found == records.end() ? nullptr : *found;
}

} // namespace Preon::Home
