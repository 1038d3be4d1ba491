// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/boot/bootstate.h"

#include "core/base/format.h"
#include "core/boot/efivars.h"

#include <algorithm>
#include <thread>

#include <nlohmann/json.hpp>

namespace Preon::Boot
{

namespace
{
constexpr std::chrono::milliseconds pollInterval{200};
// How long a second copy of the shipped image may take to show up on a slow bus, before the first is taken for the only one.
constexpr std::chrono::seconds copySettle{4};

std::filesystem::path stateFolder(const Host &host)
{
    return host.run / "preon";
}

std::optional<Mode> parseMode(std::string_view name)
{
    for (const Mode mode : {Mode::Live, Mode::Disk, Mode::Setup}) {
        if (modeName(mode) == name)
            return mode;
    }
    return std::nullopt;
}

Result<ModeDecision> decideMode(const Host &host, const Candidate &found, const Uuid &esp)
{
    ModeFacts facts;
    PREON_TRY(facts.asked, host.kernelOption("preon.mode"));
    PREON_TRY(const Bytes rootHash, bootRootHash(host));
    facts.hasRoot = numberOf(ownPartitions(found.table, esp, rootHash), Role::Root).has_value();
    facts.removable = found.disk.removable;
    facts.readOnly = found.disk.readOnly;
    return planMode(facts);
}

const std::string onBootDisk = "PREON_BOOT_DISK=1\n";

std::string roleLine(Role role)
{
    return "PREON_ROLE=" + std::string(roleName(role)) + "\n";
}

std::string names(const std::vector<Candidate> &candidates)
{
    std::string text;
    for (const Candidate &candidate : candidates) {
        text += text.empty() ? "" : " and ";
        text += candidate.disk.device.string();
        if (!candidate.disk.model.empty())
            text += " (" + candidate.disk.model + ", " + formatSize(candidate.disk.size) + ")";
    }
    return text;
}
}

Result<State> readState(const Host &host)
{
    const std::filesystem::path path = stateFolder(host) / "boot.json";
    PREON_TRY(const std::string text, readTextFile(path));
    auto object = nlohmann::json::parse(text, nullptr, false);
    const auto member = [&object](const char *key) {
        const auto found = object.is_object() ? object.find(key) : object.end();
        return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    const auto esp = Uuid::parse(member("esp"));
    const auto mode = parseMode(member("mode"));
    if (!esp || !mode || !object["diskSequence"].is_number_unsigned())
        return fail(ErrorCode::BadFormat, path.string() + " is not what this system wrote");
    State state;
    state.disk = member("disk");
    state.diskSequence = object["diskSequence"].get<std::uint64_t>();
    state.esp = *esp;
    state.formerEsp = Uuid::parse(member("formerEsp")).value_or(Uuid());
    state.mode = *mode;
    state.reason = member("reason");
    return state;
}

Result<void> writeState(const Host &host, const State &state)
{
    std::error_code error;
    std::filesystem::create_directories(stateFolder(host), error);
    if (error)
        return failErrno(error.value(), stateFolder(host).string() + " could not be made");
    const nlohmann::ordered_json object = {{"disk", state.disk.string()},         {"diskSequence", state.diskSequence}, {"esp", state.esp.text()},
                                           {"formerEsp", state.formerEsp.text()}, {"mode", modeName(state.mode)},       {"reason", state.reason}};
    PREON_CHECK(replaceFile(stateFolder(host) / "boot.json", asBytes(object.dump(2) + "\n")));
    return replaceFile(stateFolder(host) / ("mode-" + std::string(modeName(state.mode))), {});
}

Result<void> writeRoles(const Host &host, const State &state, const Disk::Table &table, ByteView rootHash)
{
    const std::filesystem::path devices = stateFolder(host) / "devices", folder = devices / std::to_string(state.diskSequence);
    std::error_code error;
    std::filesystem::remove_all(devices, error);
    const auto write = [&](const std::filesystem::path &path, const std::string &lines) -> Result<void> {
        std::filesystem::create_directories(path.parent_path(), error);
        if (error)
            return failErrno(error.value(), path.parent_path().string() + " could not be made");
        return replaceFile(path, asBytes(lines));
    };
    PREON_CHECK(write(folder / "disk", onBootDisk));
    if (const auto number = xbootldrOf(table)) {
        const auto found = std::ranges::find(table.partitions, *number, &Disk::Partition::number);
        PREON_CHECK(write(folder / found->type.text() / found->uuid.text(), onBootDisk + "PREON_ROLE=xbootldr\n"));
    }
    for (const Uuid &esp : {state.formerEsp, state.esp}) {
        for (const KnownPartition &each : knownPartitions(esp, rootHash))
            PREON_CHECK(write(folder / each.type.text() / each.uuid.text(), onBootDisk + roleLine(each.role)));
    }
    return {};
}

Uuid espIn(const Disk::Table &table, const State &state)
{
    const bool former = !state.formerEsp.isNull() && numberOf(ownPartitions(table, state.formerEsp, {}), Role::Esp).has_value();
    return former ? state.formerEsp : state.esp;
}

Result<Bytes> bootRootHash(const Host &host)
{
    PREON_TRY(const auto option, host.kernelOption("usrhash"));
    if (!option)
        return Bytes();
    const auto bytes = fromHex(*option);
    if (!bytes || bytes->size() != 32)
        return fail(ErrorCode::BadFormat, "usrhash= on the kernel's command line is no SHA-256");
    return *bytes;
}

Result<Uuid> shippedEspUuid(const std::filesystem::path &root)
{
    const auto text = readTextFile(root / "usr/lib/preon/image.conf");
    if (!text)
        return text.error().code == ErrorCode::NotFound ? Result<Uuid>(Uuid()) : std::unexpected(text.error());
    constexpr std::string_view key = "ShippedEspUuid=";
    const std::size_t begin = text->rfind(key);
    if (begin == std::string::npos)
        return Uuid();
    const std::string_view rest = std::string_view(*text).substr(begin + key.size());
    return Uuid::parse(trimmed(rest.substr(0, rest.find('\n')))).value_or(Uuid());
}

Result<std::vector<Candidate>> findBootDisks(const Host &host, const Uuid &esp, Progress &progress)
{
    std::vector<Candidate> found;
    PREON_TRY(const std::vector<Disk::DiskInfo> disks, Disk::listDisks(host));
    for (const Disk::DiskInfo &disk : disks) {
        const auto device = Disk::Device::open(disk.device, Disk::Access::Read);
        if (!device) {
            progress.log(device.error().text());
            continue;
        }
        const auto table = Disk::readTable(*device);
        if (!table) {
            progress.log(table.error().text());
            continue;
        }
        if (numberOf(ownPartitions(*table, esp, {}), Role::Esp))
            found.push_back({disk, *table});
    }
    return found;
}

Result<State> waitForBootDisk(const Host &host, std::chrono::seconds patience, Progress &progress)
{
    PREON_TRY(const auto esp, loaderPartition(host));
    if (!esp)
        return fail(ErrorCode::NotFound, "The boot loader did not say which disk it came from", "the variable LoaderDevicePartUUID is missing",
                    "Start this system through systemd-boot.");
    PREON_TRY(const Uuid shipped, shippedEspUuid("/"));
    using Clock = std::chrono::steady_clock;
    const Clock::time_point deadline = Clock::now() + patience;
    std::optional<Clock::time_point> foundSince;
    std::string said;
    for (;; std::this_thread::sleep_for(pollInterval)) {
        PREON_CHECK(progress.check());
        SilentProgress quiet;
        PREON_TRY(const std::vector<Candidate> found, findBootDisks(host, *esp, quiet));
        std::string state;
        if (found.size() > 1) {
            foundSince.reset();
            state = "Two disks are copies of each other: " + names(found) + ". Unplug the one that shall not be used; the start goes on by itself.";
        } else if (found.empty()) {
            foundSince.reset();
            if (Clock::now() > deadline)
                return fail(ErrorCode::Timeout, "The disk that this system was started from did not show up",
                            "no disk has an EFI partition with the UUID " + esp->text(), "Check its plug or cable, then start again.");
        } else {
            // Only untouched copies of the image share their UUIDs, so only with them is it worth waiting for a second one.
            foundSince = foundSince.value_or(Clock::now());
            if (*esp != shipped || Clock::now() - *foundSince >= copySettle) {
                PREON_TRY(const ModeDecision decision, decideMode(host, found.front(), *esp));
                return State{found.front().disk.device, found.front().disk.diskSequence, *esp, {}, decision.mode, decision.reason};
            }
        }
        if (!state.empty() && state != said)
            progress.log(state);
        said = state;
    }
}

Result<std::string> udevProperties(const Host &host, const std::filesystem::path &device)
{
    const auto state = readState(host);
    if (!state) // before the decision nothing is ours
        return state.error().code == ErrorCode::NotFound ? Result<std::string>("") : std::unexpected(state.error());
    PREON_TRY(const std::filesystem::path disk, Disk::wholeDisk(host, device));
    if (disk != state->disk)
        return "";
    PREON_TRY(const Disk::DiskInfo info, Disk::inspectDisk(host, disk));
    if (info.diskSequence != state->diskSequence) // another disk has got the name since
        return "";
    PREON_TRY(const Disk::Device opened, Disk::Device::open(disk, Disk::Access::Read));
    std::string lines = onBootDisk;
    if (device == disk)
        return lines;
    PREON_TRY(const Disk::Table table, Disk::readTable(opened));
    PREON_TRY(const Bytes rootHash, bootRootHash(host));
    for (const OwnPartition &own : ownPartitions(table, espIn(table, *state), rootHash)) {
        if (opened.partitionPath(own.number) == device)
            lines += roleLine(own.role);
    }
    if (const auto xbootldr = xbootldrOf(table); xbootldr && opened.partitionPath(*xbootldr) == device)
        lines += "PREON_ROLE=xbootldr\n";
    return lines;
}

} // namespace Preon::Boot
