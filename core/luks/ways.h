// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The ways into a volume, as a person thinks of them: its key slots, what opens each, and whether that was seen. Which of them may go is decided here. Adding,
// trying and removing them, with the note that is kept of it: install/unlock.h.

#include "core/luks/testrecord.h"
#include "core/luks/volume.h"

namespace Preon::Luks
{

enum class WayKind {
    Tpm, // this computer's TPM by itself
    TpmPin, // the TPM, for whoever knows the PIN
    RecoveryKey,
    Passphrase,
    KeyFile, // a random key that lies somewhere: nobody types it
    EnrolmentKey, // the one on a new root, by which a recovery key can be made; nobody's way in
    SecurityKey, // FIDO2, by systemd; we neither make nor try it
    SmartCard, // PKCS#11, by systemd; we neither make nor try it
    Other, // a token that we do not know
};
std::string_view wayName(WayKind kind); // "tpm", "tpm-pin", "recovery-key", "passphrase", "key-file", "enrolment-key", "fido2", "pkcs11", "other"

// Whether it can be tried while the system runs. A TPM's cannot: it gives the key only while the system starts.
bool canBeTried(WayKind kind);

struct Way {
    int slot = 0;
    WayKind kind = WayKind::Other;
    std::optional<std::int64_t> tested = {}; // when this very key was seen to open the volume; seconds since 1970
    bool operator==(const Way &) const = default;
};

// What opens a slot is what the header says, and anybody who holds the disk may have written that: good for showing. That a way was tested is no such claim.
Result<std::vector<Way>> waysInto(const Volume &volume, const VolumeTests &tests);

// BadArgument, and why, unless a way that a person has and that was seen to open the volume remains. NotFound: no such slot.
Result<void> planRemoval(const std::vector<Way> &ways, int slot);

} // namespace Preon::Luks
