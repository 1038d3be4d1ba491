// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Decides what becomes of a disk's partitions: a pure function from a snapshot (definitions, the table there is, a seed) to a plan that can be printed,
// compared and applied. The same input gives the plan that systemd-repart 257 makes. Existing partitions are grown at most; none moves, shrinks or goes.

#include "core/disk/gpt.h"
#include "core/repart/definition.h"

#include <map>

namespace Preon::Repart
{

// What may be there already (--empty=).
enum class Empty {
    Refuse, // a GPT must be there
    Allow, // a GPT, or nothing
    Require, // nothing must be there
    Force, // whatever is there is forgotten
    Create, // the file was made by us
};

// Where the bytes of a copied partition come from.
struct Source {
    std::filesystem::path path;
    std::uint64_t offset = 0, size = 0; // bytes; size a multiple of 512
    std::optional<Uuid> uuid; // the new partition takes it over, unless its definition names one
    std::optional<std::string> label; // likewise
};

struct Snapshot {
    std::filesystem::path device; // for texts and node names
    Disk::Table table; // as read; of kind None or what readTable says
    std::vector<Definition> definitions;
    Empty empty = Empty::Refuse;
    Uuid seed;

    std::map<std::size_t, Source> sources; // by index of the definition; one is needed for each that is copied and not there yet
    std::vector<Uuid> deferred; // types that are planned with all others, but neither made nor changed this time
    std::map<std::size_t, Bytes> rootHashes; // by index of a Verity=hash definition whose tree was made already (Minimize=)
    std::uint32_t fileSystemSector = 4096; // bytes; also of verity blocks where their definition does not say
    bool factoryReset = false; // existing partitions of definitions with FactoryReset=yes go first
    bool tpm = false; // there is a TPM that can be used, for encryption that may do without
    // Partition UUIDs of the existing partitions that definitions may match; all others are foreign. nullopt: any may be matched.
    std::optional<std::vector<Uuid>> ours;
    // Fresh identities for what is there already (a disk that was copied byte for byte): written in the same step as everything else.
    std::optional<Uuid> newDiskUuid;
    std::map<Uuid, Uuid> newPartitionUuids; // old → new
};

enum class Activity { Unchanged, Resize, Create };

// A partition's part in a verity tree. Siblings are indexes in the plan's partitions.
struct VerityPart {
    Verity role = Verity::Off;
    std::optional<std::size_t> data, hash, signature;
    std::optional<Bytes> rootHash; // of the tree; nullopt: it has yet to be made
    // Of the tree's partition:
    Uuid uuid; // of the superblock
    Bytes salt;
    std::uint32_t dataBlock = 4096, hashBlock = 4096; // bytes
    bool operator==(const VerityPart &) const = default;
};

struct PlannedPartition {
    std::optional<std::size_t> definition; // index in the snapshot; nullopt: foreign
    std::filesystem::path file, node; // the definition's file (empty: foreign), the partition's device
    std::vector<std::filesystem::path> dropIns;
    Disk::Partition partition; // as it will be
    Activity activity = Activity::Unchanged;
    bool deferred = false; // its place is kept, nothing is made
    std::uint64_t oldSize = 0, padding = 0, oldPadding = 0; // bytes
    std::optional<std::string> splitName; // what --split calls its file, with specifiers; nullopt: there is none
    std::filesystem::path splitPath; // that file, once named
    std::vector<MountPoint> mountPoints;
    std::optional<EncryptedVolume> encryptedVolume;
    std::string format;
    Encrypt encrypt = Encrypt::Off; // what is meant, or was chosen
    bool encryptChosen = false; // it was left to this machine
    Uuid fileSystemUuid, luksUuid;
    std::string volumeLabel; // of the volume around the file system, which has the partition's label
    std::optional<VerityPart> verity;
    // Only for what is created:
    std::optional<Source> source;
    Contents contents;
    std::vector<std::string> mountPointsElsewhere; // folders that other partitions of the disk are for; for populating root
};

// A definition that could not be met, and what was done instead.
struct Dropped {
    std::filesystem::path file;
    std::int32_t priority = 0;
    std::string text; // as systemd-repart says it
};

struct Plan {
    std::filesystem::path device;
    bool fromScratch = false; // a new table; all that is on the device now is forgotten
    bool changed = false; // false: there is nothing to apply
    Disk::Table before, after; // after: partitions of verity trees that have yet to be made have no UUID
    std::vector<Disk::Partition> removed; // by a factory reset, before anything else
    std::vector<PlannedPartition> partitions; // in the order of the definitions, then the foreign ones
    std::vector<Dropped> dropped;
    std::vector<std::string> notes; // things a person should know
};

// Whether a table of this kind may be worked on under the mode; not an error of planning but a refusal (exit status 77 of systemd-repart). Exists or NotFound.
Result<void> accepts(const std::filesystem::path &device, Disk::LabelKind kind, Empty empty);

// What a definition's partition is or will be called, as far as that does not depend on where it lies.
struct Identity {
    bool existing = false;
    Uuid fileSystem, luks;
    std::string label;
};
Result<std::vector<Identity>> identitiesOf(const Snapshot &snapshot); // of each definition

// Folders that the partitions wished for and found are mounted at, root left out.
std::vector<std::string> mountPointsElsewhere(const Snapshot &snapshot);
// What becomes of X-PreonEncrypt= with or without a TPM; anything else stays.
Encrypt chosenEncryption(Encrypt wished, bool tpm);

// NoSpace with the numbers when the definitions do not fit after all that may be dropped was; BadArgument; Unsupported.
Result<Plan> plan(const Snapshot &snapshot);

// The smallest size of a new disk (bytes) that all definitions fit on, what --size=auto means.
std::uint64_t minimalDiskSize(const Snapshot &snapshot);

// Identities that follow from the seed (facts: repart.md).
Uuid diskUuidFrom(const Uuid &seed);
Uuid partitionUuidFrom(const Uuid &seed, const Uuid &type, std::uint64_t index); // index: how many of the type come before it
Uuid fileSystemUuidFrom(const Uuid &partition);
Uuid luksUuidFrom(const Uuid &partition);
Uuid verityUuidFrom(const Uuid &seed);
Bytes veritySaltFrom(const Uuid &seed); // 32 bytes
// Of the partitions that hold the data and the tree: the two halves of the root hash.
Uuid verityDataUuid(ByteView rootHash);
Uuid verityHashUuid(ByteView rootHash);

} // namespace Preon::Repart
