// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// A disk image (or a disk) with an image-based OS on it, taken apart: which partition plays which part, which versions of the system lie there, which
// kernel starts which. What belongs together is told by the root hash: its first half is the data partition's UUID, its second half the hash partition's, and
// the kernel carries it whole as usrhash=. Reads only; checks no signature and no data block.

#include "core/boot/entries.h"
#include "core/disk/gpt.h"
#include "core/disk/parttypes.h"

#include <optional>
#include <string>
#include <vector>

namespace Preon::Image
{

// "Particle_1.2" → name "Particle", version "1.2". A label without "_", or an empty slot's "_empty", has no version.
struct LabelParts {
    std::string name, version;
    bool operator==(const LabelParts &) const = default;
};
std::optional<LabelParts> parseLabel(std::string_view label);

// A SHA-256 root hash as partition UUIDs. nullopt when the text is not 64 hexadecimal digits.
struct VerityUuids {
    Uuid data, hash;
    bool operator==(const VerityUuids &) const = default;
};
std::optional<VerityUuids> verityUuids(std::string_view rootHash);

struct Kernel {
    std::string path;
    Disk::Partition place; // the partition that it lies on: ESP or XBOOTLDR
    std::uint64_t size = 0;
    Boot::UnifiedKernel kernel;
    std::string rootHash; // usrhash= of its first profile, lower case; empty when it has none
};

// One version of the OS: what has to be there together for it to start.
struct System {
    std::string name, version, title; // "Particle", "1.2", "Particle OS 1.2"
    std::string rootHash; // 64 hexadecimal digits, lower case
    Disk::Partition usr, verity;
    std::optional<Disk::Partition> signature;
    std::vector<std::string> kernels; // paths of those that start this one; none: it is there but cannot be started
    std::vector<Disk::Partition> kernelPlaces; // of each of them, the partition that it lies on
};

struct Image {
    Disk::Table table;
    std::optional<Disk::Partition> esp, xbootldr;
    std::vector<Kernel> kernels; // in the order of the loader's menu
    std::vector<System> systems; // newest version first
    std::vector<std::string> warnings; // kernels without their system and the like
};

// BadFormat when there is no GPT. An image without an EFI partition or without any system is fine here: the lists are empty.
// esp: the UUID of the partition to take for the EFI partition; the first of the type otherwise.
Result<Image> inspect(const Disk::Device &device, std::optional<Uuid> esp = std::nullopt);

// The root hash that a verity signature partition is about (its JSON's rootHash); nullopt when it holds none.
std::optional<std::string> signedRootHash(ByteView partition);

} // namespace Preon::Image
