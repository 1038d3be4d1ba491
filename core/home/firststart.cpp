// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/home/firststart.h"

#include "core/base/format.h"
#include "core/home/username.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <sys/stat.h>

namespace Preon::Home
{

namespace
{

// What systemd-homed calls an image until it is whole (systemd's tempfn_random).
const std::string unfinishedPrefix = ".#homework";
constexpr const char *identitiesFolder = "/var/lib/systemd/home";
constexpr std::size_t largestNote = 4096, largestDatabase = 1U << 20U;
constexpr std::array<std::pair<AccountKind, const char *>, 3> kinds{
    {{AccountKind::Encrypted, "encrypted"}, {AccountKind::Ordinary, "ordinary"}, {AccountKind::Kept, "kept"}}};

std::vector<std::string_view> split(std::string_view text, char at)
{
    std::vector<std::string_view> parts;
    while (true) {
        const std::size_t end = text.find(at);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos)
            return parts;
        text.remove_prefix(end + 1);
    }
}

std::uint64_t numberFrom(std::string_view text)
{
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

std::string fileText(const Host &host, const char *path)
{
    const auto file = host.resolved(path);
    return file ? readTextFile(*file, largestDatabase).value_or(std::string()) : std::string();
}

// What does not have its form is as good as not chosen.
void know(Install::Choices &known, std::string_view name, const std::string &value)
{
    if (!value.empty())
        static_cast<void>(Install::setChoice(known, name, value));
}

Install::Choices knownOf(const Host &host)
{
    Install::Choices known;
    const std::string language = assigned(fileText(host, "/etc/locale.conf"), "LANG");
    // The one that everything has which nobody chose a language for.
    if (!language.starts_with("C."))
        know(known, "language", language);
    const std::string console = fileText(host, "/etc/vconsole.conf");
    const std::string layout = assigned(console, "XKBLAYOUT"), variant = assigned(console, "XKBVARIANT");
    know(known, "keyboard", variant.empty() ? layout : layout + ' ' + variant);
    std::error_code error;
    const std::string zone = std::filesystem::read_symlink(host.path("/etc/localtime"), error).string();
    constexpr std::string_view folder = "zoneinfo/";
    if (const auto at = zone.find(folder); at != std::string::npos)
        know(known, "time-zone", zone.substr(at + folder.size()));
    const std::string name = fileText(host, "/etc/hostname");
    know(known, "hostname", name.substr(0, name.find('\n')));
    return known;
}

struct User {
    std::string name;
    std::uint64_t uid = 0;
    bool isHuman() const
    {
        constexpr std::uint64_t first = 1000, last = 59999;
        return uid >= first && uid <= last;
    }
};

std::vector<User> usersOf(const Host &host)
{
    std::vector<User> users;
    const std::string text = fileText(host, "/etc/passwd");
    for (const std::string_view line : split(text, '\n')) {
        const auto fields = split(line, ':');
        if (fields.size() == 7 && !fields[0].empty())
            users.push_back({.name = std::string(fields[0]), .uid = numberFrom(fields[2])});
    }
    return users;
}

std::vector<std::string> groupsOf(const Host &host)
{
    std::vector<std::string> groups;
    const std::string text = fileText(host, "/etc/group");
    for (const std::string_view line : split(text, '\n')) {
        const auto fields = split(line, ':');
        if (fields.size() == 4 && !fields[0].empty())
            groups.emplace_back(fields[0]);
    }
    return groups;
}

// The names of files in a folder without one of these endings.
std::vector<std::string> stems(const std::filesystem::path &folder, std::initializer_list<std::string_view> endings)
{
    std::vector<std::string> found;
    std::error_code error;
    for (std::filesystem::directory_iterator each(folder, error), end; !error && each != end; each.increment(error)) {
        const std::string name = each->path().filename().string();
        for (const std::string_view ending : endings) {
            if (name.size() > ending.size() && name.ends_with(ending) && !name.starts_with('.'))
                found.push_back(name.substr(0, name.size() - ending.size()));
        }
    }
    std::ranges::sort(found);
    return found;
}

// A password, however it is hashed, in shadow(5).
bool hasPassword(const Host &host, std::string_view user)
{
    const std::string text = fileText(host, "/etc/shadow");
    for (const std::string_view line : split(text, '\n')) {
        const auto fields = split(line, ':');
        if (fields.size() == 9 && fields[0] == user)
            return fields[1].starts_with('$');
    }
    return false;
}

struct Note {
    bool done = false;
    std::optional<Begun> begun;
};

Note readNote(const Host &host)
{
    Note note;
    const auto text = readTextFile(host.path(firstStartNote), largestNote);
    const auto json = nlohmann::json::parse(text.value_or(std::string()), nullptr, false);
    if (!json.is_object())
        return note;
    const auto word = [&](const char *key) {
        const auto found = json.find(key);
        return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    note.done = word("state") == "done";
    const auto kind = accountKindFrom(word("kind"));
    if (const std::string user = word("account"); word("state") == "begun" && kind && checkUserName(user))
        note.begun = Begun{.user = user, .kind = *kind};
    return note;
}

AccountFacts accountFacts(const FirstStartFacts &facts)
{
    AccountFacts account = facts.volume;
    account.takenNames.insert(account.takenNames.end(), facts.names.begin(), facts.names.end());
    return account;
}

bool isOneOf(const std::vector<std::string> &all, std::string_view name)
{
    return std::ranges::find(all, name) != all.end();
}

// Made by the start that was cut off, for nobody had that name then.
std::vector<std::string> leftoversOf(const FirstStartFacts &facts)
{
    std::vector<std::string> paths;
    if (!facts.begun || facts.begun->kind != AccountKind::Encrypted || isAllButDone(facts))
        return paths;
    if (isOneOf(facts.homes, facts.begun->user))
        paths.push_back("/home/" + facts.begun->user + ".home");
    for (const std::string &name : facts.unfinished) {
        if (name.starts_with(unfinishedPrefix + facts.begun->user + ".home"))
            paths.push_back("/home/" + name);
    }
    return paths;
}

// Not what locks the disk: that was decided when it was made.
void forgetLock(FirstStartPlan &plan)
{
    plan.settings.lock.reset();
    plan.settings.network.clear();
}

// Of somebody who lived here before.
Result<FirstStartPlan> planReturn(const FirstStartFacts &facts, const FirstStartWishes &wishes)
{
    const auto home = std::ranges::find(facts.kept, wishes.userName, &FoundHome::userName);
    if (home == facts.kept.end())
        return fail(ErrorCode::NotFound, "There is no home of " + wishes.userName + " from before");
    if (std::ranges::count(facts.kept, wishes.userName, &FoundHome::userName) > 1)
        return fail(ErrorCode::Exists, "There are two homes of " + wishes.userName + " from before", "an encrypted one and a folder",
                    "Make a new account, and adopt one of them as an administrator.");
    if (isOneOf(facts.names, wishes.userName))
        return fail(ErrorCode::Exists, "There is a user or a group called " + wishes.userName + " already", {},
                    "Make a new account with another name; an administrator can take the files out of the old home.");
    if (facts.noEncrypted)
        return std::unexpected(*facts.noEncrypted);
    if (wishes.homeSize || !wishes.realName.empty())
        return fail(ErrorCode::BadArgument, "A home that was kept has its size, and its person's name is in it");
    FirstStartPlan plan{.settings = wishes.choices,
                        .userName = wishes.userName,
                        .realName = {},
                        .home = "/home/" + wishes.userName,
                        .kind = AccountKind::Kept,
                        .homeSize = home->size,
                        .groups = facts.groups,
                        .recoveryKey = wishes.recoveryKey};
    forgetLock(plan);
    return plan;
}

std::uint64_t usedBytes(const std::filesystem::path &path)
{
    struct stat status = {};
    return ::lstat(path.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_blocks) * 512 : 0;
}

} // namespace

std::string_view accountKindName(AccountKind kind)
{
    return std::ranges::find(kinds, kind, &std::pair<AccountKind, const char *>::first)->second;
}

std::optional<AccountKind> accountKindFrom(std::string_view name)
{
    const auto found = std::ranges::find(kinds, name, &std::pair<AccountKind, const char *>::second);
    return found == kinds.end() ? std::nullopt : std::optional(found->first);
}

std::string assigned(std::string_view text, std::string_view key)
{
    std::string value;
    for (std::string_view line : split(text, '\n')) {
        if (!line.starts_with(key) || line.substr(key.size(), 1) != "=")
            continue;
        line.remove_prefix(key.size() + 1);
        if (line.size() >= 2 && (line.front() == '"' || line.front() == '\'') && line.front() == line.back())
            line = line.substr(1, line.size() - 2);
        value = line;
    }
    return value;
}

People peopleOf(const Host &host)
{
    People people{.encrypted = stems(host.path(identitiesFolder), {".identity"}), .ordinary = {}};
    for (const User &user : usersOf(host)) {
        if (user.isHuman())
            people.ordinary.push_back(user.name);
    }
    return people;
}

Result<FirstStartFacts> lookAtFirstStart(const Host &host, std::span<const Record> homes)
{
    FirstStartFacts facts;
    std::error_code error;
    facts.installed = std::filesystem::exists(host.run / "preon/mode-disk", error);
    const Note note = readNote(host);
    facts.done = note.done;
    facts.begun = note.begun;
    facts.people = stems(host.path(identitiesFolder), {".identity"});
    facts.names = facts.people;
    for (const User &user : usersOf(host)) {
        facts.names.push_back(user.name);
        // One whose password was never set is none yet: the start that began it was cut off.
        const bool isHalf = note.begun && note.begun->user == user.name && !hasPassword(host, user.name);
        if (user.isHuman() && !isHalf)
            facts.people.push_back(user.name);
    }
    const std::vector<std::string> groups = groupsOf(host);
    facts.names.insert(facts.names.end(), groups.begin(), groups.end());
    // Who may be asked for a password where the system asks for an administrator's.
    for (const char *group : {"sudo", "wheel"}) {
        if (isOneOf(groups, group))
            facts.groups.emplace_back(group);
    }
    const std::filesystem::path home = host.path("/home");
    facts.homes = stems(home, {".home", ".homedir"});
    facts.kept = foundHomes(host);
    // What a start that was cut off made is nobody's yet.
    if (note.begun && note.begun->kind == AccountKind::Encrypted)
        std::erase_if(facts.kept, [&note](const FoundHome &each) { return each.userName == note.begun->user; });
    facts.known = knownOf(host);
    std::error_code none;
    for (std::filesystem::directory_iterator each(home, none), end; !none && each != end; each.increment(none)) {
        if (const std::string name = each->path().filename().string();
            name.starts_with(unfinishedPrefix) && each->symlink_status().type() == std::filesystem::file_type::regular)
            facts.unfinished.push_back(name);
    }
    std::ranges::sort(facts.unfinished);
    PREON_TRY(facts.volume, readAccountFacts(host, {}, homes));
    for (const std::string &path : leftoversOf(facts))
        facts.volume.freeBytes += usedBytes(host.path(path));
    return facts;
}

bool isAllButDone(const FirstStartFacts &facts)
{
    return !facts.done && facts.begun && isOneOf(facts.people, facts.begun->user);
}

std::optional<Error> whyNoFirstStart(const FirstStartFacts &facts)
{
    constexpr const char *more = "More people are added in the system's settings, or with: preonctl home create.";
    if (!facts.installed)
        return Error{ErrorCode::Exists, "There is no first start here", "the system was not started from a disk that it is installed on", {}};
    if (facts.done)
        return Error{ErrorCode::Exists, "The first start is over", {}, more};
    if (!facts.people.empty())
        return Error{ErrorCode::Exists, "The first start is over", facts.people.front() + " has an account on this computer already", more};
    return {};
}

Result<SizeForecast> homeRoom(const FirstStartFacts &facts)
{
    if (facts.noEncrypted)
        return std::unexpected(*facts.noEncrypted);
    const SizeForecast room = forecastSize(accountFacts(facts), "btrfs");
    if (!room.fits())
        return fail(ErrorCode::NoSpace, "There is no room for an encrypted home",
                    formatSize(facts.volume.freeBytes) + " are free, " + formatSize(room.minimum + room.kept + facts.volume.promisedBytes) + " are needed",
                    "Free some room, or use an ordinary account.");
    return room;
}

Result<FirstStartPlan> planFirstStart(const FirstStartFacts &facts, const FirstStartWishes &wishes)
{
    if (const auto error = whyNoFirstStart(facts))
        return std::unexpected(*error);
    PREON_CHECK(checkUserName(wishes.userName));
    PREON_CHECK(checkRealName(wishes.realName));
    if (wishes.kind == AccountKind::Kept)
        return planReturn(facts, wishes);
    // One that was kept is never made anew, whatever was begun.
    const bool isOurs = facts.begun && facts.begun->user == wishes.userName && facts.begun->kind != AccountKind::Kept;
    const bool isTaken = isOneOf(facts.names, wishes.userName) || isOneOf(facts.homes, wishes.userName);
    if (isTaken && !isOurs)
        return fail(ErrorCode::Exists, "There is a user or a group called " + wishes.userName + " already", {}, "Choose another name.");
    FirstStartPlan plan{.settings = wishes.choices,
                        .userName = wishes.userName,
                        .realName = wishes.realName,
                        .home = (wishes.kind == AccountKind::Encrypted ? "/home/" : "/var/home/") + wishes.userName,
                        .kind = wishes.kind,
                        .groups = facts.groups,
                        .recoveryKey = wishes.recoveryKey};
    forgetLock(plan);
    if (wishes.kind == AccountKind::Encrypted) {
        PREON_CHECK(homeRoom(facts));
        AccountFacts account = accountFacts(facts);
        if (isOurs)
            std::erase(account.takenNames, wishes.userName);
        PREON_TRY(
            plan.account,
            planAccount(
                account,
                {.userName = wishes.userName, .realName = wishes.realName, .memberOf = facts.groups, .diskSize = wishes.homeSize, .takesAnyPassword = true}));
        plan.homeSize = plan.account->record.diskSize(account.machineId).value_or(0);
    } else if (wishes.homeSize) {
        return fail(ErrorCode::BadArgument, "An ordinary account has no size of its own");
    }
    plan.leftovers = leftoversOf(facts);
    return plan;
}

std::vector<std::string> phases(const FirstStartPlan &plan)
{
    std::vector<std::string> all{settingsPhase};
    if (plan.recoveryKey)
        all.emplace_back(recoveryPhase);
    all.insert(all.end(), {accountPhase, finishPhase});
    return all;
}

nlohmann::ordered_json toJson(const FirstStartPlan &plan)
{
    nlohmann::ordered_json json{{"settings", Install::toJson(plan.settings)},
                                {"account",
                                 {{"name", plan.userName},
                                  {"realName", plan.realName},
                                  {"kind", accountKindName(plan.kind)},
                                  {"home", plan.home},
                                  {"size", plan.homeSize},
                                  {"groups", plan.groups}}},
                                {"recoveryKey", plan.recoveryKey},
                                {"removed", plan.leftovers},
                                {"phases", nlohmann::ordered_json::array()}};
    for (const std::string &phase : phases(plan))
        json["phases"].push_back({{"name", phase}, {"bytes", 0}, {"cancellable", false}});
    return json;
}

std::string toText(const FirstStartPlan &plan)
{
    std::string text;
    const auto settings = Install::toJson(plan.settings);
    for (const auto &[name, value] : settings.items())
        text += "Set " + name + " to " + value.get<std::string>() + '\n';
    if (plan.account)
        text += Home::toText(*plan.account);
    else if (plan.kind == AccountKind::Kept)
        text += "Let " + plan.userName + " back into the home that was kept, " + plan.home + '\n';
    else
        text += "Make the account " + plan.userName + " with its home in " + plan.home + '\n';
    if (!plan.recoveryKey)
        text += "Make no recovery key\n";
    else
        text += plan.kind == AccountKind::Kept ? "Give the disk a recovery key, and test it\n" : "Give disk and home a recovery key, and test it\n";
    for (const std::string &path : plan.leftovers)
        text += "Remove " + path + ", which was not made to its end\n";
    return text;
}

} // namespace Preon::Home
