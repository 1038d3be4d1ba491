// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The way of every method that takes time: a ticket for its caller, polkit's answer, the worker's thread, and the loop again.

#include "helper/errors.h"
#include "helper/printable.h"
#include "helper/service.h"

#include <nlohmann/json.hpp>

namespace Preon::Helper
{

using Text = sdbus::Result<std::string>;
using IdAndText = sdbus::Result<std::string, std::string>;
using Object = sdbus::Result<sdbus::ObjectPath>;

// ASCII only: the bus refuses some characters (noncharacters of Unicode) that the name of a partition may have.
inline std::string text(const nlohmann::ordered_json &json)
{
    return json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

struct Asked {
    std::string action; // of polkit
    std::string disk = {}; // as its question names it
    Worker::Turn turn = Worker::Turn::Last;
    Worker *worker = nullptr; // nullptr: the one that looks at disks
};

template<typename Value, typename... Out>
using Then = std::type_identity_t<std::move_only_function<void(const std::string &caller, const std::shared_ptr<sdbus::Result<Out...>> &reply, Value &&value)>>;

// look runs in the worker's thread; then in the loop's, unless the caller has left.
template<typename Value, typename... Out>
void answer(Service &service, const Call &call, sdbus::Result<Out...> &&result, const Asked &asked,
            std::type_identity_t<std::move_only_function<Result<Value>()>> look, Then<Value, Out...> then)
{
    auto begun = service.callers.begin(call.caller);
    if (!begun)
        return result.returnError(toDBus(begun.error()));
    auto reply = std::make_shared<sdbus::Result<Out...>>(std::move(result));
    auto ticket = std::make_shared<Callers::Ticket>(std::move(*begun));
    service.authority.ask(
        call, asked.action, {{"disk", printable(asked.disk)}},
        [&service, caller = call.caller, reply, ticket, user = ticket->user(), turn = asked.turn, &worker = asked.worker ? *asked.worker : service.worker,
         look = std::move(look), then = std::move(then)](const Result<void> &allowed) mutable {
            if (!allowed)
                return reply->returnError(toDBus(allowed.error()));
            auto work = [&service, caller, reply, ticket = std::move(ticket), look = std::move(look), then = std::move(then)]() mutable {
                Result<Value> value = ticket->isVoid() ? fail(ErrorCode::Cancelled, "Nobody waits for the answer") : withoutExceptions(look);
                service.loop.post([&service, caller, reply, ticket = std::move(ticket), value = std::move(value), then = std::move(then)]() mutable {
                    if (!service.callers.isThere(caller))
                        return; // nobody to answer, and nothing to keep for them
                    if (!value)
                        return reply->returnError(toDBus(value.error()));
                    try {
                        then(caller, reply, std::move(*value));
                    } catch (const sdbus::Error &error) {
                        // Whoever asked is not to wait for ever.
                        reply->returnError(toDBus({ErrorCode::Io, "The answer could not be sent", error.getMessage(), {}}));
                    }
                });
            };
            if (!worker.submit(std::move(work), user, turn))
                reply->returnError(toDBus({ErrorCode::Busy, "Too many questions at once", {}, "Wait for an answer."}));
        });
}

} // namespace Preon::Helper
