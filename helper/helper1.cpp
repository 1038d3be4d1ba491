// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/helper1.h"

namespace Preon::Helper
{

HelperObject::HelperObject(Service &service)
    : AdaptorInterfaces(service.connection, sdbus::ObjectPath(objectPath))
    , m_service(service)
{
    registerAdaptor();
    m_jobs = std::make_unique<Jobs>(service,
                                    Jobs::Listener{.added = [this](const sdbus::ObjectPath &job) { emitJobAdded(job); },
                                                   .removed =
                                                       [this](const sdbus::ObjectPath &job) {
                                                           emitJobRemoved(job);
                                                       }});
}

HelperObject::~HelperObject()
{
    m_jobs.reset();
    unregisterAdaptor();
}

Jobs &HelperObject::jobs()
{
    return *m_jobs;
}

std::vector<sdbus::ObjectPath> HelperObject::ListJobs()
{
    return m_jobs->paths();
}

std::string HelperObject::Version()
{
    return PREON_VERSION;
}

std::string HelperObject::Session()
{
    return m_service.settings.session;
}

} // namespace Preon::Helper
