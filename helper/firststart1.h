// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// org.preon.FirstStart1: what the machine knows already, a plan of what a person chose, and the job that makes them at home.

#include "helper/answering.h"
#include "helper/helper1.h"
#include "org.preon.FirstStart1.adaptor.h"

#include <chrono>
#include <deque>

namespace Preon::Helper
{

class FirstStartObject final : public sdbus::AdaptorInterfaces<org::preon::FirstStart1_adaptor>
{
public:
    FirstStartObject(Service &service, Jobs &jobs);
    ~FirstStartObject();

private:
    void Describe(Text &&result) override;
    void MakeRecoveryKey(Text &&result) override;
    void OpenHome(Text &&result, std::string name, std::string password) override;
    void Plan(IdAndText &&result, std::map<std::string, sdbus::Variant> options) override;
    void Apply(Object &&result, std::string id, std::string password, std::string recoveryKey, std::vector<std::uint8_t> picture) override;
    Result<void> countTry();
    Service &m_service;
    Jobs &m_jobs;
    std::deque<std::chrono::steady_clock::time_point> m_tries; // at homes, of the last minute; the worker's
};

} // namespace Preon::Helper
