// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/update/instance.h"

#include "core/base/version.h"
#include "core/repart/flags.h"
#include "core/update/target.h"

#include <algorithm>
#include <array>
#include <format>
#include <map>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace Preon::Update
{

namespace
{
constexpr std::string_view partialPrefix = ".sysupdate.partial.", pendingPrefix = ".sysupdate.pending.", temporaryPrefix = ".#";
constexpr std::string_view emptyLabel = "_empty";

bool isOfType(ResourceType type, const struct stat &status)
{
    if (type == ResourceType::RegularFile || type == ResourceType::Tar)
        return S_ISREG(status.st_mode);
    // Where the file system has no subvolumes folders stand for them.
    return S_ISDIR(status.st_mode);
}

// Whether a file begins as gzip, xz, zstd or bzip2 do.
bool isPacked(const std::filesystem::path &path)
{
    std::array<char, 6> begin{};
    const auto fd = openFile(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!fd || ::pread(fd->get(), begin.data(), begin.size(), 0) < 3)
        return false;
    const std::string_view text(begin.data(), begin.size());
    return text.starts_with("\x1f\x8b") || text.starts_with("BZh")
        || text
        == std::string_view("\xfd"
                            "7zXZ\0",
                            6)
        || text.starts_with("\x28\xb5\x2f\xfd");
}

// Looks through the folder, and below it where a pattern has slashes.
class FolderSearch
{
public:
    FolderSearch(const Resource &resource, Holdings &into)
        : m_resource(resource)
        , m_into(into)
    {
    }
    Result<void> search(const std::filesystem::path &folder, const std::string &below = {});

private:
    void take(const std::filesystem::path &path, const std::string &name, Stage stage);

    const Resource &m_resource;
    Holdings &m_into;
};

void FolderSearch::take(const std::filesystem::path &path, const std::string &name, Stage stage)
{
    constexpr std::uint32_t modeOfNames = 0775;
    struct stat status{};
    // Links are no instances: one of them may be CurrentSymlink=.
    if (lstat(path.c_str(), &status) < 0)
        return;
    Match match = matchFirst(m_resource.patterns, name);
    if (match.matched != Matched::Yes || !isOfType(m_resource.type, status))
        return;
    // What a cut leaves of a kernel that was being renamed on FAT: a name without bytes, which no loader takes for one.
    if (S_ISREG(status.st_mode) && status.st_size == 0 && stage != Stage::Partial && name.ends_with(".efi")) {
        m_into.temporary.push_back(path);
        return;
    }
    Instance instance{.fields = std::move(match.fields), .path = path.string(), .name = name, .stage = stage};
    if (!instance.fields.modified)
        instance.fields.modified = static_cast<std::uint64_t>(status.st_mtim.tv_sec) * 1000000U + static_cast<std::uint64_t>(status.st_mtim.tv_nsec) / 1000U;
    if (!instance.fields.mode)
        instance.fields.mode = status.st_mode & modeOfNames;
    if (S_ISREG(status.st_mode)) {
        instance.bytes = static_cast<std::uint64_t>(status.st_size);
        instance.packed = isPacked(path);
    }
    m_into.instances.push_back(std::move(instance));
}

Result<void> FolderSearch::search(const std::filesystem::path &folder, const std::string &below)
{
    std::error_code error;
    std::filesystem::directory_iterator entries(folder, error);
    if (error == std::errc::no_such_file_or_directory || (!below.empty() && error == std::errc::not_a_directory))
        return {};
    for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
        const std::string file = entries->path().filename().string();
        Stage stage = Stage::Whole;
        std::string plain = file;
        for (const auto &[prefix, meaning] : {std::pair(partialPrefix, Stage::Partial), std::pair(pendingPrefix, Stage::Pending)}) {
            if (file.starts_with(prefix)) {
                stage = meaning;
                plain = file.substr(prefix.size());
            }
        }
        if (file.starts_with(temporaryPrefix)) {
            m_into.temporary.push_back(entries->path());
            continue;
        }
        const std::string name = below.empty() ? plain : below + '/' + plain;
        if (matchFirst(m_resource.patterns, name).matched == Matched::Deeper)
            PREON_CHECK(search(entries->path(), name));
        else
            take(entries->path(), name, stage);
    }
    if (error)
        return failErrno(error.value(), folder.string() + " could not be read");
    return {};
}

Result<void> lookAtSlots(const Resource &resource, Holdings &into)
{
    PREON_TRY(const Disk::Device device, Disk::Device::open(into.path, Disk::Access::Read, into.sectorSize));
    PREON_TRY(const Disk::Table table, Disk::readTable(device));
    if (table.kind != Disk::LabelKind::Gpt)
        return fail(ErrorCode::BadFormat, into.path.string() + " has no GPT", {}, "Updates go into the partitions of a GPT.");
    into.isSlots = true;
    into.sectorSize = device.sectorSize();
    const std::map<Uuid, Stage> stages{
        {resource.partitionType, Stage::Whole}, {partialType(resource.partitionType), Stage::Partial}, {pendingType(resource.partitionType), Stage::Pending}};
    for (const Disk::Partition &partition : table.partitions) {
        const auto stage = stages.find(partition.type);
        if (stage == stages.end())
            continue;
        if (partition.label == emptyLabel) {
            into.emptySlots.push_back(partition);
            continue;
        }
        Match match = matchFirst(resource.patterns, partition.label);
        if (match.matched != Matched::Yes)
            continue;
        Instance instance{.fields = std::move(match.fields),
                          .path = Disk::partitionNode(into.path, partition.number).string(),
                          .name = partition.label,
                          .stage = stage->second,
                          .bytes = partition.size,
                          .packed = false,
                          .slot = partition};
        instance.fields.partitionUuid = partition.uuid;
        instance.fields.partitionFlags = partition.flags;
        if (!instance.fields.readOnly)
            instance.fields.readOnly = (partition.flags & Repart::readOnlyFlag) != 0;
        into.instances.push_back(std::move(instance));
    }
    return {};
}

Result<void> lookAtOffers(const Transfer &transfer, const Resource &resource, const Places &places, Holdings &into)
{
    if (!places.manifest)
        return fail(ErrorCode::Unsupported, "What " + resource.path + " offers is not known", "nothing is here that fetches over the network");
    PREON_TRY(const Bytes bytes, places.manifest(transfer));
    PREON_TRY(Manifest manifest, parseManifest(bytes));
    if (places.now && manifest.isStale(*places.now)) {
        const auto day = *std::ranges::min_element(manifest.bestBefore);
        return fail(ErrorCode::Stale, "The list of versions at " + resource.path + " is out of date",
                    std::format("it is good until {:%Y-%m-%d}, and today is {:%Y-%m-%d} (UTC)", std::chrono::sys_days(day), *places.now),
                    "Check this computer's date. If it is right, the maker has to renew the list, or somebody holds back what is newer.");
    }
    into.rollouts = std::move(manifest.rollouts);
    for (ManifestEntry &entry : manifest.entries) {
        Match match = matchFirst(resource.patterns, entry.name);
        if (match.matched != Matched::Yes) {
            into.documents.push_back(std::move(entry));
            continue;
        }
        if (match.fields.sha256 && *match.fields.sha256 != entry.sha256)
            return fail(ErrorCode::Corrupt, resource.path + " contradicts itself about " + entry.name,
                        "its name says another SHA-256 hash than the list of files does");
        match.fields.sha256 = entry.sha256;
        into.instances.push_back({.fields = std::move(match.fields), .path = resource.path + '/' + entry.name, .name = entry.name});
    }
    return {};
}
}

