// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// A whole update, carried out as planned: room is made, every part is brought to its place, what belongs together is proven to, and only then do the parts get their names, what the firmware or
// the loader reads last. Cut off anywhere, the version that runs starts as before, and the same plan made anew goes on where this one ended. Decides nothing.

#include "core/update/acquire.h"
#include "core/update/apply.h"

namespace Preon::Update
{

struct Updated {
    std::string version;
    std::uint64_t fetched = 0, kept = 0, written = 0; // bytes, as in Acquired
};
nlohmann::ordered_json toJson(const Updated &updated);

struct UpdatingOptions {
    Fetching fetching = {};
    bool onlyAcquire = false; // leave the parts pending: installing is another call's
    std::function<void(const Removal &)> removing = {};
};

// progress: phases "Making room", "Fetching" (or "Copying", "Unpacking") for each part, "Checking what was written", "Putting into place". Cancelling is safe until the last of them, and
// keeps what was fetched.
Result<Updated> applyUpdate(const UpdatePlan &plan, const UpdatingOptions &options, Progress &progress);

// One part to its place, from wherever the plan has it: copied, unpacked or fetched. From there it is pending.
Result<Acquired> bring(const TransferPlan &plan, const Fetching &fetching, Progress &progress);

// In which order the parts get their names: as planned, but kernels (files on a boot partition) after all else. Indexes of plan.transfers.
std::vector<std::size_t> installOrder(const UpdatePlan &plan);

} // namespace Preon::Update
