// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// systemd-homed, asked over the bus (org.freedesktop.home1): accounts whose homes it keeps. Each call waits for its answer, which may take minutes (a file system is
// made, a person is asked by polkit), so it is for threads that may wait, each with a Homed of its own. Secrets go out in messages that libsystemd wipes. Nothing
// here decides anything: what is sent comes from core/home, what comes back is an Error in words (homederrors.h) or what it is.

#include "core/base/secret.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

struct sd_bus;

namespace Preon::Bus
{

class Homed
{
public:
    // Whether polkit may ask a person for a password on the way (ALLOW_INTERACTIVE_AUTHORIZATION).
    enum class Asking { Nobody, Person };

    // A connection of its own to the system bus. Io: there is none.
    static Result<Homed> open(Asking asking);
    // On that connection, which must be this thread's; a reference is taken.
    explicit Homed(sd_bus *bus);
    Homed(Homed &&) noexcept = default;
    Homed &operator=(Homed &&) noexcept = default;

    struct Home {
        std::string userName, realName, state; // state: "inactive", "active", "locked", "absent", "unfixated", "dirty", …
        std::uint32_t uid = 0, gid = 0;
        std::string homeDirectory, shell, path; // path: of the object
    };
    Result<std::vector<Home>> list();
    Result<Home> home(const std::string &userName); // NotFound

    struct UserRecord {
        std::string json; // for Home::Record::parse
        bool isIncomplete = false; // the caller may not see its privileged part
        std::string path;
    };
    Result<UserRecord> record(const std::string &userName);

    // record: JSON with its secret (Home::accountRequest). The account is there when it returns. userName: for what an error says, here and below.
    // picture: PNG or JPEG, kept as "avatar" in the account's blob directory (user record specification, "blobDirectory"); empty: none.
    Result<void> create(const Secret &record, std::string_view userName, ByteView picture = {});
    // record: JSON with a secret that opens it now (Home::withSecret).
    Result<void> update(const Secret &record, std::string_view userName);
    // A record that was signed already, by a key that this machine takes; without binding and status.
    Result<void> registerRecord(const std::string &record, std::string_view userName);
    Result<void> remove(const std::string &userName); // with all that is in it

    // secret, now, before: Home::secretSection.
    Result<void> activate(const std::string &userName, const Secret &secret);
    Result<void> deactivate(const std::string &userName);
    Result<void> authenticate(const std::string &userName, const Secret &secret);
    // before must open it now: the password, or a recovery key. Each recovery key that stays must be in one of the two: systemd-homed writes all key slots anew.
    Result<void> changePassword(const std::string &userName, const Secret &now, const Secret &before);
    Result<void> resize(const std::string &userName, std::uint64_t bytes, const Secret &secret);
    Result<void> lock(const std::string &userName);
    Result<void> unlock(const std::string &userName, const Secret &secret);

private:
    struct Deleter {
        void operator()(sd_bus *bus) const;
    };
    std::unique_ptr<sd_bus, Deleter> m_bus;
};

} // namespace Preon::Bus
