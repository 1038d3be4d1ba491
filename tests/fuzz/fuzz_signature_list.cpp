// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a firmware says whom it trusts, and the signatures of programs on an EFI partition that anybody wrote to.
#include "core/boot/pe.h"
#include "core/boot/secureboot.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    using namespace Preon;
    const ByteView bytes = std::as_bytes(std::span(data, size));
    if (const auto certificates = Boot::parseSignatureLists(bytes)) {
        for (const Sign::Certificate &each : *certificates) {
            // What was read is written as a list that is read again.
            const auto again = Boot::parseSignatureLists(Boot::signatureListOf(each.der()));
            if (!again || again->size() != 1 || again->front().fingerprint() != each.fingerprint())
                std::abort();
        }
        static_cast<void>(Boot::isVouchedFor(*certificates, *certificates));
    }
    if (const auto signatures = Boot::readPeSignatures(bytes)) {
        for (const ByteView signature : *signatures) {
            if (signature.data() < bytes.data() || signature.data() + signature.size() > bytes.data() + bytes.size())
                std::abort();
        }
    }
    static_cast<void>(Boot::signersOf(bytes));
    return 0;
}
