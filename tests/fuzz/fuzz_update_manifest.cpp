// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/manifest.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    using namespace Preon;
    const auto manifest = Update::parseManifest(std::as_bytes(std::span(data, size)));
    if (!manifest)
        return 0;
    for (const auto &entry : manifest->entries) {
        if (entry.name.empty() || entry.name.find('/') != std::string::npos || entry.name == "..")
            std::abort();
    }
    manifest->isStale(std::chrono::sys_seconds());
    return 0;
}
