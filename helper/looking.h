// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What the installer's questions need of the machine: the source, the disks, plans. Takes time, so it runs in the worker's thread, and knows nothing of D-Bus or
// callers.

#include "core/install/apply.h"
#include "helper/disks.h"

namespace Preon::Helper
{

class Looking
{
public:
    explicit Looking(const Settings &settings);

    Result<nlohmann::ordered_json> machine();
    struct SeenDisk {
        DiskIdentity identity;
        nlohmann::ordered_json facts; // as ListDisks has them, without the token
    };
    Result<std::vector<SeenDisk>> disks();
    Result<KeptPlan> plan(const DiskIdentity &disk, Install::Mode mode, const Install::Wishes &wishes);

    // All that is needed to apply a plan; the target is held.
    struct Ready {
        Install::Plan plan;
        Install::Source source;
        Disk::Device target;
    };
    // Holds the disk, looks at everything anew and plans again. Changed names what differs; Busy.
    Result<Ready> prepare(const KeptPlan &kept);

private:
    struct Known {
        Install::Source source;
        Install::SourceSettings settings;
    };
    Result<const Known *> known();
    Result<Install::Plan> planOn(const std::filesystem::path &device, Install::Mode mode, const Install::Wishes &wishes, Uuid &seed);
    std::string sourceName() const;
    const Settings &m_settings;
    std::optional<Known> m_known;
};

} // namespace Preon::Helper
