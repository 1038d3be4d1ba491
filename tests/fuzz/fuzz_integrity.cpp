// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The superblock of an integrity protected volume: what is accepted has the flags that protect and a size in whole blocks.
#include "core/luks/integrity.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    using namespace Preon;
    const auto bytes = std::as_bytes(std::span(data, size));
    const auto superblock = Luks::parseIntegritySuperblock(bytes);
    (void)Luks::parseIntegrityStatus(std::string_view(reinterpret_cast<const char *>(data), size));
    if (!superblock)
        return 0;
    const bool guarded = data[8] == 5 && data[24] == 0x19 && data[10] == 32;
    if (!guarded || superblock->sectors == 0 || superblock->sectors * 512 % Luks::integrityBlock)
        std::abort();
    return 0;
}
