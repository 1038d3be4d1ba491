// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/home/handover.h"

#include "core/base/fd.h"
#include "core/base/process.h"
#include "core/home/firststart.h"

#include <algorithm>
#include <array>

#include <fcntl.h>
#include <unistd.h>

namespace Preon::Home
{

namespace
{

constexpr std::size_t largestRequest = 4096;

// What a system remembers of people outside their homes: networks, devices, logs, what they printed, mailed and planned. Keys of the computer itself that it makes anew.
constexpr std::array tracePaths{
    "/etc/NetworkManager/system-connections",
    "/etc/ssh/ssh_host_ecdsa_key",
    "/etc/ssh/ssh_host_ecdsa_key.pub",
    "/etc/ssh/ssh_host_ed25519_key",
    "/etc/ssh/ssh_host_ed25519_key.pub",
    "/etc/ssh/ssh_host_rsa_key",
    "/etc/ssh/ssh_host_rsa_key.pub",
    "/root/.bash_history",
    "/var/lib/AccountsService/icons",
    "/var/lib/AccountsService/users",
    "/var/lib/NetworkManager",
    "/var/lib/bluetooth",
    "/var/lib/fprint",
    "/var/lib/sddm",
    "/var/lib/systemd/coredump",
    "/var/lib/systemd/linger",
    "/var/mail",
    "/var/spool/cron/crontabs",
    "/var/spool/cups",
    "/var/tmp",
};
// As Install::writeSettings() writes them.
constexpr std::array settingPaths{"/etc/default/keyboard", "/etc/hostname", "/etc/locale.conf", "/etc/localtime", "/etc/vconsole.conf"};

template<std::size_t N>
std::vector<std::string> thereOf(const Host &host, const std::array<const char *, N> &paths)
{
    std::vector<std::string> found;
    for (const char *path : paths) {
        std::error_code error;
        const auto status = std::filesystem::symlink_status(host.path(path), error);
        if (std::filesystem::exists(status) && (!std::filesystem::is_directory(status) || !std::filesystem::is_empty(host.path(path), error)))
            found.emplace_back(path);
    }
    return found;
}

// A folder stays, empty, with its owner and mode; links are not followed.
Result<void> empty(const std::filesystem::path &path)
{
    std::error_code error;
    if (!std::filesystem::is_directory(std::filesystem::symlink_status(path, error))) {
        std::filesystem::remove(path, error);
    } else {
        std::vector<std::filesystem::path> inside;
        for (std::filesystem::directory_iterator each(path, error), end; !error && each != end; each.increment(error)) {
            // Of services that run now: systemd makes them anew at each start, and takes them away.
            if (!each->path().filename().string().starts_with("systemd-private-"))
                inside.push_back(each->path());
        }
        for (const std::filesystem::path &each : inside) {
            if (!error)
                std::filesystem::remove_all(each, error);
        }
    }
    if (error)
        return failErrno(error.value(), path.string() + " could not be removed");
    return flushFolder(std::filesystem::is_directory(path, error) ? path : path.parent_path());
}

Result<void> removeOrdinary(const std::string &user, const Host &host, const Progress &progress)
{
    ProcessOptions options;
    options.progress = &progress;
    std::vector<std::string> words{"userdel"};
    if (host.root != "/")
        words.insert(words.end(), {"--prefix", host.root.string()});
    words.insert(words.end(), {"--remove", "--", user});
    PREON_CHECK(runTool(words, options));
    return {};
}

std::string listed(const std::vector<std::string> &names)
{
    std::string text;
    for (const std::string &name : names)
        text += (text.empty() ? "" : ", ") + name;
    return text;
}

} // namespace

HandOverFacts lookAtHandOver(const Host &host)
{
    HandOverFacts facts;
    std::error_code error;
    facts.installed = std::filesystem::exists(host.run / "preon/mode-disk", error);
    const People people = peopleOf(host);
    facts.encrypted = people.encrypted;
    facts.ordinary = people.ordinary;
    facts.traces = thereOf(host, tracePaths);
    facts.settings = thereOf(host, settingPaths);
    return facts;
}

Result<HandOverPlan> planHandOver(const HandOverFacts &facts, const HandOverWishes &wishes)
{
    if (!facts.installed)
        return fail(ErrorCode::Unsupported, "This computer cannot be made ready for its next owner now", "it was not started from its own disk",
                    "Start the installed system first.");
    HandOverPlan plan{.encrypted = facts.encrypted, .ordinary = facts.ordinary, .removed = facts.traces, .wishes = wishes};
    if (!wishes.keepsSettings)
        plan.removed.insert(plan.removed.end(), facts.settings.begin(), facts.settings.end());
    return plan;
}

nlohmann::ordered_json toJson(const HandOverPlan &plan)
{
    return {{"encrypted", plan.encrypted}, {"ordinary", plan.ordinary}, {"removed", plan.removed}, {"keepsSettings", plan.wishes.keepsSettings}};
}

std::string toText(const HandOverPlan &plan)
{
    std::string text;
    const auto say = [&text](const std::string &line) {
        text += (text.empty() ? "" : "\n") + line;
    };
    if (plan.encrypted.empty() && plan.ordinary.empty())
        say("No accounts are there to be removed.");
    if (!plan.encrypted.empty())
        say("Accounts that are removed with their encrypted homes: " + listed(plan.encrypted));
    if (!plan.ordinary.empty())
        say("Accounts that are removed with their files: " + listed(plan.ordinary));
    if (!plan.removed.empty())
        say("Forgotten: " + listed(plan.removed));
    say(plan.wishes.keepsSettings ? "Language, keyboard, time zone and name of this computer stay."
                                  : "Language, keyboard, time zone and name of this computer are asked for anew.");
    return text;
}

Result<void> requestHandOver(const Host &host, const HandOverWishes &wishes)
{
    const std::filesystem::path path = host.path(handOverRequest);
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error)
        return failErrno(error.value(), path.parent_path().string() + " could not be made");
    return replaceFile(path, asBytes(nlohmann::ordered_json{{"keepsSettings", wishes.keepsSettings}}.dump() + '\n'), 0600);
}

