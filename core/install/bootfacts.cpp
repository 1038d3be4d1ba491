// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/install/bootfacts.h"

#include "core/base/format.h"

#include <algorithm>
#include <map>
#include <set>

namespace Preon::Install
{

namespace
{

std::string parentOf(const std::string &path)
{
    return std::filesystem::path(path).parent_path().string();
}

std::string lowerName(const Boot::FatEntry &entry)
{
    return lowerCase(std::filesystem::path(entry.path).filename().string());
}

// A FAT's folders, each listed once. What cannot be listed is not there.
class Folders
{
public:
    explicit Folders(const Boot::Fat &fat)
        : m_fat(fat)
    {
    }
    const std::vector<Boot::FatEntry> &in(const std::string &folder)
    {
        const auto known = m_folders.find(folder);
        if (known != m_folders.end())
            return known->second;
        return m_folders.emplace(folder, m_fat.list(folder).value_or(std::vector<Boot::FatEntry>())).first->second;
    }
    std::optional<std::uint64_t> sizeOf(const std::string &path)
    {
        const auto &entries = in(parentOf(path));
        const auto found
            = std::ranges::find_if(entries, [&](const Boot::FatEntry &entry) { return !entry.folder && lowerCase(entry.path) == lowerCase(path); });
        return found == entries.end() ? std::nullopt : std::optional(found->size);
    }
    // Bytes that come free once these files are written: what has their names now, and what a cut left of them half written.
    std::uint64_t sizeOf(const std::vector<std::string> &paths)
    {
        std::uint64_t size = 0;
        std::set<std::string> folders;
        for (const std::string &path : paths) {
            size += sizeOf(path).value_or(0);
            if (folders.insert(parentOf(path)).second)
                size += sizeOf(parentOf(path) + "/" + std::string(Boot::Fat::temporaryName)).value_or(0);
        }
        return size;
    }

private:
    const Boot::Fat &m_fat;
    std::map<std::string, std::vector<Boot::FatEntry>> m_folders;
};

// Something in the folder, in small letters, that is none of these; empty: nothing.
std::string strangerIn(Folders &folders, const std::string &folder, const std::set<std::string> &ours)
{
    for (const Boot::FatEntry &entry : folders.in(folder)) {
        const std::string name = lowerName(entry);
        if (name != Boot::Fat::temporaryName && !ours.contains(name))
            return entry.path;
    }
    return {};
}

// What an installation on a whole disk and systemd-boot itself put there is known by name; any other name is somebody else's, or that of the folder
// that we have beside others. Kernels are ours where their names say so.
std::string strangerOn(Folders &folders, const SourceFacts &source)
{
    const auto fileName = [](const std::string &path) {
        return lowerCase(std::filesystem::path(path).filename().string());
    };
    std::set<std::string> fallback, loader;
    for (const SourceFacts::File &file : source.bootFiles) {
        if (parentOf(file.path) == "/EFI/BOOT")
            fallback.insert(fileName(file.path));
        else if (file.path == Boot::loaderPath())
            loader.insert(fileName(file.path));
    }
    const std::string choicesName = fileName(choicesPath);
    const std::pair<const char *, std::set<std::string>> known[] = {{"/", {"efi", "loader"}},
                                                                    {"/EFI", {"boot", "linux", "systemd"}},
                                                                    {"/EFI/BOOT", fallback},
                                                                    {"/EFI/systemd", loader},
                                                                    {"/loader", {"loader.conf", "entries.srel", "random-seed", "entries", "keys", choicesName}},
                                                                    {"/loader/entries", {}}};
    for (const auto &[folder, names] : known) {
        if (std::string stranger = strangerIn(folders, folder, names); !stranger.empty())
            return stranger;
    }
    for (const Boot::FatEntry &kernel : folders.in("/EFI/Linux")) {
        const std::string name = lowerName(kernel);
        if (name != Boot::Fat::temporaryName && !name.starts_with(lowerCase(source.system.name) + "_"))
            return kernel.path;
    }
    return {};
}

// The file that the firmware starts by itself may be another's, under the one name that there is for it. Ours is systemd-boot, or shim with a systemd-boot for it to start.
std::string foreignFallback(const Boot::Fat &fat, Folders &folders, const SourceFacts &source)
{
    std::string present;
    for (const SourceFacts::File &file : source.bootFiles) {
        if (parentOf(file.path) != "/EFI/BOOT" || !folders.sizeOf(file.path))
            continue;
        const auto loader = fat.read(file.path);
        if (loader && !Boot::loaderVersion(loader->bytes()).empty())
            return {};
        if (present.empty())
            present = file.path;
    }
    return present;
}

} // namespace

BootPartition inspectBootPartition(const Disk::Device &device, const Disk::Partition &partition, const Disk::Content &content, const SourceFacts &source,
                                   Boot::Start start)
{
    BootPartition facts;
    facts.partition = partition;
    facts.extended = Disk::designator(partition.type) == Disk::Designator::Xbootldr;
    facts.isFat = content.type == "vfat";
    if (!facts.isFat)
        return facts;
    const Boot::Fat fat(device, partition.start);
    const auto free = fat.freeSpace();
    facts.isFat = free.has_value();
    Folders folders(fat);
    std::vector<std::string> own, beside;
    for (const SourceFacts::File &file : source.bootFiles) {
        if (file.only.value_or(start) != start)
            continue;
        own.push_back(file.path);
        const auto path = pathBesideOthers(file.path, source.system.name);
        if (!path)
            continue;
        beside.push_back(*path);
        if (!folders.sizeOf(*path))
            continue;
        facts.taken.push_back(*path);
        if (file.path == Boot::loaderPath()) {
            if (const auto loader = fat.read(*path))
                facts.loaderVersion = Boot::loaderVersion(loader->bytes());
        }
    }
    facts.free = free.value_or(0) + folders.sizeOf(beside);
    facts.freeAsOwn = free.value_or(0) + folders.sizeOf(own);
    facts.hasLoader = folders.sizeOf(Boot::loaderPath()).has_value();
    facts.stranger = strangerOn(folders, source);
    if (facts.stranger.empty())
        facts.stranger = foreignFallback(fat, folders, source);
    return facts;
}

std::vector<BootKernel> kernelsOn(const Disk::Device &device, const Disk::Partition &partition)
{
    const Boot::Fat fat(device, partition.start);
    std::vector<BootKernel> kernels;
    for (const Boot::FatEntry &file : fat.list("/EFI/Linux").value_or(std::vector<Boot::FatEntry>())) {
        if (file.folder || !lowerCase(file.path).ends_with(".efi"))
            continue;
        const auto content = fat.read(file.path);
        const auto kernel = content ? Boot::readUnifiedKernel(content->bytes()) : Result<Boot::UnifiedKernel>(std::unexpected(content.error()));
        if (kernel)
            kernels.push_back({file.path, file.size, lowerCase(kernel->option("usrhash").value_or(""))});
    }
    return kernels;
}

} // namespace Preon::Install
