// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The hash tree and the signature that go beside a partition's data (Verity=hash, Verity=signature).

#include "core/disk/content.h"
#include "core/repart/filesystem.h"
#include "core/repart/plan.h"
#include "core/verity/build.h"

#include <functional>

namespace Preon::Repart
{

// Over a range of a device or file, which is a whole number of data blocks. part says salt, UUID and block sizes. Reports bytes of data.
Result<Preon::Verity::BuiltTree> makeHashTree(const Disk::Device &data, const Disk::Range &range, const VerityPart &part, Progress &progress);
// Bytes from the beginning of the partition that the tree speaks for: superblock, levels and the zeroes between them.
std::uint64_t areaOf(const Preon::Verity::BuiltTree &tree);

// Whoever holds the key: gives a detached PKCS#7 signature, DER, of the root hash's hexadecimal text.
struct Signer {
    std::function<Result<Bytes>(const std::string &text)> sign;
    Bytes certificateFingerprint; // SHA-256 of the certificate's DER
};

// From PEM files. Untrusted-looking input is BadFormat; a key that is locked by a passphrase is Unsupported.
Result<Signer> signerFrom(const std::filesystem::path &privateKey, const std::filesystem::path &certificate);
// Whether such a file is one, where only one of the two is there.
Result<void> checkPrivateKey(const std::filesystem::path &privateKey);
Result<void> checkCertificate(const std::filesystem::path &certificate);
// With the key held by an OpenSSL provider (--private-key-source=provider:NAME), named by a URI.
Result<Signer> signerFromProvider(const std::string &provider, const std::string &uri, const std::filesystem::path &certificate);

// What a signature partition holds, without the zeroes behind it (UAPI.3, "verity signature partitions").
Result<std::string> signatureText(ByteView rootHash, const Signer &signer);

} // namespace Preon::Repart
