// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Looks at the partitions that loaders and kernels lie on. Reads only. Used by snapshot.cpp and installedfacts.cpp.

#include "core/install/plan.h"

namespace Preon::Install
{

// What is on a boot partition, as far as it matters to us, without its kernels. One that cannot be read is one that cannot be used. start: whose files would be written.
BootPartition inspectBootPartition(const Disk::Device &device, const Disk::Partition &partition, const Disk::Content &content, const SourceFacts &source,
                                   Boot::Start start);

// The unified kernels in /EFI/Linux. What claims to be one and cannot be read is left out: whoever wrote it must know what it is.
std::vector<BootKernel> kernelsOn(const Disk::Device &device, const Disk::Partition &partition);

} // namespace Preon::Install
