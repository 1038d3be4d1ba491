// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/luks/testrecord.h"

#include <cstdlib>

using namespace Preon;

// The note lies on the encrypted root, which may be damaged or somebody else's.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    const auto record = Luks::parseTestRecord(std::string_view(reinterpret_cast<const char *>(data), size));
    if (!record)
        return 0;
    for (const auto &[volume, tests] : *record) {
        if (tests.adding && (*tests.adding < 0 || *tests.adding >= 32))
            std::abort();
        for (const auto &[slot, mark] : tests.marks) {
            if (slot < 0 || slot >= 32 || mark.when < 0)
                std::abort();
        }
    }
    // What was understood survives being written, unless it became too long (written with more blanks).
    const std::string text = Luks::testRecordText(*record);
    const auto again = Luks::parseTestRecord(text);
    if (text.size() <= Luks::largestTestRecord && (!again || *again != *record))
        std::abort();
    return 0;
}
