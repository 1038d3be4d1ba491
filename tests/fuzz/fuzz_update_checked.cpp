// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/checked.h"
#include "core/update/pattern.h"

#include <cstdlib>

using namespace Preon;

namespace
{

void holds(bool what)
{
    if (!what)
        std::abort();
}

} // namespace

// What is taken of either file is whole and comes out again as it went in.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    const Update::Checked checked = Update::parseChecked(text);
    holds(checked.when >= 0 && checked.heard >= 0);
    if (checked.candidate) {
        holds(Update::isVersion(checked.candidate->version));
        holds(checked.candidate->changeLog.empty() || checked.candidate->changeLog.starts_with("https://"));
    }
    const Update::Checked again = Update::parseChecked(Update::checkedText(checked));
    holds(again.when == checked.when && again.heard == checked.heard && again.candidate == checked.candidate);
    holds(again.error.has_value() == checked.error.has_value() && (!again.error || again.error->text() == checked.error->text()));
    if (const auto begun = Update::parseBegun(text)) {
        holds(Update::isVersion(begun->version));
        holds(Update::parseBegun(Update::begunText(*begun)) == begun);
    }
    return 0;
}
