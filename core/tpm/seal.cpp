// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/base/hash.h"
#include "core/tpm/esys.h"
#include "core/tpm/policy.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>
#include <openssl/crypto.h>
#include <tss2/tss2_mu.h>

namespace Preon::Tpm
{

namespace
{

Result<Bytes> marshalled(const TPM2B_PRIVATE &secretPart, const TPM2B_PUBLIC &publicPart)
{
    std::array<std::uint8_t, sizeof(TPM2B_PRIVATE) + sizeof(TPM2B_PUBLIC)> buffer;
    std::size_t used = 0;
    if (Tss2_MU_TPM2B_PRIVATE_Marshal(&secretPart, buffer.data(), buffer.size(), &used) != TSS2_RC_SUCCESS
        || Tss2_MU_TPM2B_PUBLIC_Marshal(&publicPart, buffer.data(), buffer.size(), &used) != TSS2_RC_SUCCESS)
        return fail(ErrorCode::Io, "What the TPM sealed could not be encoded");
    const auto bytes = std::as_bytes(std::span(buffer.data(), used));
    return Bytes(bytes.begin(), bytes.end());
}

// What becomes of the sensitive part that is handed to the TPM: wiped.
struct Sensitive {
    TPM2B_SENSITIVE_CREATE area{};
    ~Sensitive()
    {
        OPENSSL_cleanse(&area, sizeof(area));
    }
};

TPM2B_PUBLIC sealedShape(const Sha256Digest &policy, bool pin)
{
    TPM2B_PUBLIC area{};
    TPMT_PUBLIC &shape = area.publicArea;
    shape.type = TPM2_ALG_KEYEDHASH;
    shape.nameAlg = TPM2_ALG_SHA256;
    // Wrong tries count for the lockout only where a person chose the secret.
    shape.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | (pin ? 0U : TPMA_OBJECT_NODA);
    shape.authPolicy.size = static_cast<UINT16>(policy.size());
    std::ranges::copy(policy, reinterpret_cast<std::byte *>(shape.authPolicy.buffer));
    shape.parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL;
    return area;
}

Result<void> checkPolicy(const SealPolicy &policy)
{
    if (!bankAlgorithm(policy.bank))
        return fail(ErrorCode::Unsupported, "The PCR bank \"" + policy.bank + "\" is not known");
    if (policy.literalPcrs >> 24U || policy.signedPcrs >> 24U)
        return fail(ErrorCode::BadArgument, "The policy names a PCR that does not exist", "they are numbered 0 to 23");
    if (!policy.publicKeyPem.empty() && policy.signedPcrs == 0)
        return fail(ErrorCode::BadArgument, "The policy names a key, but no PCR that its signatures speak of");
    for (const PcrValue &value : policy.expected) {
        if (value.index >= 24 || !(policy.literalPcrs >> value.index & 1U))
            return fail(ErrorCode::BadArgument, "The policy expects a value of a PCR that it does not bind to", "PCR " + std::to_string(value.index));
    }
    return {};
}
}

Result<std::vector<PcrValue>> Context::literalValues(const SealPolicy &policy)
{
    PREON_CHECK(checkPolicy(policy));
    std::vector<PcrValue> values;
    if (policy.literalPcrs != 0) {
        PREON_TRY(values, readPcrs(policy.bank, policy.literalPcrs));
    }
    for (const PcrValue &wanted : policy.expected) {
        PcrValue &value = *std::ranges::find(values, wanted.index, &PcrValue::index);
        if (wanted.digest.size() != value.digest.size())
            return fail(ErrorCode::BadArgument,
                        "The value that PCR " + std::to_string(wanted.index) + " shall have is not as long as a digest of " + policy.bank);
        value.digest = wanted.digest;
    }
    return values;
}

Result<SealedSecret> Context::seal(const Secret &secret, const SealPolicy &policy)
{
    Sensitive sensitive;
    TPMS_SENSITIVE_CREATE &inside = sensitive.area.sensitive;
    if (secret.empty() || secret.size() > 128) // MAX_SYM_DATA of the TPM's profile for PCs
        return fail(ErrorCode::BadArgument, "A TPM seals 1 to 128 bytes", std::to_string(secret.size()) + " were given");

    SealedSecret sealed;
    sealed.bank = policy.bank.empty() ? "sha256" : policy.bank;
    sealed.literalPcrs = policy.literalPcrs;
    sealed.publicKeyPem = policy.publicKeyPem;
    sealed.signedPcrs = policy.publicKeyPem.empty() ? 0 : policy.signedPcrs;
    sealed.pin = !policy.pin.empty();
    PREON_TRY(std::vector<PcrValue> values, literalValues(policy));
    PREON_TRY(const Sha256Digest digest, sealingPolicy(sealed.bank, policy.literalPcrs, values, policy.publicKeyPem, sealed.pin));
    sealed.literalValues = std::move(values);

    std::ranges::copy(secret.bytes(), reinterpret_cast<std::byte *>(inside.data.buffer));
    inside.data.size = static_cast<UINT16>(secret.size());
    if (sealed.pin) {
        PREON_TRY(const Secret salt, Secret::random(32));
        sealed.salt.assign(salt.bytes().begin(), salt.bytes().end());
        PREON_TRY(const Secret authorization, pinAuthorization(policy.pin, sealed.salt));
        std::ranges::copy(authorization.bytes(), reinterpret_cast<std::byte *>(inside.userAuth.buffer));
        inside.userAuth.size = static_cast<UINT16>(authorization.size());
    }

    PREON_TRY(const Object root, m_state->storageRoot());
    PREON_TRY(const Object session, m_state->session(root, TPM2_SE_HMAC, secretBothWays));
    const TPM2B_PUBLIC shape = sealedShape(digest, sealed.pin);
    const TPM2B_DATA outside{};
    const TPML_PCR_SELECTION noPcrs{};
    TPM2B_PRIVATE *secretPart = nullptr;
    TPM2B_PUBLIC *publicPart = nullptr;
    TSS2_RC code = Esys_Create(m_state->esys, root.number(), session.number(), ESYS_TR_NONE, ESYS_TR_NONE, &sensitive.area, &shape, &outside, &noPcrs,
                               &secretPart, &publicPart, nullptr, nullptr, nullptr);
    const EsysPtr<TPM2B_PRIVATE> secretOwner(secretPart);
    const EsysPtr<TPM2B_PUBLIC> publicOwner(publicPart);
    if (code != TSS2_RC_SUCCESS)
        return failTpm(code, "The TPM could not seal the key");
    PREON_TRY(Bytes blob, marshalled(*secretPart, *publicPart));
    sealed.shards.push_back({std::move(blob), Bytes(digest.begin(), digest.end())});

    std::uint8_t *record = nullptr;
    std::size_t recordSize = 0;
    code = Esys_TR_Serialize(m_state->esys, root.number(), &record, &recordSize);
    const EsysPtr<std::uint8_t> recordOwner(record);
    if (code != TSS2_RC_SUCCESS)
        return failTpm(code, "The TPM's storage key could not be recorded");
    const auto bytes = std::as_bytes(std::span(record, recordSize));
    sealed.srk.assign(bytes.begin(), bytes.end());
    PREON_TRY(sealed.primaryAlgorithm, m_state->algorithmOf(root));
    return sealed;
}

} // namespace Preon::Tpm
