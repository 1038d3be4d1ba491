// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Who is connected, and what belongs to them alone: the tokens of the disks that they were shown and the plans that were made for them. All of it goes when they
// leave. What one caller can make the helper keep or do is bounded, and so is what all of a user's callers together can: nobody's flood takes anything from others.

#include "core/home/firststart.h"
#include "core/install/plan.h"
#include "helper/loop.h"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>

#include <nlohmann/json.hpp>
#include <sdbus-c++/sdbus-c++.h>

namespace Preon::Helper
{

// The one disk that a person saw. Where the machine knows no serial number the sequence number, which no other disk gets before the next start, is enough.
struct DiskIdentity {
    std::filesystem::path device;
    std::uint64_t sequence = 0;
    std::string serial, wwn;
    std::uint64_t size = 0; // bytes
    auto operator<=>(const DiskIdentity &) const = default;
};

struct KeptPlan {
    Install::Plan plan;
    Uuid seed;
    Install::Wishes wishes;
    DiskIdentity disk;
};

struct KeptFirstStart {
    Home::FirstStartPlan plan;
    Home::FirstStartWishes wishes;
};

struct KeptUpdate {
    std::string version, title; // title: with the system's name
    bool metered = false; // the person knew that every byte costs
    bool isSigned = true; // all of it
    nlohmann::ordered_json essence; // what has to be the same when it is carried out
};

using AnyPlan = std::variant<std::shared_ptr<const KeptPlan>, std::shared_ptr<const KeptFirstStart>, std::shared_ptr<const KeptUpdate>>;

class Callers
{
public:
    explicit Callers(sdbus::IConnection &connection);
    ~Callers();

    static constexpr std::size_t mostTokens = 256, mostPlans = 8, mostAtWork = 8; // of one caller
    static constexpr std::size_t mostCallersOfUser = 64, mostTokensOfUser = 1024, mostPlansOfUser = 32, mostAtWorkOfUser = 16;

    // Begins a piece of work for a caller; it ends with the ticket. Busy: too many callers of this user, or too much for this one or for them at once.
    // Permission where the bus does not know the caller (any more).
    class Ticket
    {
    public:
        Ticket() = default;
        Ticket(Ticket &&other) noexcept;
        Ticket &operator=(Ticket &&other) noexcept;
        ~Ticket();

        // The caller has left: nobody waits for this any more. From any thread.
        bool isVoid() const;
        std::uint32_t user() const;

    private:
        friend class Callers;
        std::shared_ptr<const std::atomic<bool>> m_left;
        Callers *m_callers = nullptr;
        std::string m_caller;
        std::uint32_t m_user = 0;
    };
    Result<Ticket> begin(const std::string &caller);

    // The same token for the same disk; the ones that are longest unused are forgotten.
    std::string tokenFor(const std::string &caller, const DiskIdentity &disk);
    Result<DiskIdentity> diskOf(const std::string &caller, const std::string &token) const; // NotFound
    std::string keep(const std::string &caller, AnyPlan plan);
    // NotFound, also where it is a plan of another kind.
    template<typename Plan>
    Result<std::shared_ptr<const Plan>> planOf(const std::string &caller, const std::string &id) const
    {
        const AnyPlan *any = findPlan(caller, id);
        if (const auto *plan = any ? std::get_if<std::shared_ptr<const Plan>>(any) : nullptr)
            return *plan;
        return unknownPlan();
    }

    bool isThere(const std::string &caller) const; // of those who asked for something
    bool anybody() const;
    bool isAnybodyWaiting() const; // for an answer
    // A name to take it back by.
    std::size_t whenGone(const std::string &caller, std::function<void()> act);
    void noLonger(const std::string &caller, std::size_t watch);

    // The bus knows, and is asked once a connection.
    Result<std::uint32_t> userOf(const std::string &caller) const;

private:
    struct User {
        std::size_t callers = 0;
        std::size_t atWork = 0; // counts also what callers that have left still wait for
    };
    struct Caller {
        std::uint32_t user = 0;
        std::map<std::string, std::pair<DiskIdentity, std::uint64_t>> tokens; // with when it was given out last
        std::map<std::string, std::pair<AnyPlan, std::uint64_t>> plans;
        std::map<std::size_t, std::function<void()>> watches;
        std::size_t atWork = 0;
        std::shared_ptr<std::atomic<bool>> left = std::make_shared<std::atomic<bool>>(false);
    };
    void leave(const std::string &caller);
    static std::unexpected<Error> unknownPlan();
    const AnyPlan *findPlan(const std::string &caller, const std::string &id) const;
    Result<Caller *> meet(const std::string &caller);
    void forgetUserIfIdle(std::uint32_t user);
    std::map<std::string, Caller> m_callers;
    std::map<std::uint32_t, User> m_users;
    std::uint64_t m_counter = 0;
    std::unique_ptr<sdbus::IProxy> m_bus; // goes first: what waits for its answers speaks of callers
};

} // namespace Preon::Helper
