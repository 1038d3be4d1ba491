// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/system.h"

#include "core/base/format.h"
#include "core/repart/sources.h"
#include "core/repart/specifiers.h"
#include "core/update/checked.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <cerrno>
#include <sstream>

#include <fcntl.h>
#include <sys/file.h>

namespace Preon::Update
{

namespace
{

constexpr std::size_t longestList = 1U << 16U, longestVersion = 255;

std::filesystem::path firstFolder(const Host &host, std::initializer_list<const char *> names)
{
    for (const char *name : names) {
        const auto folder = host.resolved(name);
        std::error_code ignored;
        // An automount is a folder too; looking below it mounts it.
        if (folder && std::filesystem::is_directory(*folder / "EFI", ignored))
            return *folder;
    }
    return {};
}

// By the end of its name: what it is its first bytes will tell, and this is only for a number shown before.
bool packedByName(std::string_view url)
{
    return std::ranges::any_of(std::array{".gz", ".xz", ".zst", ".bz2"}, [url](std::string_view end) { return url.ends_with(end); });
}

// As sysupdate.d takes them (pattern.h, @v).
bool isVersionName(std::string_view text)
{
    const auto isOfIt = [](unsigned char c) {
        return std::isalnum(c) != 0 || std::string_view(".,_-+~^").contains(static_cast<char>(c));
    };
    return !text.empty() && text.size() <= longestVersion && std::ranges::all_of(text, isOfIt);
}

Result<void> checkRoom(const TransferPlan &transfer, const PartCost &part)
{
    const auto *file = transfer.place ? std::get_if<FileTarget>(&*transfer.place) : nullptr;
    if (!file || !part.write || !transfer.bytesFree || *part.write <= *transfer.bytesFree)
        return {};
    return fail(ErrorCode::NoSpace, "There is no room for " + file->name,
                file->folder.string() + " has " + formatSize(*transfer.bytesFree) + " free, " + formatSize(*part.write) + " are needed",
                "Remove what is not needed there.");
}

bool isWholeHere(const UpdateSet &set)
{
    return set.installed && isWhole(set);
}

// Each part is here or on offer.
bool isComplete(const UpdateSet &set)
{
    return std::ranges::all_of(set.parts, [](const auto &part) { return part.has_value(); });
}

bool isKernel(const Seen &seen, const Instance &instance)
{
    return seen.transfer->target.type == ResourceType::RegularFile && instance.stage == Stage::Whole && instance.name.ends_with(".efi");
}

// Of those newer than what runs and than all that is whole here, without what failed here. nullptr: there is none.
const UpdateSet *newestThat(const System &system, const std::string &running, const auto &isWanted)
{
    for (const UpdateSet &set : system.sets().all) {
        if (!running.empty() && compareVersions(set.version, running) <= 0)
            return nullptr;
        if (set.obsolete || system.failedHere(set.version))
            continue;
        if (isWholeHere(set))
            return nullptr;
        if (isComplete(set) && isWanted(set))
            return &set;
    }
    return nullptr;
}

std::unexpected<Error> nothingNewer()
{
    return fail(ErrorCode::NotFound, "There is no newer version", "what is here is the newest that is offered");
}

} // namespace

Places placesOf(const Host &host)
{
    Places places;
    places.host = host;
    places.mayUseDevices = host.root == "/";
    const std::filesystem::path ours = host.dev / "disk/by-preon/disk";
    std::error_code error;
    if (const auto disk = std::filesystem::canonical(ours, error); !error)
        places.disk = disk;
    else if (auto found = Repart::rootDisk(host))
        places.disk = std::move(*found);
    places.esp = firstFolder(host, {"/efi", "/boot/efi", "/boot"});
    places.xbootldr = firstFolder(host, {"/boot"});
    if (places.xbootldr == places.esp)
        places.xbootldr.clear();
    return places;
}

std::string runningVersion(const Host &host)
{
    const auto specifiers = Repart::readSpecifiers(host);
    const auto version = specifiers.values.find('A');
    return version == specifiers.values.end() ? std::string() : version->second;
}

std::vector<std::string> wishedVersions(const Host &host)
{
    std::vector<std::string> versions;
    std::istringstream lines(readTextFile(host.path(keptPath), longestList).value_or(std::string()));
    for (std::string line; std::getline(lines, line);) {
        if (isVersionName(line))
            versions.push_back(line);
    }
    return versions;
}

Result<void> keepVersion(const Host &host, const std::string &version, bool keep)
{
    if (!isVersionName(version))
        return fail(ErrorCode::BadArgument, "\"" + version + "\" is no version");
    auto versions = wishedVersions(host);
    std::erase(versions, version);
    if (keep)
        versions.push_back(version);
    std::string text;
    for (const std::string &each : versions)
        text += each + '\n';
    const auto path = host.path(keptPath);
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error)
        return failErrno(error.value(), "Could not make " + path.parent_path().string());
    return replaceFile(path, asBytes(text));
}

