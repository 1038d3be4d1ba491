// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/install/firstboot.h"

#include "core/base/format.h"
#include "core/base/hash.h"
#include "core/disk/parttypes.h"
#include "core/image/image.h"
#include "core/install/console.h"
#include "core/install/enrolment.h"
#include "core/install/homevolume.h"
#include "core/install/wifi.h"
#include "core/repart/apply.h"
#include "core/repart/filesystem.h"

#include <algorithm>

#include <fcntl.h>
#include <sys/stat.h>

namespace Preon::Install
{

namespace
{
Uuid typeOf(Boot::Role role)
{
    return Disk::partitionType(Boot::roleName(role)).value_or(Uuid());
}

bool isSlotType(const Uuid &type)
{
    const Disk::Designator what = Disk::designator(type);
    return what == Disk::Designator::Usr || what == Disk::Designator::UsrVerity || what == Disk::Designator::UsrVeritySig;
}

Result<std::string> imageIdOf(const std::filesystem::path &sysusr)
{
    PREON_TRY(const std::string text, readTextFile(sysusr / "usr/lib/os-release"));
    for (std::string_view rest = text; !rest.empty();) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        std::string_view value = line;
        if (!value.starts_with("IMAGE_ID="))
            continue;
        value.remove_prefix(std::string_view("IMAGE_ID=").size());
        if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front())
            value = value.substr(1, value.size() - 2);
        return std::string(value);
    }
    return std::string();
}

struct Work {
    FirstBootFacts facts;
    Disk::Device device;
};

// access: to look, Read; to write, Locked, so that udev does not look at what is half made (not exclusive: /usr is running from this disk). Who closes a disk that was
// open for writing makes udev look at all of it again, so nobody opens it so without need.
Result<Work> gather(const Host &host, const std::filesystem::path &sysusr, Disk::Access access)
{
    PREON_TRY(Boot::State state, Boot::readState(host));
    PREON_TRY(Disk::Device device, Disk::Device::open(state.disk, access));
    FirstBootFacts facts;
    facts.state = std::move(state);
    PREON_TRY(facts.table, Disk::readTable(device));
    Repart::DefinitionOptions options;
    // Only what dm-verity vouches for: no folder of the initrd, none of the disk.
    PREON_TRY(facts.definitions, Repart::loadDefinitions({sysusr / "usr/lib/repart.d"}, options));
    PREON_TRY(facts.rootHash, Boot::bootRootHash(host));
    PREON_TRY(facts.imageId, imageIdOf(sysusr));
    PREON_TRY(facts.shippedEsp, Boot::shippedEspUuid(sysusr));
    PREON_TRY(facts.freshEsp, Uuid::random());
    PREON_TRY(facts.freshDisk, Uuid::random());
    return Work{std::move(facts), std::move(device)};
}

// The volumes' policy key, as the kernel's stub hands it to us out of the signed kernel.
Result<std::string> policyKey(const Host &host)
{
    for (const std::filesystem::path &path : {host.run / "systemd/tpm2-pcr-public-key.pem", std::filesystem::path("/.extra/tpm2-pcr-public-key.pem")}) {
        if (auto text = readTextFile(path); text)
            return text;
    }
    return fail(ErrorCode::NotFound, "This kernel carries no key for the disk's encryption", "there is no section .pcrpkey in it",
                "Build the image with a policy key (docs/boot.md).");
}

Result<Repart::Plan> planPass(const Work &work, Pass pass)
{
    PREON_TRY(Repart::Plan plan, Repart::plan(firstBootSnapshot(work.facts, pass)));
    PREON_CHECK(matchesOnly(plan, ownUuids(work.facts)));
    return plan;
}

void tellNotes(const Repart::Plan &plan, Progress &progress)
{
    for (const std::string &note : plan.notes)
        progress.log(note);
    for (const Repart::Dropped &dropped : plan.dropped)
        progress.log(dropped.text);
}

