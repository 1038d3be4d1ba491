// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The first start of an installed system by its owner: what the machine knows already, who lives on it, and the plan of what a person chose there. Nothing is changed before the plan is applied, and
// each step can be done again after whatever cut it off; a note on root says whose account was begun, so that the next start goes on with that one.

#include "core/base/fd.h"
#include "core/base/host.h"
#include "core/base/progress.h"
#include "core/base/secret.h"
#include "core/home/account.h"
#include "core/home/adopt.h"
#include "core/install/choices.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace Preon::Home
{

enum class AccountKind {
    Encrypted, // a home of systemd-homed, in /home
    Ordinary, // a line of /etc/passwd, its files in /var/home on the encrypted root
    Kept, // a home that was here before the system was made anew (adopt.h)
};
// Below root: what was begun, or that all is done. Root's alone.
constexpr const char *firstStartNote = "/var/lib/preon/first-start.json";

std::string_view accountKindName(AccountKind kind); // "encrypted", "ordinary", "kept"
std::optional<AccountKind> accountKindFrom(std::string_view name);

// What was begun and not ended: written before the account is made, gone with the mark that all is done.
struct Begun {
    std::string user;
    AccountKind kind = AccountKind::Encrypted;
    bool operator==(const Begun &) const = default;
};

struct FirstStartFacts {
    bool installed = false; // the system was started from its own disk
    bool done = false; // a first start came to its end here
    std::optional<Begun> begun;
    std::vector<std::string> people; // human users (UIDs 1000 … 59999 of passwd(5)), and those whom systemd-homed keeps
    std::vector<std::string> names; // of all users and groups: taken
    std::vector<std::string> homes; // names of home images in /home, whoever's they are
    std::vector<FoundHome> kept; // of people who lived here before
    std::vector<std::string> unfinished; // names of files in /home that systemd-homed did not make to their end
    Install::Choices known; // language, keyboard, time zone, name of the computer
    AccountFacts volume; // of /home; its free bytes: with what goes when an account that was begun is made anew
    std::optional<Error> noEncrypted = {}; // why nobody keeps encrypted homes here; the core cannot tell, who asks systemd-homed can
    std::vector<std::string> groups; // that the first person shall be in, of those that there are
};

// Who lives on this system.
struct People {
    std::vector<std::string> encrypted; // those whom systemd-homed keeps
    std::vector<std::string> ordinary; // human users, UIDs 1000 … 59999 of passwd(5)
};
People peopleOf(const Host &host);

// VALUE of the last line KEY=VALUE of a file such as os-release(5), quotes aside; empty where there is none.
std::string assigned(std::string_view text, std::string_view key);

// Of host.root; /run/preon tells how it was started. Files that make no sense count as not there.
// homes: the records of those that systemd-homed knows, which have room that they do not use yet.
Result<FirstStartFacts> lookAtFirstStart(const Host &host, std::span<const Record> homes = {});

// Why there is no first start (any more): Exists, with the reason; nothing where it is wanted, also where one was begun and cut off before there was anybody.
std::optional<Error> whyNoFirstStart(const FirstStartFacts &facts);
// The account that was begun is there: only noteDone() is missing.
bool isAllButDone(const FirstStartFacts &facts);

// How large an encrypted home may become; NoSpace where there is no room for one, or why else there is none.
Result<SizeForecast> homeRoom(const FirstStartFacts &facts);

struct FirstStartWishes {
    Install::Choices choices; // only what is to be set
    std::string userName, realName;
    AccountKind kind = AccountKind::Encrypted;
    std::optional<std::uint64_t> homeSize; // bytes
    bool recoveryKey = false; // one will be given
    bool operator==(const FirstStartWishes &) const = default;
};

struct FirstStartPlan {
    Install::Choices settings;
    std::string userName, realName, home; // home: a folder
    AccountKind kind = AccountKind::Encrypted;
    std::optional<AccountPlan> account = {}; // of an encrypted home
    std::uint64_t homeSize = 0; // bytes, of an encrypted home
    std::vector<std::string> groups = {};
    bool recoveryKey = false;
    std::vector<std::string> leftovers = {}; // files of an account that was begun and is not there: they go first
};

// Exists: no first start is wanted, or the name is taken; BadArgument; NoSpace.
Result<FirstStartPlan> planFirstStart(const FirstStartFacts &facts, const FirstStartWishes &wishes);
nlohmann::ordered_json toJson(const FirstStartPlan &plan);
std::string toText(const FirstStartPlan &plan);
constexpr const char *settingsPhase = "Setting up the computer", *recoveryPhase = "Making the recovery key", *accountPhase = "Making the account",
                     *finishPhase = "Finishing";
std::vector<std::string> phases(const FirstStartPlan &plan);

// Held by whoever applies a plan; Busy while another does.
Result<Fd> lockFirstStart(const Host &host);
// Steps of apply, in this order. Each flushes what it wrote.
Result<void> applySettings(const FirstStartPlan &plan, const Host &host, Progress &progress);
Result<void> noteBegun(const FirstStartPlan &plan, const Host &host, Progress &progress); // leftovers go here
// passwordHash: as crypt(5) has it. The account is complete when it is there.
Result<void> makeOrdinaryAccount(const FirstStartPlan &plan, const Secret &passwordHash, const Host &host, const Progress &progress);
// From here no first start is wanted.
Result<void> noteDone(const Host &host);

} // namespace Preon::Home
