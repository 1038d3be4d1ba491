// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

// preond: Preon's privileged helper on the system bus. Decides nothing of its own: core plans, polkit allows, a person asked.

#include "helper/firststart1.h"
#include "helper/installer1.h"
#include "helper/updates1.h"

#include <iostream>

#include <getopt.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

namespace Preon::Helper
{

namespace
{

constexpr auto busName = "org.preon.Helper1";
constexpr std::chrono::seconds idleCheck{15};
constexpr std::chrono::milliseconds farewell{100}, mostFarewell{30'000};

struct Options {
    std::string sandbox, image, bus, fetcher;
    bool polkit = false;
    std::chrono::seconds idle{60};
};

void usage()
{
    std::cout << "preond [--idle=SECONDS]\n"
                 "    On the system bus, for this machine.\n\n"
                 "preond --sandbox=FOLDER --image=FILE [--bus=ADDRESS [--polkit]] [--fetcher=FILE] [--idle=SECONDS]\n"
                 "    On the session bus, for the virtual disks FOLDER/*.raw and the system in FILE; updates of the system in FOLDER/.machine\n"
                 "    are fetched by that preon-fetch. Not as root.\n\n"
                 "Leaves when nobody has used it for that long (60); 0: never.\n";
}

Result<Options> readOptions(int argc, char **argv)
{
    Options options;
    constexpr option known[] = {{"sandbox", required_argument, nullptr, 's'}, {"image", required_argument, nullptr, 'i'},
                                {"bus", required_argument, nullptr, 'b'},     {"polkit", no_argument, nullptr, 'p'},
                                {"fetcher", required_argument, nullptr, 'f'}, {"idle", required_argument, nullptr, 'l'},
                                {"help", no_argument, nullptr, 'h'},          {nullptr, 0, nullptr, 0}};
    for (int each = 0; (each = ::getopt_long(argc, argv, "h", known, nullptr)) != -1;) {
        switch (each) {
        case 's':
            options.sandbox = ::optarg;
            break;
        case 'i':
            options.image = ::optarg;
            break;
        case 'b':
            options.bus = ::optarg;
            break;
        case 'f':
            options.fetcher = ::optarg;
            break;
        case 'p':
            options.polkit = true;
            break;
        case 'l':
            options.idle = std::chrono::seconds(std::strtoul(::optarg, nullptr, 10));
            break;
        case 'h':
            usage();
            std::exit(0);
        default:
            return fail(ErrorCode::BadArgument, "preond does not know that option", {}, "See preond --help.");
        }
    }
    if (::optind != argc)
        return fail(ErrorCode::BadArgument, "preond takes no arguments", {}, "See preond --help.");
    if (options.sandbox.empty() && !(options.image.empty() && options.bus.empty() && options.fetcher.empty() && !options.polkit))
        return fail(ErrorCode::BadArgument, "--image, --bus, --fetcher and --polkit are of a sandbox", {}, "Say --sandbox=FOLDER.");
    if (!options.sandbox.empty() && options.image.empty())
        return fail(ErrorCode::BadArgument, "A sandbox needs a system to install", {}, "Say --image=FILE.");
    if (!options.sandbox.empty() && (::getuid() == 0 || ::geteuid() == 0))
        return fail(ErrorCode::Permission, "A sandbox is not made as root", "what is no machine must not get a machine's rights", "Start preond as yourself.");
    if (options.sandbox.empty() && ::geteuid() != 0)
        return fail(ErrorCode::Permission, "preond is for root", "it works on this machine's disks", "To try it on virtual disks say --sandbox=FOLDER.");
    return options;
}

// What a sandbox keeps of a machine lies beside its disks.
Result<Settings> readSettings(const Options &options)
{
    Settings settings;
    std::error_code error;
    if (options.sandbox.empty()) {
        settings.session = std::filesystem::exists(settings.host.run / "preon/mode-live", error) ? "live" : "installed";
        return settings;
    }
    settings.session = "sandbox";
    const auto folder = std::filesystem::canonical(options.sandbox, error);
    const auto image = error ? std::filesystem::path() : std::filesystem::canonical(options.image, error);
    if (error)
        return failErrno(error.value(), "The sandbox could not be used");
    settings.sandbox = Sandbox{.folder = folder, .image = image, .fetcher = options.fetcher};
    const auto machine = folder / ".machine";
    settings.host.root = machine;
    settings.host.efivars = machine / "efivars";
    settings.host.dev = machine / "dev";
    settings.host.run = machine / "run";
    for (const auto &path : {machine / "run/preon", machine / "dev", machine / "var/lib/preon", machine / "var/tmp"}) {
        if (!std::filesystem::create_directories(path, error) && error)
            return failErrno(error.value(), "The sandbox could not be used");
    }
    return settings;
}

std::unique_ptr<sdbus::IConnection> connect(const Options &options)
{
    if (options.sandbox.empty())
        return sdbus::createSystemBusConnection();
    if (options.bus.empty())
        return sdbus::createSessionBusConnection();
    return sdbus::createSessionBusConnectionWithAddress(options.bus);
}

// Leaves when there is nothing to do and nobody who was shown anything. The name goes first, so that the next question starts another helper: systemd, which is told
// before, starts it when this one has ended. What was asked until then is here already, as the bus keeps its order; it is answered before the end.
class Idleness
{
public:
    Idleness(Service &service, const Jobs &jobs, std::chrono::seconds most)
        : m_service(service)
        , m_jobs(jobs)
        , m_most(most)
        , m_timer(service.loop, idleCheck, [this] { check(); })
    {
        if (most.count() == 0)
            m_timer.disarm();
        else
            m_timer.restart(step());
    }

private:
    std::chrono::seconds step() const
    {
        return std::min(idleCheck, m_most);
    }
    void check()
    {
        if (m_leaving) {
            *m_leaving += farewell;
            if (m_service.callers.isAnybodyWaiting() && *m_leaving < mostFarewell)
                m_timer.restart(farewell);
            else
                m_service.loop.stop();
            return;
        }
        m_idle = m_service.callers.anybody() || m_jobs.isAnyRunning() ? std::chrono::seconds(0) : m_idle + step();
        if (m_idle >= m_most) {
            m_leaving = std::chrono::milliseconds(0);
            m_timer.comeLast();
            m_timer.restart(farewell);
            ::sd_notify(0, "STOPPING=1");
            m_service.connection.releaseName(sdbus::ServiceName(busName));
            return;
        }
        m_timer.restart(step());
    }
    Service &m_service;
    const Jobs &m_jobs;
    const std::chrono::seconds m_most;
    std::chrono::seconds m_idle{0};
    std::optional<std::chrono::milliseconds> m_leaving; // since when
    Loop::Timer m_timer;
};

Result<void> serve(const Options &options)
{
    PREON_TRY(const Settings settings, readSettings(options));
    PREON_TRY(const std::unique_ptr<Loop> loop, Loop::create());
    const auto connection = connect(options);
    connection->attachSdEventLoop(loop->event());
    Callers callers(*connection);
    Authority authority(options.sandbox.empty() || options.polkit ? Authority::Kind::Polkit : Authority::Kind::SameUser, *connection, callers);
    Worker worker(Callers::mostAtWorkOfUser);
    Service service{.settings = settings, .loop = *loop, .connection = *connection, .callers = callers, .authority = authority, .worker = worker};
    HelperObject helper(service);
    InstallerObject installer(service, helper.jobs());
    const FirstStartObject firstStart(service, helper.jobs());
    UpdatesObject updates(service, helper.jobs());
    PREON_TRY(const auto watch, DiskWatch::create(settings, *loop, [&installer] { installer.disksChanged(); }));
    const Idleness idleness(service, helper.jobs(), options.idle);
    connection->requestName(sdbus::ServiceName(busName));
    const auto ended = loop->run();
    // First, because a question about a slow disk may take longer than those who stop us have patience.
    helper.jobs().stopAll();
    // Nothing may come back to what is taken down now, and no answer may outlive the connection.
    updates.finish();
    worker.finish();
    loop->drop();
    connection->detachSdEventLoop();
    return ended;
}

} // namespace

} // namespace Preon::Helper

int main(int argc, char **argv)
{
    const auto options = Preon::Helper::readOptions(argc, argv);
    auto served = options ? Preon::Result<void>() : std::unexpected(options.error());
    if (options) {
        try {
            served = Preon::Helper::serve(*options);
        } catch (const sdbus::Error &error) {
            served = Preon::fail(Preon::ErrorCode::Io, "The bus could not be used", error.getMessage());
        }
    }
    if (!served)
        std::cerr << "preond: " << served.error().text() << '\n';
    return served ? 0 : 1;
}
