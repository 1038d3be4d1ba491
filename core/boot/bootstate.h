// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The state of this start, made once in the initrd and read by everybody after: the boot disk and the mode, in /run/preon/boot.json. Finding the disk that the
// loader came from, waiting while there are none or two that could be meant.

#include "core/base/host.h"
#include "core/base/progress.h"
#include "core/boot/bootdisk.h"
#include "core/disk/device.h"

#include <chrono>

namespace Preon::Boot
{

struct State {
    std::filesystem::path disk; // /dev/vda
    std::uint64_t diskSequence = 0;
    Uuid esp; // as the disk has it, or will have it in a moment
    Uuid formerEsp; // what it was before this start gave it a fresh one; null: the same
    Mode mode = Mode::Live;
    std::string reason;
};

// NotFound before the disk was found.
Result<State> readState(const Host &host);
// Writes boot.json, and mode-live, mode-disk or mode-setup beside it for units' conditions.
Result<void> writeState(const Host &host, const State &state);

// For the udev rule, which shall run no program for each device: below /run/preon/devices/SEQUENCE (the boot disk's sequence number) the file `disk`, and for each
// partition of ours, in the table already or still to be made, the file TYPE/UUID, with lines KEY=VALUE as udevProperties() gives them. What was there before is gone.
Result<void> writeRoles(const Host &host, const State &state, const Disk::Table &table, ByteView rootHash);

// The state's ESP UUID that the table holds: while a fresh one is being written both may be met.
Uuid espIn(const Disk::Table &table, const State &state);

// usrhash= of the signed command line: 32 bytes, or empty when there is none.
Result<Bytes> bootRootHash(const Host &host);

// ShippedEspUuid= of image.conf below a root: the ESP's UUID in every copy of the image. Null when there is no such file.
Result<Uuid> shippedEspUuid(const std::filesystem::path &root);

struct Candidate {
    Disk::DiskInfo disk;
    Disk::Table table;
};
// The disks that carry an ESP of this UUID now. Disks that cannot be read are told to the log and left out.
Result<std::vector<Candidate>> findBootDisks(const Host &host, const Uuid &esp, Progress &progress);

// Waits until exactly one disk carries the loader's ESP and decides the mode. Says on `progress` what it waits for. Timeout when none came within `patience`;
// two are waited for without end, as only a person can help.
Result<State> waitForBootDisk(const Host &host, std::chrono::seconds patience, Progress &progress);

// What the udev rule takes over for a partition that udev itself could not read the UUID of: lines KEY=VALUE, none for what is not on the boot disk.
Result<std::string> udevProperties(const Host &host, const std::filesystem::path &device);

} // namespace Preon::Boot
