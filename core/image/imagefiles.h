// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Single files of a /usr that is not mounted: an erofs somewhere on a disk or in an image file, read by dump.erofs(1) of erofs-utils. What it gives is as
// trustworthy as the image is; nothing here checks that.

#include "core/disk/content.h"

#include <string>
#include <vector>

namespace Preon::Image
{

// Copies what decides how a system lays out disks, so that a Host with that root finds it where the system itself would: usr/lib/os-release, usr/lib/repart.d,
// usr/lib/preon/install.repart.d and install.xbootldr.repart.d with their drop-ins. What is not there is not copied. place: of /usr. NotFound when there is no
// program that can look; Unsupported when the file system is no erofs.
Result<void> copySettings(const Disk::Device &device, const Disk::Range &place, const std::filesystem::path &root);

// What `dump.erofs --ls` says of a folder: names of plain files and of all else. Names come from the image: one with a slash, or "." and "..", is left out.
struct FolderListing {
    std::vector<std::string> files, others;
};
FolderListing parseFolderListing(std::string_view text);

} // namespace Preon::Image
