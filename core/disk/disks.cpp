// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/disk/device.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <sstream>

namespace Preon::Disk
{

namespace
{
using Path = std::filesystem::path;

bool isThere(const Path &path)
{
    std::error_code ignored;
    return std::filesystem::exists(path, ignored);
}

std::string textOf(const Path &file)
{
    const auto text = readTextFile(file, 4096);
    if (!text)
        return {};
    const std::size_t begin = text->find_first_not_of(" \t\r\n"), end = text->find_last_not_of(" \t\r\n");
    return begin == std::string::npos ? std::string() : text->substr(begin, end - begin + 1);
}

std::uint64_t numberOf(const Path &file)
{
    return std::strtoull(textOf(file).c_str(), nullptr, 10);
}

std::vector<Path> childrenOf(const Path &folder)
{
    std::vector<Path> children;
    std::error_code error;
    for (std::filesystem::directory_iterator entries(folder, error), end; !error && entries != end; entries.increment(error))
        children.push_back(entries->path());
    std::ranges::sort(children);
    return children;
}

// /sys/class/block/NAME of a device node; a link such as /dev/disk/by-id/… is followed.
Result<Path> sysfsOf(const Host &host, const Path &device)
{
    std::error_code error;
    const Path real = std::filesystem::canonical(device, error);
    const Path folder = host.sysfs / "class/block" / (error ? device : real).filename();
    if (device.filename().empty() || !isThere(folder))
        return fail(ErrorCode::NotFound, device.string() + " is no block device of this machine");
    const Path resolved = std::filesystem::canonical(folder, error);
    return error ? folder : resolved;
}

// The bus a disk hangs on, read off its place in the device tree.
std::string transportOf(const Path &sysfs)
{
    const std::string place = sysfs.string();
    for (const auto &[part, name] : {std::pair("/usb", "usb"), std::pair("/nvme", "nvme"), std::pair("/mmc", "mmc"), std::pair("/virtio", "virtio"),
                                     std::pair("/ata", "sata"), std::pair("/firewire", "firewire"), std::pair("/host", "scsi")}) {
        if (place.find(part) != std::string::npos)
            return name;
    }
    return {};
}

// The kernel escapes blanks in its tables as octal numbers.
std::string unescaped(const std::string &text)
{
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size()) {
            result += static_cast<char>(std::strtol(text.substr(i + 1, 3).c_str(), nullptr, 8));
            i += 3;
        } else {
            result += text[i];
        }
    }
    return result;
}

void addUses(const Host &host, const Path &sysfs, std::vector<std::string> &uses)
{
    const std::string name = sysfs.filename().string();
    const std::string node = (host.dev / name).string();
    const std::string number = textOf(sysfs / "dev");
    if (auto mounts = readTextFile(host.proc / "self/mountinfo"); mounts) {
        std::istringstream lines(*mounts);
        for (std::string line; std::getline(lines, line);) {
            std::istringstream words(line);
            std::string id, parent, device, root, point;
            words >> id >> parent >> device >> root >> point;
            const bool named = line.find(" - ") != std::string::npos && line.find(' ' + node + ' ', line.find(" - ")) != std::string::npos;
            if ((!number.empty() && device == number) || named)
                uses.push_back(node + " is mounted at " + unescaped(point));
        }
    }
    if (auto swaps = readTextFile(host.proc / "swaps"); swaps) {
        std::istringstream lines(*swaps);
        for (std::string line; std::getline(lines, line);) {
            if (line.starts_with(node + ' ') || line.starts_with(node + '\t'))
                uses.push_back(node + " is used as swap space");
        }
    }
    for (const Path &holder : childrenOf(sysfs / "holders")) {
        const std::string mapped = textOf(holder / "dm/name");
        uses.push_back(node + " is held by " + (mapped.empty() ? (host.dev / holder.filename()).string() : (host.dev / "mapper" / mapped).string()));
    }
}

DiskInfo infoFrom(const Host &host, const Path &sysfs)
{
    DiskInfo info;
    info.device = host.dev / sysfs.filename();
    info.model = textOf(sysfs / "device/model");
    info.vendor = textOf(sysfs / "device/vendor");
    if (info.vendor.starts_with("0x")) // a PCI number, not a name
        info.vendor.clear();
    info.serial = textOf(sysfs / "device/serial");
    if (info.serial.empty())
        info.serial = textOf(sysfs / "serial");
    info.wwn = textOf(sysfs / "wwid");
    if (info.wwn.empty())
        info.wwn = textOf(sysfs / "device/wwid");
    info.transport = transportOf(sysfs);
    info.size = numberOf(sysfs / "size") * 512;
    if (const std::uint64_t sector = numberOf(sysfs / "queue/logical_block_size"); sector != 0)
        info.sectorSize = static_cast<std::uint32_t>(sector);
    info.diskSequence = numberOf(sysfs / "diskseq");
    const bool sdCard = info.transport == "mmc" && textOf(sysfs / "device/type") == "SD";
    info.removable = numberOf(sysfs / "removable") != 0 || info.transport == "usb" || sdCard;
    info.readOnly = numberOf(sysfs / "ro") != 0;
    addUses(host, sysfs, info.uses);
    for (const Path &child : childrenOf(sysfs)) {
        if (isThere(child / "partition"))
            addUses(host, child, info.uses);
    }
    info.inUse = !info.uses.empty();
    return info;
}

bool isListed(const Path &sysfs)
{
    const std::string name = sysfs.filename().string();
    for (const std::string_view prefix : {"loop", "ram", "zram", "dm-", "md", "fd", "nbd"}) {
        if (name.starts_with(prefix) && name.size() > prefix.size() && std::isdigit(static_cast<unsigned char>(name[prefix.size()])))
            return false;
    }
    // eMMC boot and replay-protected areas are devices of their own, and no disks.
    if (name.starts_with("mmcblk") && (name.find("boot") != std::string::npos || name.ends_with("rpmb")))
        return false;
    return !isThere(sysfs / "partition") && numberOf(sysfs / "size") != 0 && numberOf(sysfs / "hidden") == 0;
}
}

Result<std::vector<DiskInfo>> listDisks(const Host &host)
{
    std::vector<DiskInfo> disks;
    for (const Path &link : childrenOf(host.sysfs / "class/block")) {
        std::error_code error;
        const Path sysfs = std::filesystem::canonical(link, error);
        if (!error && isListed(sysfs))
            disks.push_back(infoFrom(host, sysfs));
    }
    return disks;
}

Result<DiskInfo> inspectDisk(const Host &host, const Path &device)
{
    PREON_TRY(const Path sysfs, sysfsOf(host, device));
    return infoFrom(host, sysfs);
}

Result<Path> wholeDisk(const Host &host, const Path &device)
{
    PREON_TRY(const Path sysfs, sysfsOf(host, device));
    return host.dev / (isThere(sysfs / "partition") ? sysfs.parent_path() : sysfs).filename();
}

} // namespace Preon::Disk
