// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command.h"

#include "core/base/format.h"
#include "core/disk/device.h"

#include <format>
#include <iostream>
#include <memory>

#include <nlohmann/json.hpp>

namespace Preon::Ctl
{

namespace
{

nlohmann::ordered_json diskJson(const Disk::DiskInfo &disk)
{
    return {{"device", disk.device.string()},
            {"vendor", disk.vendor},
            {"model", disk.model},
            {"serial", disk.serial},
            {"wwn", disk.wwn},
            {"transport", disk.transport},
            {"size", disk.size},
            {"sectorSize", disk.sectorSize},
            {"diskSequence", disk.diskSequence},
            {"removable", disk.removable},
            {"readOnly", disk.readOnly},
            {"inUse", disk.inUse},
            {"uses", disk.uses}};
}

void printDisk(const Disk::DiskInfo &disk)
{
    std::string traits = disk.transport;
    const auto add = [&traits](bool is, std::string_view word) {
        if (is)
            traits += (traits.empty() ? "" : ", ") + std::string(word);
    };
    add(disk.removable, "removable");
    add(disk.readOnly, "read-only");
    add(disk.inUse, "in use");
    std::cout << std::format("{:<16} {:>9}  {:<28} {}\n", disk.device.string(), formatSize(disk.size),
                             disk.vendor.empty() ? disk.model : disk.vendor + ' ' + disk.model, traits);
    for (const std::string &use : disk.uses)
        std::cout << std::format("{:<16} {:>9}  {}\n", "", "", use);
}

} // namespace

void addDisks(CLI::App &app, Invocation &invocation)
{
    auto *disks = app.add_subcommand("disks", "List the disks of this machine");
    disks->footer("Shows each whole disk with its size, model and what keeps it in use. Nothing is written.\n\n"
                  "  preonctl disks\n"
                  "  preonctl disks --json | jq -r '.[] | select(.inUse | not) | .device'   disks that are free");
    auto json = std::make_shared<bool>(false);
    disks->add_flag("--json", *json, "Print a list of objects");
    disks->callback([json, &invocation] {
        invocation.json = *json;
        const auto list = Disk::listDisks(invocation.host);
        if (!list) {
            invocation.finish(std::unexpected(list.error()));
            return;
        }
        if (*json) {
            nlohmann::ordered_json array = nlohmann::ordered_json::array();
            for (const Disk::DiskInfo &disk : *list)
                array.push_back(diskJson(disk));
            std::cout << array.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
            return;
        }
        if (list->empty())
            std::cout << "This machine has no disks.\n";
        for (const Disk::DiskInfo &disk : *list)
            printDisk(disk);
    });
}

} // namespace Preon::Ctl
