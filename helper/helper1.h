// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// org.preon.Helper1: the helper itself and its table of work.

#include "helper/jobs.h"
#include "org.preon.Helper1.adaptor.h"

namespace Preon::Helper
{

class HelperObject final : public sdbus::AdaptorInterfaces<org::preon::Helper1_adaptor>
{
public:
    explicit HelperObject(Service &service);
    ~HelperObject();
    Jobs &jobs();

private:
    std::vector<sdbus::ObjectPath> ListJobs() override;
    std::string Version() override;
    std::string Session() override;
    Service &m_service;
    std::unique_ptr<Jobs> m_jobs;
};

} // namespace Preon::Helper