Result<void> applyPass(const Host &host, const Work &work, Pass pass, const Repart::ApplyOptions &options, Progress &progress)
{
    PREON_TRY(const Repart::Plan plan, planPass(work, pass));
    tellNotes(plan, progress);
    if (!plan.changed)
        return {};
    PREON_CHECK(Repart::apply(plan, options, host, work.device, progress));
    return {};
}

// A home that is integrity protected is not done with its partition; whoever made it knows what its key is called meanwhile.
Result<Secret> keyForNew(const std::filesystem::path &keys, const FirstBootFacts &facts, Boot::Role role)
{
    const auto definition = std::ranges::find(facts.definitions, typeOf(role), &Repart::Definition::type);
    if (definition != facts.definitions.end() && definition->encrypt == Repart::Encrypt::IntegrityKey)
        return keyForNewHome(keys);
    return volumeKey(keys / (std::string(Boot::roleName(role)) + ".key"));
}

struct OwnPartition {
    Disk::Partition partition;
    std::filesystem::path node;
};

std::optional<OwnPartition> ownPartition(const Work &work, const Disk::Table &table, Boot::Role role)
{
    const auto number = Boot::numberOf(Boot::ownPartitions(table, Boot::espIn(table, work.facts.state), work.facts.rootHash), role);
    const auto partition = std::ranges::find(table.partitions, number.value_or(0), &Disk::Partition::number);
    const auto node = work.device.partitionPath(number.value_or(0));
    if (!number || partition == table.partitions.end() || !node)
        return {};
    return OwnPartition{*partition, *node};
}

bool rootIsEncrypted(const FirstBootFacts &facts)
{
    const auto root = std::ranges::find(facts.definitions, typeOf(Boot::Role::Root), &Repart::Definition::type);
    return root != facts.definitions.end() && root->encrypt != Repart::Encrypt::Off;
}

// For a root that is about to be made.
Result<void> chooseLock(const Host &host, const AskSecret &ask, const Choices &choices, FirstBootFacts &facts, Repart::ApplyOptions &options,
                        Progress &progress)
{
    const auto root = std::ranges::find(facts.definitions, typeOf(Boot::Role::Root), &Repart::Definition::type);
    if (root == facts.definitions.end())
        return {};
    PREON_TRY(std::string key, policyKey(host));
    Tpm::SealPolicy policy = rootPolicy(std::move(key));
    const auto holds = canHold(host, policy);
    PREON_TRY(const Lock lock, planLock(choices.lock, holds, root->encrypt == Repart::Encrypt::Tpm2OrPassphrase));
    facts.tpm = lock != Lock::Passphrase;
    const std::string keymap = consoleKeymap(choices), why = holds ? std::string() : holds.error().text();
    if (lock != Lock::Tpm && !keymap.empty())
        useKeymap(host, keymap, progress);
    if (lock == Lock::Passphrase) {
        PREON_TRY(options.passphrase, ask(Asked::Passphrase, why));
        progress.log("The root file system will be locked with a passphrase. " + why);
        return {};
    }
    if (lock == Lock::TpmAndPin) {
        PREON_TRY(policy.pin, ask(Asked::Pin, why));
    }
    options.tpm = std::move(policy);
    progress.log(std::string("The root file system will be locked with a key in this computer's TPM")
                 + (lock == Lock::Tpm ? "." : ", given to whoever knows the PIN."));
    return {};
}

// What was chosen at the installation. Whatever is wrong with it, the system comes up without.
Choices choicesOf(const Host &host, const FirstBootFacts &facts, Progress &progress)
{
    auto choices = readChoices(host, toHex(facts.rootHash));
    if (!choices)
        progress.log(choices.error().text());
    return choices.value_or(Choices());
}

