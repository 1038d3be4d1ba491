// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// A user record (systemd.io/USER_RECORD) as systemd-homed keeps it: who a user is, what opens the home, where it lies. Read from anybody's bytes, checked in its types,
// kept whole: members that we do not know stay where they are, since a signature may cover them. Not the account's life: that is systemd-homed's (bus/homed.h).
// Pure.

#include "core/home/json.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace Preon::Home
{

// The parts of a record. Regular is all that is in none of the others.
enum class Section {
    Regular, // anybody may read it
    Privileged, // hashes of passwords and recovery keys: for root and the user
    PerMachine, // what holds on some machines only
    Binding, // where the home lies on each machine; not signed
    Status, // what the machine knows of it at the moment; not signed
    Signature,
    Secret, // passwords in the clear, on their way; a Record never has it
};

class Record
{
public:
    // BadFormat as parseObject, or when a member that we know has another type than the specification says, or the user has no usable name. A "secret" section is
    // wiped and left out.
    static Result<Record> parse(std::string_view text);
    static Result<Record> from(nlohmann::json json);

    const nlohmann::json &json() const
    {
        return m_json;
    }
    bool has(Section section) const;

    std::string userName() const;
    std::string realName() const; // the user name where it has none
    std::string disposition() const; // "regular", "system", …; "regular" where it says nothing
    std::uint64_t lastChange() const; // microseconds since 1970; 0 where it says nothing
    // What holds on the machine of that id ("" for none): its binding first, then perMachine, then the regular part.
    std::string storage(const std::string &machineId) const; // "luks", "directory", …; may be empty
    std::string imagePath(const std::string &machineId) const; // of the file or folder that the home is in; may be empty
    std::optional<std::uint32_t> uid(const std::string &machineId) const;
    std::optional<std::uint64_t> diskSize(const std::string &machineId) const; // bytes
    std::vector<std::string> memberOf() const;
    std::size_t recoveryKeys() const; // how many there are; of the public part, so that anybody sees it

    // The bytes that a signature covers: without secret, binding, status and signature; canonical.
    std::string signable() const;
    // All of it as one line of JSON, as systemd prints it.
    std::string text() const;

private:
    explicit Record(nlohmann::json json);
    nlohmann::json m_json;
};

// The one that was changed last, of equal ones the first: systemd-homed decides so between the host, the LUKS header and the home itself. Nullptr of none.
const Record *newest(std::span<const Record *const> records);

} // namespace Preon::Home
