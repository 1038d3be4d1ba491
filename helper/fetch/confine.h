// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// How preon-fetch gives up its rights, for good, before it touches a byte of others: another user, no privileges, no files but those that a connection needs
// (Landlock), no system calls but those that its job needs (seccomp; anything else kills it), limits, no core dumps, no life without its parent. All that a
// fetcher that was taken over can still do is talk to the network, and to root through its pipe; an unpacker can only do the latter.

#include "core/base/result.h"

#include <filesystem>
#include <string>
#include <vector>

namespace Preon::Fetcher
{

enum class Job {
    Fetch, // network; may read what a connection needs: /etc, /usr, the resolver's files
    Unpack, // nothing
};

struct Confined {
    bool hasLandlock = true; // false: this kernel has none; seccomp alone stands then, and the user's rights
};

// Permission with the reason where a part of it cannot be had; the process must end then. `readable`: files to be read beside those of the job. Descriptors other
// than the standard ones are closed. For a process with one thread.
Result<Confined> confine(Job job, const std::vector<std::filesystem::path> &readable = {});

// The parts, in their order.
Result<void> changeUser(); // to preon-fetch, where root started it
Result<void> limitResources(Job job);
Result<bool> restrictFiles(Job job, const std::vector<std::filesystem::path> &readable); // false: this kernel has no Landlock
Result<void> restrictCalls(Job job);

} // namespace Preon::Fetcher
