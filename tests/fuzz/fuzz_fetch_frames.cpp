// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a fetcher that was taken over may send through its pipe. The first byte says how the pipe cuts it.
#include "core/fetch/frames.h"

#include <algorithm>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    using namespace Preon;
    if (size < 2)
        return 0;
    const std::size_t step = data[0] == 0 ? size : data[0];
    const std::uint64_t asked = data[1];
    ByteView rest = std::as_bytes(std::span(data, size).subspan(2));
    Fetch::FrameDecoder decoder(asked);
    std::uint64_t position = asked;
    std::uint64_t total = ~0ULL;
    bool begun = false;
    for (;;) {
        const auto frame = decoder.next();
        if (!frame) {
            if (decoder.next())
                std::abort(); // final
            return 0;
        }
        if (!*frame) {
            if (rest.empty())
                return 0;
            const auto room = decoder.room();
            if (room.empty())
                std::abort();
            const std::size_t part = std::min({step, rest.size(), room.size()});
            std::ranges::copy(rest.first(part), room.begin());
            decoder.filled(part);
            rest = rest.subspan(part);
            continue;
        }
        // The order that the decoder promises.
        if (const auto *start = std::get_if<Fetch::Start>(&**frame)) {
            if (start->offset != 0 && start->offset != position)
                std::abort();
            begun = true;
            position = start->offset;
            total = start->total.value_or(~0ULL);
        } else if (const auto *piece = std::get_if<Fetch::Data>(&**frame)) {
            position += piece->bytes.size();
            if (!begun || piece->bytes.empty() || position > total)
                std::abort();
        } else if (const auto *setback = std::get_if<Fetch::Setback>(&**frame)) {
            if (Fetch::printableText(setback->failure.text) != setback->failure.text)
                std::abort();
        } else if (const auto *done = std::get_if<Fetch::Done>(&**frame)) {
            if (done->size != position || (total != ~0ULL && total != position))
                std::abort();
        }
        if (decoder.position() != position)
            std::abort();
    }
}
