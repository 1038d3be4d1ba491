// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/updating.h"

#include "core/update/proof.h"

#include <algorithm>
#include <numeric>

namespace Preon::Update
{

namespace
{

bool isProgram(const TransferPlan &plan)
{
    const auto *file = plan.place ? std::get_if<FileTarget>(&*plan.place) : nullptr;
    return file && file->name.ends_with(".efi");
}

std::vector<Sha256Digest> hashesOf(const UpdatePlan &plan)
{
    std::vector<Sha256Digest> hashes;
    for (const TransferPlan &transfer : plan.transfers) {
        for (const SourcedRange &range : transfer.ranges) {
            if (const auto *offered = std::get_if<OfferedBytes>(&range.from); offered && offered->sha256)
                hashes.push_back(*offered->sha256);
        }
    }
    return hashes;
}

void abandonAll(const UpdatePlan &plan, const Fetching &fetching, Progress &progress)
{
    for (const TransferPlan &transfer : plan.transfers) {
        if (transfer.installed || !transfer.place)
            continue;
        if (const auto gone = makeTarget(*transfer.place)->abandon(); !gone)
            progress.log(gone.error().text());
    }
    if (const auto gone = forgetKept(fetching, hashesOf(plan)); !gone)
        progress.log(gone.error().text());
}

} // namespace

Result<Acquired> bring(const TransferPlan &plan, const Fetching &fetching, Progress &progress)
{
    if (isLocal(plan)) {
        PREON_CHECK(acquireLocal(plan, progress));
        return Acquired{.written = plan.installed || plan.acquired ? 0 : plan.bytesNeeded.value_or(0)};
    }
    if (plan.sourceType == ResourceType::UrlTar || plan.sourceType == ResourceType::Tar)
        return acquireArchive(plan, fetching, progress);
    return plan.sourceType == ResourceType::RegularFile ? acquirePacked(plan, fetching, progress) : acquire(plan, fetching, progress);
}

nlohmann::ordered_json toJson(const Updated &updated)
{
    return {{"version", updated.version}, {"fetched", updated.fetched}, {"kept", updated.kept}, {"written", updated.written}};
}

std::vector<std::size_t> installOrder(const UpdatePlan &plan)
{
    std::vector<std::size_t> order(plan.transfers.size());
    std::iota(order.begin(), order.end(), std::size_t(0));
    std::ranges::stable_partition(order, [&plan](std::size_t index) { return !isProgram(plan.transfers[index]); });
    return order;
}

Result<Updated> applyUpdate(const UpdatePlan &plan, const UpdatingOptions &options, Progress &progress)
{
    Updated updated{.version = plan.version};
    // What is left of other versions is of no use any more.
    PREON_CHECK(forgetAllBut(options.fetching, hashesOf(plan)));
    progress.phase("Making room", 0);
    PREON_CHECK(applyVacuum(plan.vacuum, progress, options.removing));
    for (const TransferPlan &transfer : plan.transfers) {
        PREON_TRY(const Acquired acquired, bring(transfer, options.fetching, progress));
        updated.fetched += acquired.fetched;
        updated.kept += acquired.kept;
        updated.written += acquired.written;
    }
    if (auto proven = proveUpdate(plan, progress); !proven) {
        // Whole files that do not belong together: left as pending somebody would give them their names later.
        if (proven.error().code != ErrorCode::Cancelled)
            abandonAll(plan, options.fetching, progress);
        return std::unexpected(std::move(proven).error());
    }
    if (options.onlyAcquire)
        return updated;
    PREON_CHECK(progress.check());
    progress.phase("Putting into place", 0);
    for (const std::size_t index : installOrder(plan))
        PREON_CHECK(install(plan.transfers[index]));
    PREON_CHECK(forgetAllBut(options.fetching, {}));
    return updated;
}

} // namespace Preon::Update