int compareVersions(std::string_view a, std::string_view b)
{
    return Preon::compareVersions(a, b);
}

void sortInstances(std::vector<Instance> &instances)
{
    std::ranges::sort(instances, [](const Instance &a, const Instance &b) {
        const int order = compareVersions(a.fields.version, b.fields.version);
        return order != 0 ? order > 0 : a.path < b.path;
    });
}

const Instance *Holdings::find(std::string_view version) const
{
    std::size_t low = 0, high = instances.size();
    while (low < high) {
        const std::size_t middle = (low + high) / 2;
        const int order = compareVersions(instances[middle].fields.version, version);
        if (order == 0)
            return &instances[middle];
        (order < 0 ? high : low) = order < 0 ? middle : middle + 1;
    }
    return nullptr;
}

Result<std::filesystem::path> resolvedPath(const Resource &resource, const Places &places)
{
    const auto missing = [](const char *what) {
        return fail(ErrorCode::NotFound, std::string("There is no ") + what, "none is mounted", "Mount it, or say where it is.");
    };
    if (resource.pathAuto) {
        if (places.disk.empty())
            return fail(ErrorCode::NotFound, "The disk of the system could not be told", "its root lies on no disk of its own", "Name the disk in Path=.");
        return places.disk;
    }
    switch (resource.relativeTo) {
    case RelativeTo::Root:
        break;
    case RelativeTo::Esp:
    case RelativeTo::Xbootldr:
    case RelativeTo::Boot: {
        const bool extended = resource.relativeTo == RelativeTo::Xbootldr || (resource.relativeTo == RelativeTo::Boot && !places.xbootldr.empty());
        const auto &anchor = extended ? places.xbootldr : places.esp;
        if (anchor.empty())
            return missing(extended ? "extended boot partition" : "EFI partition");
        return (anchor / std::filesystem::path(resource.path).relative_path()).lexically_normal();
    }
    case RelativeTo::Explicit:
        return (places.explicitSource / std::filesystem::path(resource.path).relative_path()).lexically_normal();
    }
    // As far as it exists it is resolved below the root; what is missing is made there later.
    std::filesystem::path there = resource.path, rest;
    for (;;) {
        const auto found = places.host.resolved(there);
        if (found) {
            const auto whole = rest.empty() ? *found : *found / rest;
            return whole.has_filename() || !whole.has_relative_path() ? whole : whole.parent_path();
        }
        if (found.error().code != ErrorCode::NotFound || !there.has_relative_path())
            return std::unexpected(found.error());
        rest = rest.empty() ? there.filename() : there.filename() / rest;
        there = there.parent_path();
    }
}

