// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/image/imagefiles.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    const auto listed = Preon::Image::parseFolderListing(std::string_view(reinterpret_cast<const char *>(data), size));
    for (const auto *names : {&listed.files, &listed.others}) {
        for (const std::string &name : *names) {
            if (name.empty() || name == "." || name == ".." || name.contains('/'))
                std::abort();
        }
    }
    return 0;
}