// As the kernel's stub hands them to us. Whose they are is the TPM's question.
Result<nlohmann::json> policySignatures(const Host &host)
{
    constexpr std::size_t largest = 1U << 20U;
    for (const std::filesystem::path &path : {host.run / "systemd/tpm2-pcr-signature.json", std::filesystem::path("/.extra/tpm2-pcr-signature.json")}) {
        if (const auto text = readTextFile(path, largest)) {
            auto json = nlohmann::json::parse(*text, nullptr, false);
            if (!json.is_discarded())
                return json;
        }
    }
    return fail(ErrorCode::NotFound, "This kernel carries no signature for the TPM");
}

// Only here, while root is made, and before the phase of the start ends in which the TPM gives it out.
Result<void> addNetwork(const Host &host, const Choices &choices, const std::string &rootHash, const std::filesystem::path &folder)
{
    PREON_TRY(std::string key, policyKey(host));
    PREON_TRY(const nlohmann::json signatures, policySignatures(host));
    PREON_TRY(const WirelessNetwork network, unsealNetwork(host, choices.network, rootPolicy(std::move(key)), signatures, rootHash));
    return writeNetwork(network, folder);
}

// What becomes part of the new root, so that there is no root without it: the enrolment key, and what was chosen. scratch: an empty folder.
Result<Repart::Addition> additionFor(const Host &host, const Choices &choices, const std::string &rootHash, bool encrypted, const std::filesystem::path &sysusr,
                                     const std::filesystem::path &scratch, Progress &progress)
{
    const std::filesystem::path folder = scratch / "settings";
    if (mkdir(folder.c_str(), 0755) < 0)
        return failErrno(folder.string() + " could not be made");
    Repart::Addition addition{.files = folder, .note = keymapNote(choices)};
    if (encrypted) {
        PREON_TRY(addition.enrolmentKey, makeEnrolmentKey(folder));
    }
    if (choices.isEmpty())
        return addition;
    PREON_CHECK(writeSettings(choices, sysusr, folder, progress));
    if (!choices.network.empty()) {
        // Whatever is wrong with it, the system comes up without and the network is asked for again.
        const auto added = addNetwork(host, choices, rootHash, folder);
        progress.log(added ? "The Wi-Fi network of the installation is taken over." : "The Wi-Fi network is not taken over. " + added.error().text());
    }
    return addition;
}

bool homeIsUnfinished(const std::filesystem::path &keys)
{
    return std::filesystem::exists(keys / unfinishedHomeKey) && !std::filesystem::exists(keys / homeKey);
}

// Makes the home whose partition is there and whose key says that it was not made to its end: now, or by a start that was cut off.
Result<void> finishHome(const Host &host, const Work &work, const std::filesystem::path &keys, Progress &progress)
{
    if (!homeIsUnfinished(keys))
        return {};
    const std::filesystem::path newKey = keys / unfinishedHomeKey, key = keys / homeKey;
    PREON_TRY(const Disk::Table table, Disk::readTable(work.device));
    const auto own = ownPartition(work, table, Boot::Role::Home);
    if (!own)
        return fail(ErrorCode::NotFound, "The home volume could not be made", "its partition is not there");
    PREON_TRY(const Secret secret, volumeKey(newKey));
    const HomeToMake home{.partition = own->node,
                          .fileSystem = Repart::fileSystemUuidFrom(own->partition.uuid),
                          .label = own->partition.label,
                          .scratch = Repart::scratchFolder(host)};
    if (auto made = makeHome(home, secret, progress); !made)
        return std::unexpected(made.error().during("The home volume could not be made"));
    return renameKey(newKey, key);
}

// Whether pass Root has nothing to do on this disk.
Result<bool> hasAllOfRoot(const Work &work, Progress &progress)
{
    if (!ownPartition(work, work.facts.table, Boot::Role::Root) || !firstBootSnapshot(work.facts, Pass::Root).newPartitionUuids.empty())
        return false;
    PREON_TRY(const Repart::Plan plan, planPass(work, Pass::Root));
    if (plan.changed)
        return false;
    tellNotes(plan, progress);
    return true;
}

