// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/tpm/pcrs.h"

#include <cstdlib>

using namespace Preon;

// Lists of PCRs come from command lines, and some day from files that others wrote.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    const auto choice = Tpm::parsePcrs(std::string_view(reinterpret_cast<const char *>(data), size));
    if (!choice)
        return choice.error().code == ErrorCode::BadArgument ? 0 : (std::abort(), 0);
    if (choice->mask >> 24U || (!choice->bank.empty() && !Tpm::digestSize(choice->bank)))
        std::abort();
    for (const Tpm::PcrValue &value : choice->values) {
        if (!(choice->mask >> value.index & 1U) || value.digest.size() != Tpm::digestSize(choice->bank))
            std::abort();
    }
    // What it means, written down, is the same list.
    if (Tpm::parsePcrMask(Tpm::pcrText(choice->mask)) != choice->mask)
        std::abort();
    return 0;
}
