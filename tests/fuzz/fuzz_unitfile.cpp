// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/base/format.h"
#include "core/base/unitfile.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    Preon::UnitFile file;
    Preon::parseUnitText(std::string_view(reinterpret_cast<const char *>(data), size), "x.conf", file);
    for (const Preon::UnitEntry &entry : file.entries) {
        // What a caller relies on: no entry without a place, and lists that hold what was assigned.
        if (entry.section.size() + entry.key.size() == 0 || entry.line == 0 || entry.key.contains('\n'))
            std::abort();
        if (!entry.value.empty() && file.last(entry.section, entry.key) == std::nullopt)
            std::abort();
        (void)file.all(entry.section, entry.key);
        (void)Preon::parseSize(entry.value);
        (void)Preon::parseBoolean(entry.value);
    }
    return 0;
}
