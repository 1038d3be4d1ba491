// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/install/choices.h"

#include <cstdlib>

using namespace Preon;

// A file of the EFI partition, which anybody can have written; root reads it in the initrd.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    const std::string hash(64, 'a');
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    const auto choices = Install::parseChoices(text, hash);
    if (!choices)
        return 0;
    // What was taken says the same when it is written again, and holds nothing that a settings file or a command line could take for something else.
    const std::string again = Install::choicesText(*choices, hash);
    if (Install::parseChoices(again, hash) != *choices || again.size() > Install::largestChoices)
        std::abort();
    for (const std::string &value : {choices->language, choices->layout, choices->variant, choices->timeZone, choices->hostname}) {
        if (value.find_first_of("\n\r\"'\\$` ;=") != std::string::npos || value.contains("..") || value.starts_with('/') || value.starts_with('-'))
            std::abort();
    }
    return 0;
}
