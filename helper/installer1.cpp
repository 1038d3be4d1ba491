// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/installer1.h"

#include "helper/arguments.h"
#include "helper/errors.h"
#include "helper/printable.h"

namespace Preon::Helper
{

namespace
{

// ASCII only: the bus refuses some characters (noncharacters of Unicode) that the name of a partition may have.
std::string text(const nlohmann::ordered_json &json)
{
    return json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

std::vector<WorkPhase> phasesOf(const Install::Plan &plan)
{
    std::vector<WorkPhase> phases;
    for (const Install::Phase &phase : Install::phases(plan))
        phases.push_back({.name = phase.name, .bytes = phase.bytes, .cancellable = phase.cancellable});
    return phases;
}

} // namespace

InstallerObject::InstallerObject(Service &service, Jobs &jobs)
    : AdaptorInterfaces(service.connection, sdbus::ObjectPath(objectPath))
    , m_service(service)
    , m_jobs(jobs)
    , m_looking(service.settings)
{
    registerAdaptor();
}

InstallerObject::~InstallerObject()
{
    unregisterAdaptor();
}

void InstallerObject::disksChanged()
{
    emitDisksChanged();
}

template<typename Value, typename... Out>
void InstallerObject::answer(sdbus::Result<Out...> &&result, const std::string &action, const std::string &disk,
                             std::type_identity_t<std::move_only_function<Result<Value>()>> look, Then<Value, Out...> then)
{
    const Call call = callOf(getObject());
    const std::string &caller = call.caller;
    auto begun = m_service.callers.begin(caller);
    if (!begun)
        return result.returnError(toDBus(begun.error()));
    auto reply = std::make_shared<sdbus::Result<Out...>>(std::move(result));
    auto ticket = std::make_shared<Callers::Ticket>(std::move(*begun));
    m_service.authority.ask(
        call, action, {{"disk", printable(disk)}},
        [this, caller, reply, ticket, user = ticket->user(), turn = action == Action::install ? Worker::Turn::First : Worker::Turn::Last,
         look = std::move(look), then = std::move(then)](const Result<void> &allowed) mutable {
            if (!allowed)
                return reply->returnError(toDBus(allowed.error()));
            auto work = [this, caller, reply, ticket = std::move(ticket), look = std::move(look), then = std::move(then)]() mutable {
                Result<Value> value = ticket->isVoid() ? fail(ErrorCode::Cancelled, "Nobody waits for the answer") : withoutExceptions(look);
                m_service.loop.post([this, caller, reply, ticket = std::move(ticket), value = std::move(value), then = std::move(then)]() mutable {
                    if (!m_service.callers.isThere(caller))
                        return; // nobody to answer, and nothing to keep for them
                    if (!value)
                        return reply->returnError(toDBus(value.error()));
                    try {
                        then(caller, reply, std::move(*value));
                    } catch (const sdbus::Error &error) {
                        // Whoever asked is not to wait for ever.
                        reply->returnError(toDBus({ErrorCode::Io, "The answer could not be sent", error.getMessage(), {}}));
                    }
                });
            };
            if (!m_service.worker.submit(std::move(work), user, turn))
                reply->returnError(toDBus({ErrorCode::Busy, "Too many questions at once", {}, "Wait for an answer."}));
        });
}

void InstallerObject::DescribeMachine(Text &&result)
{
    answer<nlohmann::ordered_json, std::string>(
        std::move(result), Action::look, {}, [this] { return m_looking.machine(); },
        [](const std::string &, const std::shared_ptr<Text> &reply, nlohmann::ordered_json &&machine) { reply->returnResults(text(machine)); });
}

void InstallerObject::ListDisks(Text &&result)
{
    answer<std::vector<Looking::SeenDisk>, std::string>(
        std::move(result), Action::look, {}, [this] { return m_looking.disks(); },
        [this](const std::string &caller, const std::shared_ptr<Text> &reply, std::vector<Looking::SeenDisk> &&disks) {
            nlohmann::ordered_json list = nlohmann::ordered_json::array();
            for (Looking::SeenDisk &disk : disks) {
                nlohmann::ordered_json each = {{"token", m_service.callers.tokenFor(caller, disk.identity)}};
                each.update(disk.facts);
                list.push_back(std::move(each));
            }
            reply->returnResults(text(list));
        });
}

void InstallerObject::Plan(IdAndText &&result, std::string disk, std::string mode, std::map<std::string, sdbus::Variant> options)
{
    const auto known = m_service.callers.diskOf(callerOf(getObject()), disk);
    const auto way = Install::parseMode(mode);
    const auto wishes = readWishes(options);
    if (!known)
        return result.returnError(toDBus(known.error()));
    if (!way)
        return result.returnError(toDBus({ErrorCode::BadArgument, "There is no such way to install", mode.substr(0, 64), {}}));
    if (!wishes)
        return result.returnError(toDBus(wishes.error()));
    answer<KeptPlan, std::string, std::string>(
        std::move(result), Action::look, {}, [this, disk = *known, way = *way, wishes = *wishes] { return m_looking.plan(disk, way, wishes); },
        [this](const std::string &caller, const std::shared_ptr<IdAndText> &reply, KeptPlan &&plan) {
            nlohmann::ordered_json json = Install::toJson(plan.plan);
            json["text"] = Install::toText(plan.plan);
            reply->returnResults(m_service.callers.keep(caller, std::make_shared<const KeptPlan>(std::move(plan))), text(json));
        });
}

void InstallerObject::Apply(Object &&result, std::string id)
{
    const auto kept = m_service.callers.planOf(callerOf(getObject()), id);
    if (!kept)
        return result.returnError(toDBus(kept.error()));
    answer<Looking::Ready, sdbus::ObjectPath>(
        std::move(result), Action::install, Install::nameOf((*kept)->plan.target), [this, kept = *kept] { return m_looking.prepare(*kept); },
        [this](const std::string &caller, const std::shared_ptr<Object> &reply, Looking::Ready &&ready) {
            if (const auto user = m_service.callers.userOf(caller))
                begin(*user, reply, std::move(ready));
            else
                reply->returnError(toDBus(user.error()));
        });
}

void InstallerObject::begin(std::uint32_t user, const std::shared_ptr<Object> &reply, Looking::Ready &&ready)
{
    JobRequest request{.kind = "install",
                       .target = Install::nameOf(ready.plan.target),
                       .plan = Install::toJson(ready.plan),
                       .phases = phasesOf(ready.plan),
                       .owner = user,
                       .work = {}};
    request.work = [&host = m_service.settings.host, ready = std::move(ready)](Progress &progress) -> Result<nlohmann::ordered_json> {
        PREON_TRY(const Install::Outcome outcome, Install::apply(ready.plan, ready.source, host, progress, ready.target));
        return Install::toJson(outcome);
    };
    const auto job = m_jobs.start(std::move(request));
    if (job)
        reply->returnResults(*job);
    else
        reply->returnError(toDBus(job.error()));
}

} // namespace Preon::Helper
