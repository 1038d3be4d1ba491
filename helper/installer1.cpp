// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/installer1.h"

#include "helper/arguments.h"

namespace Preon::Helper
{

namespace
{

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

void InstallerObject::DescribeMachine(Text &&result)
{
    answer<nlohmann::ordered_json, std::string>(
        m_service, callOf(getObject()), std::move(result), {.action = Action::look}, [this] { return m_looking.machine(); },
        [](const std::string &, const std::shared_ptr<Text> &reply, nlohmann::ordered_json &&machine) { reply->returnResults(text(machine)); });
}

void InstallerObject::ListDisks(Text &&result)
{
    answer<std::vector<Looking::SeenDisk>, std::string>(
        m_service, callOf(getObject()), std::move(result), {.action = Action::look}, [this] { return m_looking.disks(); },
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
        m_service, callOf(getObject()), std::move(result), {.action = Action::look},
        [this, disk = *known, way = *way, wishes = *wishes] { return m_looking.plan(disk, way, wishes); },
        [this](const std::string &caller, const std::shared_ptr<IdAndText> &reply, KeptPlan &&plan) {
            nlohmann::ordered_json json = Install::toJson(plan.plan);
            json["text"] = Install::toText(plan.plan);
            reply->returnResults(m_service.callers.keep(caller, std::make_shared<const KeptPlan>(std::move(plan))), text(json));
        });
}

void InstallerObject::Apply(Object &&result, std::string id)
{
    const auto kept = m_service.callers.planOf<KeptPlan>(callerOf(getObject()), id);
    if (!kept)
        return result.returnError(toDBus(kept.error()));
    answer<Looking::Ready, sdbus::ObjectPath>(
        m_service, callOf(getObject()), std::move(result),
        {.action = Action::install, .disk = Install::nameOf((*kept)->plan.target), .turn = Worker::Turn::First},
        [this, kept = *kept] { return m_looking.prepare(*kept); },
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
