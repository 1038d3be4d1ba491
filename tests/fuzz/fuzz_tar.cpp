// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Archives as anybody may offer them: what is said of them root's decoder takes, or they are refused.
#include "core/transport/tar.h"

#include <algorithm>
#include <cstdlib>

namespace
{
using namespace Preon;

constexpr std::size_t outputLimit = 4U << 20U;

class Nowhere : public Fetch::TreeSink
{
public:
    Result<void> entry(const Fetch::TreeEntry &) override
    {
        return {};
    }
    Result<void> data(std::uint64_t, ByteView) override
    {
        return {};
    }
};
}

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    ByteView rest = std::as_bytes(std::span(data, size));
    std::size_t said = 0;
    Nowhere nowhere;
    Fetch::TreeDecoder decoder;
    const auto done = Transport::untar(
        [&](std::span<std::byte> into) -> Result<std::size_t> {
            const std::size_t part = std::min(into.size(), rest.size());
            std::ranges::copy(rest.first(part), into.begin());
            rest = rest.subspan(part);
            return part;
        },
        [&](ByteView frames) -> Result<void> {
            said += frames.size();
            if (said > outputLimit)
                return fail(ErrorCode::NoSpace, "enough");
            if (const auto taken = decoder.add(frames, nowhere); !taken)
                std::abort();
            return {};
        });
    if (done && !decoder.finish())
        std::abort();
    return 0;
}
