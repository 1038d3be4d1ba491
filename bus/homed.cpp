// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/homed.h"

#include "bus/homederrors.h"
#include "core/base/fd.h"

#include <cstring>
#include <initializer_list>

#include <systemd/sd-bus.h>

namespace Preon::Bus
{

namespace
{
constexpr auto service = "org.freedesktop.home1", object = "/org/freedesktop/home1", interface = "org.freedesktop.home1.Manager";
// A file system may be made on the way, or a person be asked.
constexpr std::uint64_t callTimeout = 600'000'000; // microseconds

struct MessageDeleter {
    void operator()(sd_bus_message *message) const
    {
        sd_bus_message_unref(message);
    }
};
using Message = std::unique_ptr<sd_bus_message, MessageDeleter>;

class BusError
{
public:
    BusError() = default;
    BusError(const BusError &) = delete;
    BusError &operator=(const BusError &) = delete;
    ~BusError()
    {
        sd_bus_error_free(&m_error);
    }
    sd_bus_error *get()
    {
        return &m_error;
    }
    Error explained(int status, std::string_view userName) const
    {
        if (!m_error.name)
            return failErrno(-status, "systemd-homed could not be asked").error();
        return homedError(m_error.name, m_error.message ? m_error.message : "", userName);
    }

private:
    sd_bus_error m_error{}; // SD_BUS_ERROR_NULL, which is no C++
};

std::unexpected<Error> notBuilt(int status)
{
    return failErrno(-status, "systemd-homed could not be asked");
}

// Terminated, for a C interface that takes no length.
Secret terminated(const Secret &text)
{
    Secret copy(text.size() + 1);
    std::memcpy(copy.writable().data(), text.bytes().data(), text.size());
    return copy;
}

Result<Message> question(sd_bus *bus, const char *method)
{
    sd_bus_message *made = nullptr;
    if (const int status = sd_bus_message_new_method_call(bus, &made, service, object, interface, method); status < 0)
        return notBuilt(status);
    // Whatever is appended, and copied on its way, is wiped afterwards.
    if (const int status = sd_bus_message_sensitive(made); status < 0) {
        sd_bus_message_unref(made);
        return notBuilt(status);
    }
    return Message(made);
}

Result<void> append(const Message &message, const char *text)
{
    const int status = sd_bus_message_append_basic(message.get(), 's', text);
    return status < 0 ? Result<void>(notBuilt(status)) : Result<void>();
}

Result<void> append(const Message &message, const Secret &text)
{
    const Secret copy = terminated(text);
    return append(message, copy.chars());
}

Result<Message> answer(sd_bus *bus, const Message &message, std::string_view userName)
{
    BusError error;
    sd_bus_message *reply = nullptr;
    if (const int status = sd_bus_call(bus, message.get(), callTimeout, error.get(), &reply); status < 0)
        return std::unexpected(error.explained(status, userName));
    return Message(reply);
}

// METHOD(name, secrets…), which answers nothing.
Result<void> callFor(sd_bus *bus, const char *method, const std::string &userName, std::initializer_list<const Secret *> secrets = {})
{
    PREON_TRY(const Message message, question(bus, method));
    PREON_CHECK(append(message, userName.c_str()));
    for (const Secret *secret : secrets)
        PREON_CHECK(append(message, *secret));
    PREON_CHECK(answer(bus, message, userName));
    return {};
}

std::unexpected<Error> strangeAnswer()
{
    return fail(ErrorCode::BadFormat, "systemd-homed gave an answer that makes no sense");
}

std::string text(const char *given)
{
    return given ? given : "";
}
}

void Homed::Deleter::operator()(sd_bus *bus) const
{
    sd_bus_flush_close_unref(bus);
}

Result<Homed> Homed::open(Asking asking)
{
    sd_bus *bus = nullptr;
    if (const int status = sd_bus_open_system(&bus); status < 0)
        return failErrno(-status, "The system bus could not be reached");
    sd_bus_set_allow_interactive_authorization(bus, asking == Asking::Person);
    Homed homed(bus);
    sd_bus_unref(bus);
    return homed;
}

Homed::Homed(sd_bus *bus)
    : m_bus(sd_bus_ref(bus))
{
}

Result<std::vector<Homed::Home>> Homed::list()
{
    PREON_TRY(const Message message, question(m_bus.get(), "ListHomes"));
    PREON_TRY(const Message reply, answer(m_bus.get(), message, {}));
    if (sd_bus_message_enter_container(reply.get(), 'a', "(susussso)") < 0)
        return strangeAnswer();
    std::vector<Home> homes;
    for (;;) {
        const char *name = nullptr, *state = nullptr, *realName = nullptr, *directory = nullptr, *shell = nullptr, *path = nullptr;
        std::uint32_t uid = 0, gid = 0;
        const int status = sd_bus_message_read(reply.get(), "(susussso)", &name, &uid, &state, &gid, &realName, &directory, &shell, &path);
        if (status < 0)
            return strangeAnswer();
        if (status == 0)
            return homes;
        homes.push_back({text(name), text(realName), text(state), uid, gid, text(directory), text(shell), text(path)});
    }
}

Result<Homed::Home> Homed::home(const std::string &userName)
{
    PREON_TRY(const Message message, question(m_bus.get(), "GetHomeByName"));
    PREON_CHECK(append(message, userName.c_str()));
    PREON_TRY(const Message reply, answer(m_bus.get(), message, userName));
    const char *state = nullptr, *realName = nullptr, *directory = nullptr, *shell = nullptr, *path = nullptr;
    std::uint32_t uid = 0, gid = 0;
    if (sd_bus_message_read(reply.get(), "usussso", &uid, &state, &gid, &realName, &directory, &shell, &path) < 0)
        return strangeAnswer();
    return Home{userName, text(realName), text(state), uid, gid, text(directory), text(shell), text(path)};
}

Result<Homed::UserRecord> Homed::record(const std::string &userName)
{
    PREON_TRY(const Message message, question(m_bus.get(), "GetUserRecordByName"));
    PREON_CHECK(append(message, userName.c_str()));
    PREON_TRY(const Message reply, answer(m_bus.get(), message, userName));
    const char *json = nullptr, *path = nullptr;
    int isIncomplete = 0;
    if (sd_bus_message_read(reply.get(), "sbo", &json, &isIncomplete, &path) < 0)
        return strangeAnswer();
    return UserRecord{text(json), isIncomplete != 0, text(path)};
}

Result<void> Homed::create(const Secret &record, std::string_view userName, ByteView picture)
{
    PREON_TRY(const Message message, question(m_bus.get(), picture.empty() ? "CreateHome" : "CreateHomeEx"));
    PREON_CHECK(append(message, record));
    if (!picture.empty()) {
        PREON_TRY(const Fd file, memoryFile("avatar", picture));
        if (const int status = sd_bus_message_append(message.get(), "a{sh}t", 1, "avatar", file.get(), std::uint64_t{0}); status < 0)
            return notBuilt(status);
    }
    PREON_CHECK(answer(m_bus.get(), message, userName));
    return {};
}

Result<void> Homed::update(const Secret &record, std::string_view userName)
{
    PREON_TRY(const Message message, question(m_bus.get(), "UpdateHome"));
    PREON_CHECK(append(message, record));
    PREON_CHECK(answer(m_bus.get(), message, userName));
    return {};
}

Result<void> Homed::registerRecord(const std::string &record, std::string_view userName)
{
    PREON_TRY(const Message message, question(m_bus.get(), "RegisterHome"));
    PREON_CHECK(append(message, record.c_str()));
    PREON_CHECK(answer(m_bus.get(), message, userName));
    return {};
}

Result<void> Homed::remove(const std::string &userName)
{
    return callFor(m_bus.get(), "RemoveHome", userName);
}

Result<void> Homed::activate(const std::string &userName, const Secret &secret)
{
    return callFor(m_bus.get(), "ActivateHome", userName, {&secret});
}

Result<void> Homed::deactivate(const std::string &userName)
{
    return callFor(m_bus.get(), "DeactivateHome", userName);
}

Result<void> Homed::authenticate(const std::string &userName, const Secret &secret)
{
    return callFor(m_bus.get(), "AuthenticateHome", userName, {&secret});
}

Result<void> Homed::changePassword(const std::string &userName, const Secret &now, const Secret &before)
{
    return callFor(m_bus.get(), "ChangePasswordHome", userName, {&now, &before});
}

Result<void> Homed::resize(const std::string &userName, std::uint64_t bytes, const Secret &secret)
{
    PREON_TRY(const Message message, question(m_bus.get(), "ResizeHome"));
    PREON_CHECK(append(message, userName.c_str()));
    if (const int status = sd_bus_message_append_basic(message.get(), 't', &bytes); status < 0)
        return notBuilt(status);
    PREON_CHECK(append(message, secret));
    PREON_CHECK(answer(m_bus.get(), message, userName));
    return {};
}

Result<void> Homed::lock(const std::string &userName)
{
    return callFor(m_bus.get(), "LockHome", userName);
}

Result<void> Homed::unlock(const std::string &userName, const Secret &secret)
{
    return callFor(m_bus.get(), "UnlockHome", userName, {&secret});
}

} // namespace Preon::Bus
