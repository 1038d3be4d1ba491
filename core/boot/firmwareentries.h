// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The firmware's own boot menu: Boot#### and BootOrder (UEFI 2.10, sections 3.1 and 10.3). Reads all entries; makes one entry for a program on a GPT
// partition and puts it first. Entries of other systems are never changed. The loader's menu is something else: see entries.h.

#include "core/base/fd.h"
#include "core/base/host.h"
#include "core/base/uuid.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace Preon::Boot
{

// Where a program lies, as the firmware names it: HD() for the partition, then the file's path.
struct HardDriveFile {
    unsigned partition = 0; // number in the GPT
    std::uint64_t start = 0, size = 0; // in logical sectors
    Uuid partitionUuid;
    std::string path; // "\EFI\systemd\systemd-bootx64.efi"
    bool operator==(const HardDriveFile &) const = default;
};

struct FirmwareEntry {
    std::uint16_t number = 0; // #### of Boot####
    std::uint32_t attributes = 1; // LOAD_OPTION_ACTIVE
    std::string title;
    std::optional<HardDriveFile> file; // nullopt: network, whole disks and whatever else firmware boots from
    bool operator==(const FirmwareEntry &) const = default;
};

// EFI_LOAD_OPTION. parse: BadFormat where lengths do not add up; a device path of other kinds is fine (file is nullopt).
Bytes encodeLoadOption(const FirmwareEntry &entry);
Result<FirmwareEntry> parseLoadOption(std::uint16_t number, ByteView data);

// By number. Entries whose content makes no sense are left out: firmware writes odd things, and they are not ours.
Result<std::vector<FirmwareEntry>> firmwareEntries(const Host &host);
// Empty when the firmware has none.
Result<std::vector<std::uint16_t>> bootOrder(const Host &host);

// Makes an entry for the file and puts it first in BootOrder. An entry that already names the same partition UUID and path is used again;
// further ones of that kind are removed. Returns its number. NoSpace when all 65,536 numbers are taken.
Result<std::uint16_t> placeFirst(const Host &host, const std::string &title, const HardDriveFile &file);

// Removes the entries for that path on one of these partitions, which are no more.
Result<void> removeEntries(const Host &host, const std::vector<Uuid> &partitions, const std::string &path);

} // namespace Preon::Boot
