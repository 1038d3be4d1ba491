// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/luks/token.h"
#include "core/tpm/policy.h"

#include <algorithm>
#include <cstdlib>

using namespace Preon;

namespace
{
bool sameShards(const Tpm::SealedSecret &one, const Tpm::SealedSecret &other)
{
    return std::ranges::equal(one.shards, other.shards,
                              [](const Tpm::Shard &a, const Tpm::Shard &b) { return a.blob == b.blob && a.policyHash == b.policyHash; });
}
}

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
    if (sealed->shards.empty() || sealed->literalPcrs >> 24U || sealed->signedPcrs >> 24U)
        std::abort();
    for (const Tpm::Shard &shard : sealed->shards) {
        if (shard.blob.empty() || shard.policyHash.empty())
            std::abort();
    }
    // What was understood survives being written.
    const auto again = Luks::fromToken(Luks::toToken(*sealed, 0));
    if (!again || !sameShards(*again, *sealed) || again->literalPcrs != sealed->literalPcrs || again->signedPcrs != sealed->signedPcrs
        || again->pin != sealed->pin || again->publicKeyPem != sealed->publicKeyPem || again->srk != sealed->srk || again->salt != sealed->salt
        || again->pcrlock != sealed->pcrlock || again->pcrlockNv != sealed->pcrlockNv || again->literalValues != sealed->literalValues)
        std::abort();
    // Only what leads to the hash that it was sealed under may be said to have changed.
    const auto changed = Tpm::changedPcrs(*sealed, sealed->literalValues);
    if (changed && (*changed == 0 || (*changed & ~sealed->literalPcrs) != 0))
        std::abort();
    return 0;
}
