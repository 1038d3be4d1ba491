// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Which versions of one resource there are, found by looking: files and folders by their names, slots by their labels, offers by a manifest that somebody
// fetched and checked. The snapshot that sets and plans are made from.

#include "core/disk/gpt.h"
#include "core/update/manifest.h"
#include "core/update/transfer.h"

#include <functional>

namespace Preon::Update
{

enum class Stage {
    Whole,
    Partial, // bytes are, or were, arriving
    Pending, // all is there, but not under its name yet
};

struct Instance {
    Fields fields; // of its name; time and mode of files, UUID and attributes of slots besides
    std::string path; // of the file; of a slot its device; URL
    std::string name; // below the resource's folder, without what marks it as partial or pending; the label of a slot
    Stage stage = Stage::Whole;
    std::uint64_t bytes = 0; // on disk; 0: not known (offers, folders)
    bool packed = false; // a local file that is unpacked on its way
    std::optional<Disk::Partition> slot = {};
};

// All versions of one end of a transfer, newest first.
struct Holdings {
    std::filesystem::path path; // the folder, or the disk; empty for URLs
    std::uint32_t sectorSize = 512;
    std::vector<Instance> instances;
    std::vector<Disk::Partition> emptySlots; // in the order of the table
    std::vector<std::filesystem::path> temporary; // what is left of an update that was cut off: .#… of systemd 257, kernels without bytes
    std::optional<std::uint64_t> freeBytes; // of the file system; nullopt: not known
    std::vector<Rollout> rollouts; // of a list of files: what is handed out in steps
    std::vector<ManifestEntry> documents; // of a list of files: what else it names, of which notes of a version may be one

    // As systemd finds one of several with equal versions: by halving.
    const Instance *find(std::string_view version) const;
    bool isSlots = false;
};

// Where on this machine the anchors of paths are.
struct Places {
    Host host;
    std::filesystem::path esp, xbootldr; // mounted; empty: there is none
    std::filesystem::path explicitSource; // --transfer-source=
    std::filesystem::path disk; // what Path=auto means
    bool mayUseDevices = true; // false: root is somebody else's system, whose settings must not name devices of this machine
    bool offline = false; // sources count as empty
    std::uint32_t sectorSize = 512; // of disk, when it is an image file

    // What a list of files must not be older than (BEST-BEFORE-…); nullopt: its age does not matter.
    std::optional<std::chrono::sys_seconds> now = {};
    // The bytes of URL/SHA256SUMS, verified as the transfer asks. Unsupported when there is nothing that fetches.
    std::function<Result<Bytes>(const Transfer &transfer)> manifest;
};

// The folder or disk that a resource means; NotFound where the anchor is missing. Its last parts need not exist.
Result<std::filesystem::path> resolvedPath(const Resource &resource, const Places &places);

Result<Holdings> lookAt(const Transfer &transfer, const Resource &resource, const Places &places);

// Newest first; equal versions by path.
void sortInstances(std::vector<Instance> &instances);

int compareVersions(std::string_view a, std::string_view b);

// One transfer with what both of its ends hold.
struct Seen {
    const Transfer *transfer = nullptr;
    Holdings source, target;
    std::filesystem::path link; // CurrentSymlink=, where it lies; empty: none
};

// All transfers; what is disabled has no source. The definitions have to outlive it.
struct Look {
    std::vector<Seen> enabled, disabled;
};
Result<Look> lookAtTargets(const Definitions &definitions, const Places &places);
Result<void> lookAtSources(Look &look, const Places &places);

} // namespace Preon::Update
