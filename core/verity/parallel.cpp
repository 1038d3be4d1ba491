// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/verity/parallel.h"

#include "core/base/fd.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace Preon::Verity
{

Result<void> forEachChunk(std::uint64_t total, std::size_t chunkSize, Progress &progress, const ChunkWork &work)
{
    std::atomic<std::uint64_t> next = 0;
    std::atomic<bool> stop = false;
    std::mutex guard;
    std::optional<Error> first;
    std::uint64_t firstAt = std::numeric_limits<std::uint64_t>::max();

    const auto worker = [&] {
        Bytes buffer(static_cast<std::size_t>(std::min<std::uint64_t>(chunkSize, total)));
        while (!stop) {
            const std::uint64_t offset = next.fetch_add(chunkSize);
            if (offset >= total)
                return;
            const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(chunkSize, total - offset));
            Result<void> done = progress.check();
            if (done)
                done = work(offset, std::span(buffer).first(length));
            if (done) {
                progress.advance(length);
                continue;
            }
            stop = true;
            const std::scoped_lock lock(guard);
            if (offset < firstAt) {
                firstAt = offset;
                first = std::move(done).error();
            }
        }
    };

    const std::uint64_t chunks = (total + chunkSize - 1) / chunkSize;
    const std::uint64_t cores = std::max(1U, std::thread::hardware_concurrency());
    {
        std::vector<std::jthread> threads;
        for (std::uint64_t i = 1; i < std::min(cores, chunks); ++i)
            threads.emplace_back(worker);
        worker();
    }
    if (first)
        return std::unexpected(std::move(*first));
    return {};
}

} // namespace Preon::Verity
