// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command.h"

#include "core/boot/choice.h"
#include "core/boot/efivars.h"
#include "core/boot/entries.h"
#include "core/disk/gpt.h"
#include "core/disk/parttypes.h"

#include <algorithm>
#include <format>
#include <iostream>
#include <memory>

#include <nlohmann/json.hpp>

namespace Preon::Ctl
{

namespace
{

using Json = nlohmann::ordered_json;

struct BootMenu {
    std::string place;
    Boot::EntryList list;
    std::string selected, byDefault; // ids; empty when not known
};

Result<std::filesystem::path> defaultEsp(const Host &host)
{
    const std::filesystem::path ours = host.dev / "disk/by-preon/esp";
    std::error_code ignored;
    if (std::filesystem::exists(ours, ignored))
        return ours;
    PREON_TRY(const auto partition, Boot::loaderPartition(host));
    if (partition) {
        const std::filesystem::path named = host.dev / "disk/by-partuuid" / partition->text();
        if (std::filesystem::exists(named, ignored))
            return named;
    }
    return fail(ErrorCode::NotFound, "The EFI partition that this machine was started from is not known", {}, "Name one with --esp=.");
}

const Disk::Partition *firstOf(const Disk::Table &table, Disk::Designator role)
{
    const auto found = std::ranges::find_if(table.partitions, [role](const Disk::Partition &partition) { return Disk::designator(partition.type) == role; });
    return found == table.partitions.end() ? nullptr : &*found;
}

// Of a whole disk its EFI partition, and the extended one that the loader would look at; otherwise the file system is taken to begin at the start.
Result<Boot::EntryList> readEntries(const Disk::Device &device, const std::optional<Uuid> &wanted)
{
    const auto table = Disk::readTable(device);
    if (!table || table->kind != Disk::LabelKind::Gpt)
        return Boot::listEntries(Boot::Fat(device, 0));
    const auto named = wanted ? std::ranges::find(table->partitions, *wanted, &Disk::Partition::uuid) : table->partitions.end();
    const Disk::Partition *esp = named != table->partitions.end() ? &*named : firstOf(*table, Disk::Designator::Esp);
    if (!esp)
        return fail(ErrorCode::NotFound, device.path().string() + " has no EFI partition");
    const Disk::Partition *extended = firstOf(*table, Disk::Designator::Xbootldr);
    const Boot::Fat more(device, extended ? extended->start : 0);
    return Boot::listEntries(Boot::Fat(device, esp->start), extended ? &more : nullptr);
}

// The whole disk that an EFI partition lies on, and the partition's UUID there: its kernels may lie on another partition of the disk.
Result<std::pair<std::filesystem::path, std::optional<Uuid>>> diskOf(const Host &host, const std::filesystem::path &esp)
{
    const auto whole = Disk::wholeDisk(host, esp);
    const auto device = whole ? Disk::Device::open(*whole, Disk::Access::Read) : Result<Disk::Device>(std::unexpected(whole.error()));
    const auto table = device ? Disk::readTable(*device) : Result<Disk::Table>(std::unexpected(device.error()));
    std::error_code ignored;
    const auto path = std::filesystem::canonical(esp, ignored);
    if (table) {
        for (const Disk::Partition &partition : table->partitions) {
            if (Disk::partitionNode(*whole, partition.number) == path)
                return std::pair(*whole, std::optional(partition.uuid));
        }
    }
    return std::pair(esp, std::optional<Uuid>());
}

Result<BootMenu> readMenu(const Host &host, const std::string &esp)
{
    BootMenu menu;
    std::filesystem::path path = esp;
    if (esp.empty()) {
        PREON_TRY(path, defaultEsp(host));
        // What the loader said is about the partition that it came from, not about any other.
        PREON_TRY(const auto selected, Boot::loaderString(host, "LoaderEntrySelected"));
        PREON_TRY(const auto byDefault, Boot::loaderString(host, "LoaderEntryDefault"));
        menu.selected = selected.value_or("");
        menu.byDefault = byDefault.value_or("");
    }
    menu.place = path.string();
    PREON_TRY(const auto place, diskOf(host, path));
    PREON_TRY(const auto device, Disk::Device::open(place.first, Disk::Access::Read));
    PREON_TRY(menu.list, readEntries(device, place.second));
    return menu;
}

Json entryJson(const Boot::Entry &entry, const BootMenu &menu)
{
    Json json = {{"type", entry.type == Boot::EntryType::Type1 ? "type1" : "type2"},
                 {"id", entry.id},
                 {"path", entry.path},
                 {"title", entry.title},
                 {"version", entry.version},
                 {"sortKey", entry.sortKey},
                 {"options", entry.commandLine}};
    if (!entry.machineId.empty())
        json["machineId"] = entry.machineId;
    if (!entry.profile.empty())
        json["profile"] = entry.profile;
    if (entry.count) {
        json["triesLeft"] = entry.count->left;
        json["triesDone"] = entry.count->done;
    }
    json["partition"] = entry.extended ? "xbootldr" : "esp";
    json["isSelected"] = entry.id == menu.selected;
    json["isDefault"] = entry.id == menu.byDefault;
    return json;
}

void printEntry(const Boot::Entry &entry, const BootMenu &menu)
{
    std::string marks;
    if (entry.id == menu.byDefault)
        marks += " (default)";
    if (entry.id == menu.selected)
        marks += " (running)";
    std::cout << entry.title << marks << '\n';
    const auto line = [](std::string_view name, const std::string &value) {
        if (!value.empty())
            std::cout << std::format("  {:<8} {}\n", name, value);
    };
    line("id", entry.id);
    line("file", entry.path + (entry.extended ? " (extended boot partition)" : ""));
    line("version", entry.version);
    if (entry.count)
        line("tries", std::format("{} left, {} done", entry.count->left, entry.count->done));
    line("options", entry.commandLine);
}

// "set" and "oneshot": what the loader starts from now on, or next.
void addChoice(CLI::App &boot, Invocation &invocation, const char *name, const char *help, const std::string &more, Boot::HowLong howLong)
{
    struct Options {
        std::string entry;
        bool clear = false, dryRun = false;
    };
    auto options = std::make_shared<Options>();
    auto *command = boot.add_subcommand(name, help);
    command->footer(more);
    command->add_option("ENTRY", options->entry, "A version, or an id of \"preonctl boot list\"");
    command->add_flag("--clear", options->clear, "Take the choice back");
    command->add_flag("--dry-run", options->dryRun, "Only say what would be chosen");
    command->callback([options, &invocation, howLong] {
        const auto choose = [&]() -> Result<void> {
            if (options->clear != options->entry.empty())
                return fail(ErrorCode::BadArgument, "Name one entry, or --clear");
            if (options->clear)
                return options->dryRun ? Result<void>() : Boot::forgetChoice(invocation.host, howLong);
            PREON_TRY(const auto menu, readMenu(invocation.host, {}));
            PREON_TRY(const auto entry, Boot::entryMeant(menu.list, options->entry));
            std::cout << (options->dryRun ? "Would choose " : "Chosen: ") << entry.title << " (" << entry.id << ")\n";
            return options->dryRun ? Result<void>() : Boot::chooseEntry(invocation.host, entry, howLong);
        };
        invocation.finish(choose());
    });
}

} // namespace

void addBoot(CLI::App &app, Invocation &invocation)
{
    struct Options {
        std::string esp;
        bool json = false;
    };
    auto *boot = app.add_subcommand("boot", "Boot entries and the boot process")->require_subcommand(1);
    auto *list = boot->add_subcommand("list", "List what the boot loader offers, in its order");
    list->footer("Reads the EFI partition without mounting it: kernels with their profiles and loader/entries/*.conf, sorted as systemd-boot shows them. "
                 "Without --esp it is\n"
                 "the partition that this machine was started from. Nothing is written.\n\n"
                 "  preonctl boot list\n"
                 "  preonctl boot list --esp=Particle_1.raw            of an image\n"
                 "  preonctl boot list --json | jq -r '.[].id'");
    addChoice(*boot, invocation, "set", "Choose what the loader starts from now on",
              "The loader's own order (the newest version that comes up) holds again with --clear, and after the next update. What is chosen here is started "
              "even when its tries are used "
              "up.\n\n"
              "  preonctl boot set 2\n  preonctl boot set --clear",
              Boot::HowLong::Always);
    addChoice(*boot, invocation, "oneshot", "Choose what the loader starts next, once",
              "  preonctl boot oneshot 2 && systemctl reboot\n  preonctl boot oneshot --clear", Boot::HowLong::Once);
    addBootAssessment(*boot, invocation);
    addBootOwner(*boot, invocation);
    addBootInitrd(*boot, invocation);
    auto options = std::make_shared<Options>();
    list->add_option("--esp", options->esp, "An EFI partition, a disk or an image file that has one")->type_name("DEVICE|FILE");
    list->add_flag("--json", options->json, "Print a list of objects");
    list->callback([options, &invocation] {
        invocation.json = options->json;
        const auto menu = readMenu(invocation.host, options->esp);
        if (!menu) {
            invocation.finish(std::unexpected(menu.error()));
            return;
        }
        for (const std::string &warning : menu->list.warnings)
            std::cerr << "Note: " << warning << '\n';
        if (options->json) {
            Json array = Json::array();
            for (const Boot::Entry &entry : menu->list.entries)
                array.push_back(entryJson(entry, *menu));
            std::cout << array.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
            return;
        }
        if (menu->list.entries.empty())
            std::cout << "There is nothing to start on " << menu->place << ".\n";
        for (std::size_t i = 0; i < menu->list.entries.size(); ++i) {
            if (i > 0)
                std::cout << '\n';
            printEntry(menu->list.entries[i], *menu);
        }
    });
}

} // namespace Preon::Ctl
