// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/base/hash.h"
#include "core/tpm/policy.h"

#include <cstdlib>

#include <nlohmann/json.hpp>

using namespace Preon;

// PCR signatures come with the kernel, but may also be laid beside it by whoever can write the EFI partition.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    const auto document = nlohmann::json::parse(data, data + size, nullptr, false);
    if (document.is_discarded())
        return 0;
    const Sha256Digest zeros{};
    static const Bytes key = *fromHex("dc9bcca417540d1cdb382506b69a29bbb8677148fcc2d9a5983afd6799173ad4"); // of corpus/signature/two-phases
    static const Bytes policy = *fromHex("18ff39f599ef6813218e94a9c5bbf908cf8c673a7654855e8d479b15edd06e4b");
    for (const auto &found :
         {Tpm::findSignature(document, "sha256", 1U << 11U, zeros, zeros), Tpm::findSignature(document, "sha256", 1U << 11U, key, policy)}) {
        if (found && found->empty())
            std::abort();
    }
    return 0;
}
