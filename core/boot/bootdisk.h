// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Which disk this machine was started from, which of its partitions are the system's own, and which way the start goes (docs/boot.md). Decides from facts;
// the waiting and the making are elsewhere (bootstate, liveroot, install/firstboot).

#include "core/base/uuid.h"
#include "core/disk/gpt.h"

#include <optional>
#include <string>
#include <vector>

namespace Preon::Boot
{

enum class Role { Esp, Usr, UsrVerity, Root, Swap, Home };
std::string_view roleName(Role role); // "esp", "usr", "usr-verity", "root", "swap", "home": the links in /dev/disk/by-preon

struct OwnPartition {
    Role role = Role::Esp;
    unsigned number = 0;
    bool operator==(const OwnPartition &) const = default;
};

// The UUID by which a partition that Preon made on a disk is recorded as its own: derived from the type and the boot ESP's UUID,
// as systemd-repart derives that of the first partition of a type from its seed.
Uuid ownPartitionUuid(const Uuid &esp, const Uuid &type);

// /usr and its hash tree have the two halves of the root hash as their UUIDs. rootHash: 32 bytes, or empty where the kernel names none.
// A table that does not hold the boot ESP has no partition of ours.
std::vector<OwnPartition> ownPartitions(const Disk::Table &table, const Uuid &esp, ByteView rootHash);

// A partition of ours by what the table calls it, whether the table has it yet or not.
struct KnownPartition {
    Role role = Role::Esp;
    Uuid type, uuid;
    bool operator==(const KnownPartition &) const = default;
};
// What ownPartitions() looks for in a table that holds the boot ESP.
std::vector<KnownPartition> knownPartitions(const Uuid &esp, ByteView rootHash);
std::optional<unsigned> numberOf(const std::vector<OwnPartition> &own, Role role);

// The partition besides the ESP that the loader reads kernels from (Boot Loader Specification, "XBOOTLDR"): the first of its type on the ESP's disk, whoever made
// it. So it is none of our own, and what lies on it is as little to be trusted as what lies on the ESP.
std::optional<unsigned> xbootldrOf(const Disk::Table &table);

enum class Mode { Live, Disk, Setup };
std::string_view modeName(Mode mode); // "live", "disk", "setup"

struct ModeFacts {
    std::optional<std::string> asked; // preon.mode= of the signed command line
    bool hasRoot = false; // a root recorded as ours is on the boot disk
    bool removable = false; // the medium or its drive can be pulled out
    bool readOnly = false;
};
struct ModeDecision {
    Mode mode = Mode::Live;
    std::string reason; // for the journal
    bool operator==(const ModeDecision &) const = default;
};
// BadArgument for a mode that there is not, and for setting up a medium that cannot be written.
Result<ModeDecision> planMode(const ModeFacts &facts);

} // namespace Preon::Boot
