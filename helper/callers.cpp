// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/callers.h"

#include "core/base/uuid.h"

#include <algorithm>

namespace Preon::Helper
{

namespace
{

std::string randomName()
{
    return Uuid::random().value_or(Uuid()).hex();
}

// Makes room for one more.
template<typename Map>
void forgetOldest(Map &map, std::size_t most)
{
    while (map.size() >= most)
        map.erase(std::ranges::min_element(map, {}, [](const auto &entry) { return entry.second.second; }));
}

} // namespace

Callers::Callers(sdbus::IConnection &connection)
    : m_bus(sdbus::createProxy(connection, sdbus::ServiceName("org.freedesktop.DBus"), sdbus::ObjectPath("/org/freedesktop/DBus")))
{
    m_bus->uponSignal("NameOwnerChanged")
        .onInterface("org.freedesktop.DBus")
        .call([this](const std::string &name, const std::string &, const std::string &owner) {
            if (owner.empty() && name.starts_with(':'))
                leave(name);
        });
}

Callers::~Callers() = default;

Callers::Ticket::Ticket(Ticket &&other) noexcept
    : m_left(std::move(other.m_left))
    , m_callers(std::exchange(other.m_callers, nullptr))
    , m_caller(std::move(other.m_caller))
{
}

Callers::Ticket &Callers::Ticket::operator=(Ticket &&other) noexcept
{
    std::swap(m_left, other.m_left);
    std::swap(m_callers, other.m_callers);
    std::swap(m_caller, other.m_caller);
    return *this;
}

Callers::Ticket::~Ticket()
{
    if (!m_callers)
        return;
    if (const auto caller = m_callers->m_callers.find(m_caller); caller != m_callers->m_callers.end() && caller->second.atWork > 0)
        --caller->second.atWork;
}

bool Callers::Ticket::isVoid() const
{
    return m_left && *m_left;
}

Result<Callers::Ticket> Callers::begin(const std::string &caller)
{
    if (!m_callers.contains(caller) && m_callers.size() >= mostCallers)
        return fail(ErrorCode::Busy, "Too many programs use the helper at once", std::to_string(mostCallers) + " are connected",
                    "Close some of them and try again.");
    Caller &known = m_callers[caller];
    if (known.atWork >= mostAtWork)
        return fail(ErrorCode::Busy, "Too many questions at once", std::to_string(mostAtWork) + " are being worked on for this program", "Wait for an answer.");
    ++known.atWork;
    Ticket ticket;
    ticket.m_left = known.left;
    ticket.m_callers = this;
    ticket.m_caller = caller;
    return ticket;
}

std::string Callers::tokenFor(const std::string &caller, const DiskIdentity &disk)
{
    auto &tokens = m_callers[caller].tokens;
    auto found = std::ranges::find_if(tokens, [&](const auto &entry) { return entry.second.first == disk; });
    if (found == tokens.end()) {
        forgetOldest(tokens, mostTokens);
        found = tokens.emplace(randomName(), std::pair(disk, 0)).first;
    }
    found->second.second = ++m_counter;
    return found->first;
}

Result<DiskIdentity> Callers::diskOf(const std::string &caller, const std::string &token) const
{
    if (const auto known = m_callers.find(caller); known != m_callers.end()) {
        if (const auto found = known->second.tokens.find(token); found != known->second.tokens.end())
            return found->second.first;
    }
    return fail(ErrorCode::NotFound, "This disk is not known any more", {}, "Look at the list of disks again.");
}

std::string Callers::keep(const std::string &caller, std::shared_ptr<const KeptPlan> plan)
{
    auto &plans = m_callers[caller].plans;
    forgetOldest(plans, mostPlans);
    const std::string id = randomName();
    plans.emplace(id, std::pair(std::move(plan), ++m_counter));
    return id;
}

Result<std::shared_ptr<const KeptPlan>> Callers::planOf(const std::string &caller, const std::string &id) const
{
    if (const auto known = m_callers.find(caller); known != m_callers.end()) {
        if (const auto found = known->second.plans.find(id); found != known->second.plans.end())
            return found->second.first;
    }
    return fail(ErrorCode::NotFound, "This plan is not known any more", {}, "Look at what will be done again.");
}

bool Callers::isThere(const std::string &caller) const
{
    return m_callers.contains(caller);
}

bool Callers::anybody() const
{
    return !m_callers.empty();
}

std::size_t Callers::whenGone(const std::string &caller, std::function<void()> act)
{
    const auto watch = static_cast<std::size_t>(++m_counter);
    m_callers[caller].watches.emplace(watch, std::move(act));
    return watch;
}

void Callers::noLonger(const std::string &caller, std::size_t watch)
{
    if (const auto known = m_callers.find(caller); known != m_callers.end())
        known->second.watches.erase(watch);
}

void Callers::leave(const std::string &caller)
{
    const auto known = m_callers.extract(caller);
    if (known.empty())
        return;
    *known.mapped().left = true;
    for (const auto &[watch, act] : known.mapped().watches)
        act();
}

void Callers::userOf(const std::string &caller, std::move_only_function<void(Result<std::uint32_t>)> answer)
{
    auto shared = std::make_shared<decltype(answer)>(std::move(answer));
    m_bus->callMethodAsync("GetConnectionUnixUser")
        .onInterface("org.freedesktop.DBus")
        .withArguments(caller)
        .uponReplyInvoke([shared](std::optional<sdbus::Error> error, std::uint32_t user) {
            if (error)
                (*shared)(fail(ErrorCode::Permission, "This is not allowed", "the bus does not know who asks: " + error->getMessage()));
            else
                (*shared)(user);
        });
}

} // namespace Preon::Helper
