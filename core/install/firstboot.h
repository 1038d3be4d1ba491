// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The first start of an installed (or copied) system completes its disk, in the initrd: slots B and root, then, once the real root is open, swap and home
// with keys that lie on it (docs/boot.md). Every step may be cut off by a power loss; the next start goes on.

#include "core/boot/bootstate.h"
#include "core/install/rootlock.h"
#include "core/repart/plan.h"

namespace Preon::Install
{

enum class Pass {
    Root, // everything is laid out; swap and home are left for later
    Volumes, // swap and home
};

struct FirstBootFacts {
    Boot::State state;
    Disk::Table table;
    std::vector<Repart::Definition> definitions;
    Bytes rootHash; // usrhash= of the running kernel
    std::string imageId; // IMAGE_ID of the running /usr; marks installed versions' slots by label
    Uuid shippedEsp; // what the ESP of an untouched copy is called; null where the image does not say
    Uuid freshEsp, freshDisk; // taken when the disk is such a copy
    bool tpm = true; // can hold root's key; only asked where root is to be made and may do without
};

// The partitions of the disk that definitions may be matched with: those recorded as made for this ESP, the running version, and slots of this OS.
std::vector<Uuid> ownUuids(const FirstBootFacts &facts);

// Exists, naming definition and partition, when the plan takes a partition for its own that is none of these.
Result<void> matchesOnly(const Repart::Plan &plan, const std::vector<Uuid> &own);

// What to plan with. In pass Root of an untouched copy, disk and ESP get the fresh UUIDs, and all that is made derives from them.
Repart::Snapshot firstBootSnapshot(const FirstBootFacts &facts, Pass pass);

// Which of swap and home are to be made, that is: are defined and have no partition of ours yet.
std::vector<Boot::Role> missingVolumes(const FirstBootFacts &facts);

// `preonctl boot complete`: pass Root on the boot disk, and how root is then opened (rootlock.h). usr: where /usr is mounted ("/sysusr" + usr). What was chosen at the installation (choices.h) goes into the new
// root. ask: called once, where root is made and a passphrase or a PIN is to lock it; nothing was written until then. Gives whether the disk was written to, so that
// udev has to look again.
Result<bool> completeRoot(const Host &host, const std::filesystem::path &sysusr, const AskSecret &ask, Progress &progress);
// `preonctl boot keys`: makes the missing volumes' keys on the mounted root, then pass Volumes, then the home volume itself. While that is being made its key is
// called home.key.new; a start that finds this name makes the home anew. Gives whether the disk was written to.
Result<bool> completeVolumes(const Host &host, const std::filesystem::path &sysusr, const std::filesystem::path &sysroot, Progress &progress);

} // namespace Preon::Install
