// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What gpgv and sqv may say about signatures of strangers, whose names and notations stand in it.
#include "core/sign/openpgp.h"

#include <algorithm>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    using namespace Preon;
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    const auto check = [](const Result<std::vector<Sign::OpenPgpSigner>> &signers) {
        if (!signers) {
            if (!std::ranges::all_of(signers.error().text(), [](char c) { return c >= 0x20 && c < 0x7f; }))
                std::abort();
            return;
        }
        if (signers->empty())
            std::abort();
        for (const Sign::OpenPgpSigner &signer : *signers) {
            if (signer.fingerprint.size() != 40 && signer.fingerprint.size() != 64)
                std::abort();
        }
    };
    const auto gpgv = Sign::signersOfGpgv(text);
    check(gpgv);
    if (gpgv && !text.contains("[GNUPG:] GOODSIG"))
        std::abort();
    const std::size_t middle = size / 2;
    check(Sign::signersOfSqv(text.substr(0, middle), text.substr(middle)));
    static_cast<void>(Sign::withoutArmour(asBytes(text)));
    return 0;
}
