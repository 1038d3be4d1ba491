// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Work over a long range of bytes, cut into chunks that all cores take in order: checking, and copying while checking. Not a general thread pool.

#include "core/base/progress.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace Preon::Verity
{

// One chunk of the work. The buffer is the calling thread's own and holds `length` bytes.
using ChunkWork = std::function<Result<void>(std::uint64_t offset, std::span<std::byte> buffer)>;

// Calls work for each chunk of [0, total), from several threads, in ascending order of their start; advances progress by each finished chunk.
// After an error or a cancellation no new chunk is begun. Of several errors the one at the lowest offset is returned: as all chunks before it were
// begun earlier, it is the first of the whole range.
Result<void> forEachChunk(std::uint64_t total, std::size_t chunkSize, Progress &progress, const ChunkWork &work);

} // namespace Preon::Verity