Result<void> writeRootOptions(const Host &host, const Work &work, Progress &progress)
{
    const auto root = ownPartition(work, work.facts.table, Boot::Role::Root);
    if (!root)
        return fail(ErrorCode::NotFound, "The root file system is not there", "its definition is missing from the system");
    return writeUnlockOptions(host, root->node, progress);
}
}

std::vector<Uuid> ownUuids(const FirstBootFacts &facts)
{
    const Uuid esp = Boot::espIn(facts.table, facts.state);
    std::vector<Uuid> own;
    for (const Boot::OwnPartition &each : Boot::ownPartitions(facts.table, esp, facts.rootHash)) {
        const auto found = std::ranges::find(facts.table.partitions, each.number, &Disk::Partition::number);
        own.push_back(found->uuid);
    }
    for (const Disk::Partition &partition : facts.table.partitions) {
        if (!isSlotType(partition.type))
            continue;
        const auto label = Image::parseLabel(partition.label);
        const bool version = label && !facts.imageId.empty() && label->name == facts.imageId;
        const bool spare = partition.uuid == Repart::partitionUuidFrom(esp, partition.type, 1);
        if (version || spare)
            own.push_back(partition.uuid);
    }
    return own;
}

Result<void> matchesOnly(const Repart::Plan &plan, const std::vector<Uuid> &own)
{
    for (std::size_t i = 0; i < plan.partitions.size(); ++i) {
        const Repart::PlannedPartition &planned = plan.partitions[i];
        if (!planned.definition || planned.activity == Repart::Activity::Create)
            continue;
        // By what it is called now: the plan may give it another UUID.
        const auto before = std::ranges::find(plan.before.partitions, planned.partition.number, &Disk::Partition::number);
        if (before == plan.before.partitions.end() || !std::ranges::contains(own, before->uuid))
            return fail(ErrorCode::Exists, planned.file.filename().string() + " would take a partition that is not this system's",
                        "partition " + std::to_string(planned.partition.number) + " \"" + planned.partition.label + "\" was made by somebody else");
    }
    return {};
}

Repart::Snapshot firstBootSnapshot(const FirstBootFacts &facts, Pass pass)
{
    Repart::Snapshot snapshot;
    snapshot.device = facts.state.disk;
    snapshot.table = facts.table;
    snapshot.definitions = facts.definitions;
    snapshot.empty = Repart::Empty::Refuse;
    snapshot.ours = ownUuids(facts);
    snapshot.tpm = facts.tpm;
    snapshot.seed = Boot::espIn(facts.table, facts.state);
    // Root is made in one write of the table with the slots: from then on those are the updates' business. A slot that one of them emptied, or is filling, has a UUID that nobody here knows, and a
    // start must not want another in its place.
    if (Boot::numberOf(Boot::ownPartitions(facts.table, snapshot.seed, facts.rootHash), Boot::Role::Root))
        std::erase_if(snapshot.definitions, [](const Repart::Definition &each) { return isSlotType(each.type); });
    if (pass == Pass::Volumes)
        return snapshot;
    for (const Boot::Role role : missingVolumes(facts))
        snapshot.deferred.push_back(typeOf(role));
    if (!facts.shippedEsp.isNull() && snapshot.seed == facts.shippedEsp) {
        snapshot.newDiskUuid = facts.freshDisk;
        snapshot.newPartitionUuids = {{facts.shippedEsp, facts.freshEsp}};
        snapshot.seed = facts.freshEsp;
    }
    return snapshot;
}

std::vector<Boot::Role> missingVolumes(const FirstBootFacts &facts)
{
    const auto own = Boot::ownPartitions(facts.table, Boot::espIn(facts.table, facts.state), facts.rootHash);
    std::vector<Boot::Role> missing;
    for (const Boot::Role role : {Boot::Role::Swap, Boot::Role::Home}) {
        const bool defined = std::ranges::contains(facts.definitions, typeOf(role), &Repart::Definition::type);
        if (defined && !Boot::numberOf(own, role))
            missing.push_back(role);
    }
    return missing;
}

