// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Unified kernels and boot entries as they may lie on an EFI partition that anybody wrote to.
#include "core/boot/entries.h"
#include "core/boot/firmwareentries.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    using namespace Preon;
    const ByteView bytes = std::as_bytes(std::span(data, size));
    if (const auto kernel = Boot::readUnifiedKernel(bytes)) {
        for (const Boot::PeSection &section : kernel->sections) {
            if (section.offset + section.size > size)
                std::abort();
        }
        if (Boot::entriesOfKernel("/EFI/Linux/a+1.efi", *kernel).size() != kernel->profiles.size())
            std::abort();
    }
    static_cast<void>(Boot::parseType1("/loader/entries/a.conf", {reinterpret_cast<const char *>(data), size}));
    // What is read from an entry and written again is the same entry.
    if (const auto entry = Boot::parseLoadOption(1, bytes); entry && entry->file && entry->file->path.size() < 1000) {
        const auto again = Boot::parseLoadOption(1, Boot::encodeLoadOption(*entry));
        if (!again || *again != *entry)
            std::abort();
    }
    return 0;
}
