// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the loader says of a counted start, and the record of starts: both from anybody.
#include "core/boot/assessment.h"
#include "core/boot/starts.h"

#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    if (const auto start = Preon::Boot::parseCountedStart(text)) {
        // Never out of the partition, and a counter is what was taken away.
        for (const auto &part : std::filesystem::path(start->good)) {
            if (part == ".." || part == "/")
                std::abort();
        }
        if (start->good == start->path)
            std::abort();
    }
    const auto starts = Preon::Boot::parseStarts(text);
    if (starts.size() > Preon::Boot::mostStarts || Preon::Boot::parseStarts(Preon::Boot::startsText(starts)).size() != starts.size())
        std::abort();
    Preon::Boot::leftVersions({}, starts);
    return 0;
}
