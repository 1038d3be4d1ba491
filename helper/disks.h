// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The disks that something can be installed on: the machine's, or a sandbox's files; who each is, and word of their coming and going.

#include "core/disk/device.h"
#include "helper/service.h"

namespace Preon::Helper
{

// By name. Of a file only its name and size are known.
Result<std::vector<Disk::DiskInfo>> disksOf(const Settings &settings);
DiskIdentity identityOf(const Disk::DiskInfo &disk);
// The disk that is at that place now; Changed where it is another one than it was, or none.
Result<Disk::DiskInfo> sameDisk(const Settings &settings, const DiskIdentity &disk);

// Hears from udev (of a sandbox: inotify) and calls once for many changes in a row.
class DiskWatch
{
public:
    static Result<std::unique_ptr<DiskWatch>> create(const Settings &settings, const Loop &loop, std::function<void()> changed);
    ~DiskWatch();

private:
    struct Private;
    explicit DiskWatch(std::unique_ptr<Private> state);
    std::unique_ptr<Private> d;
};

} // namespace Preon::Helper
