// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The folder tree that a new file system is made of: CopyFiles=, MakeDirectories= and MakeSymlinks= carried out in a scratch folder, as systemd-repart does
// it where it may not mount. Sources are looked up below the copy source, targets below the new tree; links lead out of neither.

#include "core/base/progress.h"
#include "core/repart/contents.h"

#include <cstdint>
#include <filesystem>

namespace Preon::Repart
{

struct TreeOptions {
    std::filesystem::path source = "/"; // what the sources of CopyFiles= are below
    // Of the file system for root: folders that other partitions are for stay empty, and so do those that the kernel fills.
    bool isRoot = false;
    std::vector<std::string> mountPointsElsewhere;
    std::optional<std::int64_t> epoch; // seconds since 1970 for folders that are made here ($SOURCE_DATE_EPOCH)
    std::vector<std::pair<std::string, std::string>> rootAttributes; // extended attributes of the tree's root
};

// target: an empty folder. Sources that are not there are passed over with a line in the progress's log. Ownership, modes, times, extended attributes, hard
// links, holes and device nodes are kept; what the process may not copy of those (device nodes as a common user) is left out with a line in the log.
Result<void> buildTree(const Contents &contents, const TreeOptions &options, const std::filesystem::path &target, Progress &progress);

// $SOURCE_DATE_EPOCH; nullopt where it is unset or makes no sense.
std::optional<std::int64_t> sourceDateEpoch();

} // namespace Preon::Repart
