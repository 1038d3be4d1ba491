// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

// What `preonctl repart` asks of the machine it runs on: requests for a factory reset, images to be mounted, the list of disks.

#include "apps/ctl/command_repart.h"

#include "core/base/format.h"
#include "core/base/process.h"
#include "core/boot/efivars.h"
#include "core/disk/gpt.h"
#include "core/disk/parttypes.h"
#include "core/repart/copyfrom.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <sstream>

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

namespace Preon::Ctl
{

namespace
{
constexpr auto resetVariable = "FactoryReset";
constexpr auto systemdVendor = "8cf2644b-4b0b-428f-9387-6d876050dc67";
constexpr auto mountPoint = "/run/preon/repart-image";
}

bool factoryResetRequested(const Host &host)
{
    if (access("/etc/initrd-release", F_OK) != 0)
        return false;
    if (const auto option = host.kernelOption("systemd.factory_reset"); option && *option) {
        const bool wanted = (*option)->empty() || parseBoolean(**option).value_or(false);
        if (wanted)
            std::cerr << "Honouring factory reset requested via kernel command line.\n";
        return wanted;
    }
    const auto variable = Boot::readVariable(host, resetVariable, *Uuid::parse(systemdVendor));
    if (!variable || !parseBoolean(Boot::fromUtf16(variable->data)).value_or(false))
        return false;
    std::cerr << "Factory reset requested via EFI variable FactoryReset.\n";
    return true;
}

void forgetFactoryReset(const Host &host)
{
    if (Boot::readVariable(host, resetVariable, *Uuid::parse(systemdVendor)) && Boot::removeVariable(host, resetVariable, *Uuid::parse(systemdVendor)))
        std::cerr << "Successfully unset EFI variable FactoryReset.\n";
}

Result<std::filesystem::path> mountRootOf(const std::filesystem::path &image, const std::string &architecture)
{
    PREON_TRY(const std::uint32_t sector, Repart::sectorSizeOf(image));
    PREON_TRY(const Disk::Device device, Disk::Device::open(image, Disk::Access::Read, sector));
    PREON_TRY(const Disk::Table table, Disk::readTable(device));
    const auto find = [&](const char *name) {
        return std::ranges::find(table.partitions, *Disk::partitionType(name, architecture), &Disk::Partition::type);
    };
    const auto root = find("root"), usr = find("usr");
    if (root == table.partitions.end() && usr == table.partitions.end())
        return fail(ErrorCode::NotFound, image.string() + " holds no root and no /usr for this architecture");
    // What is mounted goes with this process.
    if (unshare(CLONE_NEWNS) < 0 || mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) < 0)
        return failErrno("A place to mount " + image.string() + " could not be made");
    const std::filesystem::path folder = mountPoint;
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error)
        return failErrno(error.value(), folder.string() + " could not be made");
    if (mount("tmpfs", folder.c_str(), "tmpfs", MS_NODEV | MS_NOSUID, "mode=0755") < 0)
        return failErrno("A place to mount " + image.string() + " could not be made");
    const auto mountAt = [&](const Disk::Partition &partition, const std::filesystem::path &where) -> Result<void> {
        std::error_code unmade;
        std::filesystem::create_directories(where, unmade);
        const std::string range = ",offset=" + std::to_string(partition.start) + ",sizelimit=" + std::to_string(partition.size);
        PREON_CHECK(runTool({"mount", "-o", "ro,nodev,nosuid,loop" + range, image.string(), where.string()}));
        return {};
    };
    if (root != table.partitions.end())
        PREON_CHECK(mountAt(*root, folder));
    if (usr != table.partitions.end())
        PREON_CHECK(mountAt(*usr, folder / "usr"));
    return folder;
}

namespace
{
// What udev noted about a device; nullopt before it has, which is when systemd begins to see a device.
std::optional<std::string> udevRecord(const Host &host, const std::filesystem::path &sysfs)
{
    const auto number = readTextFile(sysfs / "dev");
    if (!number)
        return std::nullopt;
    auto record = readTextFile(host.run / "udev/data" / ("b" + std::string(trimmed(std::string_view(*number)))));
    return record ? std::optional(std::move(*record)) : std::nullopt;
}

std::vector<std::string> linksIn(const std::string &record)
{
    std::vector<std::string> links;
    std::istringstream lines(record);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("S:"))
            links.push_back("/dev/" + line.substr(2));
    }
    std::ranges::sort(links);
    return links;
}

// The kernel says which devices it never looks for partitions on; a loop device without a file has nothing to look at.
bool canHavePartitions(const std::filesystem::path &sysfs)
{
    constexpr unsigned long neverScanned = 0x200;
    const std::string name = sysfs.filename().string();
    const auto capability = readTextFile(sysfs / "capability");
    const auto most = readTextFile(sysfs / "ext_range");
    std::error_code error;
    if (name.starts_with("zram") || (capability && (std::strtoul(capability->c_str(), nullptr, 16) & neverScanned) != 0))
        return false;
    if (most && std::strtol(most->c_str(), nullptr, 10) <= 1)
        return false;
    return !name.starts_with("loop") || std::filesystem::exists(sysfs / "loop", error);
}
}

std::string listRepartDevices(const Host &host)
{
    std::vector<std::filesystem::path> devices;
    std::error_code error;
    for (std::filesystem::directory_iterator entries(host.sysfs / "block", error), end; !error && entries != end; entries.increment(error))
        devices.push_back(entries->path());
    std::ranges::sort(devices);
    std::string text;
    for (const auto &sysfs : devices) {
        const auto record = udevRecord(host, sysfs);
        if (!record || !canHavePartitions(sysfs))
            continue;
        text += "/dev/" + sysfs.filename().string() + '\n';
        for (const std::string &link : linksIn(*record))
            text += link + '\n';
    }
    return text;
}

} // namespace Preon::Ctl