Result<bool> completeRoot(const Host &host, const std::filesystem::path &sysusr, const AskSecret &ask, Progress &progress)
{
    PREON_TRY(const Work seen, gather(host, sysusr, Disk::Access::Read));
    PREON_TRY(const bool complete, hasAllOfRoot(seen, progress));
    if (complete) {
        PREON_CHECK(writeRootOptions(host, seen, progress));
        return false;
    }
    PREON_TRY(Work work, gather(host, sysusr, Disk::Access::Locked));
    Repart::ApplyOptions options;
    PREON_TRY(const Repart::ScratchFolder scratch, Repart::ScratchFolder::create(Repart::scratchFolder(host)));
    if (!ownPartition(work, work.facts.table, Boot::Role::Root)) {
        const Choices choices = choicesOf(host, work.facts, progress);
        PREON_CHECK(chooseLock(host, ask, choices, work.facts, options, progress));
        PREON_TRY(options.additions[typeOf(Boot::Role::Root)],
                  additionFor(host, choices, toHex(work.facts.rootHash), rootIsEncrypted(work.facts), sysusr, scratch.path(), progress));
    }
    const Repart::Snapshot snapshot = firstBootSnapshot(work.facts, Pass::Root);
    if (!snapshot.newPartitionUuids.empty()) {
        // Before the table says so: udev looks here when the kernel reads the new table.
        Boot::State state = work.facts.state;
        state.formerEsp = state.esp;
        state.esp = work.facts.freshEsp;
        PREON_CHECK(Boot::writeState(host, state));
        PREON_CHECK(Boot::writeRoles(host, state, work.facts.table, work.facts.rootHash));
    }
    PREON_CHECK(applyPass(host, work, Pass::Root, options, progress));
    PREON_TRY(work.facts.state, Boot::readState(host));
    PREON_TRY(work.facts.table, Disk::readTable(work.device));
    // What the table says now, and nothing that it said before.
    Boot::State settled = work.facts.state;
    settled.formerEsp = {};
    PREON_CHECK(Boot::writeRoles(host, settled, work.facts.table, work.facts.rootHash));
    PREON_CHECK(writeRootOptions(host, work, progress));
    return true;
}

Result<bool> completeVolumes(const Host &host, const std::filesystem::path &sysusr, const std::filesystem::path &sysroot, Progress &progress)
{
    PREON_TRY(Work work, gather(host, sysusr, Disk::Access::Read));
    const std::filesystem::path keys = sysroot / keyFolder;
    const std::vector<Boot::Role> missing = missingVolumes(work.facts);
    for (const Boot::Role role : {Boot::Role::Swap, Boot::Role::Home}) {
        const std::string name(Boot::roleName(role));
        const bool known = std::filesystem::exists(keys / (name + ".key")) || (role == Boot::Role::Home && std::filesystem::exists(keys / unfinishedHomeKey));
        if (!std::ranges::contains(missing, role) && !known)
            progress.log("The partition for " + name + " stays shut: this root does not hold its key. Nothing on it was changed.");
    }
    if (missing.empty() && !homeIsUnfinished(keys))
        return false;
    PREON_TRY(work, gather(host, sysusr, Disk::Access::Locked));
    if (!missing.empty()) {
        PREON_CHECK(makeKeyFolder(sysroot));
        Repart::ApplyOptions options;
        for (const Boot::Role role : missing) {
            PREON_TRY(Secret key, keyForNew(keys, work.facts, role));
            options.keysByType.emplace(typeOf(role), std::move(key));
        }
        PREON_CHECK(applyPass(host, work, Pass::Volumes, options, progress));
    }
    PREON_CHECK(finishHome(host, work, keys, progress));
    return true;
}

} // namespace Preon::Install
