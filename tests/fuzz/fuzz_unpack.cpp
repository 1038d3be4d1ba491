// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Packed files as anybody may offer them. The first byte says of which format, the second how they are cut; however they are, the result is the same.
#include "core/transport/decompress.h"

#include <algorithm>
#include <cstdlib>

namespace
{
using namespace Preon;

constexpr std::size_t outputLimit = 4U << 20U;

struct Unpacked {
    Sha256Digest digest{};
    std::size_t size = 0;
    bool isWhole = false, isLarge = false;
};

Unpacked unpack(Fetch::Format format, ByteView packed, std::size_t step)
{
    const auto decompressor = Transport::Decompressor::make(format);
    Unpacked result;
    Sha256 hash;
    const Transport::Decompressor::Sink sink = [&](ByteView bytes) -> Result<void> {
        if (bytes.empty())
            std::abort();
        result.size += bytes.size();
        result.isLarge = result.size > outputLimit;
        hash.add(bytes);
        return result.isLarge ? Result<void>(fail(ErrorCode::NoSpace, "enough")) : Result<void>();
    };
    Result<void> going;
    for (; going && !packed.empty(); packed = packed.subspan(std::min(step, packed.size())))
        going = decompressor->add(packed.first(std::min(step, packed.size())), sink);
    if (going)
        going = decompressor->finish(sink);
    result.isWhole = going.has_value();
    result.digest = hash.finish();
    return result;
}
}

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    if (size < 2)
        return 0;
    constexpr Fetch::Format formats[] = {Fetch::Format::Gzip, Fetch::Format::Xz, Fetch::Format::Zstd, Fetch::Format::Bzip2, Fetch::Format::Detected};
    const Fetch::Format format = formats[data[0] % 5];
    const ByteView packed = std::as_bytes(std::span(data, size).subspan(2));
    const Unpacked whole = unpack(format, packed, size);
    const Unpacked cut = unpack(format, packed, std::max<std::size_t>(data[1], 1));
    if (whole.isLarge || cut.isLarge)
        return 0;
    if (whole.isWhole != cut.isWhole || (whole.isWhole && (whole.digest != cut.digest || whole.size != cut.size)))
        std::abort();
    return 0;
}
