// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// A new account with an encrypted home, decided before anything is touched: which user record systemd-homed shall be given, how large the home may be, and why. The
// plan has no secret and can be shown; accountRequest joins the password to it, once. It makes no account: that is bus/homed.h, and systemd-homed behind it.

#include "core/base/host.h"
#include "core/home/password.h"

namespace Preon::Home
{

// What the machine is like.
struct AccountFacts {
    std::vector<std::string> takenNames = {}; // of users and groups, also those of homes that are not plugged in
    std::uint64_t freeBytes = 0, totalBytes = 0; // of the volume that holds /home
    std::uint64_t promisedBytes = 0; // of that volume, to other homes, which will take it when their users log in
    bool isSystemVolume = true; // /home lies with /var on one volume, which must not get full
    std::uint64_t now = 0; // microseconds since 1970
    std::string machineId = {}; // where and how the home lies is said for this machine alone; empty: for all
};

// How large a home may become, bytes. A home in a file takes all of its size from the volume while its user is logged in, used or not.
struct SizeForecast {
    std::uint64_t minimum = 0; // smaller ones are of no use, or the file system cannot be made
    std::uint64_t suggested = 0;
    std::uint64_t maximum = 0; // below minimum: there is no room
    std::uint64_t kept = 0; // of the volume, for everything else; what suggested and maximum leave

    bool fits() const
    {
        return maximum >= minimum;
    }
};
SizeForecast forecastSize(const AccountFacts &facts, const std::string &fileSystem);

// What a person wishes.
struct AccountWish {
    std::string userName = {}, realName = {};
    std::vector<std::string> memberOf = {}; // groups that exist; "sudo" or "wheel" for whoever may manage the machine
    std::string storage = "luks"; // or "directory", "subvolume": not encrypted, said in the plan
    std::string fileSystem = "btrfs"; // "btrfs", "ext4" or "xfs"; of luks
    std::optional<std::uint64_t> diskSize = {}; // else the suggested one; of luks
    std::string language = {}; // a locale ("de_DE.UTF-8"); empty: the system's
    std::vector<std::string> moreLanguages = {};
    std::string timeZone = {}; // "Europe/Berlin"; empty: the system's
    std::string shell = {}; // empty: the system's
    std::string passwordHint = {};
    bool takesAnyPassword = false; // systemd-homed does not refuse one for being weak
};

struct Decision {
    std::string member; // of the record, or what it is about
    std::string value; // as shown
    std::string reason;
};

struct AccountPlan {
    std::string machineId = {};
    Record record; // no secret, no hash yet
    SizeForecast size = {};
    std::vector<Decision> decisions = {}; // all that was not simply what the person said
};

// What the machine is like now: the volume of /home, and whether users or groups (of the system, by NSS) have that name. homes: the records of those that there are.
// Not pure; all else here is, salts aside.
Result<AccountFacts> readAccountFacts(const Host &host, const std::string &userName, std::span<const Record> homes);

// BadArgument: a name, group, language, time zone or storage that cannot be. Exists: the user name is taken. NoSpace: the home does not fit, with the numbers.
Result<AccountPlan> planAccount(const AccountFacts &facts, const AccountWish &wish);

nlohmann::ordered_json toJson(const AccountPlan &plan);
std::string toText(const AccountPlan &plan);

// What CreateHome takes: the plan's record with the password (and the recovery key, where there is one) hashed and in the clear. Hashing takes some seconds at most.
Result<Secret> accountRequest(const AccountPlan &plan, const Secret &password, const Secret *recoveryKey = nullptr);

// The record with its recovery keys replaced by this one ("recoveryKeyType", "privileged.recoveryKey"); the key as Luks::makeRecoveryKey makes it. Without a key: with none.
Result<Record> withRecoveryKey(const Record &record, const Secret *recoveryKey);
// The record as UpdateHome takes it back: without binding, status and signature, changed at `now`.
Result<Record> forUpdate(const Record &record, std::uint64_t now);

} // namespace Preon::Home
