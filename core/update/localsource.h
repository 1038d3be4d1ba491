// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Sources that are files of this machine: those of regular-file and tar, and of url-file and url-tar what a file:// URL names (a stick that somebody brought).

#include "core/base/fd.h"
#include "core/base/hash.h"
#include "core/base/host.h"
#include "core/base/progress.h"

#include <functional>
#include <optional>

namespace Preon::Update
{

// RFC 8089: file:///PATH, file://localhost/PATH or file:/PATH, percent-encoded or not. nullopt: another URL, another machine, or a path that is none.
std::optional<std::filesystem::path> pathOfFileUrl(std::string_view url);

struct LocalFile {
    Fd fd;
    std::uint64_t size = 0; // bytes
};
// source: a path, at whose end there is no link, or a file:// URL, where a repository may have one. Changed: it is no regular file.
Result<LocalFile> openLocal(const std::string &source);

// Reads the first `size` bytes in order, hands them on in parts and counts them; gives their hash. Ends with what `take` ends with; Cancelled.
using TakePart = std::function<Result<void>(std::uint64_t offset, ByteView part)>;
Result<Sha256Digest> readThrough(const Fd &file, std::uint64_t size, const TakePart &take, Progress &progress);

// The whole of a file:// URL's file; BadFormat where it has more than `limit` bytes.
Result<Bytes> readLocal(const std::string &url, std::size_t limit);

} // namespace Preon::Update
