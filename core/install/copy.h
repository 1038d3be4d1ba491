// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Copies the data of /usr while checking each block against its hash tree, so that a damaged medium is found and named before anything of it is used.

#include "core/disk/content.h"
#include "core/verity/hashtree.h"

namespace Preon::Install
{

// Copies what the tree covers from the range of the source to the target at that byte, on all cores, and keeps the target's cache from filling with unwritten
// data. Reports bytes; does not flush. Corrupt and Io say whether the medium that is read or the disk that is written is at fault.
Result<void> copyVerified(const Disk::Device &source, const Disk::Range &from, const Verity::HashTree &tree, const Disk::Device &target, std::uint64_t toOffset,
                          Progress &progress);

// An error in reading the medium that is installed from / in the disk that is installed to: the same failure, told as a person must understand it.
Error badMedium(const Error &error, const std::filesystem::path &source);
Error badTarget(const Error &error, const Disk::Device &device);

} // namespace Preon::Install
