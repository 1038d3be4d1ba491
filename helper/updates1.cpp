// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/updates1.h"

namespace Preon::Helper
{

namespace
{
struct Done {
};
}

UpdatesObject::UpdatesObject(Service &service, Jobs &jobs)
    : AdaptorInterfaces(service.connection, sdbus::ObjectPath(objectPath))
    , m_service(service)
    , m_jobs(jobs)
    , m_updating(service.settings)
    , m_online(Callers::mostAtWorkOfUser)
{
    registerAdaptor();
}

UpdatesObject::~UpdatesObject()
{
    unregisterAdaptor();
}

void UpdatesObject::finish()
{
    m_updating.giveUp();
    m_online.finish();
}

void UpdatesObject::Describe(Text &&result)
{
    const Call call = callOf(getObject());
    const auto user = m_service.callers.userOf(call.caller);
    if (!user)
        return result.returnError(toDBus(user.error()));
    answer<nlohmann::ordered_json, std::string>(
        m_service, call, std::move(result), {.action = Action::look}, [this, user = *user] { return m_updating.describe(user); },
        [](const std::string &, const std::shared_ptr<Text> &reply, nlohmann::ordered_json &&state) { reply->returnResults(text(state)); });
}

void UpdatesObject::Check(Text &&result)
{
    answer<nlohmann::ordered_json, std::string>(
        m_service, callOf(getObject()), std::move(result), {.action = Action::look, .worker = &m_online},
        [this, asked = Updating::Clock::now()]() -> Result<nlohmann::ordered_json> {
            bool hasLooked = false;
            auto found = m_updating.check(asked, hasLooked);
            // Also where it came to nothing: that is remembered. Once, however many asked.
            if (hasLooked)
                m_service.loop.post([this] { emitChanged(); });
            return found;
        },
        [](const std::string &, const std::shared_ptr<Text> &reply, nlohmann::ordered_json &&found) { reply->returnResults(text(found)); });
}

void UpdatesObject::Plan(IdAndText &&result, std::string version, std::map<std::string, sdbus::Variant> options)
{
    const auto metered = readMetered(options);
    if (!metered)
        return result.returnError(toDBus(metered.error()));
    answer<Updating::Planned, std::string, std::string>(
        m_service, callOf(getObject()), std::move(result), {.action = Action::look, .worker = &m_online},
        [this, version = std::move(version), metered = *metered] { return m_updating.plan(version, metered); },
        [this](const std::string &caller, const std::shared_ptr<IdAndText> &reply, Updating::Planned &&planned) {
            reply->returnResults(m_service.callers.keep(caller, std::make_shared<const KeptUpdate>(std::move(planned.kept))), text(planned.plan));
        });
}

void UpdatesObject::Apply(Object &&result, std::string id)
{
    const auto kept = m_service.callers.planOf<KeptUpdate>(callerOf(getObject()), id);
    if (!kept)
        return result.returnError(toDBus(kept.error()));
    // Whoever sits here may bring what the maker has signed. Where a settings file asks for no signature anybody on the way may have made it.
    const char *action = (*kept)->isSigned ? Action::update : Action::updateChoose;
    answer<Updating::Ready, sdbus::ObjectPath>(
        m_service, callOf(getObject()), std::move(result), {.action = action, .disk = (*kept)->title, .turn = Worker::Turn::First, .worker = &m_online},
        [this, kept = *kept] { return m_updating.prepare(*kept); },
        [this](const std::string &caller, const std::shared_ptr<Object> &reply, Updating::Ready &&ready) {
            if (const auto user = m_service.callers.userOf(caller))
                begin(*user, reply, std::move(ready));
            else
                reply->returnError(toDBus(user.error()));
        });
}

void UpdatesObject::begin(std::uint32_t user, const std::shared_ptr<Object> &reply, Updating::Ready &&ready)
{
    JobRequest request{.kind = "update",
                       .target = m_updating.titleOf(ready.offer.plan.version),
                       .plan = m_updating.planJson(ready.offer),
                       .phases = Updating::phases(ready.offer),
                       .owner = user,
                       .work = {}};
    // Goes with the work, however that ends, once the lock was let go of.
    const std::shared_ptr<void> told(nullptr, [this, &loop = m_service.loop](void *) { loop.post([this] { emitChanged(); }); });
    request.work = [&settings = m_service.settings, told, ready = std::make_shared<Updating::Ready>(std::move(ready))](Progress &progress) {
        return Updating::carryOut(settings, *ready, progress);
    };
    const auto job = m_jobs.start(std::move(request));
    if (job)
        reply->returnResults(*job);
    else
        reply->returnError(toDBus(job.error()));
}

void UpdatesObject::change(Nothing &&result, const char *action, std::move_only_function<Result<void>()> work)
{
    answer<Done>(
        m_service, callOf(getObject()), std::move(result), {.action = action},
        [this, work = std::move(work)]() mutable -> Result<Done> {
            PREON_CHECK(work());
            m_service.loop.post([this] { emitChanged(); });
            return Done{};
        },
        [](const std::string &, const std::shared_ptr<Nothing> &reply, Done &&) { reply->returnResults(); });
}

void UpdatesObject::Discard(Nothing &&result)
{
    change(std::move(result), Action::update, [this] { return m_updating.discard(); });
}

void UpdatesObject::StartFrom(Nothing &&result, std::string version)
{
    change(std::move(result), Action::updateChoose, [this, version = std::move(version)] { return m_updating.startFrom(version); });
}

void UpdatesObject::Keep(Nothing &&result, std::string version, bool keep)
{
    change(std::move(result), Action::updateChoose, [this, version = std::move(version), keep] { return m_updating.keep(version, keep); });
}

void UpdatesObject::SetFeature(Nothing &&result, std::string id, bool enabled)
{
    change(std::move(result), Action::updateChoose, [this, id = std::move(id), enabled] { return m_updating.setFeature(id, enabled); });
}

void UpdatesObject::SetPolicy(Nothing &&result, std::map<std::string, sdbus::Variant> policy)
{
    const auto wished = readPolicyChange(policy);
    if (!wished)
        return result.returnError(toDBus(wished.error()));
    change(std::move(result), Action::updatePolicy, [this, wished = *wished] { return m_updating.setPolicy(wished); });
}

} // namespace Preon::Helper
