// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// org.preon.Updates1: which versions of the running system there are, the next one, and the job that brings it.

#include "helper/answering.h"
#include "helper/helper1.h"
#include "helper/updating.h"
#include "org.preon.Updates1.adaptor.h"

namespace Preon::Helper
{

class UpdatesObject final : public sdbus::AdaptorInterfaces<org::preon::Updates1_adaptor>
{
public:
    UpdatesObject(Service &service, Jobs &jobs);
    ~UpdatesObject();
    // Nothing is asked any more; waits for what is being asked.
    void finish();

private:
    using Nothing = sdbus::Result<>;
    void Describe(Text &&result) override;
    void Check(Text &&result) override;
    void Plan(IdAndText &&result, std::string version, std::map<std::string, sdbus::Variant> options) override;
    void Apply(Object &&result, std::string id) override;
    void Discard(Nothing &&result) override;
    void StartFrom(Nothing &&result, std::string version) override;
    void Keep(Nothing &&result, std::string version, bool keep) override;
    void SetFeature(Nothing &&result, std::string id, bool enabled) override;
    void SetPolicy(Nothing &&result, std::map<std::string, sdbus::Variant> policy) override;

    void change(Nothing &&result, const char *action, std::move_only_function<Result<void>()> work);
    void begin(std::uint32_t user, const std::shared_ptr<Object> &reply, Updating::Ready &&ready);
    Service &m_service;
    Jobs &m_jobs;
    Updating m_updating;
    Worker m_online; // a server that does not answer keeps nobody from looking at this computer
};

} // namespace Preon::Helper
