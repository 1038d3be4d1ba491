// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// org.preon.Installer1: checks what a caller asks for, has it looked up, and answers.

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
    using Text = sdbus::Result<std::string>;
    using IdAndText = sdbus::Result<std::string, std::string>;
    using Object = sdbus::Result<sdbus::ObjectPath>;
    void DescribeMachine(Text &&result) override;
    void ListDisks(Text &&result) override;
    void Plan(IdAndText &&result, std::string disk, std::string mode, std::map<std::string, sdbus::Variant> options) override;
    void Apply(Object &&result, std::string id) override;

    template<typename Value, typename... Out>
    using Then
        = std::type_identity_t<std::move_only_function<void(const std::string &caller, const std::shared_ptr<sdbus::Result<Out...>> &reply, Value &&value)>>;
    // The way of each method: a ticket, polkit's answer, the worker's, and the caller's own loop again. look runs in the worker's thread.
    template<typename Value, typename... Out>
    void answer(sdbus::Result<Out...> &&result, const std::string &action, const std::string &disk,
                std::type_identity_t<std::move_only_function<Result<Value>()>> look, Then<Value, Out...> then);
    void begin(std::uint32_t user, const std::shared_ptr<Object> &reply, Looking::Ready &&ready);
    Service &m_service;
    Jobs &m_jobs;
    Looking m_looking;
};

} // namespace Preon::Helper
