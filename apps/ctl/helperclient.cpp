// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/helperclient.h"

#include "core/base/errorjson.h"

#include <thread>

#include <sdbus-c++/sdbus-c++.h>
#include <systemd/sd-bus.h>

namespace Preon::Ctl
{

namespace
{

using Json = HelperClient::Json;
constexpr auto service = "org.preon.Helper1", root = "/org/preon/Helper1";
constexpr auto helperInterface = "org.preon.Helper1", installerInterface = "org.preon.Installer1", jobInterface = "org.preon.Job1",
               updatesInterface = "org.preon.Updates1";
// A question to a person may wait behind it.
constexpr std::chrono::minutes patience{10};
constexpr std::chrono::milliseconds pace{250};

Error fromBus(const sdbus::Error &error)
{
    if (error.getName().starts_with("org.preon.Error.")) {
        const Json json = Json::parse(error.getMessage(), nullptr, false);
        if (json.is_object())
            return errorFromJson(json);
    }
    if (error.getName() == "org.freedesktop.DBus.Error.UnknownObject")
        return {ErrorCode::NotFound, "The work has ended", "whoever began it has seen that and let go of it", {}};
    const bool isAbsent = error.getName() == "org.freedesktop.DBus.Error.ServiceUnknown" || error.getName() == "org.freedesktop.DBus.Error.NameHasNoOwner";
    return {isAbsent ? ErrorCode::NotFound : ErrorCode::Io, "Preon's helper could not be asked", error.getMessage(),
            isAbsent ? "Install the package preon-helper, or run this as root." : ""};
}

Result<Json> parsed(const std::string &text)
{
    Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded())
        return fail(ErrorCode::BadFormat, "Preon's helper gave an answer that makes no sense");
    return json;
}

// Calls that return by out-parameters become values; what the bus says becomes an Error.
template<typename... Out, typename... In>
Result<std::tuple<Out...>> call(sdbus::IConnection &bus, const std::string &path, const char *interface, const char *method, const In &...arguments)
{
    try {
        const auto proxy = sdbus::createProxy(bus, sdbus::ServiceName(service), sdbus::ObjectPath(path));
        std::tuple<Out...> values;
        auto question = proxy->callMethod(method);
        question.onInterface(interface).withTimeout(patience).withArguments(arguments...);
        if constexpr (sizeof...(Out) > 0)
            std::apply([&](auto &...value) { question.storeResultsTo(value...); }, values);
        return values;
    } catch (const sdbus::Error &error) {
        return std::unexpected(fromBus(error));
    }
}

} // namespace

HelperClient::HelperClient(std::unique_ptr<sdbus::IConnection> bus)
    : m_bus(std::move(bus))
{
}

HelperClient::HelperClient(HelperClient &&) noexcept = default;
HelperClient &HelperClient::operator=(HelperClient &&) noexcept = default;
HelperClient::~HelperClient() = default;

Result<HelperClient> HelperClient::open()
{
    sd_bus *bus = nullptr;
    if (const int status = sd_bus_open_system(&bus); status < 0)
        return failErrno(-status, "The system bus could not be reached");
    // polkit may ask a person: this is one who waits.
    sd_bus_set_allow_interactive_authorization(bus, 1);
    try {
        return HelperClient(sdbus::createBusConnection(bus));
    } catch (const sdbus::Error &error) {
        return std::unexpected(fromBus(error));
    }
}

Result<Json> HelperClient::disks()
{
    PREON_TRY(const auto answer, call<std::string>(*m_bus, root, installerInterface, "ListDisks"));
    return parsed(std::get<0>(answer));
}

Result<HelperClient::Plan> HelperClient::plan(const std::string &disk, const std::string &mode, const std::map<std::string, sdbus::Variant> &options)
{
    PREON_TRY(const auto answer, call<std::string, std::string>(*m_bus, root, installerInterface, "Plan", disk, mode, options));
    PREON_TRY(Json json, parsed(std::get<1>(answer)));
    return Plan{.id = std::get<0>(answer), .json = std::move(json)};
}

