// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Homes of people who lived here before the system was made anew: they lie in /home, but systemd-homed does not let anybody into them, since the key that signed their
// user records went with the old root. Whoever opens one with its password (or recovery key) has it adopted: the record is made out anew for this system and signed by
// its own key. The old key is not trusted, for whoever has its private half could sign any record, "member of sudo" included, and nothing tells an old system's key from one
// that was made yesterday on another computer; and systemd-homed lets nobody change a record that others signed, not even its password. So of the old record only what is
// known to be harmless is taken over: a home gives nobody rights. Those come from whoever adopts it.
// Ordinary folders (/home/NAME) are no homes in this sense: nothing in them proves anything.

#include "core/base/host.h"
#include "core/home/account.h"
#include "core/home/record.h"

#include <optional>
#include <string>
#include <vector>

namespace Preon::Home
{

struct FoundHome {
    std::string userName; // by the name of the file; who it is is known once it was opened
    std::string path; // "/home/anna.home"
    std::string storage; // "luks" (a file) or "directory"
    std::uint64_t size = 0; // bytes, of a file; 0: a folder has none of its own
    bool operator==(const FoundHome &) const = default;
};

// Those whose record no key of this system has signed, by name. Links are no homes, nor is what has a name that no user can have.
std::vector<FoundHome> foundHomes(const Host &host);
// NotFound: there is no such home, or it is known here already.
Result<FoundHome> foundHome(const Host &host, const std::string &userName);

// The record in it, whose signature is valid by the key that it names itself, so that it is whole. Permission: the key does not open it. BadFormat, Untrusted: it is damaged, or not
// what its name says. Takes a second or two.
Result<Record> openHome(const Host &host, const FoundHome &home, const Secret &passwordOrKey);

struct AdoptionFacts {
    std::string machineId;
    std::uint64_t now = 0; // microseconds since 1970
    std::uint32_t uid = 0; // that systemd-homed gives to the home here
    std::vector<std::string> shells; // of /etc/shells
};
AdoptionFacts readAdoptionFacts(const Host &host);

struct Adoption {
    FoundHome home;
    std::string realName;
    std::vector<std::string> groups; // that the person will be in
    Record record; // for this system; not signed yet
    std::vector<Decision> decisions = {}; // what was not taken over, and why
};
// groups: that the person shall be in; those of the old record only count where they are among them. Untrusted: the record asks for what no person's record asks for (another kind of
// user, a UID or a home of its own choice); then something is wrong with it, and nobody adopts it.
Result<Adoption> planAdoption(const Record &record, const FoundHome &home, const AdoptionFacts &facts, std::vector<std::string> groups);
nlohmann::ordered_json toJson(const Adoption &plan);
std::string toText(const Adoption &plan);

// Signs the record by this system's key (made where there is none yet, as systemd-homed makes it) and puts it where systemd-homed looks at its next start. The record is there as a
// whole or not at all.
Result<void> writeAdopted(const Adoption &plan, const Host &host);
// Takes it back: nobody has opened the home by it yet.
Result<void> forgetAdopted(const Adoption &plan, const Host &host);

} // namespace Preon::Home
