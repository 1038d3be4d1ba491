// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What lies in a range of a device, by libblkid; and copying ranges.

#include "core/disk/device.h"

namespace Preon::Disk
{

struct Content {
    std::string type; // "vfat", "erofs", "crypto_LUKS", "btrfs", "swap", "DM_verity_hash" …; empty: nothing recognised
    std::string label, uuid, version;
    bool operator==(const Content &) const = default;
};
Result<Content> probe(const Device &device, std::uint64_t offset, std::uint64_t length);

struct Range {
    std::uint64_t offset = 0, length = 0; // bytes
    bool operator==(const Range &) const = default;
};

// Copies a range, telling apart in the error which side failed ("reading from …" / "writing to …"). Reports bytes to progress, stops when cancelled.
// Does not flush. The returned digest is SHA-256 of what was read.
Result<Sha256Digest> copyRange(const Device &source, const Range &from, const Device &target, std::uint64_t toOffset, Progress &progress);
// SHA-256 of a range.
Result<Sha256Digest> hashRange(const Device &source, const Range &range, Progress &progress);

} // namespace Preon::Disk
