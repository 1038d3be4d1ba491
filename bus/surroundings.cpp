// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/surroundings.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <systemd/sd-bus.h>

namespace Preon::Bus
{

namespace
{

constexpr std::chrono::milliseconds eachAnswer{500}, allAnswers{3000};
constexpr std::size_t mostUsers = 64;
// People: what lies between the system's users and those that are made up for containers and services (systemd's users and groups, UIDS-GIDS).
constexpr std::uint32_t firstPerson = 1000, lastPerson = 60577;

struct AskedService {
    const char *name, *path, *interface;
};
constexpr AskedService network{"org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager", "org.freedesktop.NetworkManager"};
constexpr AskedService upower{"org.freedesktop.UPower", "/org/freedesktop/UPower", "org.freedesktop.UPower"};
constexpr AskedService battery{"org.freedesktop.UPower", "/org/freedesktop/UPower/devices/DisplayDevice", "org.freedesktop.UPower.Device"};
constexpr AskedService logind{"org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager"};

struct SurroundingsBusDeleter {
    void operator()(sd_bus *bus) const
    {
        sd_bus_close_unref(bus);
    }
};
struct SurroundingsMessageDeleter {
    void operator()(sd_bus_message *message) const
    {
        sd_bus_message_unref(message);
    }
};
using SurroundingsMessage = std::unique_ptr<sd_bus_message, SurroundingsMessageDeleter>;

// A connection that asks nobody any more once its time is over.
class Asker
{
public:
    Asker()
    {
        sd_bus *made = nullptr;
        if (sd_bus_open_system(&made) >= 0)
            m_bus.reset(made);
    }

    template<typename... Arguments>
    SurroundingsMessage call(const AskedService &asked, const char *on, const char *method, const char *types, Arguments... arguments)
    {
        sd_bus_message *made = nullptr, *answer = nullptr;
        const auto left = std::chrono::duration_cast<std::chrono::microseconds>(m_end - std::chrono::steady_clock::now());
        if (!m_bus || left.count() <= 0 || sd_bus_message_new_method_call(m_bus.get(), &made, asked.name, asked.path, on, method) < 0)
            return {};
        const SurroundingsMessage question(made);
        if (sd_bus_message_set_auto_start(made, 0) < 0 || sd_bus_message_append(made, types, arguments...) < 0)
            return {};
        const auto limit = std::min<std::chrono::microseconds>(left, eachAnswer);
        if (sd_bus_call(m_bus.get(), made, static_cast<std::uint64_t>(limit.count()), nullptr, &answer) < 0)
            return {};
        return SurroundingsMessage(answer);
    }

    // type: of D-Bus, a letter that fits Value.
    template<typename Value>
    std::optional<Value> property(const AskedService &asked, const char *name, char type)
    {
        const SurroundingsMessage answer = call(asked, "org.freedesktop.DBus.Properties", "Get", "ss", asked.interface, name);
        const char contents[] = {type, '\0'};
        Value value{};
        if (!answer || sd_bus_message_enter_container(answer.get(), 'v', contents) <= 0 || sd_bus_message_read_basic(answer.get(), type, &value) <= 0)
            return std::nullopt;
        return value;
    }

    // Whether a session of that user is open, not only what lingers on.
    bool isThere(const std::string &userPath)
    {
        const AskedService user{logind.name, userPath.c_str(), "org.freedesktop.login1.User"};
        const SurroundingsMessage answer = call(user, "org.freedesktop.DBus.Properties", "Get", "ss", user.interface, "State");
        const char *state = nullptr;
        if (!answer || sd_bus_message_read(answer.get(), "v", "s", &state) <= 0 || !state)
            return false;
        return std::string_view(state) == "active" || std::string_view(state) == "online";
    }

private:
    std::unique_ptr<sd_bus, SurroundingsBusDeleter> m_bus;
    const std::chrono::steady_clock::time_point m_end = std::chrono::steady_clock::now() + allAnswers;
};

std::uint32_t countOthers(Asker &asker, std::uint32_t but)
{
    const SurroundingsMessage answer = asker.call(logind, logind.interface, "ListUsers", "");
    if (!answer || sd_bus_message_enter_container(answer.get(), 'a', "(uso)") <= 0)
        return 0;
    std::vector<std::string> paths;
    std::uint32_t user = 0;
    const char *name = nullptr, *path = nullptr;
    while (paths.size() < mostUsers && sd_bus_message_read(answer.get(), "(uso)", &user, &name, &path) > 0) {
        if (user != but && user >= firstPerson && user <= lastPerson)
            paths.emplace_back(path);
    }
    return static_cast<std::uint32_t>(std::ranges::count_if(paths, [&](const std::string &each) { return asker.isThere(each); }));
}

} // namespace

Surroundings lookAround(std::uint32_t user)
{
    constexpr std::uint32_t connectedBeyondHere = 60; // NM_STATE_CONNECTED_SITE; NM_STATE_CONNECTED_GLOBAL is 70
    constexpr std::uint32_t meteredYes = 1, meteredGuess = 3; // NMMetered
    Asker asker;
    Surroundings found;
    if (const auto state = asker.property<std::uint32_t>(network, "State", 'u'))
        found.online = *state >= connectedBeyondHere;
    if (const auto metered = asker.property<std::uint32_t>(network, "Metered", 'u'))
        found.metered = *metered == meteredYes || *metered == meteredGuess;
    found.onBattery = asker.property<int>(upower, "OnBattery", 'b').value_or(0) != 0;
    if (asker.property<int>(battery, "IsPresent", 'b').value_or(0) != 0) {
        const auto percent = asker.property<double>(battery, "Percentage", 'd');
        if (percent && *percent >= 0 && *percent <= 100)
            found.percent = static_cast<int>(std::lround(*percent));
    }
    found.idle = asker.property<int>(logind, "IdleHint", 'b').value_or(1) != 0;
    found.others = countOthers(asker, user);
    return found;
}

} // namespace Preon::Bus
