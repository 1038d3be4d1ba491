// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Asks whether a caller may do something: polkit on the system bus; in a sandbox, which has nothing to lose but its own user's files, whether the caller is that
// user. Nothing waits for the answer.

#include "helper/callers.h"

#include <map>

namespace Preon::Helper
{

namespace Action
{
constexpr auto look = "org.preon.look"; // at disks and what is on them
constexpr auto install = "org.preon.install";
constexpr auto firstStart = "org.preon.first-start";
constexpr auto update = "org.preon.update"; // to what the maker has signed
constexpr auto updateChoose = "org.preon.update-choose"; // which version starts and stays, features; and what nobody has signed
constexpr auto updatePolicy = "org.preon.update-policy";
constexpr auto stop = "org.preon.stop"; // or let go of, what somebody else began
}

// Who calls, and whether the caller said that a person may be asked for it (the message's ALLOW_INTERACTIVE_AUTHORIZATION).
struct Call {
    std::string caller;
    bool mayAskPerson = false;
};

class Authority
{
public:
    enum class Kind {
        Polkit,
        SameUser,
    };
    Authority(Kind kind, sdbus::IConnection &connection, Callers &callers);

    using Answer = std::move_only_function<void(Result<void>)>;
    // A person is asked only where the call allows it. details: what the question names, as $(disk) in the action's message. Permission where it is refused, and where nobody answers in ten minutes. A question is
    // withdrawn when its caller leaves; then there is no answer.
    void ask(const Call &call, const std::string &action, const std::map<std::string, std::string> &details, Answer answer);

private:
    void askPolkit(const Call &call, const std::string &action, const std::map<std::string, std::string> &details, Answer answer);
    Kind m_kind;
    sdbus::IConnection &m_connection;
    Callers &m_callers;
    std::unique_ptr<sdbus::IProxy> m_polkit;
    std::uint64_t m_questions = 0;
};

} // namespace Preon::Helper
