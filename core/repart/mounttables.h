// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// fstab(5) and crypttab(5) for the partitions of a set of definitions (--generate-fstab=, --generate-crypttab=), as systemd-repart 257 writes them. They are
// made before the partitions are, so that they can be among what is copied into one. Pure functions.

#include "core/repart/plan.h"

namespace Preon::Repart
{

// nullopt when no definition says MountPoint= (or has no file system) / EncryptedVolume= (or no encryption).
Result<std::optional<std::string>> fstabOf(const Snapshot &snapshot);
Result<std::optional<std::string>> crypttabOf(const Snapshot &snapshot);

} // namespace Preon::Repart