std::optional<HandOverWishes> requestedHandOver(const Host &host)
{
    std::error_code error;
    if (!std::filesystem::exists(host.path(handOverRequest), error))
        return {};
    const auto text = readTextFile(host.path(handOverRequest), largestRequest);
    const auto json = nlohmann::json::parse(text.value_or(std::string()), nullptr, false);
    HandOverWishes wishes;
    if (json.is_object() && json.contains("keepsSettings") && json["keepsSettings"].is_boolean())
        wishes.keepsSettings = json["keepsSettings"];
    return wishes;
}

Result<void> withdrawHandOver(const Host &host)
{
    const std::filesystem::path path = host.path(handOverRequest);
    if (::unlink(path.c_str()) < 0 && errno != ENOENT)
        return failErrno(path.string() + " could not be removed");
    return flushFolder(path.parent_path());
}

Result<void> applyHandOver(const HandOverPlan &plan, const Host &host, const std::function<Result<void>(const std::string &)> &removeEncrypted,
                           Progress &progress)
{
    for (const std::string &path : plan.removed)
        PREON_CHECK(empty(host.path(path)));
    // Before the last of them goes: a system that has nobody and whose first start counts as done would let nobody in.
    std::error_code error;
    if (std::filesystem::remove(host.path(firstStartNote), error))
        PREON_CHECK(flushFolder(host.path(firstStartNote).parent_path()));
    if (error)
        return failErrno(error.value(), host.path(firstStartNote).string() + " could not be removed");
    for (const std::string &user : plan.encrypted) {
        progress.log("Removing " + user + " and the encrypted home.");
        PREON_CHECK(removeEncrypted(user));
    }
    for (const std::string &user : plan.ordinary) {
        progress.log("Removing " + user + " and all files.");
        PREON_CHECK(removeOrdinary(user, host, progress));
    }
    ::sync();
    return withdrawHandOver(host);
}

} // namespace Preon::Home
