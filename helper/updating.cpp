// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/updating.h"

#include "bus/surroundings.h"
#include "core/base/errorjson.h"
#include "core/boot/choice.h"
#include "core/update/notes.h"
#include "core/update/print.h"
#include "helper/updatestate.h"
#include "helper/wholedownload.h"

#include <algorithm>

namespace Preon::Helper
{

namespace
{

using Json = nlohmann::ordered_json;

constexpr std::chrono::seconds serverLimit{90}; // for all that is asked before a person is shown anything
constexpr auto placingPhase = "Putting into place";

std::int64_t secondsNow()
{
    return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// A question to the server, which ends: nobody waits for it for ever.
class AskingTheServer : public SilentProgress
{
public:
    explicit AskingTheServer(const std::atomic<bool> &gaveUp)
        : m_gaveUp(gaveUp)
    {
    }
    bool isCancelled() const override
    {
        return m_gaveUp || isOver();
    }
    template<typename T>
    Result<T> judge(Result<T> result) const
    {
        if (result || result.error().code != ErrorCode::Cancelled || !isOver())
            return result;
        return fail(ErrorCode::Timeout, "The server gave no answer", "it did not answer within " + std::to_string(serverLimit.count()) + " seconds",
                    "Try again later.");
    }

private:
    bool isOver() const
    {
        return std::chrono::steady_clock::now() > m_end;
    }
    const std::atomic<bool> &m_gaveUp;
    const std::chrono::steady_clock::time_point m_end = std::chrono::steady_clock::now() + serverLimit;
};

Json errorOrNull(const std::optional<Error> &error)
{
    return error ? toJson(*error) : Json(nullptr);
}

// What there is to fetch of a version that there is no room for: its plan says what is missing, and there is none.
Result<void> addOffered(const Update::System &system, const Update::UpdateSet &set, const Update::Fetching &fetching, Progress &progress,
                        Update::Candidate &candidate)
{
    for (std::size_t i = 0; i < set.parts.size(); ++i) {
        const Update::Transfer &transfer = *system.seen().enabled[i].transfer;
        if (!set.parts[i] || set.parts[i]->installed || !Update::isUrl(transfer.source.type))
            continue;
        const Update::Instance &instance = set.parts[i]->instance;
        PREON_TRY(const auto size, Update::fetchSize(instance.path, fetching, progress));
        candidate.parts.push_back({.name = transfer.id, .fetch = size.value_or(0), .write = instance.fields.size.value_or(0), .target = {}});
        candidate.fetch += size.value_or(0);
        candidate.write += instance.fields.size.value_or(0);
    }
    return {};
}

std::string whatDiffers(const Json &now, const Json &then)
{
    if (now["vacuum"] != then["vacuum"])
        return "other versions would have to go than before";
    return now["signed"] == then["signed"] ? "the server has other files now, or they would go to other places" : "other signatures are asked for than before";
}

Result<void> checkVersion(const std::string &version)
{
    constexpr std::size_t longest = 255;
    if (version.size() <= longest && Update::isVersion(version))
        return {};
    return fail(ErrorCode::BadArgument, "That is no version", version.substr(0, 64));
}

} // namespace

Updating::Updating(const Settings &settings)
    : m_settings(settings)
{
}

void Updating::giveUp()
{
    m_gaveUp = true;
}

std::optional<Error> Updating::whyNot() const
{
    std::error_code ignored;
    if (!std::filesystem::exists(m_settings.host.run / "preon/mode-live", ignored))
        return std::nullopt;
    return Error{ErrorCode::Unsupported, "A live session is not updated", "it comes from the medium, and what is changed in it is gone with it",
                 "Make a new medium, or install the system and update that."};
}

Update::SystemOptions Updating::options() const
{
    Update::SystemOptions how;
    how.fetching.store = m_settings.host.path("/var/lib/preon/update/kept");
    how.fetching.bytesPerSecond = Update::readPolicy(m_settings.host).rate;
    if (m_settings.sandbox) {
        if (!m_settings.sandbox->fetcher.empty())
            how.fetching.program = m_settings.sandbox->fetcher;
        // Where there is none it is not that of the computer that the sandbox is on.
        std::error_code error;
        const auto link = m_settings.host.dev / "disk/by-preon/disk";
        const auto disk = std::filesystem::canonical(link, error);
        how.disk = error ? link : disk;
    }
    return how;
}

std::string Updating::titleOf(const std::string &version) const
{
    return namesOf(m_settings.host).name + ' ' + version;
}

Result<Json> Updating::describe(std::uint32_t user) const
{
    const Host &host = m_settings.host;
    const SystemNames names = namesOf(host);
    const Update::Checked checked = Update::readChecked(host);
    const Update::Policy policy = Update::readPolicy(host);
    const Bus::Surroundings around = Bus::lookAround(user);
    constexpr std::int64_t secondsOfDay = 86400;
    Json state{
        {"system", {{"name", names.name}, {"version", names.version}, {"title", names.title}}},
        {"problem", errorOrNull(whyNot())},
        {"versions", Json::array()},
        {"pending", ""},
        {"partial", nullptr},
        {"checked", checked.when},
        {"checkError", errorOrNull(checked.error)},
        {"candidate", nullptr},
        {"found", checked.found},
        {"silent", checked.when == 0 ? -1 : std::max<std::int64_t>(0, secondsNow() - checked.heard) / secondsOfDay},
        {"policy", {{"automatic", Update::automaticName(policy.automatic)}, {"metered", policy.metered}, {"rate", policy.rate}, {"notify", policy.notify}}},
        {"features", Json::array()},
        {"connection", {{"online", around.online}, {"metered", around.metered}}},
        {"power", {{"onBattery", around.onBattery}, {"percent", around.percent}}},
        {"idle", around.idle},
        {"others", around.others}};
    if (!state["problem"].is_null())
        return state;
    Update::SystemOptions how = options();
    how.offline = true;
    SilentProgress silent;
    const auto system = Update::System::look(host, how, silent);
    if (!system) {
        state["problem"] = toJson(system.error());
        return state;
    }
    const std::string running = Update::runningVersion(host);
    const std::string known = versionThatStartsNext(host, *system), next = known.empty() ? running : known;
    state["versions"] = versionsJson(host, *system, running, next);
    state["pending"] = pendingVersion(*system, running, next);
    state["partial"] = partialJson(host, *system, how.fetching);
    state["candidate"] = candidateNow(checked, *system, running);
    state["features"] = featureList(system->definitions().features);
    return state;
}

Result<Updating::Answer> Updating::askServer(Progress &progress) const
{
    const auto how = options();
    PREON_TRY(const Update::System system, Update::System::look(m_settings.host, how, progress));
    const Update::UpdateSet *set = system.candidate();
    if (!set)
        set = system.laterOffer();
    if (!set)
        set = system.failedOffer();
    if (!set)
        return Answer{};
    const Update::Notes notes = Update::notesOf(*set, system.seen().enabled, how.fetching, progress);
    Update::Candidate candidate{
        .version = set->version, .notes = notes.text, .changeLog = notes.page, .parts = {}, .percent = system.heldBack(*set).value_or(100)};
    const auto plan = system.plan(set->version);
    const auto cost = plan ? Update::costOf(*plan, how.fetching, progress) : Result<Update::UpdateCost>(std::unexpected(plan.error()));
    if (cost) {
        candidate.fetch = cost->fetch;
        candidate.write = cost->write;
        candidate.parts = partsOf(*plan, *cost);
    } else if (cost.error().code == ErrorCode::NoSpace) {
        // It is there all the same; planning it says what is missing.
        PREON_CHECK(addOffered(system, *set, how.fetching, progress, candidate));
    } else {
        return std::unexpected(cost.error());
    }
    return Answer{.candidate = std::move(candidate), .failedHere = system.failedHere(set->version)};
}

Result<Json> Updating::check(Clock::time_point asked, bool &hasLooked)
{
    hasLooked = false;
    if (const auto problem = whyNot())
        return std::unexpected(*problem);
    if (m_lookBegan && *m_lookBegan >= asked)
        return m_answer;
    hasLooked = true;
    m_lookBegan = Clock::now();
    m_answer = look();
    return m_answer;
}

Result<Json> Updating::look() const
{
    AskingTheServer asking(m_gaveUp);
    const auto found = asking.judge(askServer(asking));
    // Who gave up has asked nothing.
    if (m_gaveUp)
        return fail(ErrorCode::Cancelled, "Stopped as asked");
    Update::Checked checked = Update::readChecked(m_settings.host);
    checked.when = secondsNow();
    if (found || checked.heard == 0)
        checked.heard = checked.when;
    checked.error = found ? std::optional<Error>() : found.error();
    if (found) {
        // Known since its turn came: before that nobody was told of it.
        const bool isKnown = checked.candidate && found->candidate && checked.candidate->version == found->candidate->version
            && (checked.candidate->percent < 100) == (found->candidate->percent < 100);
        if (!isKnown || checked.found == 0)
            checked.found = checked.when;
        checked.candidate = found->candidate;
    }
    PREON_CHECK(Update::writeChecked(m_settings.host, checked));
    if (!found)
        return std::unexpected(found.error());
    return Json{{"candidate", found->candidate ? candidateJson(*found->candidate, found->failedHere) : Json(nullptr)}};
}

std::vector<WorkPhase> Updating::phases(const Update::Offer &offer)
{
    std::uint64_t readBack = 0;
    for (const Update::PartCost &part : offer.cost.parts) {
        const auto transfer = std::ranges::find(offer.plan.transfers, part.id, &Update::TransferPlan::id);
        if (transfer != offer.plan.transfers.end() && transfer->targetType == Update::ResourceType::Partition)
            readBack = std::max(readBack, part.write.value_or(0));
    }
    return {{.name = "Making room"},
            {.name = fetchingPhase, .bytes = offer.cost.fetch + offer.cost.kept},
            {.name = "Checking what was written", .bytes = readBack},
            {.name = placingPhase, .cancellable = false}};
}

Json Updating::planJson(const Update::Offer &offer) const
{
    const std::string running = Update::runningVersion(m_settings.host);
    return {{"version", offer.plan.version},
            {"from", running},
            {"fetch", offer.cost.fetch},
            {"write", offer.cost.write},
            {"already", offer.cost.kept},
            {"parts", partsJson(partsOf(offer.plan, offer.cost))},
            {"removes", Update::removedVersions(offer)},
            {"keeps", Update::stayingVersions(offer)},
            {"phases", phasesJson(phases(offer))},
            {"text", Update::toText(offer, running)}};
}

Result<Updating::Planned> Updating::plan(const std::string &version, bool metered) const
{
    if (const auto problem = whyNot())
        return std::unexpected(*problem);
    if (!version.empty())
        PREON_CHECK(checkVersion(version));
    AskingTheServer asking(m_gaveUp);
    PREON_TRY(const Update::Offer offer, asking.judge(Update::makeOffer(m_settings.host, version, options(), asking)));
    return Planned{.kept = {.version = offer.plan.version,
                            .title = titleOf(offer.plan.version),
                            .metered = metered,
                            .isSigned = Update::isSigned(offer.plan),
                            .essence = Update::essence(offer.plan)},
                   .plan = planJson(offer)};
}

Result<Updating::Ready> Updating::prepare(const KeptUpdate &kept) const
{
    if (const auto problem = whyNot())
        return std::unexpected(*problem);
    if (!kept.metered && !Update::readPolicy(m_settings.host).metered && Bus::lookAround(0).metered)
        return fail(ErrorCode::Changed, "Every byte may cost on this connection", "nobody has said that the update may be fetched over it",
                    "Look at what will be done again, or use another network.");
    PREON_TRY(Fd lock, Update::lockUpdates(m_settings.host));
    AskingTheServer asking(m_gaveUp);
    const Update::SystemOptions how = options();
    PREON_TRY(Update::Offer offer, asking.judge(Update::makeOffer(m_settings.host, kept.version, how, asking)));
    if (const Json now = Update::essence(offer.plan); now != kept.essence)
        return fail(ErrorCode::Changed, "The computer or the server is not as it was when this was planned", whatDiffers(now, kept.essence),
                    "Look at what will be done again.");
    return Ready{.offer = std::move(offer), .fetching = how.fetching, .lock = std::move(lock)};
}

Result<Json> Updating::carryOut(const Settings &settings, const Ready &ready, Progress &progress)
{
    WholeDownload whole(progress, ready.offer.cost.fetch + ready.offer.cost.kept);
    PREON_TRY(const Update::Updated updated, Update::carryOut(settings.host, ready.offer, ready.fetching, whole));
    return Update::toJson(updated);
}

Result<void> Updating::discard() const
{
    if (const auto problem = whyNot())
        return std::unexpected(*problem);
    PREON_TRY(const Fd lock, Update::lockUpdates(m_settings.host));
    SilentProgress silent;
    return Update::discard(m_settings.host, options(), silent);
}

Result<void> Updating::startFrom(const std::string &version) const
{
    if (const auto problem = whyNot())
        return std::unexpected(*problem);
    if (version.empty())
        return Boot::forgetChoice(m_settings.host, Boot::HowLong::Always);
    PREON_CHECK(checkVersion(version));
    Update::SystemOptions how = options();
    how.offline = true;
    SilentProgress silent;
    PREON_TRY(const Update::System system, Update::System::look(m_settings.host, how, silent));
    const auto entry = std::ranges::find(system.kernels(), version, &Boot::Entry::version);
    const Update::UpdateSet *set = system.sets().find(version);
    if (entry == system.kernels().end() || !set || !set->installed || set->version != version)
        return fail(ErrorCode::NotFound, "There is no version " + version + " on this computer");
    if (!Update::isWhole(*set))
        return fail(ErrorCode::Unsupported, "Version " + version + " cannot be started", "it is not complete");
    if (std::ranges::contains(system.left(), version, &Boot::LeftVersion::version))
        return fail(ErrorCode::Unsupported, "Version " + version + " cannot be started from now on", "it was tried here and did not come up",
                    "Update to it once more, which gives it new tries.");
    return Boot::chooseEntry(m_settings.host, *entry, Boot::HowLong::Always);
}

Result<void> Updating::keep(const std::string &version, bool keep) const
{
    if (const auto problem = whyNot())
        return std::unexpected(*problem);
    PREON_CHECK(checkVersion(version));
    // An update that has planned to remove it would do so all the same.
    PREON_TRY(const Fd lock, Update::lockUpdates(m_settings.host));
    if (keep) {
        Update::SystemOptions how = options();
        how.offline = true;
        SilentProgress silent;
        PREON_TRY(const Update::System system, Update::System::look(m_settings.host, how, silent));
        const Update::UpdateSet *set = system.sets().find(version);
        if (!set || !set->installed || set->version != version)
            return fail(ErrorCode::NotFound, "There is no version " + version + " on this computer");
    }
    return Update::keepVersion(m_settings.host, version, keep);
}

Result<void> Updating::setFeature(const std::string &id, bool enabled) const
{
    if (const auto problem = whyNot())
        return std::unexpected(*problem);
    return Update::setFeature(m_settings.host, id, enabled);
}

Result<void> Updating::setPolicy(const PolicyChange &change) const
{
    if (const auto problem = whyNot())
        return std::unexpected(*problem);
    Update::Policy policy = Update::readPolicy(m_settings.host);
    policy.automatic = change.automatic.value_or(policy.automatic);
    policy.metered = change.metered.value_or(policy.metered);
    policy.rate = change.rate.value_or(policy.rate);
    policy.notify = change.notify.value_or(policy.notify);
    return Update::writePolicy(m_settings.host, policy);
}

} // namespace Preon::Helper
