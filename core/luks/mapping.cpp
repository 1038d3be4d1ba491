// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/luks/mapping.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include <libdevmapper.h>

namespace Preon::Luks
{

namespace
{
struct TaskFree {
    void operator()(dm_task *task) const
    {
        dm_task_destroy(task);
    }
};
using Task = std::unique_ptr<dm_task, TaskFree>;

constexpr std::uint16_t nobodyElse = DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG | DM_UDEV_DISABLE_DISK_RULES_FLAG | DM_UDEV_DISABLE_OTHER_RULES_FLAG;

void dropped(int, const char *, int, int, const char *, ...)
{
}

// The library writes to standard error by itself; our errors say it.
void quiet()
{
    static const bool once = [] {
        dm_log_with_errno_init(dropped);
        return true;
    }();
    (void)once;
}

Result<Task> taskFor(int type, const std::string &name)
{
    quiet();
    Task task(dm_task_create(type));
    if (!task || !dm_task_set_name(task.get(), name.c_str()))
        return fail(ErrorCode::Unsupported, "/dev/mapper/" + name + " cannot be worked on", "the device mapper is not there");
    dm_task_no_open_count(task.get());
    return task;
}

Result<void> run(const Task &task, const std::string &what)
{
    if (dm_task_run(task.get()))
        return {};
    const int number = dm_task_get_errno(task.get());
    if (number == ENXIO || number == ENODEV)
        return fail(ErrorCode::NotFound, what, "there is no such device");
    return failErrno(number == 0 ? EIO : number, what);
}

// Runs what udev hears of, and waits until it has done its part.
Result<void> runWithUdev(const Task &task, Mapping::Udev udev, const std::string &what)
{
    std::uint32_t cookie = 0;
    if (!dm_task_set_cookie(task.get(), &cookie, udev == Mapping::Udev::KeepsOff ? nobodyElse : 0))
        return fail(ErrorCode::Io, what, "udev could not be told");
    auto done = run(task, what);
    dm_udev_wait(cookie);
    return done;
}

Result<MappingStatus> statusOf(const std::string &name, bool loaded)
{
    const std::string what = "The state of /dev/mapper/" + name + " could not be read";
    PREON_TRY(const Task task, taskFor(DM_DEVICE_STATUS, name));
    if (loaded)
        dm_task_query_inactive_table(task.get());
    PREON_CHECK(run(task, what));
    dm_info info{};
    std::uint64_t start = 0;
    char *type = nullptr, *text = nullptr;
    MappingStatus status;
    if (!dm_task_get_info(task.get(), &info) || !info.exists)
        return fail(ErrorCode::NotFound, what, "there is no such device");
    dm_get_next_target(task.get(), nullptr, &start, &status.sectors, &type, &text);
    if (!type || !text)
        return fail(ErrorCode::BadFormat, what, "it has no table");
    status.target = type;
    status.text = text;
    status.readOnly = info.read_only != 0;
    return status;
}
}

Mapping::Mapping(std::string name, Udev udev)
    : m_name(std::move(name))
    , m_udev(udev)
{
}

Mapping::Mapping(Mapping &&other) noexcept
    : m_name(std::exchange(other.m_name, {}))
    , m_udev(other.m_udev)
{
}

Mapping::~Mapping()
{
    if (!m_name.empty())
        (void)removeMapping(m_name);
}

Result<Mapping> Mapping::create(const std::string &name, const std::string &uuid, Udev udev)
{
    const std::string what = "/dev/mapper/" + name + " could not be made";
    if (mappingStatus(name) || mappingStatus(name).error().code != ErrorCode::NotFound)
        return fail(ErrorCode::Exists, what, "there is one already");
    PREON_TRY(const Task task, taskFor(DM_DEVICE_CREATE, name));
    if (!dm_task_set_uuid(task.get(), uuid.c_str()))
        return fail(ErrorCode::BadArgument, what, "its identifier is not valid");
    PREON_CHECK(run(task, what));
    return Mapping(name, udev);
}

Result<void> Mapping::load(std::uint64_t sectors, const std::string &target, const Secret &parameters, bool readOnly)
{
    const std::string what = "The kernel did not take the table of /dev/mapper/" + m_name;
    PREON_TRY(const Task task, taskFor(DM_DEVICE_RELOAD, m_name));
    Secret terminated(parameters.size() + 1);
    std::ranges::copy(parameters.bytes(), terminated.writable().begin());
    // Wipes the library's own copies and the kernel's.
    dm_task_secure_data(task.get());
    if (readOnly)
        dm_task_set_ro(task.get());
    if (!dm_task_add_target(task.get(), 0, sectors, target.c_str(), terminated.chars()))
        return fail(ErrorCode::BadArgument, what);
    return run(task, what);
}

Result<std::string> Mapping::loadedStatus() const
{
    PREON_TRY(MappingStatus status, statusOf(m_name, true));
    return std::move(status.text);
}

Result<void> Mapping::resume()
{
    PREON_TRY(const Task task, taskFor(DM_DEVICE_RESUME, m_name));
    dm_task_set_read_ahead(task.get(), DM_READ_AHEAD_NONE, 0);
    return runWithUdev(task, m_udev, "/dev/mapper/" + m_name + " could not be started");
}

void Mapping::keep()
{
    m_name.clear();
}

Result<MappingStatus> mappingStatus(const std::string &name)
{
    return statusOf(name, false);
}

Result<void> removeMapping(const std::string &name)
{
    PREON_TRY(const Task task, taskFor(DM_DEVICE_REMOVE, name));
    dm_task_retry_remove(task.get()); // udev may be looking at it just now
    return runWithUdev(task, Mapping::Udev::Probes, "/dev/mapper/" + name + " could not be closed");
}

} // namespace Preon::Luks
