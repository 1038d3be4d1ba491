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
constexpr TPMA_SESSION secretBothWays = TPMA_SESSION_CONTINUESESSION | TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT;

const uint8_t *octets(ByteView bytes)
{
    return reinterpret_cast<const uint8_t *>(bytes.data());
}

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

Result<SealedSecret> Context::seal(const Secret &secret, const SealPolicy &policy)
{
    PREON_CHECK(checkPolicy(policy));
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
    std::vector<PcrValue> values;
    if (policy.literalPcrs != 0) {
        PREON_TRY(values, readPcrs(sealed.bank, policy.literalPcrs));
    }
    for (const PcrValue &wanted : policy.expected) {
        PcrValue &value = *std::ranges::find(values, wanted.index, &PcrValue::index);
        if (wanted.digest.size() != value.digest.size())
            return fail(ErrorCode::BadArgument,
                        "The value that PCR " + std::to_string(wanted.index) + " shall have is not as long as a digest of " + sealed.bank);
        value.digest = wanted.digest;
    }
    PREON_TRY(const Sha256Digest digest, sealingPolicy(sealed.bank, policy.literalPcrs, values, policy.publicKeyPem, sealed.pin));
    sealed.policyHash.assign(digest.begin(), digest.end());

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
    PREON_TRY(sealed.blob, marshalled(*secretPart, *publicPart));

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

Result<Object> Context::State::load(const Object &parent, ByteView blob)
{
    TPM2B_PRIVATE secretPart{};
    TPM2B_PUBLIC publicPart{};
    TPM2B_ENCRYPTED_SECRET seed{};
    std::size_t at = 0;
    bool understood = Tss2_MU_TPM2B_PRIVATE_Unmarshal(octets(blob), blob.size(), &at, &secretPart) == TSS2_RC_SUCCESS
        && Tss2_MU_TPM2B_PUBLIC_Unmarshal(octets(blob), blob.size(), &at, &publicPart) == TSS2_RC_SUCCESS;
    const bool imported = understood && at < blob.size();
    if (imported)
        understood = Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal(octets(blob), blob.size(), &at, &seed) == TSS2_RC_SUCCESS;
    if (!understood || at != blob.size())
        return fail(ErrorCode::BadFormat, "What the TPM sealed could not be read", "the volume's record of it is damaged");

    PREON_TRY(const Object session, this->session(parent, TPM2_SE_HMAC, secretBothWays));
    TSS2_RC code = TSS2_RC_SUCCESS;
    if (imported) { // sealed without this TPM at hand, to its SRK's public half
        const TPM2B_DATA noKey{};
        TPMT_SYM_DEF_OBJECT noCipher{};
        noCipher.algorithm = TPM2_ALG_NULL;
        TPM2B_PRIVATE *own = nullptr;
        code = Esys_Import(esys, parent.number(), session.number(), ESYS_TR_NONE, ESYS_TR_NONE, &noKey, &publicPart, &secretPart, &seed, &noCipher, &own);
        const EsysPtr<TPM2B_PRIVATE> owner(own);
        if (code != TSS2_RC_SUCCESS)
            return failTpm(code, "The TPM could not take over the sealed key");
        secretPart = *own;
    }
    ESYS_TR number = ESYS_TR_NONE;
    code = Esys_Load(esys, parent.number(), session.number(), ESYS_TR_NONE, ESYS_TR_NONE, &secretPart, &publicPart, &number);
    if (code != TSS2_RC_SUCCESS)
        return failTpm(code, "The TPM could not load the sealed key");
    return Object(esys, number, Object::Kind::Flushed);
}

Result<Sha256Digest> Context::State::policyDigest(const Object &session)
{
    TPM2B_DIGEST *digest = nullptr;
    const TSS2_RC code = Esys_PolicyGetDigest(esys, session.number(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &digest);
    const EsysPtr<TPM2B_DIGEST> owner(digest);
    if (code != TSS2_RC_SUCCESS || digest->size != sizeof(Sha256Digest))
        return failTpm(code, "The TPM did not tell the state of the policy");
    Sha256Digest copy;
    std::ranges::copy(std::as_bytes(std::span(digest->buffer, digest->size)), copy.begin());
    return copy;
}

Result<void> Context::State::authorize(const Object &session, const SealedSecret &sealed, const nlohmann::json &signature)
{
    PREON_TRY(const TPM2B_PUBLIC area, externalKey(sealed.publicKeyPem));
    PREON_TRY(const Sha256Digest fingerprint, keyFingerprint(sealed.publicKeyPem));
    const TPML_PCR_SELECTION chosen = selection(*bankAlgorithm(sealed.bank), sealed.signedPcrs);
    const TPM2B_DIGEST asTheyAre{};
    TSS2_RC code = Esys_PolicyPCR(esys, session.number(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &asTheyAre, &chosen);
    if (code != TSS2_RC_SUCCESS)
        return failTpm(code, "The TPM could not look at its PCRs");
    PREON_TRY(const Sha256Digest approved, policyDigest(session));
    PREON_TRY(const Bytes bytes, findSignature(signature, sealed.bank, sealed.signedPcrs, fingerprint, approved));

    ESYS_TR number = ESYS_TR_NONE;
    code = Esys_LoadExternal(esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, nullptr, &area, ESYS_TR_RH_OWNER, &number);
    if (code != TSS2_RC_SUCCESS)
        return failTpm(code, "The TPM could not load the policy's public key");
    const Object key(esys, number, Object::Kind::Flushed);
    TPMT_SIGNATURE given{};
    given.sigAlg = TPM2_ALG_RSASSA;
    given.signature.rsassa.hash = TPM2_ALG_SHA256;
    if (bytes.size() > sizeof(given.signature.rsassa.sig.buffer))
        return fail(ErrorCode::BadFormat, "The PCR signature is too long", std::to_string(bytes.size()) + " bytes");
    given.signature.rsassa.sig.size = static_cast<UINT16>(bytes.size());
    std::ranges::copy(bytes, reinterpret_cast<std::byte *>(given.signature.rsassa.sig.buffer));

    const Sha256Digest signedHash = sha256(approved);
    TPM2B_DIGEST signedDigest{};
    signedDigest.size = static_cast<UINT16>(signedHash.size());
    std::ranges::copy(signedHash, reinterpret_cast<std::byte *>(signedDigest.buffer));
    TPMT_TK_VERIFIED *ticket = nullptr;
    code = Esys_VerifySignature(esys, key.number(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &signedDigest, &given, &ticket);
    const EsysPtr<TPMT_TK_VERIFIED> ticketOwner(ticket);
    if (tpmCode(code) == TPM2_RC_SIGNATURE)
        return fail(ErrorCode::PolicyMismatch, "The TPM refuses the kernel's PCR signature", "it is not by the key it claims to be by, or was altered");
    if (code != TSS2_RC_SUCCESS)
        return failTpm(code, "The TPM could not check the kernel's PCR signature");

    TPM2B_NAME *name = nullptr;
    code = Esys_TR_GetName(esys, key.number(), &name);
    const EsysPtr<TPM2B_NAME> nameOwner(name);
    TPM2B_DIGEST approvedPolicy{};
    approvedPolicy.size = static_cast<UINT16>(approved.size());
    std::ranges::copy(approved, reinterpret_cast<std::byte *>(approvedPolicy.buffer));
    const TPM2B_NONCE noReference{};
    if (code == TSS2_RC_SUCCESS)
        code = Esys_PolicyAuthorize(esys, session.number(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &approvedPolicy, &noReference, name, ticket);
    if (code != TSS2_RC_SUCCESS)
        return failTpm(code, "The TPM did not accept the kernel's PCR signature");
    return {};
}

Result<Object> Context::State::policySession(const Object &parent, const SealedSecret &sealed, const nlohmann::json *signature)
{
    PREON_TRY(Object session, this->session(parent, TPM2_SE_POLICY, TPMA_SESSION_CONTINUESESSION));
    if (!sealed.publicKeyPem.empty()) {
        if (!signature)
            return fail(ErrorCode::PolicyMismatch, "The kernel has no signature that lets the TPM release the key", "no PCR signatures were found");
        PREON_CHECK(authorize(session, sealed, *signature));
    }
    if (sealed.literalPcrs != 0) {
        const TPML_PCR_SELECTION chosen = selection(*bankAlgorithm(sealed.bank), sealed.literalPcrs);
        const TPM2B_DIGEST asTheyAre{};
        const TSS2_RC code = Esys_PolicyPCR(esys, session.number(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &asTheyAre, &chosen);
        if (code != TSS2_RC_SUCCESS)
            return failTpm(code, "The TPM could not look at its PCRs");
    }
    if (sealed.pin) {
        const TSS2_RC code = Esys_PolicyAuthValue(esys, session.number(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE);
        if (code != TSS2_RC_SUCCESS)
            return failTpm(code, "The TPM could not be told that a PIN follows");
    }
    PREON_TRY(const Sha256Digest reached, policyDigest(session));
    if (!std::ranges::equal(reached, sealed.policyHash)) // said here, before the TPM counts a try
        return fail(ErrorCode::PolicyMismatch, "The TPM does not release the key",
                    sealed.literalPcrs != 0 ? "firmware, boot loader or kernel are not what they were when it was sealed"
                                            : "it was sealed under another policy");
    return session;
}

Result<Secret> Context::unseal(const SealedSecret &sealed, const nlohmann::json *signature, const Secret *pin)
{
    if (!bankAlgorithm(sealed.bank))
        return fail(ErrorCode::Unsupported, "The PCR bank \"" + sealed.bank + "\" is not known");
    if (sealed.pin && (!pin || pin->empty()))
        return fail(ErrorCode::Permission, "A PIN is needed", "the TPM releases this key only together with it");
    PREON_TRY(const Object parent, m_state->parentOf(sealed));
    PREON_TRY(const Object object, m_state->load(parent, sealed.blob));
    if (sealed.pin) {
        PREON_TRY(const Secret authorization, pinAuthorization(*pin, sealed.salt));
        TPM2B_AUTH value{};
        value.size = static_cast<UINT16>(authorization.size());
        std::ranges::copy(authorization.bytes(), reinterpret_cast<std::byte *>(value.buffer));
        const TSS2_RC code = Esys_TR_SetAuth(m_state->esys, object.number(), &value);
        OPENSSL_cleanse(&value, sizeof(value));
        if (code != TSS2_RC_SUCCESS)
            return failTpm(code, "The PIN could not be handed to the TPM");
    }
    PREON_TRY(const Object encryption, m_state->session(parent, TPM2_SE_HMAC, TPMA_SESSION_CONTINUESESSION | TPMA_SESSION_ENCRYPT));
    for (unsigned tries = 1;; ++tries) {
        PREON_TRY(const Object session, m_state->policySession(parent, sealed, signature));
        TPM2B_SENSITIVE_DATA *data = nullptr;
        const TSS2_RC code = Esys_Unseal(m_state->esys, object.number(), session.number(), encryption.number(), ESYS_TR_NONE, &data);
        const EsysPtr<TPM2B_SENSITIVE_DATA> owner(data);
        if (tpmCode(code) == TPM2_RC_PCR_CHANGED && tries < 16) // something extended a PCR between our commands; the policy may still hold
            continue;
        if (code != TSS2_RC_SUCCESS)
            return failTpm(code, "The TPM does not release the key");
        Secret secret = Secret::copyOf(std::as_bytes(std::span(data->buffer, data->size)));
        OPENSSL_cleanse(data, sizeof(*data));
        return secret;
    }
}

} // namespace Preon::Tpm
