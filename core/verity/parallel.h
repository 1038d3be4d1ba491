// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Work over a long range of bytes, cut into parts that all cores take in order: hashing, checking, and copying while checking. Not a general thread pool.

#include "core/base/progress.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace Preon::Verity
{

// One part of the work.
using PartWork = std::function<Result<void>(std::uint64_t offset, std::size_t length)>;
// One part of the work, with a buffer that is the calling thread's own and holds `length` bytes.
using ChunkWork = std::function<Result<void>(std::uint64_t offset, std::span<std::byte> buffer)>;

// Calls work for each part of [0, total), from several threads, in ascending order of their start; each thread has a work of its own, from makeWork, which is
// called in that thread. Reports nothing. After an error or a cancellation no new part is begun. Of several errors the one at the lowest offset is returned: as
// all parts before it were begun earlier, it is the first of the whole range.
Result<void> forEachPart(std::uint64_t total, std::size_t partSize, const Progress &progress, const std::function<PartWork()> &makeWork);

// The same with buffers; advances progress by each finished chunk.
Result<void> forEachChunk(std::uint64_t total, std::size_t chunkSize, Progress &progress, const ChunkWork &work);

} // namespace Preon::Verity
