// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/luks/recovery.h"

#include <algorithm>
#include <cstdlib>

using namespace Preon;

// Recovery keys are typed by people, or anything else is typed in their place.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    const auto key = Luks::recoveryKeyFrom(Secret::copyOf(std::as_bytes(std::span(data, size))));
    if (!key)
        return 0;
    const auto again = Luks::recoveryKeyFrom(*key);
    if (key->size() != Luks::recoveryKeyLength || !again || !std::ranges::equal(again->bytes(), key->bytes()))
        std::abort();
    return 0;
}
