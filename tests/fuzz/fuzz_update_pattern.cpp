// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/pattern.h"

#include <cstdlib>

// First line: a pattern; second: a name. What matches can be written again, and the name made from it tells the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    using namespace Preon::Update;
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    const std::size_t end = text.find('\n');
    const auto pattern = Pattern::parse(text.substr(0, end));
    if (!pattern || end == std::string_view::npos)
        return 0;
    const Match match = pattern->match(text.substr(end + 1));
    if (match.matched != Matched::Yes)
        return 0;
    const auto name = pattern->format(match.fields);
    if (!name)
        std::abort();
    // A field may hold what the next literal begins with only where it was not seen before: "@v.x" never gives a version with ".x" in it.
    const Match again = pattern->match(*name);
    if (again.matched == Matched::Yes && !(again.fields == match.fields))
        std::abort();
    return 0;
}
