// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What a TPM 2.0 policy comes to, computed without a TPM: the digests of PolicyAuthorize, PolicyPCR and PolicyAuthValue (TPM 2.0 Library, part 3, section 23),
// the identity of a policy key, the choice of a signature from tpm2-pcr-signature.json, and how a PIN becomes an authorisation value. Pure; talks to nothing.

#include "core/base/secret.h"
#include "core/tpm/tpm.h"

#include <optional>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace Preon::Tpm
{

// The policy hash under construction, in the order in which the commands are given to a policy session.
class PolicyDigest
{
public:
    // Starts over, as the TPM does: what stood before is what the key's signature speaks of. name: the key's TPM name.
    void authorize(ByteView name);
    // values: of all PCRs in the mask, in the order of their indexes. Unsupported for a bank that TPMs do not know.
    Result<void> pcr(const std::string &bank, PcrMask mask, const std::vector<PcrValue> &values);
    void authValue();

    const Sha256Digest &digest() const
    {
        return m_digest;
    }

private:
    Sha256Digest m_digest{};
};

// What the object is sealed under: PolicyAuthorize where there is a key, PolicyPCR where there are literal PCRs (their values), PolicyAuthValue with a PIN.
Result<Sha256Digest> sealingPolicy(const std::string &bank, PcrMask literalPcrs, const std::vector<PcrValue> &literalValues, const std::string &publicKeyPem,
                                   bool pin);

// Which literal PCRs differ from what the secret was sealed to; nullopt where nothing can be said for certain. now: of all of them, in the order of their
// numbers. Known for what we sealed (it carries the values), for a single PCR, and where those that changed were empty before.
std::optional<PcrMask> changedPcrs(const SealedSecret &sealed, const std::vector<PcrValue> &now);

// "pkfp" of a signature: SHA-256 over the DER form that the key's algorithm has of its own (RSA: PKCS#1), not over SubjectPublicKeyInfo.
Result<Sha256Digest> keyFingerprint(const std::string &publicKeyPem);
// The name under which a TPM knows the key when it is loaded from outside: RSA keys only, as systemd does.
Result<Bytes> keyName(const std::string &publicKeyPem);

// The signature over `approved` (a PolicyPCR digest) by the key, for exactly these PCRs of this bank. BadFormat when the document is not what it should be;
// PolicyMismatch tells in its reason whether the key, the PCRs or their values do not fit.
Result<Bytes> findSignature(const nlohmann::json &document, const std::string &bank, PcrMask pcrs, ByteView fingerprint, ByteView approved);

// Base64 of a secret is as secret as itself; this is what systemd uses as passphrase.
Secret base64Of(const Secret &secret);
// The sealed object's authorisation value. An empty salt means a token of 252, which has none.
Result<Secret> pinAuthorization(const Secret &pin, ByteView salt);

} // namespace Preon::Tpm
