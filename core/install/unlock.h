// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Ways into the system volume: shown, added, tried and removed in the running system, with a note of what was tried. A way counts as tested once it was seen to
// open the volume as it lies on the disk; the last tested one is never removed (luks/ways.h). The same on a plain LUKS2 file in a test.
// One at a time: each call that changes something holds a lock beside the note; Busy where another program does.

#include "core/base/host.h"
#include "core/base/progress.h"
#include "core/base/secret.h"
#include "core/install/choices.h"
#include "core/luks/ways.h"

namespace Preon::Install
{

struct LockedVolume {
    std::filesystem::path partition; // a device or file with a LUKS2 header
    std::filesystem::path note; // of tests: a JSON file on the encrypted root; its folder is made
    std::filesystem::path enrolmentKey; // the file where the volume may have one (enrolment.h); empty: none is looked for
};

// Root of the running system: /dev/disk/by-preon/root, /var/lib/preon/unlock.json. NotFound in a live session, and where root was made by others.
Result<LockedVolume> systemVolume(const Host &host);
// Any volume: without an enrolment key unless it is the system volume by another path.
LockedVolume lockedVolume(const Host &host, const std::filesystem::path &partition);

struct RootWays {
    Uuid volume;
    std::vector<Luks::Way> ways;
    Lock lock = Lock::Passphrase; // by which it is opened at a usual start; the weaker one where there are several
    bool recoveryKey = false; // there is one that was tested
    bool enrolmentKey = false; // file and slot are there: giveRecoveryKey() asks for nothing
    std::string problem; // a sentence for a person about an enrolment key that is none; empty: all is well
};
Result<RootWays> rootWays(const LockedVolume &volume);
Result<RootWays> rootWays(const Host &host);

// Makes the given recovery key (Luks::makeRecoveryKey(), or as a person typed it) a way in by the enrolment key: added, tried against the volume, noted; only then
// the enrolment key goes. Again with the same key: goes on where it was cut off, or does nothing. With another key: a slot of an earlier call that was cut off before it was tried is
// removed, one that was tried stays. BadArgument: not the form of a recovery key. NotFound: neither does the key open the volume, nor is there an enrolment key.
Result<void> giveRecoveryKey(const LockedVolume &volume, const Secret &recoveryKey, Progress &progress);
Result<void> giveRecoveryKey(const Host &host, const Secret &recoveryKey, Progress &progress);

// The same in two halves, for whoever shows the key in between, so that no key counts which nobody has seen. existing: a secret that opens the volume; null: its enrolment key.
// The first returns the slot that the key was seen to open, but does not note it: a slot that is not confirmed is removed the next time.
Result<int> addRecoveryKey(const LockedVolume &volume, const Secret *existing, const Secret &recoveryKey, Progress &progress);
Result<void> confirmRecoveryKey(const LockedVolume &volume, const Secret &recoveryKey, Progress &progress);

// As a first start finds it: the recovery keys of whoever had the computer so far go, and there is an enrolment key again, so that its next owner is given one. root: where the
// enrolment key's file lies. existing: opens the volume; needed where there is no enrolment key, unused where there is one. The one place where a person's last tested way may go: nobody's
// data is on that system any more, and what opens it at a start (TPM, passphrase) stays. Cut off anywhere it can be done again.
Result<void> prepareForNextOwner(const LockedVolume &volume, const std::filesystem::path &root, const Secret *existing, Progress &progress);

// Each tries what it added where it can be tried, and returns the slot. What opened the volume counts as tested too. Exists: that passphrase opens it already.
Result<int> addPassphrase(const LockedVolume &volume, const Secret &existing, const Secret &passphrase);
// Bound as a new root is (rootPolicy() with that policy key, PEM). pin: empty for none.
Result<int> addTpm(const LockedVolume &volume, const Host &host, const Secret &existing, std::string policyKey, Secret pin);

// Tries a passphrase, recovery key or key file's content and notes the slot that it opened. only: that slot alone; Unsupported for one that cannot be tried now.
Result<int> testWay(const LockedVolume &volume, const Secret &key, std::optional<int> only = {});

// As Luks::planRemoval() allows. An enrolment key's file goes with its slot.
Result<void> removeWay(const LockedVolume &volume, int slot);

} // namespace Preon::Install
