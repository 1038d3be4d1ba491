// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The enrolment key of a new root. Nobody can have root's volume key in the running system: the TPM gives it in the initrd only. So that a recovery key can be made later
// without asking anything, 32 random bytes are a key slot of the new root, and lie in a file on it. Once a recovery key was made and tried, slot and file go
// (unlock.h). Until then root of the running system can open its own volume; docs/boot.md, "Ways into root", says what that costs.
//
// Which slot it is, is never taken from the header, which anybody may have written: it is the one that the file's key opens.

#include "core/base/secret.h"
#include "core/luks/volume.h"

namespace Preon::Install
{

constexpr const char *enrolmentKeyFile = "root-enrolment.key"; // below keyFolder (homevolume.h)

// The key as that file below a root (or below a folder that is laid into a new root), where it is there already the one of before.
Result<Secret> makeEnrolmentKey(const std::filesystem::path &root);

// The slot that the key in this file opens, and the volume unlocked by it. NotFound: no such file. Permission: it opens nothing.
Result<int> unlockByEnrolmentKey(Luks::Volume &volume, const std::filesystem::path &keyFile);

// Lets go of the key: first the slot that it opens, then what names that slot, then the file. tested: a slot which the caller has just seen to open this volume
// and which stays. A key that opens nothing more (a cut between the two) costs its file only. A slot without a file is left, nobody can tell whose it is.
// Cut off anywhere it can be done again.
Result<void> endEnrolment(const std::filesystem::path &partition, const std::filesystem::path &keyFile, int tested);

} // namespace Preon::Install
