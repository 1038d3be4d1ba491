// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/install/unlock.h"

#include "core/install/enrolment.h"
#include "core/install/homevolume.h"
#include "core/install/rootlock.h"
#include "core/luks/recovery.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

namespace Preon::Install
{

namespace
{
constexpr const char *noteFile = "var/lib/preon/unlock.json"; // below a root

std::string volumeName(const LockedVolume &volume)
{
    return volume.partition.string();
}

// Held while something is changed.
Result<Fd> lockNote(const LockedVolume &volume)
{
    const std::filesystem::path folder = volume.note.parent_path();
    if (::mkdir(folder.c_str(), 0700) < 0 && errno != EEXIST)
        return failErrno(folder.string() + " could not be made");
    PREON_TRY(Fd lock, openFile(folder, O_RDONLY | O_DIRECTORY));
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0)
        return lock;
    if (errno != EWOULDBLOCK)
        return failErrno(folder.string() + " could not be locked");
    return fail(ErrorCode::Busy, "The ways into " + volumeName(volume) + " cannot be changed now", "another program is changing them",
                "Try it again in a moment.");
}

// A note that is missing or makes no sense says nothing of any slot: then nothing was tested.
Luks::TestRecord readNote(const LockedVolume &volume)
{
    const auto text = readTextFile(volume.note, Luks::largestTestRecord);
    const auto record = text ? Luks::parseTestRecord(*text) : std::unexpected(text.error());
    return record.value_or(Luks::TestRecord());
}

Luks::VolumeTests testsOf(const LockedVolume &volume, const Uuid &uuid)
{
    return readNote(volume)[uuid];
}

Result<void> writeTests(const LockedVolume &volume, const Uuid &uuid, Luks::VolumeTests tests)
{
    Luks::TestRecord record = readNote(volume);
    record[uuid] = std::move(tests);
    // Rather without what is noted of other volumes, which can be tested again, than too long to be read.
    if (Luks::testRecordText(record).size() > Luks::largestTestRecord)
        std::erase_if(record, [&uuid](const auto &each) { return each.first != uuid; });
    return replaceFile(volume.note, asBytes(Luks::testRecordText(record)), 0600);
}

std::int64_t now()
{
    return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// The slot was just seen to open the volume.
Result<void> markTested(const LockedVolume &volume, const Luks::Volume &opened, int slot)
{
    Luks::VolumeTests tests = testsOf(volume, opened.uuid());
    PREON_TRY(const Sha256Digest digest, opened.slotDigest(slot));
    tests.marks[slot] = {.digest = digest, .when = now()};
    if (tests.adding == slot)
        tests.adding.reset();
    return writeTests(volume, opened.uuid(), std::move(tests));
}

Result<void> noteAdding(const LockedVolume &volume, const Uuid &uuid, std::optional<int> slot)
{
    Luks::VolumeTests tests = testsOf(volume, uuid);
    tests.adding = slot;
    if (slot)
        tests.marks.erase(*slot);
    return writeTests(volume, uuid, std::move(tests));
}

Result<std::vector<Luks::Way>> waysOf(const LockedVolume &volume, const Luks::Volume &loaded)
{
    return Luks::waysInto(loaded, testsOf(volume, loaded.uuid()));
}

// The header as it now lies on the disk, and the slot that the key opens there.
Result<Luks::Volume> openAnew(const LockedVolume &volume, const Secret &key)
{
    PREON_TRY(Luks::Volume opened, Luks::Volume::load(volume.partition));
    PREON_CHECK(opened.unlock(key));
    return opened;
}

// The slot that an earlier run was adding when it was cut off, unless somebody was seen to have its key: nobody wrote that key down for good.
Result<void> removeLeftover(const LockedVolume &volume, Luks::Volume &opened)
{
    const Luks::VolumeTests tests = testsOf(volume, opened.uuid());
    if (!tests.adding || opened.openedBy() == tests.adding)
        return {};
    PREON_TRY(const auto ways, Luks::waysInto(opened, tests));
    const auto left = std::ranges::find(ways, *tests.adding, &Luks::Way::slot);
    const bool ours = left != ways.end() && !left->tested && (left->kind == Luks::WayKind::RecoveryKey || left->kind == Luks::WayKind::KeyFile);
    if (ours)
        PREON_CHECK(opened.removeSlot(left->slot, std::array{*opened.openedBy()}));
    return noteAdding(volume, opened.uuid(), {});
}

Result<Luks::Volume> unlockedBy(const LockedVolume &volume, const Secret *existing)
{
    PREON_TRY(Luks::Volume opened, Luks::Volume::load(volume.partition));
    if (existing) {
        PREON_CHECK(opened.unlock(*existing));
        PREON_CHECK(markTested(volume, opened, *opened.openedBy()));
        return opened;
    }
    const auto slot = volume.enrolmentKey.empty() ? fail(ErrorCode::NotFound, "It has no enrolment key") : unlockByEnrolmentKey(opened, volume.enrolmentKey);
    if (slot)
        return opened;
    if (slot.error().code != ErrorCode::NotFound)
        return std::unexpected(slot.error().during("A recovery key cannot be added to " + volumeName(volume) + " without another key of it"));
    return fail(ErrorCode::NotFound, "A recovery key cannot be added to " + volumeName(volume) + " without another key of it",
                "its enrolment key was used up, or it never had one", "Give a passphrase or recovery key that opens it: preonctl unlock add recovery-key.");
}

Result<int> addAndTry(const LockedVolume &volume, Luks::Volume &opened, const Secret &recoveryKey, Progress &progress)
{
    PREON_CHECK(removeLeftover(volume, opened));
    const auto free = opened.freeSlot();
    if (!free)
        return fail(ErrorCode::NoSpace, "A recovery key cannot be added to " + volumeName(volume), "all its key slots are in use",
                    "Remove one first: preonctl unlock list, preonctl unlock remove.");
    progress.phase("Adding the recovery key", 0);
    PREON_CHECK(noteAdding(volume, opened.uuid(), free)); // before the slot is there: a cut leaves none that nobody knows of
    PREON_TRY(const int slot, opened.addRecoveryKey(recoveryKey, free));
    progress.phase("Trying the recovery key", 0);
    PREON_TRY(const Luks::Volume again, openAnew(volume, recoveryKey));
    if (again.openedBy() != slot)
        return fail(ErrorCode::Io, "The recovery key was added to " + volumeName(volume) + ", but could not be tried",
                    "key slot " + std::to_string(*again.openedBy()) + " was opened, and not the new one");
    return slot;
}

// A key that was seen to open the volume now is one of its owner's: noted, and whatever stood in for it goes.
Result<void> confirm(const LockedVolume &volume, const Secret &recoveryKey, Progress &progress)
{
    PREON_TRY(Luks::Volume opened, openAnew(volume, recoveryKey));
    const int slot = *opened.openedBy();
    const std::vector<Luks::Slot> slots = opened.slots();
    const auto found = std::ranges::find(slots, slot, &Luks::Slot::number);
    if (found != slots.end() && (found->token.empty() || found->token == Luks::enrolmentToken)) // cut off before it was named, or misnamed
        PREON_CHECK(opened.nameRecoverySlot(slot));
    PREON_CHECK(markTested(volume, opened, slot));
    PREON_CHECK(removeLeftover(volume, opened));
    if (volume.enrolmentKey.empty())
        return {};
    progress.phase("Removing the enrolment key", 0);
    return endEnrolment(volume.partition, volume.enrolmentKey, slot);
}

Result<void> checkForm(const Secret &recoveryKey)
{
    if (!Luks::recoveryKeyFrom(recoveryKey))
        return fail(ErrorCode::BadArgument, "This is no recovery key", "it has not the form of one",
                    "It has eight groups of eight letters, from c b d e f g h i j k l n r t u v.");
    return {};
}

bool opens(const LockedVolume &volume, const Secret &key)
{
    return openAnew(volume, key).has_value();
}

bool has(const std::vector<Luks::Way> &ways, Luks::WayKind kind)
{
    return std::ranges::contains(ways, kind, &Luks::Way::kind);
}

Lock lockOf(const std::vector<Luks::Way> &ways)
{
    if (has(ways, Luks::WayKind::Tpm))
        return Lock::Tpm;
    return has(ways, Luks::WayKind::TpmPin) ? Lock::TpmAndPin : Lock::Passphrase;
}

// Of the enrolment key: what a person should know and can do.
std::string problemOf(const LockedVolume &volume, const std::vector<Luks::Way> &ways, const Result<int> &enrolment)
{
    const bool slot = has(ways, Luks::WayKind::EnrolmentKey);
    if (enrolment || volume.enrolmentKey.empty() || (!slot && enrolment.error().code == ErrorCode::NotFound))
        return {};
    if (enrolment.error().code == ErrorCode::NotFound)
        return "A key slot is left from the first start, and its key is gone: it opens for nobody. Remove it with \"preonctl unlock remove\".";
    return "The key that the first start left for making a recovery key cannot be used: " + enrolment.error().text();
}
}

Result<LockedVolume> systemVolume(const Host &host)
{
    LockedVolume volume{.partition = host.dev / "disk/by-preon/root", .note = host.root / noteFile, .enrolmentKey = host.root / keyFolder / enrolmentKeyFile};
    std::error_code ignored;
    if (!std::filesystem::exists(volume.partition, ignored))
        return fail(ErrorCode::NotFound, "The system volume was not found", "this system does not run from an encrypted disk that it made",
                    "Name a volume with --volume=.");
    return volume;
}

LockedVolume lockedVolume(const Host &host, const std::filesystem::path &partition)
{
    auto system = systemVolume(host);
    std::error_code error;
    if (system && std::filesystem::equivalent(partition, system->partition, error) && !error)
        return *system;
    return {.partition = partition, .note = host.root / noteFile, .enrolmentKey = {}};
}

Result<RootWays> rootWays(const LockedVolume &volume)
{
    PREON_TRY(Luks::Volume loaded, Luks::Volume::load(volume.partition));
    RootWays found;
    found.volume = loaded.uuid();
    PREON_TRY(found.ways, waysOf(volume, loaded));
    found.lock = lockOf(found.ways);
    found.recoveryKey = std::ranges::any_of(found.ways, [](const Luks::Way &way) { return way.kind == Luks::WayKind::RecoveryKey && way.tested; });
    const auto enrolment
        = volume.enrolmentKey.empty() ? fail(ErrorCode::NotFound, "It has no enrolment key") : unlockByEnrolmentKey(loaded, volume.enrolmentKey);
    found.enrolmentKey = enrolment.has_value();
    found.problem = problemOf(volume, found.ways, enrolment);
    return found;
}

Result<RootWays> rootWays(const Host &host)
{
    PREON_TRY(const LockedVolume volume, systemVolume(host));
    return rootWays(volume);
}

Result<void> giveRecoveryKey(const LockedVolume &volume, const Secret &recoveryKey, Progress &progress)
{
    PREON_CHECK(checkForm(recoveryKey));
    PREON_TRY(const Fd lock, lockNote(volume));
    if (!opens(volume, recoveryKey)) {
        PREON_TRY(Luks::Volume opened, unlockedBy(volume, nullptr));
        PREON_CHECK(addAndTry(volume, opened, recoveryKey, progress));
    }
    return confirm(volume, recoveryKey, progress);
}

Result<void> giveRecoveryKey(const Host &host, const Secret &recoveryKey, Progress &progress)
{
    PREON_TRY(const LockedVolume volume, systemVolume(host));
    return giveRecoveryKey(volume, recoveryKey, progress);
}

Result<int> addRecoveryKey(const LockedVolume &volume, const Secret *existing, const Secret &recoveryKey, Progress &progress)
{
    PREON_CHECK(checkForm(recoveryKey));
    PREON_TRY(const Fd lock, lockNote(volume));
    PREON_TRY(Luks::Volume opened, unlockedBy(volume, existing));
    return addAndTry(volume, opened, recoveryKey, progress);
}

Result<void> confirmRecoveryKey(const LockedVolume &volume, const Secret &recoveryKey, Progress &progress)
{
    PREON_CHECK(checkForm(recoveryKey));
    PREON_TRY(const Fd lock, lockNote(volume));
    return confirm(volume, recoveryKey, progress);
}

Result<void> prepareForNextOwner(const LockedVolume &volume, const std::filesystem::path &root, const Secret *existing, Progress &progress)
{
    PREON_TRY(const Fd lock, lockNote(volume));
    PREON_TRY(Luks::Volume opened, Luks::Volume::load(volume.partition));
    auto enrolment = unlockByEnrolmentKey(opened, volume.enrolmentKey);
    if (!enrolment && !existing)
        return fail(ErrorCode::Permission, "The recovery key of " + volumeName(volume) + " cannot be taken back without a key",
                    "its enrolment key was used up, or it never had one", "Give a recovery key or passphrase that opens it.");
    if (!enrolment) {
        PREON_CHECK(opened.unlock(*existing));
        progress.phase("Adding the enrolment key", 0);
        std::error_code ignored;
        // Whatever lies there opens nothing.
        std::filesystem::remove(volume.enrolmentKey, ignored);
        PREON_TRY(const Secret key, makeEnrolmentKey(root));
        PREON_CHECK(opened.addEnrolmentKey(key));
        PREON_TRY(opened, Luks::Volume::load(volume.partition));
        enrolment = unlockByEnrolmentKey(opened, volume.enrolmentKey);
        if (!enrolment)
            return std::unexpected(enrolment.error());
    }
    progress.phase("Removing the recovery keys", 0);
    PREON_TRY(const auto ways, waysOf(volume, opened));
    for (const Luks::Way &way : ways) {
        if (way.kind == Luks::WayKind::RecoveryKey && way.slot != *enrolment)
            PREON_CHECK(opened.removeSlot(way.slot, std::array{*enrolment}));
    }
    return writeTests(volume, opened.uuid(), {});
}

Result<int> addPassphrase(const LockedVolume &volume, const Secret &existing, const Secret &passphrase)
{
    PREON_TRY(const Fd lock, lockNote(volume));
    PREON_TRY(Luks::Volume opened, unlockedBy(volume, &existing));
    if (const auto already = openAnew(volume, passphrase))
        return fail(ErrorCode::Exists, "The passphrase was not added to " + volumeName(volume),
                    "key slot " + std::to_string(*already->openedBy()) + " opens with it");
    PREON_TRY(const int slot, opened.addPassphrase(passphrase));
    PREON_TRY(const Luks::Volume again, openAnew(volume, passphrase));
    PREON_CHECK(markTested(volume, again, *again.openedBy()));
    return slot;
}

Result<int> addTpm(const LockedVolume &volume, const Host &host, const Secret &existing, std::string policyKey, Secret pin)
{
    Tpm::SealPolicy policy = rootPolicy(std::move(policyKey));
    PREON_CHECK(canHold(host, policy));
    policy.pin = std::move(pin);
    PREON_TRY(const Fd lock, lockNote(volume));
    PREON_TRY(Luks::Volume opened, unlockedBy(volume, &existing));
    PREON_TRY(Tpm::Context tpm, Tpm::Context::open(host));
    return opened.enrollTpm(tpm, policy);
}

Result<int> testWay(const LockedVolume &volume, const Secret &key, std::optional<int> only)
{
    PREON_TRY(const Fd lock, lockNote(volume));
    PREON_TRY(Luks::Volume opened, Luks::Volume::load(volume.partition));
    if (only) {
        PREON_TRY(const auto ways, waysOf(volume, opened));
        const auto way = std::ranges::find(ways, *only, &Luks::Way::slot);
        if (way != ways.end() && !Luks::canBeTried(way->kind))
            return fail(ErrorCode::Unsupported, "Key slot " + std::to_string(*only) + " of " + volumeName(volume) + " cannot be tried now",
                        way->kind == Luks::WayKind::Tpm || way->kind == Luks::WayKind::TpmPin ? "the TPM gives its key only while the system starts"
                                                                                              : "it is opened by a device that systemd asks",
                        "Restart the computer: if the disk opens, it works.");
    }
    if (!only) {
        PREON_CHECK(opened.unlock(key));
    } else {
        const auto recovery = Luks::recoveryKeyFrom(key);
        PREON_CHECK(opened.unlockSlot(*only, recovery ? *recovery : key));
    }
    PREON_CHECK(markTested(volume, opened, *opened.openedBy()));
    return *opened.openedBy();
}

Result<void> removeWay(const LockedVolume &volume, int slot)
{
    PREON_TRY(const Fd lock, lockNote(volume));
    PREON_TRY(Luks::Volume loaded, Luks::Volume::load(volume.partition));
    PREON_TRY(const auto ways, waysOf(volume, loaded));
    PREON_CHECK(Luks::planRemoval(ways, slot));
    const auto stays
        = std::ranges::find_if(ways, [slot](const Luks::Way &way) { return way.slot != slot && way.tested && way.kind != Luks::WayKind::EnrolmentKey; });
    if (!volume.enrolmentKey.empty()) {
        PREON_TRY(Luks::Volume other, Luks::Volume::load(volume.partition));
        if (const auto enrolment = unlockByEnrolmentKey(other, volume.enrolmentKey); enrolment && *enrolment == slot)
            return endEnrolment(volume.partition, volume.enrolmentKey, stays->slot);
    }
    PREON_CHECK(loaded.removeSlot(slot, std::array{stays->slot}));
    Luks::VolumeTests tests = testsOf(volume, loaded.uuid());
    tests.marks.erase(slot);
    return writeTests(volume, loaded.uuid(), std::move(tests));
}

} // namespace Preon::Install