Result<std::string> HelperClient::apply(const std::string &planId)
{
    PREON_TRY(const auto answer, call<sdbus::ObjectPath>(*m_bus, root, installerInterface, "Apply", planId));
    return std::string(std::get<0>(answer));
}

Result<Json> HelperClient::updates()
{
    PREON_TRY(const auto answer, call<std::string>(*m_bus, root, updatesInterface, "Describe"));
    return parsed(std::get<0>(answer));
}

Result<Json> HelperClient::askForUpdates()
{
    PREON_TRY(const auto answer, call<std::string>(*m_bus, root, updatesInterface, "Check"));
    return parsed(std::get<0>(answer));
}

Result<HelperClient::Plan> HelperClient::planUpdate(const std::string &version)
{
    const std::map<std::string, sdbus::Variant> none;
    PREON_TRY(const auto answer, call<std::string, std::string>(*m_bus, root, updatesInterface, "Plan", version, none));
    PREON_TRY(Json json, parsed(std::get<1>(answer)));
    return Plan{.id = std::get<0>(answer), .json = std::move(json)};
}

Result<std::string> HelperClient::applyUpdate(const std::string &planId)
{
    PREON_TRY(const auto answer, call<sdbus::ObjectPath>(*m_bus, root, updatesInterface, "Apply", planId));
    return std::string(std::get<0>(answer));
}

Result<std::vector<std::string>> HelperClient::jobs()
{
    PREON_TRY(const auto answer, call<std::vector<sdbus::ObjectPath>>(*m_bus, root, helperInterface, "ListJobs"));
    return std::vector<std::string>(std::get<0>(answer).begin(), std::get<0>(answer).end());
}

Result<HelperClient::Job> HelperClient::job(const std::string &path)
{
    PREON_TRY(const auto answer,
              call<std::map<std::string, sdbus::Variant>>(*m_bus, path, "org.freedesktop.DBus.Properties", "GetAll", std::string(jobInterface)));
    const auto &values = std::get<0>(answer);
    const auto get = [&values]<typename T>(const char *name, T otherwise) {
        const auto found = values.find(name);
        return found != values.end() && found->second.containsValueOfType<T>() ? found->second.get<T>() : otherwise;
    };
    return Job{.kind = get("Kind", std::string()),
               .target = get("Target", std::string()),
               .state = get("State", std::string()),
               .phase = get("Phase", std::string()),
               .done = get("Done", std::uint64_t(0)),
               .total = get("Total", std::uint64_t(0)),
               .began = get("Began", std::int64_t(0))};
}

Result<void> HelperClient::stop(const std::string &path)
{
    PREON_CHECK(call(*m_bus, path, jobInterface, "Cancel"));
    return {};
}

Result<void> HelperClient::forget(const std::string &path)
{
    PREON_CHECK(call(*m_bus, path, jobInterface, "Forget"));
    return {};
}

Result<Json> HelperClient::follow(const std::string &path, Progress &progress)
{
    std::string phase;
    std::uint64_t done = 0;
    bool isAsked = false;
    while (true) {
        PREON_TRY(const Job now, job(path));
        if (now.state != "running")
            break;
        if (now.phase != phase || now.done < done) {
            progress.phase(now.phase, now.total);
            phase = now.phase;
            done = 0;
        }
        progress.advance(now.done - done);
        done = now.done;
        // It may be too late, or not this user's to stop: then it is followed to its end all the same.
        if (progress.isCancelled() && !std::exchange(isAsked, true)) {
            if (const auto stopped = stop(path); !stopped)
                progress.log(stopped.error().text());
        }
        std::this_thread::sleep_for(pace);
    }
    PREON_TRY(const auto answer, call<std::string, std::string, std::string, std::vector<std::string>>(*m_bus, path, jobInterface, "Describe"));
    const auto &[planned, result, error, log] = answer;
    if (!error.empty()) {
        PREON_TRY(const Json json, parsed(error));
        return std::unexpected(errorFromJson(json));
    }
    PREON_TRY(const Job last, job(path));
    if (last.state != "done")
        return fail(ErrorCode::Io, "The work on " + last.target + " was cut off", "nobody works on it any more", "Start it again.");
    return parsed(result);
}

} // namespace Preon::Ctl
