// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/boot/check.h"

#include "core/base/process.h"
#include "core/base/unitfile.h"

#include <algorithm>
#include <charconv>
#include <regex>
#include <sstream>
#include <thread>

namespace Preon::Boot
{

namespace
{

constexpr auto pause = std::chrono::seconds(1);
constexpr unsigned shortest = 10, longest = 3600;

std::unexpected<Error> badValue(const UnitEntry &entry, std::string_view wanted)
{
    return fail(ErrorCode::BadFormat, entry.file.string() + " cannot be used",
                "line " + std::to_string(entry.line) + ": " + entry.key + "=" + entry.value + " is no " + std::string(wanted));
}

// A list setting: an empty assignment begins anew, and so does the first one after what is built in.
Result<void> readUnits(const UnitFile &file, const char *key, std::vector<std::string> &units)
{
    static const std::regex form("[A-Za-z0-9:_.@\\\\-]+\\.(service|target|socket|mount)");
    bool isFirst = true;
    for (const UnitEntry &entry : file.entries) {
        if (entry.section != "Check" || entry.key != key)
            continue;
        if (isFirst || entry.value.empty())
            units.clear();
        isFirst = false;
        std::istringstream words(entry.value);
        for (std::string word; words >> word;) {
            if (!std::regex_match(word, form))
                return badValue(entry, "unit's name");
            units.push_back(word);
        }
    }
    return {};
}

std::string stateOf(const UnitStates &states, const std::string &unit)
{
    const auto found = states.find(unit);
    return found == states.end() ? "inactive" : found->second;
}

std::string joined(const std::vector<std::string> &words)
{
    std::string text;
    for (const std::string &word : words)
        text += (text.empty() ? "" : ", ") + word;
    return text;
}

Result<UnitStates> askSystemd(const CheckRules &rules)
{
    std::vector<std::string> units = rules.login;
    units.insert(units.end(), rules.required.begin(), rules.required.end());
    std::vector<std::string> command{"systemctl", "is-active", "--"};
    command.insert(command.end(), units.begin(), units.end());
    // One line a unit, in the order they were named; the exit status says whether any is active.
    ProcessOptions options;
    options.timeout = std::chrono::seconds(30);
    PREON_TRY(const auto answer, runProcess(command, options));
    UnitStates states;
    std::istringstream lines(answer.output);
    std::string line;
    for (const std::string &unit : units) {
        if (std::getline(lines, line))
            states[unit] = line;
    }
    return states;
}

} // namespace

Result<CheckRules> readCheckRules(const Host &host)
{
    CheckRules rules;
    std::vector<std::filesystem::path> folders;
    for (const char *folder : {"/etc/preon", "/run/preon", "/usr/local/lib/preon", "/usr/lib/preon"})
        folders.push_back(host.path(folder));
    PREON_TRY(const auto files, findUnitFiles(folders, ".conf", host.root));
    const auto file = std::ranges::find(files, "boot-check.conf", &UnitFile::name);
    if (file == files.end())
        return rules;
    PREON_CHECK(readUnits(*file, "Login", rules.login));
    PREON_CHECK(readUnits(*file, "Required", rules.required));
    for (const UnitEntry &entry : file->entries) {
        if (entry.section != "Check" || entry.key != "TimeoutSec")
            continue;
        unsigned seconds = 0;
        const auto [end, error] = std::from_chars(entry.value.data(), entry.value.data() + entry.value.size(), seconds);
        if (error != std::errc() || end != entry.value.data() + entry.value.size() || seconds < shortest || seconds > longest)
            return badValue(entry, "number of seconds from 10 to 3600");
        rules.timeout = std::chrono::seconds(seconds);
    }
    return rules;
}

CheckResult judge(const CheckRules &rules, const UnitStates &states)
{
    CheckResult result;
    for (const std::string &unit : rules.required) {
        const std::string state = stateOf(states, unit);
        if (state == "active")
            continue;
        result.missing.push_back(state == "failed" ? unit + " failed." : unit + " did not start (" + state + ").");
        result.hopeless = result.hopeless || state == "failed";
    }
    const auto isUp = [&states](const std::string &unit) {
        return stateOf(states, unit) == "active";
    };
    if (!rules.login.empty() && std::ranges::none_of(rules.login, isUp)) {
        std::vector<std::string> failed;
        std::ranges::copy_if(rules.login, std::back_inserter(failed), [&states](const std::string &unit) { return stateOf(states, unit) == "failed"; });
        result.missing.push_back(failed.empty() ? "Nobody could log in: none of " + joined(rules.login) + " started."
                                                : "Nobody could log in: " + joined(failed) + " failed.");
        result.hopeless = result.hopeless || (failed.size() == rules.login.size());
    }
    result.cameUp = result.missing.empty();
    return result;
}

Result<CheckResult> waitForLogin(const CheckRules &rules, const Progress &progress)
{
    const auto end = std::chrono::steady_clock::now() + rules.timeout;
    while (true) {
        PREON_TRY(const UnitStates states, askSystemd(rules));
        CheckResult result = judge(rules, states);
        if (result.cameUp || result.hopeless || std::chrono::steady_clock::now() >= end)
            return result;
        PREON_CHECK(progress.check());
        std::this_thread::sleep_for(pause);
    }
}

} // namespace Preon::Boot
