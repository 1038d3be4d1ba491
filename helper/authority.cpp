// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/authority.h"

#include <unistd.h>

namespace Preon::Helper
{

namespace
{

constexpr auto interface = "org.freedesktop.PolicyKit1.Authority";
constexpr std::uint32_t allowUserInteraction = 1;
constexpr std::chrono::minutes patience{10};

std::unexpected<Error> refused(std::string why, std::string todo = {})
{
    return fail(ErrorCode::Permission, "This is not allowed", std::move(why), std::move(todo));
}

} // namespace

Authority::Authority(Kind kind, sdbus::IConnection &connection, Callers &callers)
    : m_kind(kind)
    , m_connection(connection)
    , m_callers(callers)
{
    if (kind == Kind::Polkit)
        m_polkit
            = sdbus::createProxy(m_connection, sdbus::ServiceName("org.freedesktop.PolicyKit1"), sdbus::ObjectPath("/org/freedesktop/PolicyKit1/Authority"));
}

void Authority::ask(const Call &call, const std::string &action, const std::map<std::string, std::string> &details, Answer answer)
{
    if (m_kind == Kind::Polkit) {
        askPolkit(call, action, details, std::move(answer));
        return;
    }
    const auto user = m_callers.userOf(call.caller);
    if (!user)
        answer(std::unexpected(user.error()));
    else if (*user != ::getuid())
        answer(refused("the virtual disks are another user's"));
    else
        answer({});
}

void Authority::askPolkit(const Call &call, const std::string &action, const std::map<std::string, std::string> &details, Answer answer)
{
    using Subject = sdbus::Struct<std::string, std::map<std::string, sdbus::Variant>>;
    using Outcome = sdbus::Struct<bool, bool, std::map<std::string, std::string>>;
    const std::string &caller = call.caller;
    if (!m_callers.isThere(caller))
        return;
    const std::string id = "preon-" + std::to_string(++m_questions);
    const std::size_t watch = m_callers.whenGone(caller, [this, id] {
        m_polkit->callMethodAsync("CancelCheckAuthorization").onInterface(interface).withArguments(id).uponReplyInvoke([](std::optional<sdbus::Error>) { });
    });
    auto shared = std::make_shared<Answer>(std::move(answer));
    m_polkit->callMethodAsync("CheckAuthorization")
        .onInterface(interface)
        .withTimeout(std::chrono::duration_cast<std::chrono::microseconds>(patience))
        .withArguments(Subject{"system-bus-name", {{"name", sdbus::Variant(caller)}}}, action, details, call.mayAskPerson ? allowUserInteraction : 0U, id)
        .uponReplyInvoke([this, caller, mayAskPerson = call.mayAskPerson, watch, shared, id](std::optional<sdbus::Error> error, const Outcome &outcome) {
            if (!m_callers.isThere(caller))
                return;
            m_callers.noLonger(caller, watch);
            // Nobody waits for it any more; unless told, polkit and the bus would.
            if (error)
                m_polkit->callMethodAsync("CancelCheckAuthorization").onInterface(interface).withArguments(id).uponReplyInvoke([](std::optional<sdbus::Error>) {
                });
            if (error)
                (*shared)(refused("the authority that is asked did not answer: " + error->getMessage(), "Try again; where it stays so, restart the computer."));
            else if (!outcome.get<0>())
                (*shared)(refused(!outcome.get<1>()  ? "it was refused"
                                      : mayAskPerson ? "nobody was there to be asked for a password"
                                                     : "it needs a password, and the program did not allow to ask for one"));
            else
                (*shared)({});
        });
}

} // namespace Preon::Helper
