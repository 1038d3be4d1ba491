// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Headers as a server may send them: the lines are Content-Range, ETag, Last-Modified, Accept-Ranges and Location; before them the status, the offset and what
// else is known, in binary.
#include "core/transport/http.h"

#include <cstdlib>
#include <cstring>

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    using namespace Preon;
    using namespace Preon::Transport;
    struct {
        std::uint16_t status, flags;
        std::uint32_t offset, expected, length;
    } numbers{};
    if (size < sizeof numbers)
        return 0;
    std::memcpy(&numbers, data, sizeof numbers);
    std::string_view text(reinterpret_cast<const char *>(data) + sizeof numbers, size - sizeof numbers);
    const auto line = [&text] {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string taken(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        return taken;
    };
    Asked asked{.offset = numbers.offset, .limit = 1U << 30U};
    Answer answer{.status = numbers.status};
    if (numbers.flags & 1U)
        asked.expectedSize = numbers.expected;
    if (numbers.flags & 2U)
        answer.length = numbers.length;
    if (numbers.flags & 4U)
        asked.validator.fill(std::byte{1});
    answer.contentRange = line();
    answer.tag = line();
    answer.modified = line();
    answer.acceptRanges = line();
    answer.location = line();
    const Judgement judgement = judge(asked, answer);
    // Bytes are taken only from where they were asked for, or from the start; and never more than are wanted.
    if (judgement.verdict == Verdict::Take) {
        if (judgement.first != 0 && judgement.first != asked.offset)
            std::abort();
        if (judgement.total
            && (*judgement.total > asked.limit || judgement.first > *judgement.total || (asked.expectedSize && *judgement.total != *asked.expectedSize)))
            std::abort();
        if (judgement.hasLength && judgement.total && judgement.length > *judgement.total - judgement.first)
            std::abort();
    }
    if (isStrongTag(answer.tag) && answer.tag.find_first_of("\r\n") != std::string::npos)
        std::abort();
    if (const auto range = parseContentRange(answer.contentRange)) {
        if (range->first && (*range->last < *range->first || (range->total && *range->last >= *range->total)))
            std::abort();
    }
    const Address base{"https://a.example/x/y", true};
    if (const auto next = resolveAddress(base, answer.location)) {
        if (!next->url.starts_with("http://") && !next->url.starts_with("https://"))
            std::abort();
        if (next->isEncrypted != next->url.starts_with("https://"))
            std::abort();
    }
    return 0;
}