std::set<std::string> keptVersions(const Host &host)
{
    std::set<std::string> kept;
    const std::string running = runningVersion(host);
    if (!running.empty())
        kept.insert(running);
    const auto starts = Boot::readStarts(host);
    if (const std::string good = Boot::lastGoodVersion(starts.value_or(std::vector<Boot::StartRecord>()), running); !good.empty())
        kept.insert(good);
    for (std::string &version : wishedVersions(host))
        kept.insert(std::move(version));
    return kept;
}

Result<System> System::look(const Host &host, const SystemOptions &options, Progress &progress)
{
    System system;
    const DefinitionOptions how{.specifiers = Repart::readSpecifiers(host), .architecture = {}, .hasExplicitSource = false};
    PREON_TRY(auto definitions, loadDefinitions(definitionFolders(host, options.component), how, host.root));
    system.m_definitions = std::make_unique<Definitions>(std::move(definitions));
    if (!system.m_definitions->hasEnabled())
        return fail(ErrorCode::NotFound, "This system cannot be updated", "it has no settings that say where updates come from (sysupdate.d)");
    for (Transfer &transfer : system.m_definitions->transfers) {
        for (const std::string &warning : transfer.warnings)
            progress.log(warning);
        transfer.verify = options.verify.value_or(transfer.verify);
    }
    system.m_instancesMax = options.instancesMax;
    system.m_kept = keptVersions(host);
    if (const auto id = how.specifiers.values.find('m'); id != how.specifiers.values.end())
        system.m_machineId = id->second;
    if (const auto begun = readBegun(host))
        system.m_begun = begun->version;
    Places places = placesOf(host);
    places.offline = options.offline;
    places.now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    if (!options.disk.empty()) {
        places.disk = options.disk;
        places.mayUseDevices = true;
    }
    places.manifest = manifestsFrom(options.fetching, host, progress);
    PREON_TRY(system.m_look, lookAtTargets(*system.m_definitions, places));
    if (!options.offline)
        PREON_CHECK(lookAtSources(system.m_look, places));
    system.m_sets = discoverSets(system.m_look.enabled, system.m_kept);
    system.lookAtStarts(host);
    return system;
}

void System::lookAtStarts(const Host &host)
{
    m_running = runningVersion(host);
    // A record that cannot be read says nothing of any version.
    m_starts = Boot::readStarts(host).value_or(std::vector<Boot::StartRecord>());
    for (const Seen &seen : m_look.enabled) {
        for (const Instance &instance : seen.target.instances) {
            if (!isKernel(seen, instance))
                continue;
            Boot::Entry entry;
            entry.path = instance.path;
            entry.title = instance.name;
            entry.version = instance.fields.version;
            entry.sortKey = "os";
            const auto counted = Boot::parseCountedName(std::filesystem::path(instance.name).filename().string());
            entry.id = lowerCase(counted.name);
            entry.count = counted.count;
            m_kernels.push_back(std::move(entry));
        }
    }
    Boot::sortEntries(m_kernels);
    m_left = Boot::leftVersions(m_kernels, m_starts);
    std::erase_if(m_left, [this](const Boot::LeftVersion &left) { return left.version == m_running; });
}

bool System::failedHere(const std::string &version) const
{
    return version != m_running && Boot::failedHere(version, m_left, m_starts);
}

bool System::isGivenUp(const UpdateSet &set) const
{
    return std::ranges::contains(m_left, set.version, &Boot::LeftVersion::version);
}

std::optional<unsigned> System::heldBack(const UpdateSet &set) const
{
    std::vector<Rollout> rollouts;
    for (const Seen &seen : m_look.enabled)
        rollouts.insert(rollouts.end(), seen.source.rollouts.begin(), seen.source.rollouts.end());
    const auto percent = heldBackAt(rollouts, set.version, m_machineId);
    // What was begun goes on, unless its maker has stopped it.
    const bool isBegun = set.installed || set.version == m_begun;
    return percent && *percent > 0 && isBegun ? std::nullopt : percent;
}

const UpdateSet *System::laterOffer() const
{
    return newestThat(*this, m_running, [this](const UpdateSet &set) { return set.available && heldBack(set).value_or(0) > 0; });
}

const UpdateSet *System::candidate() const
{
    return newestThat(*this, m_running, [this](const UpdateSet &set) { return !heldBack(set); });
}

const UpdateSet *System::failedOffer() const
{
    for (const UpdateSet &set : m_sets.all) {
        if (!m_running.empty() && compareVersions(set.version, m_running) <= 0)
            return nullptr;
        if (set.available && !set.obsolete && isComplete(set) && failedHere(set.version) && (!isWholeHere(set) || isGivenUp(set)))
            return &set;
    }
    return nullptr;
}

