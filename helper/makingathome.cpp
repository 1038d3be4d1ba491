// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/makingathome.h"

#include "bus/adopting.h"
#include "bus/homed.h"
#include "bus/running.h"
#include "core/base/errorjson.h"
#include "core/base/format.h"
#include "core/install/unlock.h"

#include <algorithm>
#include <array>

namespace Preon::Helper
{

namespace
{

using Json = nlohmann::ordered_json;

// Whoever logs this person in afterwards without asking for the password anew reads it there, and removes it.
constexpr const char *firstLogin = "preon/first-login";

Json systemOf(const Host &host)
{
    const auto file = host.resolved("/usr/lib/os-release");
    const std::string text = file ? readTextFile(*file).value_or(std::string()) : std::string();
    const auto value = [&](const std::string &key, std::string otherwise) {
        std::string found = Home::assigned(text, key);
        return found.empty() ? std::move(otherwise) : found;
    };
    // Where it says nothing: os-release(5).
    const std::string name = value("NAME", "Linux");
    return {{"name", name}, {"version", value("VERSION_ID", "")}, {"title", value("PRETTY_NAME", name)}};
}

// Joined before the installation (its Wi-Fi network was taken over), or a cable is plugged in.
bool hasNetwork(const Host &host)
{
    std::error_code error;
    for (std::filesystem::directory_iterator each(host.path("/etc/NetworkManager/system-connections"), error), end; !error && each != end;
         each.increment(error)) {
        if (each->path().extension() == ".nmconnection")
            return true;
    }
    for (std::filesystem::directory_iterator each(host.sysfs / "class/net", error), end; !error && each != end; each.increment(error)) {
        const auto carrier = readTextFile(each->path() / "carrier");
        const bool isCable = std::filesystem::exists(each->path() / "device", error) && !std::filesystem::exists(each->path() / "wireless", error);
        if (isCable && carrier && carrier->starts_with('1'))
            return true;
    }
    return false;
}

std::string lockName(const Result<Install::RootWays> &root)
{
    if (!root)
        return "none";
    Install::Choices choices;
    choices.lock = root->lock;
    return Install::toJson(choices).value("protection", "none");
}

// Why the system's volume cannot be given a key now, without asking anything.
std::optional<Error> noRecoveryKey(const Result<Install::RootWays> &root)
{
    if (!root)
        return root.error();
    if (root->enrolmentKey)
        return {};
    return Error{ErrorCode::NotFound, "The disk of this computer cannot be given a recovery key now", root->problem,
                 "It can be given one later, with: preonctl unlock add."};
}

// Those that systemd-homed knows; what is no record takes no part.
Result<std::vector<Home::Record>> recordsOfHomes()
{
    PREON_TRY(Bus::Homed homed, Bus::Homed::open(Bus::Homed::Asking::Nobody));
    PREON_TRY(const std::vector<Bus::Homed::Home> homes, homed.list());
    std::vector<Home::Record> records;
    for (const Bus::Homed::Home &home : homes) {
        const auto found = homed.record(home.userName);
        if (auto record = found ? Home::Record::parse(found->json) : std::unexpected(found.error()))
            records.push_back(std::move(*record));
    }
    return records;
}

// The phases are the plan's; what core does within one is no other.
class WithinPhase : public SilentProgress
{
public:
    explicit WithinPhase(Progress &whole)
        : m_whole(whole)
    {
    }
    void log(std::string_view line) override
    {
        m_whole.log(line);
    }

private:
    Progress &m_whole;
};

// So that the person is at home without typing the password anew. Whatever is wrong with that, they can log in.
Result<void> openAtOnce(Bus::Homed &homed, const std::string &userName, const Secret &password, Progress &progress)
{
    const std::array only{&password};
    PREON_TRY(const Secret section, Home::secretSection(only));
    if (const auto opened = homed.activate(userName, section); !opened)
        progress.log(opened.error().text());
    return {};
}

Result<void> makeEncrypted(const Home::FirstStartPlan &plan, const Entrusted &secrets, Progress &progress)
{
    const Secret *key = plan.recoveryKey ? &secrets.recoveryKey : nullptr;
    PREON_TRY(Bus::Homed homed, Bus::Homed::open(Bus::Homed::Asking::Nobody));
    PREON_TRY(const Secret request, Home::accountRequest(*plan.account, secrets.password, key));
    PREON_CHECK(homed.create(request, plan.userName, secrets.picture));
    if (key) {
        const std::array only{key};
        PREON_TRY(const Secret section, Home::secretSection(only));
        if (auto opened = homed.authenticate(plan.userName, section); !opened) {
            // A key that does not open it would be found out when it is too late. Nothing of anybody's is in there yet, so that all this can be done again.
            if (const auto gone = homed.remove(plan.userName); !gone)
                progress.log(gone.error().text());
            return opened;
        }
        progress.log("The recovery key opens the home.");
    }
    return openAtOnce(homed, plan.userName, secrets.password, progress);
}

// The home of somebody who lived here before: the password is looked at anew, and the plan's groups are all that they are in.
Result<void> letBackIn(const Host &host, const Home::FirstStartPlan &plan, const Entrusted &secrets, Progress &progress)
{
    PREON_TRY(Bus::Homed homed, Bus::Homed::open(Bus::Homed::Asking::Nobody));
    PREON_TRY(const Home::Adoption adoption, Bus::planAdoption(homed, host, plan.userName, secrets.password, plan.groups));
    PREON_CHECK(Bus::adopt(adoption, host, secrets.password, progress));
    PREON_TRY(Bus::Homed fresh, Bus::Homed::open(Bus::Homed::Asking::Nobody));
    return openAtOnce(fresh, plan.userName, secrets.password, progress);
}

Result<void> makeAccount(const Host &host, const Home::FirstStartPlan &plan, const Entrusted &secrets, Progress &progress)
{
    if (plan.kind == Home::AccountKind::Kept)
        return letBackIn(host, plan, secrets, progress);
    if (plan.account)
        return makeEncrypted(plan, secrets, progress);
    PREON_TRY(std::string hash, Home::hashPassword(secrets.password));
    const Secret kept = Secret::copyOf(asBytes(hash));
    ::explicit_bzero(hash.data(), hash.size());
    return Home::makeOrdinaryAccount(plan, kept, host, progress);
}

// Whoever cannot be told reads it at the next start.
void tellRunningSystem(const Install::Choices &chosen, Progress &progress)
{
    const auto tell = [&progress](const Result<void> &told) {
        if (!told)
            progress.log(told.error().text());
    };
    if (!chosen.hostname.empty())
        tell(Bus::nameComputer(chosen.hostname));
    if (!chosen.language.empty())
        tell(Bus::speak(chosen.language));
}

} // namespace

Result<Home::FirstStartFacts> factsOfFirstStart(const Settings &settings)
{
    // The accounts of the computer that a sandbox is on are none of its business.
    const Result<std::vector<Home::Record>> homes
        = settings.sandbox ? fail(ErrorCode::Unsupported, "There can be no encrypted home in a sandbox") : recordsOfHomes();
    PREON_TRY(Home::FirstStartFacts facts,
              Home::lookAtFirstStart(settings.host, homes ? std::span<const Home::Record>(*homes) : std::span<const Home::Record>()));
    if (!homes)
        facts.noEncrypted = homes.error();
    return facts;
}

Result<Json> describeFirstStart(const Settings &settings)
{
    const Host &host = settings.host;
    PREON_TRY(const Home::FirstStartFacts facts, factsOfFirstStart(settings));
    const auto room = Home::homeRoom(facts);
    const auto root = Install::rootWays(host);
    const std::optional<Error> noKey = noRecoveryKey(root);
    Json homes = Json::array();
    for (const Home::FoundHome &home : facts.kept)
        homes.push_back({{"userName", home.userName}, {"storage", home.storage}, {"size", home.size}});
    Json known{{"language", ""}, {"keyboard", ""}, {"time-zone", ""}, {"hostname", ""}};
    known.update(Install::toJson(facts.known));
    return Json{
        {"over", Home::whyNoFirstStart(facts).has_value()},
        {"system", systemOf(host)},
        {"known", std::move(known)},
        {"homes", std::move(homes)},
        {"accounts",
         {{"encrypted", room ? Json() : toJson(room.error())}, {"ordinary", Json()}, {"kept", facts.noEncrypted ? toJson(*facts.noEncrypted) : Json()}}},
        {"room",
         {{"free", facts.volume.freeBytes},
          {"minimum", room ? room->minimum : 0},
          {"suggested", room ? room->suggested : 0},
          {"maximum", room ? room->maximum : 0}}},
        {"lock", lockName(root)},
        {"recoveryKey", noKey ? toJson(*noKey) : Json()},
        {"hasRecoveryKey", root && root->recoveryKey},
        {"network", hasNetwork(host)}};
}

Result<Json> lookIntoHome(const Settings &settings, const std::string &userName, const Secret &password)
{
    PREON_TRY(const Home::FirstStartFacts facts, Home::lookAtFirstStart(settings.host));
    if (const auto over = Home::whyNoFirstStart(facts))
        return std::unexpected(*over);
    const auto found = std::ranges::find(facts.kept, userName, &Home::FoundHome::userName);
    if (found == facts.kept.end())
        return fail(ErrorCode::NotFound, "There is no home of " + userName + " from before");
    PREON_TRY(const Home::Record record, Home::openHome(settings.host, *found, password));
    // The UID is systemd-homed's to say, when it comes to that.
    Home::AdoptionFacts here = Home::readAdoptionFacts(settings.host);
    if (here.machineId.empty())
        here.machineId = "unknown";
    PREON_TRY(const Home::Adoption plan, Home::planAdoption(record, *found, here, facts.groups));
    return Home::toJson(plan);
}

Result<Json> makeAtHome(const Settings &settings, const Home::FirstStartPlan &plan, const Entrusted &secrets, Progress &progress)
{
    const Host &host = settings.host;
    WithinPhase within(progress);
    progress.phase(Home::settingsPhase, 0);
    if (!settings.sandbox)
        tellRunningSystem(plan.settings, progress);
    PREON_CHECK(Home::applySettings(plan, host, progress));
    std::optional<Install::LockedVolume> volume;
    if (plan.recoveryKey) {
        progress.phase(Home::recoveryPhase, 0);
        PREON_TRY(volume, Install::systemVolume(host));
        PREON_CHECK(Install::addRecoveryKey(*volume, nullptr, secrets.recoveryKey, within));
        progress.log("The recovery key opens the disk.");
    }
    progress.phase(Home::accountPhase, 0);
    PREON_CHECK(Home::noteBegun(plan, host, progress));
    PREON_CHECK(makeAccount(host, plan, secrets, progress));
    progress.phase(Home::finishPhase, 0);
    // Only now, so that a key which nobody could write down after all is replaced when all this is done again.
    if (volume)
        PREON_CHECK(Install::confirmRecoveryKey(*volume, secrets.recoveryKey, within));
    PREON_CHECK(Home::noteDone(host));
    PREON_CHECK(replaceFile(host.run / firstLogin, asBytes(plan.userName + '\n'), 0644));
    return Json{{"account", plan.userName}, {"recoveryKey", plan.recoveryKey ? "tested" : "skipped"}};
}

} // namespace Preon::Helper
