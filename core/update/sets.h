// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Versions of the whole: one version of an OS is one instance for each transfer. Which there are here and on offer, which is the newest, which is one to update
// to. A pure function of what was seen.

#include "core/update/instance.h"

#include <set>

namespace Preon::Update
{

// What one transfer has of one version.
struct Part {
    Instance instance;
    bool installed = false; // else it is at the source
};

struct UpdateSet {
    std::string version;
    bool newest = false; // of those installed, or of those on offer
    bool available = false, installed = false;
    bool incomplete = false; // installed, but not for every transfer
    bool partial = false, pending = false; // installed as far as that some part is still so
    bool obsolete = false; // MinVersion=, MaxVersion=
    bool isProtected = false; // ProtectVersion=, or the caller's
    std::vector<std::optional<Part>> parts; // one a transfer, in their order; what is installed counts before what is on offer
};

struct Sets {
    std::vector<UpdateSet> all; // newest first
    std::optional<std::size_t> newestInstalled, candidate;

    const UpdateSet *find(std::string_view version) const;
    const UpdateSet *current() const
    {
        return newestInstalled ? &all[*newestInstalled] : nullptr;
    }
    const UpdateSet *next() const
    {
        return candidate ? &all[*candidate] : nullptr;
    }
};

// kept: versions that are protected whatever the settings say: the booted one, the last known good one.
Sets discoverSets(const std::vector<Seen> &seen, const std::set<std::string> &kept = {});

bool isProtected(const Transfer &transfer, std::string_view version, const std::set<std::string> &kept);
bool isObsolete(const Transfer &transfer, std::string_view version);

// Neither incomplete nor partial nor pending, on whichever side it was found.
bool isWhole(const UpdateSet &set);

// "current", "candidate", "installed+obsolete" …, as systemd-sysupdate words it.
std::string assessment(const UpdateSet &set);

} // namespace Preon::Update
