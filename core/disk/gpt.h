// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// A GPT as a value: read, changed as a value, written in one step (through libfdisk). Knows no policy.

#include "core/base/uuid.h"
#include "core/disk/device.h"

#include <vector>

namespace Preon::Disk
{

struct Partition {
    unsigned number = 0; // 1-based, the slot in the table
    std::uint64_t start = 0, size = 0; // bytes
    Uuid type, uuid;
    std::string label; // UTF-8; at most 36 UTF-16 units
    std::uint64_t flags = 0; // GPT attribute bits as they are (bit 59 growfs, 60 read-only, 63 no-auto)
    bool operator==(const Partition &) const = default;
};

enum class LabelKind { None, Gpt, Dos, Other };

struct Table {
    LabelKind kind = LabelKind::None;
    Uuid diskUuid;
    std::uint64_t deviceSize = 0;
    std::uint32_t sectorSize = 512;
    std::uint64_t firstUsable = 0, endUsable = 0; // bytes; end is exclusive
    std::uint64_t entryBytes = 16384; // of one copy of the array of entries
    bool backupAtEnd = true; // false: the disk is larger than the one that the table was made for; endUsable is then what it will be once written
    bool hybrid = false; // the MBR has entries of its own, which repeat some of these for those who do not know a GPT; nothing here changes or follows them
    std::vector<Partition> partitions; // in the order of their numbers
    bool operator==(const Table &) const = default;
};

// kind None for an empty disk. BadFormat when there is a GPT that libfdisk refuses, or whose entries overlap or lie outside the disk.
Result<Table> readTable(const Device &device);
// An empty GPT for a device of this size; what an erase starts from.
Table emptyTable(std::uint64_t deviceSize, std::uint32_t sectorSize, const Uuid &diskUuid);
// The table as it will be read once the device has grown to this size; the same table when it has it already.
Table grownTable(Table table, std::uint64_t deviceSize);
// In one step: of its two copies one is whole at each moment, also where sectors are written in part or in another order. The backup is written and flushed before
// the primary, which is what everybody reads first; where of an older table only the backup is whole, the primary comes first. An error with the first copy leaves the old table.
// Slots and numbers are kept as in the value. Does not re-read: see Device::rereadPartitions.
Result<void> writeTable(const Device &device, const Table &table);
// What the n-th partition of a device or file is called: /dev/vda3, /dev/nvme0n1p3, disk.img3 (files: a name for people only).
std::filesystem::path partitionNode(const std::filesystem::path &device, unsigned number);
// Wipes what libblkid recognises (file systems, tables, LUKS …) in a range / on the whole device.
Result<void> wipeSignatures(const Device &device, std::uint64_t offset, std::uint64_t length);

} // namespace Preon::Disk
