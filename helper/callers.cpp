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

// Makes room for one more, of one's own things before those of one's other connections.
template<typename Map>
void forgetOldest(Map &map, std::size_t most)
{
    while (map.size() >= most)
        map.erase(std::ranges::min_element(map, {}, [](const auto &entry) { return entry.second.second; }));
}

// The same for all connections of a user.
template<typename Callers, typename Things>
void forgetOldestOf(Callers &callers, std::uint32_t user, Things things, std::size_t most)
{
    std::size_t all = 0;
    std::remove_reference_t<decltype(things(callers.begin()->second))> *oldestIn = nullptr;
    std::uint64_t oldest = 0;
    for (auto &[name, caller] : callers) {
        if (caller.user != user)
            continue;
        auto &map = things(caller);
        all += map.size();
        for (const auto &[id, thing] : map) {
            if (!oldestIn || thing.second < oldest) {
                oldestIn = &map;
                oldest = thing.second;
            }
        }
    }
    if (all >= most && oldestIn)
        std::erase_if(*oldestIn, [oldest](const auto &entry) { return entry.second.second == oldest; });
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
    , m_user(other.m_user)
{
}

Callers::Ticket &Callers::Ticket::operator=(Ticket &&other) noexcept
{
    std::swap(m_left, other.m_left);
    std::swap(m_callers, other.m_callers);
    std::swap(m_caller, other.m_caller);
    std::swap(m_user, other.m_user);
    return *this;
}

Callers::Ticket::~Ticket()
{
    if (!m_callers)
        return;
    if (const auto caller = m_callers->m_callers.find(m_caller); caller != m_callers->m_callers.end() && caller->second.atWork > 0)
        --caller->second.atWork;
    if (const auto user = m_callers->m_users.find(m_user); user != m_callers->m_users.end() && user->second.atWork > 0)
        --user->second.atWork;
    m_callers->forgetUserIfIdle(m_user);
}

std::uint32_t Callers::Ticket::user() const
{
    return m_user;
}

bool Callers::Ticket::isVoid() const
{
    return m_left && *m_left;
}

Result<Callers::Caller *> Callers::meet(const std::string &caller)
{
    if (const auto known = m_callers.find(caller); known != m_callers.end())
        return &known->second;
    PREON_TRY(const std::uint32_t user, userOf(caller));
    if (const auto known = m_users.find(user); known != m_users.end() && known->second.callers >= mostCallersOfUser)
        return fail(ErrorCode::Busy, "Too many programs use the helper at once", std::to_string(mostCallersOfUser) + " of the same user are connected",
                    "Close some of them and try again.");
    ++m_users[user].callers;
    Caller &known = m_callers[caller];
    known.user = user;
    return &known;
}

Result<Callers::Ticket> Callers::begin(const std::string &caller)
{
    PREON_TRY(Caller *const known, meet(caller));
    User &user = m_users[known->user];
    if (known->atWork >= mostAtWork)
        return fail(ErrorCode::Busy, "Too many questions at once", std::to_string(mostAtWork) + " are being worked on for this program", "Wait for an answer.");
    if (user.atWork >= mostAtWorkOfUser)
        return fail(ErrorCode::Busy, "Too many questions at once", std::to_string(mostAtWorkOfUser) + " are being worked on for the same user",
                    "Wait for an answer.");
    ++known->atWork;
    ++user.atWork;
    Ticket ticket;
    ticket.m_left = known->left;
    ticket.m_callers = this;
    ticket.m_caller = caller;
    ticket.m_user = known->user;
    return ticket;
}

void Callers::forgetUserIfIdle(std::uint32_t user)
{
    if (const auto known = m_users.find(user); known != m_users.end() && known->second.callers == 0 && known->second.atWork == 0)
        m_users.erase(known);
}

std::string Callers::tokenFor(const std::string &caller, const DiskIdentity &disk)
{
    const auto known = m_callers.find(caller);
    if (known == m_callers.end())
        return {};
    auto &tokens = known->second.tokens;
    auto found = std::ranges::find_if(tokens, [&](const auto &entry) { return entry.second.first == disk; });
    if (found == tokens.end()) {
        forgetOldest(tokens, mostTokens);
        forgetOldestOf(m_callers, known->second.user, [](Caller &each) -> auto & { return each.tokens; }, mostTokensOfUser);
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

std::string Callers::keep(const std::string &caller, AnyPlan plan)
{
    const auto known = m_callers.find(caller);
    if (known == m_callers.end())
        return {};
    forgetOldest(known->second.plans, mostPlans);
    forgetOldestOf(m_callers, known->second.user, [](Caller &each) -> auto & { return each.plans; }, mostPlansOfUser);
    const std::string id = randomName();
    known->second.plans.emplace(id, std::pair(std::move(plan), ++m_counter));
    return id;
}

std::unexpected<Error> Callers::unknownPlan()
{
    return fail(ErrorCode::NotFound, "This plan is not known any more", {}, "Look at what will be done again.");
}

const AnyPlan *Callers::findPlan(const std::string &caller, const std::string &id) const
{
    const auto known = m_callers.find(caller);
    if (known == m_callers.end())
        return nullptr;
    const auto found = known->second.plans.find(id);
    return found == known->second.plans.end() ? nullptr : &found->second.first;
}

bool Callers::isThere(const std::string &caller) const
{
    return m_callers.contains(caller);
}

bool Callers::anybody() const
{
    return !m_callers.empty();
}

bool Callers::isAnybodyWaiting() const
{
    return std::ranges::any_of(m_callers, [](const auto &entry) { return entry.second.atWork > 0; });
}

std::size_t Callers::whenGone(const std::string &caller, std::function<void()> act)
{
    const auto watch = static_cast<std::size_t>(++m_counter);
    if (const auto known = m_callers.find(caller); known != m_callers.end())
        known->second.watches.emplace(watch, std::move(act));
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
    if (const auto user = m_users.find(known.mapped().user); user != m_users.end() && user->second.callers > 0)
        --user->second.callers;
    forgetUserIfIdle(known.mapped().user);
    for (const auto &[watch, act] : known.mapped().watches)
        act();
}

Result<std::uint32_t> Callers::userOf(const std::string &caller) const
{
    if (const auto known = m_callers.find(caller); known != m_callers.end())
        return known->second.user;
    try {
        std::uint32_t user = 0;
        m_bus->callMethod("GetConnectionUnixUser").onInterface("org.freedesktop.DBus").withArguments(caller).storeResultsTo(user);
        return user;
    } catch (const sdbus::Error &error) {
        return fail(ErrorCode::Permission, "This is not allowed", "the bus does not know who asks: " + error.getMessage());
    }
}

} // namespace Preon::Helper
