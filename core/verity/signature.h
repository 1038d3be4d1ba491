// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The signature of a root hash, as the kernel and systemd want it: PKCS#7 over the hash as lower-case hexadecimal text; and the JSON around it that a partition
// "…-verity-sig" holds (Discoverable Partitions Specification, "Verity signature partitions").

#include "core/sign/pkcs7.h"

#include <optional>
#include <string_view>

namespace Preon::Verity
{

constexpr std::size_t signaturePartitionSize = 16U << 10U; // bytes, as systemd-repart makes it; the JSON, then zeros

struct RootHashSignature {
    Bytes rootHash;
    std::optional<Sha256Digest> fingerprint; // of the signer's certificate, as its writer claims
    Bytes signature; // DER
    bool operator==(const RootHashSignature &) const = default;
};

// Errors as Sign::signDetached.
Result<RootHashSignature> signRootHash(ByteView rootHash, const Sign::Key &key, const Sign::Certificate &certificate);

// To the letter what systemd-repart writes, without the zeros behind it. NoSpace when it is larger than the partition.
Result<std::string> signatureJson(const RootHashSignature &signature);
// The content of such a partition or file: the object, then nothing but zeros. Unknown fields are passed over, a missing fingerprint is accepted.
// NotFound when it is empty, BadFormat when it is something else or larger than 4 MiB.
Result<RootHashSignature> parseSignature(ByteView content);

// Untrusted with the reason when none of the trusted certificates signed this root hash, or when the fingerprint is none of theirs; BadFormat as
// Sign::verifyDetached.
Result<void> checkSignature(const RootHashSignature &signature, std::span<const Sign::Certificate> trusted);

} // namespace Preon::Verity
