// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Decides how a system gets onto a disk: a pure function from what source and target are to a plan that can be printed, compared and applied. Onto a whole
// disk, erased; into the free space beside what is there; or anew where it was before, its home partition kept. The partitions are core/repart's decision, here with the copies' sources filled in; the first
// start is simulated with the very function that it uses itself, so that what it could not do is refused now.

#include "core/disk/content.h"
#include "core/disk/parttypes.h"
#include "core/install/bootplace.h"
#include "core/install/choices.h"
#include "core/install/source.h"
#include "core/install/start.h"
#include "core/install/wifi.h"
#include "core/repart/plan.h"

#include <nlohmann/json.hpp>

#include <memory>

namespace Preon::Install
{

enum class Mode {
    Erase, // the whole disk
    Beside, // into free space; what is there stays
    Reinstall, // in the place of the system of ours that is there; its home and all that is others' stays
};

std::string_view modeName(Mode mode); // "erase", "beside", "reinstall"
std::optional<Mode> parseMode(std::string_view name);

// What the header of a partition that homes of ours lie on says.
struct HomeHeader {
    unsigned number = 0; // of the partition
    bool isProtected = false; // it is of the kind that homevolume.h makes
    bool hasRecoveryKey = false;
};

struct TargetFacts {
    std::filesystem::path path;
    bool isFile = false;
    bool isSource = false; // the medium that is installed from, or that this system runs from
    bool isWholeDisk = true; // false: a partition
    Disk::DiskInfo info; // of a file: device, size and sector size only
    Disk::Table table; // of kind Other when it has a damaged GPT
    std::string damage; // what is wrong with the table; empty: nothing
    std::vector<Disk::Content> contents; // of the table's partitions, in their order
    Disk::Content content; // of a disk without partitions
    std::vector<BootPartition> bootPartitions; // that a loader or kernels can lie on
    std::vector<HomeHeader> homes; // looked for only where a system is to be installed anew
};

// How a person calls it: "Samsung SSD 990 PRO (1.0 TB, /dev/nvme0n1)".
std::string nameOf(const TargetFacts &target);

// Opens the target for reading only. start: what the machine would start it by, which tells how much room its boot partitions have for that.
Result<TargetFacts> inspectTarget(const Host &host, const std::filesystem::path &path, const SourceFacts &source, Boot::Start start = Boot::Start::Own);

// What whoever asks for a plan may say besides the disk and the mode.
struct Wishes {
    bool allowRemovable = false;
    Choices choices; // for the system to be installed
    std::shared_ptr<const WirelessNetwork> network = nullptr; // that the new system shall know; null: none
    bool prepareSecureBoot = false; // it is off, and shall be possible later: the next start asks whether our kernel's key is allowed
};

struct Snapshot {
    Mode mode = Mode::Erase;
    SourceFacts source;
    TargetFacts target;
    std::vector<Repart::Definition> shipped; // what the installer makes: install.repart.d; empty: as the source is laid out
    std::vector<Repart::Definition> xbootldr; // install.xbootldr.repart.d: what is made besides where the EFI partition is too small for kernels
    std::vector<Repart::Definition> firstBoot; // repart.d of the system to be installed; empty: not known
    Uuid seed; // random: the fresh identities follow from it
    Wishes wishes;
    bool makesBootEntry = false; // a block device on a machine with EFI variables
    StartFacts start; // of this machine; as it is where none of it matters, for files
    std::string noTpm; // why this machine's TPM could not hold the new system's key; empty where it can, and for files
};

// chooseStart() (start.h) for this snapshot.
Result<StartWay> startOf(const Snapshot &snapshot);

// What the system to be installed says itself about its partitions: the three sets of definitions of a Snapshot. Empty where it is not known.
struct SourceSettings {
    std::vector<Repart::Definition> shipped, xbootldr, firstBoot;
};
Result<SourceSettings> readSettings(const Host &host, const Source &source);

Result<Snapshot> takeSnapshot(const Host &host, Mode mode, const Source &source, const std::filesystem::path &target, Wishes wishes);
// With the source's settings at hand: for one who looks at many disks.
Result<Snapshot> takeSnapshot(const Host &host, Mode mode, const Source &source, SourceSettings settings, const std::filesystem::path &target, Wishes wishes);

// One of the source's boot files on its way to the target.
struct PlannedFile {
    std::size_t source = 0; // index in Source::bootFiles
    unsigned partition = 0; // number
    std::string path;
    bool kept = false; // a file of that name is there and stays as it is
};

// A file that goes before anything else is done: a kernel of the system that is replaced.
struct RemovedFile {
    unsigned partition = 0; // number
    std::string path;
    bool operator==(const RemovedFile &) const = default;
};

struct Plan {
    Mode mode = Mode::Erase;
    SourceFacts source;
    TargetFacts target;
    Repart::Plan
        layout; // what the installer writes; its own partitions are usr, usr-verity and, where the source has one, usr-verity-sig; EFI and XBOOTLDR as needed
    std::optional<Repart::Plan> firstBoot; // what the system then makes of it
    Disk::Partition esp; // with the loader; made, or one that is there
    std::vector<PlannedFile> files; // in the order of writing: the kernel last
    std::string loaderPath; // of the loader that the firmware is told of, on the EFI partition
    bool sharesEsp = false; // which belongs to others too: files are only added
    std::vector<RemovedFile> removedFiles;
    std::vector<Disk::Partition> removed; // of the system that is replaced; the layout has no more of them
    std::optional<unsigned> home; // number of its home partition, which is kept
    std::vector<std::string> lost; // sentences: what is on the disk now and will not be
    std::vector<std::string> kept; // sentences: what of the replaced system stays
    std::vector<std::string> notes;
    Choices choices; // written to the EFI partition for the first start
    std::shared_ptr<const WirelessNetwork>
        network; // goes with them, sealed; null where nobody wished for one or no TPM can hold it. Its password is in no text of a plan
    StartWay start;
    bool makesBootEntry = false;

    const Disk::Partition &partition(Disk::Designator role) const; // of those that the layout makes or takes over; must be there
    const Disk::Partition *findPartition(Disk::Designator role) const; // nullptr when it is not
    bool makes(unsigned number) const; // the partition of that number is new
};

// Refusals: BadArgument (the source itself, a partition, a removable disk not asked for), Busy (in use; names by what), Permission (read-only), NoSpace (with what is
// needed and what is there); beside others also Exists (this system is on the disk already) and Unsupported (no GPT, or one that cannot be read); anew those of
// findInstalled() and checkHome() (installed.h). In all of them those of chooseStart() (start.h).
Result<Plan> plan(const Snapshot &snapshot);

// One step of apply(), by the name that it tells its Progress, in their order. Where there is nothing to do it may be left out.
struct Phase {
    std::string name = {};
    std::uint64_t bytes = 0; // about; 0: not measured in bytes
    bool cancellable = true; // false: it goes on to its end now
};
std::vector<Phase> phases(const Plan &plan);

// What both a program and a person can read: {"mode", "source", "target", "before", "removed", "after", "firstBoot", "files", "removedFiles", "lost", "kept", "choices", "network" (its name, where there is one), "start", "notes", "phases"}.
nlohmann::ordered_json toJson(const Plan &plan);
std::string toText(const Plan &plan);

} // namespace Preon::Install
