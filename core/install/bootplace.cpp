// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/install/bootplace.h"

#include "core/base/units.h"
#include "core/base/format.h"

#include <algorithm>
#include <cctype>

namespace Preon::Install
{

namespace
{

// The largest clusters that FAT has are of 64 KiB; a handful of small files and folders takes one each.
constexpr std::uint64_t smallFilesSlack = mebibyte;

std::string bytes(std::uint64_t size)
{
    return formatSize(size) + " (" + std::to_string(size) + " bytes)";
}

const BootPartition *findWithRoom(const std::vector<BootPartition> &partitions, bool extended, std::uint64_t room)
{
    const auto found = std::ranges::find_if(partitions, [&](const BootPartition &p) { return p.extended == extended && p.isFat && p.free >= room; });
    return found == partitions.end() ? nullptr : &*found;
}

std::unexpected<Error> noWay(const std::vector<BootPartition> &partitions, const BootNeeds &needs, const std::string &disk)
{
    std::string why = bytes(needs.loaderRoom() + needs.kernelRoom()) + " are needed";
    for (const BootPartition &each : partitions) {
        why += ", partition " + std::to_string(each.partition.number) + (each.extended ? " (for kernels)" : " (EFI)");
        why += each.isFat ? " has " + bytes(each.free) + " free" : " is no FAT file system";
    }
    return fail(ErrorCode::NoSpace, "There is no room for loader and kernel on " + disk, std::move(why),
                "Delete from the EFI partition what belongs to systems that are gone, or let the whole disk be erased.");
}

} // namespace

std::uint64_t BootNeeds::loaderRoom() const
{
    return loader + smallFilesSlack;
}

std::uint64_t BootNeeds::kernelRoom() const
{
    return 2 * kernel + kernel / 4;
}

Result<BootPlacement> placeBoot(const std::vector<BootPartition> &partitions, const BootNeeds &needs, const std::string &disk)
{
    BootPlacement placement;
    if (std::ranges::all_of(partitions, &BootPartition::extended))
        return placement;
    if (const BootPartition *esp = findWithRoom(partitions, false, needs.loaderRoom() + needs.kernelRoom())) {
        placement.esp = esp->partition.number;
        return placement;
    }
    const BootPartition *esp = findWithRoom(partitions, false, needs.loaderRoom());
    if (!esp)
        return noWay(partitions, needs, disk);
    placement.esp = esp->partition.number;
    const auto xbootldr = std::ranges::find_if(partitions, &BootPartition::extended);
    placement.makesXbootldr = xbootldr == partitions.end();
    if (!placement.makesXbootldr) {
        if (!xbootldr->isFat || xbootldr->free < needs.kernelRoom())
            return noWay(partitions, needs, disk);
        placement.xbootldr = xbootldr->partition.number;
    }
    return placement;
}

std::optional<std::string> pathBesideOthers(const std::string &path, const std::string &name)
{
    constexpr std::string_view own = "/EFI/systemd/";
    if (path.starts_with("/EFI/BOOT/") || path.starts_with("/loader/keys/"))
        return std::nullopt;
    if (!path.starts_with(own))
        return path;
    std::string folder = name;
    const bool plain = !folder.empty() && std::ranges::all_of(folder, [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; });
    if (!plain)
        folder = "preon";
    return "/EFI/" + folder + "/" + path.substr(own.size());
}

} // namespace Preon::Install
