// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/firststart1.h"

#include "core/home/username.h"
#include "core/luks/recovery.h"
#include "helper/arguments.h"
#include "helper/makingathome.h"

namespace Preon::Helper
{

namespace
{

// What it is to be applied with, once everything was looked at anew; the lock is held.
struct Ready {
    Home::FirstStartPlan plan;
    Fd lock;
};

Result<Ready> prepare(const Settings &settings, const KeptFirstStart &kept)
{
    PREON_TRY(Fd lock, Home::lockFirstStart(settings.host));
    PREON_TRY(const Home::FirstStartFacts facts, factsOfFirstStart(settings));
    Home::FirstStartWishes wishes = kept.wishes;
    // What was shown is what is made, though a few bytes were written meanwhile.
    if (kept.plan.account)
        wishes.homeSize = kept.plan.homeSize;
    PREON_TRY(Home::FirstStartPlan plan, Home::planFirstStart(facts, wishes));
    if (Home::toJson(plan) != Home::toJson(kept.plan))
        return fail(ErrorCode::Changed, "The computer is not as it was when this was planned", "somebody has changed it meanwhile",
                    "Look at what will be done again.");
    return Ready{.plan = std::move(plan), .lock = std::move(lock)};
}

Result<Home::FirstStartPlan> planAnew(const Settings &settings, const Home::FirstStartWishes &wishes)
{
    PREON_TRY(const Home::FirstStartFacts facts, factsOfFirstStart(settings));
    return Home::planFirstStart(facts, wishes);
}

// What a caller handed over is not left lying about.
Secret taken(std::string &text)
{
    Secret secret = Secret::copyOf(asBytes(text));
    ::explicit_bzero(text.data(), text.size());
    text.clear();
    return secret;
}

constexpr std::size_t longestPassword = 512;

Result<void> checkPassword(const Secret &password)
{
    if (password.empty() || password.size() > longestPassword || std::ranges::find(password.bytes(), std::byte{0}) != password.bytes().end())
        return fail(ErrorCode::BadArgument, "That is no password", "it is empty, or has more than " + std::to_string(longestPassword) + " bytes");
    return {};
}

Result<void> checkSecrets(const Home::FirstStartPlan &plan, const Entrusted &secrets)
{
    constexpr std::size_t largestPicture = 512U << 10U;
    PREON_CHECK(checkPassword(secrets.password));
    if (plan.recoveryKey != !secrets.recoveryKey.empty())
        return fail(ErrorCode::BadArgument, "The plan says otherwise about a recovery key");
    if (plan.recoveryKey && !Luks::recoveryKeyFrom(secrets.recoveryKey))
        return fail(ErrorCode::BadArgument, "That is no recovery key");
    if (secrets.picture.size() > largestPicture)
        return fail(ErrorCode::BadArgument, "The picture is too large", {}, "Choose one of at most 512 KiB.");
    return {};
}

} // namespace

FirstStartObject::FirstStartObject(Service &service, Jobs &jobs)
    : AdaptorInterfaces(service.connection, sdbus::ObjectPath(objectPath))
    , m_service(service)
    , m_jobs(jobs)
{
    registerAdaptor();
}

FirstStartObject::~FirstStartObject()
{
    unregisterAdaptor();
}

void FirstStartObject::Describe(Text &&result)
{
    answer<nlohmann::ordered_json, std::string>(
        m_service, callOf(getObject()), std::move(result), {.action = Action::look}, [this] { return describeFirstStart(m_service.settings); },
        [](const std::string &, const std::shared_ptr<Text> &reply, nlohmann::ordered_json &&machine) { reply->returnResults(text(machine)); });
}

void FirstStartObject::MakeRecoveryKey(Text &&result)
{
    answer<Secret, std::string>(
        m_service, callOf(getObject()), std::move(result), {.action = Action::firstStart},
        [this]() -> Result<Secret> {
            PREON_TRY(const Home::FirstStartFacts facts, Home::lookAtFirstStart(m_service.settings.host));
            if (const auto over = Home::whyNoFirstStart(facts))
                return std::unexpected(*over);
            return Luks::makeRecoveryKey();
        },
        [](const std::string &, const std::shared_ptr<Text> &reply, Secret &&key) {
            std::string words(key.chars(), key.size());
            reply->returnResults(words);
            ::explicit_bzero(words.data(), words.size());
        });
}

void FirstStartObject::OpenHome(Text &&result, std::string name, std::string password)
{
    wipeWhenDone(getObject());
    auto secret = std::make_shared<Secret>(taken(password));
    if (const auto fine = checkPassword(*secret); !fine)
        return result.returnError(toDBus(fine.error()));
    if (const auto fine = Home::checkUserName(name); !fine)
        return result.returnError(toDBus(fine.error()));
    answer<nlohmann::ordered_json, std::string>(
        m_service, callOf(getObject()), std::move(result), {.action = Action::firstStart},
        [this, name = std::move(name), secret]() -> Result<nlohmann::ordered_json> {
            PREON_CHECK(countTry());
            return lookIntoHome(m_service.settings, name, *secret);
        },
        [](const std::string &, const std::shared_ptr<Text> &reply, nlohmann::ordered_json &&home) { reply->returnResults(text(home)); });
}

// In the worker's thread, once polkit has said yes: nobody else uses up a person's tries.
Result<void> FirstStartObject::countTry()
{
    // As many as systemd-homed itself allows.
    constexpr std::size_t mostTries = 30;
    constexpr auto span = std::chrono::minutes(1);
    const auto now = std::chrono::steady_clock::now();
    while (!m_tries.empty() && now - m_tries.front() > span)
        m_tries.pop_front();
    if (m_tries.size() >= mostTries)
        return fail(ErrorCode::Busy, "Too many passwords were tried", {}, "Wait a minute, and try again.");
    m_tries.push_back(now);
    return {};
}

void FirstStartObject::Plan(IdAndText &&result, std::map<std::string, sdbus::Variant> options)
{
    auto wishes = readFirstStartWishes(options);
    if (!wishes)
        return result.returnError(toDBus(wishes.error()));
    answer<KeptFirstStart, std::string, std::string>(
        m_service, callOf(getObject()), std::move(result), {.action = Action::look},
        [this, wishes = *wishes]() -> Result<KeptFirstStart> {
            PREON_TRY(Home::FirstStartPlan plan, planAnew(m_service.settings, wishes));
            return KeptFirstStart{.plan = std::move(plan), .wishes = wishes};
        },
        [this](const std::string &caller, const std::shared_ptr<IdAndText> &reply, KeptFirstStart &&plan) {
            nlohmann::ordered_json json = Home::toJson(plan.plan);
            json["text"] = Home::toText(plan.plan);
            reply->returnResults(m_service.callers.keep(caller, std::make_shared<const KeptFirstStart>(std::move(plan))), text(json));
        });
}

void FirstStartObject::Apply(Object &&result, std::string id, std::string password, std::string recoveryKey, std::vector<std::uint8_t> picture)
{
    wipeWhenDone(getObject());
    auto secrets = std::make_shared<Entrusted>(Entrusted{.password = taken(password), .recoveryKey = taken(recoveryKey), .picture = {}});
    const auto bytes = std::as_bytes(std::span(picture));
    secrets->picture.assign(bytes.begin(), bytes.end());
    const auto kept = m_service.callers.planOf<KeptFirstStart>(callerOf(getObject()), id);
    if (!kept)
        return result.returnError(toDBus(kept.error()));
    if (const auto fine = checkSecrets((*kept)->plan, *secrets); !fine)
        return result.returnError(toDBus(fine.error()));
    answer<Ready, sdbus::ObjectPath>(
        m_service, callOf(getObject()), std::move(result), {.action = Action::firstStart, .turn = Worker::Turn::First},
        [this, kept = *kept] { return prepare(m_service.settings, *kept); },
        [this, secrets](const std::string &caller, const std::shared_ptr<Object> &reply, Ready &&ready) {
            const auto user = m_service.callers.userOf(caller);
            if (!user)
                return reply->returnError(toDBus(user.error()));
            JobRequest request{
                .kind = "first-start", .target = ready.plan.userName, .plan = Home::toJson(ready.plan), .phases = {}, .owner = *user, .work = {}};
            for (const std::string &phase : Home::phases(ready.plan))
                request.phases.push_back({.name = phase, .cancellable = false});
            request.work = [&settings = m_service.settings, secrets, ready = std::make_shared<Ready>(std::move(ready))](Progress &progress) {
                return makeAtHome(settings, ready->plan, *secrets, progress);
            };
            const auto job = m_jobs.start(std::move(request));
            if (job)
                reply->returnResults(*job);
            else
                reply->returnError(toDBus(job.error()));
        });
}

} // namespace Preon::Helper
