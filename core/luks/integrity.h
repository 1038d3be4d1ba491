// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// A partition whose content cannot be altered unnoticed: dm-integrity with an HMAC-SHA256 of each block of 4096 bytes and a journal. It is not encrypted, and an
// old block put back in its old place is not noticed. The partition begins with a LUKS2 header (16 MiB) that only keeps the key: its volume key opens nothing by
// itself, the two keys of the integrity target are derived from it. Formats: the kernel's dm-integrity superblock, version 5 (fix_padding, fix_hmac).

#include "core/disk/device.h"
#include "core/luks/volume.h"

namespace Preon::Luks
{

constexpr std::uint64_t integrityOffset = 16U << 20U; // bytes; where the LUKS2 header ends and dm-integrity's superblock lies
constexpr std::uint32_t integrityBlock = 4096;
constexpr const char *integritySubsystem = "preon-integrity"; // of the LUKS2 header: says that no encrypted data follows

// RFC 5869 without salt: 32 bytes for a purpose.
Result<Secret> hkdfSha256(const Secret &key, std::string_view info);

struct IntegrityKeys {
    Secret blocks, journal; // 32 bytes each
};
// HKDF-SHA256 (RFC 5869) of the volume key, without salt; info "preon integrity 1: internal_hash" and "preon integrity 1: journal_mac".
// BadFormat when the header belongs to an encrypted volume instead. The volume must be unlocked.
Result<IntegrityKeys> integrityKeys(const Volume &volume);

// The kernel's superblock, as far as it decides whether we use a volume. The kernel checks its MAC afterwards.
struct IntegritySuperblock {
    std::uint64_t sectors = 0; // of 512 bytes, as provided when it was written last
    bool operator==(const IntegritySuperblock &) const = default;
};
// At least 64 bytes. NotFound when there is none (zeroes: the kernel would take them for a volume to be made); BadFormat, Unsupported.
Result<IntegritySuperblock> parseIntegritySuperblock(ByteView bytes);

// Of the target "integrity" on a device (by number). Without keys: for reading without checks. Holds the keys in clear.
Secret integrityTable(const std::string &device, const IntegrityKeys *keys);

struct IntegrityStatus {
    std::uint64_t size = 0; // bytes
    std::uint64_t mismatches = 0; // blocks that did not fit their tags, since it was opened
    bool checked = true; // false: opened for reading without checks
};
// "MISMATCHES SECTORS RECALCULATED", as the kernel prints it.
Result<IntegrityStatus> parseIntegrityStatus(std::string_view text);

// Forgets what was in the volume: the next opening with `fresh` makes it anew. Only the superblock is written; blocks can be read once they were written.
Result<void> eraseIntegrity(const std::filesystem::path &partition);

enum class IntegrityUse {
    Fresh, // made by this opening (after eraseIntegrity); hidden from udev, because nothing can be read from it yet
    Private, // checked, but hidden from udev; takes over a larger size of the partition
    Open, // checked, for everybody; Changed when the partition has grown: its new end has no tags, whoever probes it would meet errors
    Unchecked, // reading only; no key, nothing is checked, what is in the journal only is left out
};
// Opens it as /dev/mapper/NAME. Corrupt when the superblock does not fit the keys, Busy when the partition is in use, NoSpace when it has become smaller.
// keys: not needed for Unchecked.
Result<void> openIntegrity(const std::filesystem::path &partition, const IntegrityKeys *keys, const std::string &name, IntegrityUse use);
// NotFound when it is not open.
Result<IntegrityStatus> integrityStatus(const std::string &name);

} // namespace Preon::Luks
