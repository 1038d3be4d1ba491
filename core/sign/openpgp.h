// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Detached OpenPGP signatures (RFC 9580) checked with the keyrings of systemd, by a program of its own without network and rights: signature and keys are parsed
// there, and here only what it says, line by line. gpgv where there is one, since its status lines say in fixed words what is wrong, and systemd's own checks are
// GnuPG's; sqv else. They differ: a key that has expired by now is refused by gpgv's word, sqv takes what was signed before; a signature from the future is refused
// by sqv.

#include "core/base/fd.h"
#include "core/base/host.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace Preon::Sign
{

// Those that systemd-sysupdate and systemd-import take: /etc/systemd/import-pubring.pgp (or .gpg, as older systems have it) and the same in /usr/lib. Untrusted
// when there is none of them.
Result<std::vector<std::filesystem::path>> importKeyrings(const Host &host);

enum class OpenPgpProgram {
    Any, // gpgv, or else sqv
    Gpgv,
    Sqv,
};

struct OpenPgpSigner {
    std::string fingerprint; // of the certificate (primary key): upper-case hexadecimal
    std::string keyFingerprint; // of the key that signed: the same, or one of its subkeys; sqv does not tell and the first stands here
    std::optional<std::int64_t> signedAt = {}; // seconds since 1970, as the signature says; sqv does not tell
    bool operator==(const OpenPgpSigner &) const = default;
};

// Who of the keyrings' owners signed that content; one at least, each once. Signatures by keys that are not in the keyrings count for nothing, as long as there is
// another one. Untrusted with the reason: a wrong signature (also beside good ones), one by an unknown, expired or revoked key, an expired one, one over a weak
// hash (SHA-1, MD5). BadFormat when it is no signature, NotFound when neither program is installed. Keyrings may be binary or armoured.
Result<std::vector<OpenPgpSigner>> verifyOpenPgp(ByteView content, ByteView signature, std::span<const std::filesystem::path> keyrings,
                                                 OpenPgpProgram program = OpenPgpProgram::Any);

// What gpgv's status lines say; for tests and for verifyOpenPgp.
Result<std::vector<OpenPgpSigner>> signersOfGpgv(std::string_view statusLines);
// What sqv says on its standard output and on its standard error.
Result<std::vector<OpenPgpSigner>> signersOfSqv(std::string_view output, std::string_view errors);

// A keyring without its armour (RFC 9580, 6.2); as it is when it has none. BadFormat when the armour is broken.
Result<Bytes> withoutArmour(ByteView keyring);

} // namespace Preon::Sign
