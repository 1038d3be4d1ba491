// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// org.preon.Installer1: checks what a caller asks for, has it looked up, and answers.

#include "helper/answering.h"
#include "helper/helper1.h"
#include "helper/looking.h"
#include "org.preon.Installer1.adaptor.h"

namespace Preon::Helper
{

class InstallerObject final : public sdbus::AdaptorInterfaces<org::preon::Installer1_adaptor>
{
public:
    InstallerObject(Service &service, Jobs &jobs);
    ~InstallerObject();
    void disksChanged();

private:
    void DescribeMachine(Text &&result) override;
    void ListDisks(Text &&result) override;
    void Plan(IdAndText &&result, std::string disk, std::string mode, std::map<std::string, sdbus::Variant> options) override;
    void Apply(Object &&result, std::string id) override;

    void begin(std::uint32_t user, const std::shared_ptr<Object> &reply, Looking::Ready &&ready);
    Service &m_service;
    Jobs &m_jobs;
    Looking m_looking;
};

} // namespace Preon::Helper