Result<UpdatePlan> System::plan(const std::string &version) const
{
    const UpdateSet *set = version.empty() ? candidate() : m_sets.find(version);
    if (!set && version.empty() && laterOffer())
        return fail(ErrorCode::NotFound, "There is no newer version for this computer yet",
                    "version " + laterOffer()->version + " is handed out in steps, and the turn of this computer is still to come",
                    "Who asks for it by its name gets it all the same.");
    if (!set && version.empty())
        return nothingNewer();
    if (!set)
        return fail(ErrorCode::NotFound, "There is no version " + version, "it is neither here nor on offer");
    UpdateOptions how;
    how.instancesMax = m_instancesMax;
    how.kept = m_kept;
    if (isGivenUp(*set))
        return planAgain(set->version, how);
    if (isWholeHere(*set))
        return fail(ErrorCode::Exists, "Version " + version + " is installed already");
    return planUpdate(m_look.enabled, m_look.disabled, *set, how);
}

// As if the kernel that the loader has given up were not here; it goes first.
Result<UpdatePlan> System::planAgain(const std::string &version, const UpdateOptions &how) const
{
    std::vector<Seen> enabled = m_look.enabled;
    std::vector<Removal> gone;
    for (std::size_t i = 0; i < enabled.size(); ++i) {
        auto &instances = enabled[i].target.instances;
        const auto isGone = [&](const Instance &instance) {
            return instance.fields.version == version && instance.fields.triesLeft == 0U && isKernel(enabled[i], instance);
        };
        for (const Instance &instance : instances) {
            if (isGone(instance))
                gone.push_back(
                    {.transfer = i, .type = enabled[i].transfer->target.type, .folder = enabled[i].target.path, .instance = instance, .emptied = {}});
        }
        std::erase_if(instances, isGone);
    }
    const Sets sets = discoverSets(enabled, how.kept);
    const UpdateSet *set = sets.find(version);
    if (!set || isWholeHere(*set))
        return fail(ErrorCode::NotFound, "Version " + version + " cannot be tried once more", "its kernel is not on offer any more");
    PREON_TRY(UpdatePlan plan, planUpdate(enabled, m_look.disabled, *set, how));
    plan.vacuum.removals.insert(plan.vacuum.removals.begin(), std::make_move_iterator(gone.begin()), std::make_move_iterator(gone.end()));
    return plan;
}

Result<VacuumPlan> System::planRoom() const
{
    VacuumOptions how;
    how.instancesMax = m_instancesMax;
    how.kept = m_kept;
    return planVacuum(m_look.enabled, m_look.disabled, how);
}

Result<Fd> lockUpdates(const Host &host)
{
    const auto path = host.path("/var/lib/preon/update/lock");
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error)
        return failErrno(error.value(), "Could not make " + path.parent_path().string());
    PREON_TRY(Fd lock, openFile(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0)
        return lock;
    if (errno != EWOULDBLOCK)
        return failErrno("Could not lock " + path.string());
    return fail(ErrorCode::Busy, "Another update is at work", {}, "Wait until it is done, or stop it.");
}

Result<UpdateCost> costOf(const UpdatePlan &plan, const Fetching &fetching, Progress &progress)
{
    UpdateCost cost;
    for (const TransferPlan &transfer : plan.transfers) {
        if (transfer.installed || transfer.acquired)
            continue;
        PartCost part{.id = transfer.id, .target = transfer.targetPath, .fetch = {}, .write = transfer.bytesNeeded};
        const auto *offered = transfer.ranges.empty() ? nullptr : std::get_if<OfferedBytes>(&transfer.ranges.front().from);
        if (offered && isUrl(transfer.sourceType)) {
            PREON_TRY(part.fetch, fetchSize(offered->path, fetching, progress));
            if (offered->sha256)
                part.kept = std::min(keptBytes(fetching, *offered->sha256), part.fetch.value_or(0));
            // How large an archive's tree becomes nobody knows before.
            if (!part.write && transfer.sourceType == ResourceType::UrlFile && !packedByName(offered->path))
                part.write = part.fetch;
        } else if (offered) {
            part.fetch = 0;
        }
        if (const auto *slot = transfer.place ? std::get_if<SlotTarget>(&*transfer.place) : nullptr; slot && !part.write)
            part.write = slot->before.size;
        PREON_CHECK(checkRoom(transfer, part));
        cost.exact = cost.exact && part.fetch && part.write;
        cost.fetch += part.fetch.value_or(0) - part.kept;
        cost.kept += part.kept;
        cost.write += part.write.value_or(0);
        cost.parts.push_back(std::move(part));
    }
    return cost;
}

nlohmann::ordered_json toJson(const UpdateCost &cost)
{
    const auto orNull = [](const std::optional<std::uint64_t> &number) {
        return number ? nlohmann::ordered_json(*number) : nlohmann::ordered_json(nullptr);
    };
    nlohmann::ordered_json json{
        {"fetch", cost.fetch}, {"already", cost.kept}, {"write", cost.write}, {"exact", cost.exact}, {"parts", nlohmann::ordered_json::array()}};
    for (const PartCost &part : cost.parts)
        json["parts"].push_back(
            {{"name", part.id}, {"target", part.target}, {"fetch", orNull(part.fetch)}, {"already", part.kept}, {"write", orNull(part.write)}});
    return json;
}

} // namespace Preon::Update
