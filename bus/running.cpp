// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/running.h"

#include <cstdint>
#include <memory>

#include <systemd/sd-bus.h>

namespace Preon::Bus
{

namespace
{

constexpr std::uint64_t answerTimeout = 20'000'000; // microseconds: whoever answers may have to be started

struct BusDeleter {
    void operator()(sd_bus *bus) const
    {
        sd_bus_flush_close_unref(bus);
    }
};

template<typename Call>
Result<void> ask(const std::string &failed, Call call)
{
    sd_bus *made = nullptr;
    if (const int status = sd_bus_open_system(&made); status < 0)
        return failErrno(-status, failed + ": there is no system bus");
    const std::unique_ptr<sd_bus, BusDeleter> bus(made);
    sd_bus_set_method_call_timeout(bus.get(), answerTimeout);
    sd_bus_error error{};
    const int status = call(bus.get(), &error);
    Result<void> done;
    if (status < 0)
        done = failErrno(-status, error.message ? failed + ": " + error.message : failed);
    sd_bus_error_free(&error);
    return done;
}

} // namespace

Result<void> nameComputer(const std::string &hostname)
{
    return ask("The running system could not be given another name", [&](sd_bus *bus, sd_bus_error *error) {
        return sd_bus_call_method(bus, "org.freedesktop.hostname1", "/org/freedesktop/hostname1", "org.freedesktop.hostname1", "SetStaticHostname", error,
                                  nullptr, "sb", hostname.c_str(), 0);
    });
}

Result<void> speak(const std::string &locale)
{
    const std::string what = locale.empty() ? "LANG" : "LANG=" + locale;
    return ask("The running system could not be given another language", [&](sd_bus *bus, sd_bus_error *error) {
        return sd_bus_call_method(bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
                                  locale.empty() ? "UnsetEnvironment" : "SetEnvironment", error, nullptr, "as", 1, what.c_str());
    });
}

Result<void> restartHomed()
{
    return ask("systemd-homed could not be started anew", [](sd_bus *bus, sd_bus_error *error) {
        return sd_bus_call_method(bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "RestartUnit", error,
                                  nullptr, "ss", "systemd-homed.service", "replace");
    });
}

} // namespace Preon::Bus
