// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What an update, or making room, will do: a value made from what was seen, which can be printed, compared and shown before anything is touched. An update is, for
// each transfer, what goes first, where the new instance goes, and ranges of bytes with their sources. Today that is one range, from what is offered; ranges out of
// old slots are what deltas will add.

#include "core/update/sets.h"
#include "core/update/target.h"

#include <nlohmann/json.hpp>
#include <variant>

namespace Preon::Update
{

// An instance that is removed: a file or folder deleted, a slot emptied.
struct Removal {
    std::size_t transfer = 0; // index among those seen, enabled first
    ResourceType type = ResourceType::RegularFile;
    std::filesystem::path folder; // that the instance lies in, or the disk
    std::uint32_t sectorSize = 512;
    Instance instance;
    Disk::Partition emptied; // of a slot: what it becomes
    bool disabled = false; // its feature was switched off
};

struct VacuumOptions {
    std::uint64_t space = 0; // how many instances of each transfer are to be added
    std::string extraProtected; // the version that they will be of
    std::optional<std::uint64_t> instancesMax; // --instances-max=
    std::set<std::string> kept; // never touched: the booted version, the last known good one
};

struct VacuumPlan {
    std::vector<std::filesystem::path> temporary; // leftovers of systemd's attempts
    std::vector<Removal> removals; // in this order
    std::uint64_t removed = 0; // instances of the transfer that loses most, as systemd counts
    std::uint64_t disabledTransfers = 0; // that lost something
};

// NoSpace when the rules leave no room: fewer than two slots, an InstancesMax= that is too small.
Result<VacuumPlan> planVacuum(const std::vector<Seen> &enabled, const std::vector<Seen> &disabled, const VacuumOptions &options);

// Where bytes of the new instance come from.
struct OfferedBytes { // the file at the source, unpacked where it is packed
    std::string path; // a URL or a file
    std::optional<Sha256Digest> sha256; // of the packed file
    bool operator==(const OfferedBytes &) const = default;
};
struct SlotBytes { // of a slot that is there
    std::filesystem::path device;
    std::uint64_t offset = 0;
    bool operator==(const SlotBytes &) const = default;
};
struct SourcedRange {
    std::uint64_t offset = 0; // in the new instance
    std::optional<std::uint64_t> length; // nullopt: to the end, wherever that is
    std::variant<OfferedBytes, SlotBytes> from;
    bool operator==(const SourcedRange &) const = default;
};

using TargetPlace = std::variant<SlotTarget, FileTarget, FolderTarget>;

struct TransferPlan {
    std::size_t transfer = 0;
    std::string id;
    ResourceType sourceType = ResourceType::RegularFile, targetType = ResourceType::RegularFile;
    bool installed = false; // nothing to do but the link
    bool acquired = false; // pending: only to be installed
    bool resumed = false; // partial: its bytes are there in part
    bool packed = false; // the source is a file of this machine that has to be unpacked
    std::string sourcePath, targetPath; // for people
    std::vector<SourcedRange> ranges;
    std::optional<TargetPlace> place;
    std::filesystem::path link, linkTarget; // CurrentSymlink=; empty: none
    std::optional<std::uint64_t> bytesNeeded; // once unpacked
    std::optional<std::uint64_t> bytesFree; // the slot's size, or what the file system has once room is made
    bool verify = true;
    SignatureScheme signature = SignatureScheme::OpenPgp;

    // All of it as one file or folder that is on offer; nullptr where it is pieced together.
    const OfferedBytes *wholeOffer() const;
};

struct UpdatePlan {
    std::string version;
    VacuumPlan vacuum;
    std::vector<TransferPlan> transfers; // acquired in this order, then installed in this order
};

struct UpdateOptions {
    std::optional<std::uint64_t> instancesMax;
    std::set<std::string> kept;
    SlotMarks marks = SlotMarks::None;
};

// Of the set, whatever its version; NotFound when it is not on offer, BadArgument when it is obsolete, NoSpace with numbers where something does not fit.
Result<UpdatePlan> planUpdate(const std::vector<Seen> &enabled, const std::vector<Seen> &disabled, const UpdateSet &set, const UpdateOptions &options);

std::unique_ptr<TargetWriter> makeTarget(const TargetPlace &place);

nlohmann::ordered_json toJson(const VacuumPlan &plan);
nlohmann::ordered_json toJson(const UpdatePlan &plan);

} // namespace Preon::Update
