// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// File systems with their contents, made in scratch files; and those that shall be no larger than their contents (Minimize=), made before the plan because
// their size is part of it.

#include "core/repart/filesystem.h"
#include "core/repart/plan.h"
#include "core/repart/verity.h"

namespace Preon::Repart
{

struct FillOptions {
    std::filesystem::path source = "/"; // what CopyFiles= copies from
    std::filesystem::path scratch;
};

// What is to be filled in: a partition's contents, and what decides how they are copied.
struct Filling {
    const Contents &contents;
    const Uuid &type; // of the partition
    const std::vector<std::string> &mountPointsElsewhere;
    std::filesystem::path added = {}; // a folder that is laid over the contents; empty: none
};

// fileSystem's tree, subvolumes and compression come from the contents.
Result<ScratchFile> makeFilled(FileSystem fileSystem, const Filling &filling, const FillOptions &options, Progress &progress);

// The file systems and hash trees that a plan needs made first. They go with this object: keep it until the plan was applied.
struct Prepared {
    std::vector<ScratchFile> files;
};

// Makes what Minimize= speaks of and is not on the disk yet, and puts it into the snapshot as sources and root hashes.
Result<Prepared> prepareMinimized(Snapshot &snapshot, const FillOptions &options, Progress &progress);

} // namespace Preon::Repart
