// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Packed bytes in, unpacked bytes out: gz, xz, zst, bz2, each also as several files one behind the other, as their own programs take them. Unlike those, what
// follows the packed data and is none is an error, as is an end in the middle. Memory is bounded; the size of the output is not: whoever takes it counts.

#include "core/fetch/unpacker.h"

#include <functional>
#include <memory>

namespace Preon::Transport
{

class Decompressor
{
public:
    using Sink = std::function<Result<void>(ByteView)>;

    static std::unique_ptr<Decompressor> make(Fetch::Format format);
    virtual ~Decompressor() = default;

    // BadFormat with the place of what is wrong; Unsupported for what would need more memory than there may be (xz, zst: 128 MiB).
    virtual Result<void> add(ByteView packed, const Sink &sink) = 0;
    // There is no more: BadFormat when something is missing.
    virtual Result<void> finish(const Sink &sink) = 0;
};

// What the first bytes (six will do) are the beginning of; nullopt when it is none of them.
std::optional<Fetch::Format> detectFormat(ByteView beginning);

} // namespace Preon::Transport
