// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/luks/token.h"

#include <cstdlib>

using namespace Preon;

// Tokens come from a disk that anybody may have written.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    const auto token = nlohmann::json::parse(data, data + size, nullptr, false);
    if (token.is_discarded())
        return 0;
    for (const int slot : Luks::tokenSlots(token)) {
        if (slot < 0)
            std::abort();
    }
    const auto sealed = Luks::fromToken(token);
    if (!sealed)
        return 0;
    if (sealed->blob.empty() || sealed->policyHash.empty() || sealed->literalPcrs >> 24U || sealed->signedPcrs >> 24U)
        std::abort();
    // What was understood survives being written.
    const auto again = Luks::fromToken(Luks::toToken(*sealed, 0));
    if (!again || again->blob != sealed->blob || again->literalPcrs != sealed->literalPcrs || again->signedPcrs != sealed->signedPcrs
        || again->pin != sealed->pin || again->publicKeyPem != sealed->publicKeyPem || again->srk != sealed->srk || again->salt != sealed->salt)
        std::abort();
    return 0;
}
