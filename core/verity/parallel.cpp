// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/verity/parallel.h"

#include "core/base/fd.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace Preon::Verity
{

Result<void> forEachPart(std::uint64_t total, std::size_t partSize, const Progress &progress, const std::function<PartWork()> &makeWork)
{
    std::atomic<std::uint64_t> next = 0;
    std::atomic<bool> stop = false;
    std::mutex guard;
    std::optional<Error> first;
    std::uint64_t firstAt = std::numeric_limits<std::uint64_t>::max();

    const auto worker = [&] {
        const PartWork work = makeWork();
        while (!stop) {
            const std::uint64_t offset = next.fetch_add(partSize);
            if (offset >= total)
                return;
            Result<void> done = progress.check();
            if (done)
                done = work(offset, static_cast<std::size_t>(std::min<std::uint64_t>(partSize, total - offset)));
            if (done)
                continue;
            stop = true;
            const std::scoped_lock lock(guard);
            if (offset < firstAt) {
                firstAt = offset;
                first = std::move(done).error();
            }
        }
    };

    const std::uint64_t parts = total / partSize + (total % partSize != 0);
    const std::uint64_t cores = std::max(1U, std::thread::hardware_concurrency());
    {
        std::vector<std::jthread> threads;
        for (std::uint64_t i = 1; i < std::min(cores, parts); ++i)
            threads.emplace_back(worker);
        worker();
    }
    if (first)
        return std::unexpected(std::move(*first));
    return {};
}

Result<void> forEachChunk(std::uint64_t total, std::size_t chunkSize, Progress &progress, const ChunkWork &work)
{
    return forEachPart(total, chunkSize, progress, [&]() -> PartWork {
        const auto buffer = std::make_shared<Bytes>(static_cast<std::size_t>(std::min<std::uint64_t>(chunkSize, total)));
        return [&, buffer](std::uint64_t offset, std::size_t length) -> Result<void> {
            PREON_CHECK(work(offset, std::span(*buffer).first(length)));
            progress.advance(length);
            return {};
        };
    });
}

} // namespace Preon::Verity
