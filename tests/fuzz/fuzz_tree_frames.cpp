// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What an unpacker of archives that was taken over may send through its pipe. The first byte says how the pipe cuts it; however it does, the same comes of it.
#include "core/fetch/treeframes.h"
#include "core/base/hash.h"

#include <algorithm>
#include <cstdlib>

namespace
{
using namespace Preon;

class Checked : public Fetch::TreeSink
{
public:
    Result<void> entry(const Fetch::TreeEntry &entry) override
    {
        const auto normal = Fetch::treePath(entry.path);
        if (!normal || *normal != entry.path || ++entries > limits.entries)
            std::abort();
        const auto target = Fetch::treePath(entry.target);
        if (entry.kind == Fetch::EntryKind::HardLink && (!target || *target != entry.target || target->empty()))
            std::abort();
        size = entry.kind == Fetch::EntryKind::File ? entry.size : 0;
        position = 0;
        all.add(Fetch::encode(entry));
        return {};
    }
    Result<void> data(std::uint64_t offset, ByteView part) override
    {
        if (part.empty() || offset < position || offset + part.size() > size)
            std::abort();
        position = offset + part.size();
        bytes += part.size();
        if (bytes > limits.bytes)
            std::abort();
        all.add(Fetch::treeDataHeader(offset, part.size())).add(part);
        return {};
    }

    static constexpr Fetch::TreeLimits limits{.entries = 50, .bytes = 100'000};
    std::uint64_t entries = 0, bytes = 0, size = 0, position = 0;
    Sha256 all;
};

struct Outcome {
    bool isWhole = false;
    Sha256Digest digest{};
    bool operator==(const Outcome &) const = default;
};

Outcome decode(ByteView rest, std::size_t step)
{
    Checked checked;
    Fetch::TreeDecoder decoder(Checked::limits);
    for (; !rest.empty(); rest = rest.subspan(std::min(step, rest.size()))) {
        if (decoder.add(rest.first(std::min(step, rest.size())), checked))
            continue;
        if (decoder.add({}, checked) || decoder.finish())
            std::abort(); // final
        return {false, checked.all.finish()};
    }
    return {decoder.finish().has_value(), checked.all.finish()};
}
}

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    if (size < 1)
        return 0;
    const ByteView bytes = std::as_bytes(std::span(data, size).subspan(1));
    if (decode(bytes, size) != decode(bytes, std::max<std::size_t>(data[0], 1)))
        std::abort();
    return 0;
}
