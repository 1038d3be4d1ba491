// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/disks.h"

#include <algorithm>

#include <sys/inotify.h>
#include <systemd/sd-device.h>

namespace Preon::Helper
{

namespace
{

constexpr std::chrono::milliseconds calm{300};

Result<Disk::DiskInfo> fileInfo(const std::filesystem::path &path)
{
    PREON_TRY(const Disk::Device device, Disk::Device::open(path, Disk::Access::Read));
    Disk::DiskInfo info;
    info.device = path;
    info.model = path.stem().string();
    info.size = device.size();
    info.sectorSize = device.sectorSize();
    return info;
}

Result<std::vector<Disk::DiskInfo>> filesOf(const std::filesystem::path &folder)
{
    std::vector<Disk::DiskInfo> disks;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
        std::error_code ignored;
        if (entry->path().extension() != ".raw" || !entry->is_regular_file(ignored))
            continue;
        if (auto info = fileInfo(entry->path()))
            disks.push_back(std::move(*info));
    }
    if (error)
        return failErrno(error.value(), "The virtual disks could not be listed");
    std::ranges::sort(disks, {}, &Disk::DiskInfo::device);
    return disks;
}

} // namespace

Result<std::vector<Disk::DiskInfo>> disksOf(const Settings &settings)
{
    return settings.sandbox ? filesOf(settings.sandbox->folder) : Disk::listDisks(settings.host);
}

DiskIdentity identityOf(const Disk::DiskInfo &disk)
{
    return {.device = disk.device, .sequence = disk.diskSequence, .serial = disk.serial, .wwn = disk.wwn, .size = disk.size};
}

Result<Disk::DiskInfo> sameDisk(const Settings &settings, const DiskIdentity &disk)
{
    auto info = settings.sandbox ? fileInfo(disk.device) : Disk::inspectDisk(settings.host, disk.device);
    if (!info || identityOf(*info) != disk)
        return fail(ErrorCode::Changed, "The disk that was chosen is not there any more", info ? "another one is in its place" : info.error().text(),
                    "Look at the list of disks again.");
    return info;
}

struct DiskWatch::Private {
    std::function<void()> changed;
    std::unique_ptr<Loop::Timer> timer;
    sd_device_monitor *monitor = nullptr;
    sd_event_source *folder = nullptr;

    ~Private()
    {
        sd_device_monitor_unref(monitor);
        sd_event_source_disable_unref(folder);
    }
    static int onDevice(sd_device_monitor *, sd_device *, void *self)
    {
        static_cast<Private *>(self)->timer->restart(calm);
        return 0;
    }
    static int onFile(sd_event_source *, const inotify_event *, void *self)
    {
        static_cast<Private *>(self)->timer->restart(calm);
        return 0;
    }
    int watchDevices(const Loop &loop)
    {
        int failed = sd_device_monitor_new(&monitor);
        if (failed >= 0)
            failed = sd_device_monitor_filter_add_match_subsystem_devtype(monitor, "block", "disk");
        if (failed >= 0)
            failed = sd_device_monitor_attach_event(monitor, loop.event());
        return failed < 0 ? failed : sd_device_monitor_start(monitor, onDevice, this);
    }
};

DiskWatch::DiskWatch(std::unique_ptr<Private> state)
    : d(std::move(state))
{
}

DiskWatch::~DiskWatch() = default;

Result<std::unique_ptr<DiskWatch>> DiskWatch::create(const Settings &settings, const Loop &loop, std::function<void()> changed)
{
    auto state = std::make_unique<Private>();
    state->changed = std::move(changed);
    state->timer = std::make_unique<Loop::Timer>(loop, calm, [state = state.get()] { state->changed(); });
    state->timer->disarm();
    const int failed = settings.sandbox ? sd_event_add_inotify(loop.event(), &state->folder, settings.sandbox->folder.c_str(),
                                                               IN_CREATE | IN_DELETE | IN_MOVE | IN_CLOSE_WRITE, Private::onFile, state.get())
                                        : state->watchDevices(loop);
    if (failed < 0)
        return failErrno(-failed, "The disks could not be watched");
    return std::unique_ptr<DiskWatch>(new DiskWatch(std::move(state)));
}

} // namespace Preon::Helper
