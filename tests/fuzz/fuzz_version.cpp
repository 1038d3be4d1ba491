// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/base/version.h"

#include <cstdlib>
#include <string_view>

// The input is three versions, one a line. An order that depends on the side, or that runs in a circle, would sort entries differently each time.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    std::string_view rest(reinterpret_cast<const char *>(data), size);
    std::string_view part[3];
    for (std::string_view &text : part) {
        text = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(text.size() < rest.size() ? text.size() + 1 : text.size());
    }
    const auto order = [](std::string_view a, std::string_view b) {
        return Preon::compareVersions(a, b);
    };
    for (const std::string_view a : part) {
        if (order(a, a) != 0)
            std::abort();
        for (const std::string_view b : part) {
            if (order(a, b) != -order(b, a))
                std::abort();
            for (const std::string_view c : part) {
                if (order(a, b) < 0 && order(b, c) < 0 && order(a, c) >= 0)
                    std::abort();
            }
        }
    }
    return 0;
}