Result<Holdings> lookAt(const Transfer &transfer, const Resource &resource, const Places &places)
{
    Holdings holdings;
    holdings.sectorSize = places.sectorSize;
    if (isUrl(resource.type)) {
        PREON_CHECK(lookAtOffers(transfer, resource, places, holdings));
        sortInstances(holdings.instances);
        return holdings;
    }
    PREON_TRY(holdings.path, resolvedPath(resource, places));
    if (resource.type == ResourceType::Partition) {
        if (!places.mayUseDevices && !resource.pathAuto)
            return fail(ErrorCode::Permission, "Block device is not allowed when using --root= mode.");
        PREON_CHECK(lookAtSlots(resource, holdings));
    } else {
        PREON_CHECK(FolderSearch(resource, holdings).search(holdings.path));
        std::filesystem::path there = holdings.path;
        std::error_code error;
        while (!std::filesystem::exists(there, error) && there.has_relative_path())
            there = there.parent_path();
        struct statvfs room{};
        if (statvfs(there.c_str(), &room) == 0)
            holdings.freeBytes = static_cast<std::uint64_t>(room.f_bavail) * room.f_frsize;
    }
    sortInstances(holdings.instances);
    return holdings;
}

namespace
{
Result<std::filesystem::path> linkOf(const Transfer &transfer, const Holdings &target, const Places &places)
{
    if (!transfer.currentSymlink)
        return std::filesystem::path();
    const std::filesystem::path link = *transfer.currentSymlink;
    if (link.is_relative())
        return target.path / link;
    Resource folder;
    folder.path = link.parent_path().string();
    PREON_TRY(const std::filesystem::path resolved, resolvedPath(folder, places));
    return resolved / link.filename();
}
}

Result<Look> lookAtTargets(const Definitions &definitions, const Places &places)
{
    Look look;
    for (const Transfer &transfer : definitions.transfers) {
        Seen seen;
        seen.transfer = &transfer;
        PREON_TRY(seen.target, lookAt(transfer, transfer.target, places));
        PREON_TRY(seen.link, linkOf(transfer, seen.target, places));
        (transfer.enabled ? look.enabled : look.disabled).push_back(std::move(seen));
    }
    return look;
}

Result<void> lookAtSources(Look &look, const Places &places)
{
    for (Seen &seen : look.enabled) {
        if (places.offline)
            continue;
        PREON_TRY(seen.source, lookAt(*seen.transfer, seen.transfer->source, places));
    }
    return {};
}

} // namespace Preon::Update
