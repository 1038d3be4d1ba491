// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/repart/plan.h"

#include <algorithm>
#include <array>

namespace Preon::Repart
{

Uuid diskUuidFrom(const Uuid &seed)
{
    return Uuid::derived(seed.bytes(), asBytes("disk-uuid"));
}

Uuid partitionUuidFrom(const Uuid &seed, const Uuid &type, std::uint64_t index)
{
    Bytes message(type.bytes().begin(), type.bytes().end());
    // The first of a type carries no number: then one definition alone gives the same on every machine of a seed.
    for (unsigned shift = 0; index > 0 && shift < 64; shift += 8)
        message.push_back(static_cast<std::byte>(index >> shift));
    return Uuid::derived(seed.bytes(), message);
}

Uuid fileSystemUuidFrom(const Uuid &partition)
{
    return Uuid::derived(partition.bytes(), asBytes("file-system-uuid"));
}

Uuid luksUuidFrom(const Uuid &partition)
{
    return Uuid::derived(partition.bytes(), asBytes("luks-uuid"));
}

Uuid verityUuidFrom(const Uuid &seed)
{
    return Uuid::derived(seed.bytes(), asBytes("verity-uuid"));
}

Bytes veritySaltFrom(const Uuid &seed)
{
    const Sha256Digest salt = hmacSha256(seed.bytes(), asBytes("verity-salt"));
    return {salt.begin(), salt.end()};
}

namespace
{
Uuid uuidOf(ByteView bytes)
{
    std::array<std::byte, 16> raw{};
    std::ranges::copy(bytes.first(raw.size()), raw.begin());
    return Uuid(raw);
}
}

Uuid verityDataUuid(ByteView rootHash)
{
    return uuidOf(rootHash);
}

Uuid verityHashUuid(ByteView rootHash)
{
    return uuidOf(rootHash.last(16));
}

} // namespace Preon::Repart
