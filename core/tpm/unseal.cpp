// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/base/format.h"
#include "core/base/hash.h"
#include "core/tpm/esys.h"
#include "core/tpm/pcrs.h"
#include "core/tpm/policy.h"

#include <algorithm>

#include <nlohmann/json.hpp>
#include <openssl/crypto.h>
#include <tss2/tss2_mu.h>

namespace Preon::Tpm
{

namespace
{
constexpr auto notReleased = "The TPM does not release the key";

const uint8_t *octets(ByteView bytes)
{
    return reinterpret_cast<const uint8_t *>(bytes.data());
}

// What can be told without asking the TPM.
Result<void> checkOpenable(const SealedSecret &sealed, const Secret *pin)
{
    constexpr auto unusable = "The TPM's key cannot be used";
    if (sealed.pcrlock)
        return fail(ErrorCode::Unsupported, unusable, "it is bound to a policy that systemd-pcrlock keeps in the TPM, which Preon does not take part in",
                    "Use another key of the volume; to let Preon open it, enrol the TPM again without systemd-pcrlock.");
    if (sealed.shards.size() != 1)
        return fail(ErrorCode::Unsupported, unusable, "its secret is split over " + std::to_string(sealed.shards.size()) + " objects");
    if (!bankAlgorithm(sealed.bank))
        return fail(ErrorCode::Unsupported, unusable, "the PCR bank \"" + sealed.bank + "\" is not known");
    // Without a PIN a try costs nothing, and the member may not matter; with one it would count as a wrong guess.
    if (sealed.pin && !sealed.unknown.empty())
        return fail(ErrorCode::Unsupported, unusable,
                    "a later release of systemd wrote it, and what \"" + sealed.unknown.front() + "\" says of the PIN is not known here",
                    "Use another key of the volume.");
    if (sealed.pin && (!pin || pin->empty()))
        return fail(ErrorCode::Permission, "A PIN is needed", "the TPM releases this key only together with it");
    return {};
}

Error mismatch(Context &context, const SealedSecret &sealed)
{
    Error error{ErrorCode::PolicyMismatch, notReleased, "it was sealed under another policy", {}};
    if (sealed.literalPcrs != 0) {
        error.why = "firmware, boot loader or kernel are not what they were when it was sealed (bound to " + describePcrs(sealed.literalPcrs) + ")";
        const auto now = context.readPcrs(sealed.bank, sealed.literalPcrs);
        const auto changed = now ? changedPcrs(sealed, *now) : std::nullopt;
        if (changed)
            error.why = describePcrs(*changed) + ((*changed & (*changed - 1)) == 0 ? " is" : " are") + " not as when it was sealed";
        error.todo = "If you know why, unlock with the recovery key or a password and enrol the TPM again; if not, look who changed the machine.";
    }
    if (!sealed.unknown.empty())
        error.why += "; or the token needs \"" + sealed.unknown.front() + "\", which a later release of systemd wrote and this one does not know";
    return error;
}

// The TPM counts wrong PINs; how many are left, or how long to wait, belongs to the answer.
Error withLockout(Context &context, Error error)
{
    const auto state = context.lockout();
    if (!state)
        return error;
    if (error.code == ErrorCode::TpmLockout && state->forgetsAfter.count() > 0) {
        const std::string wait = formatDuration(state->forgetsAfter);
        error.why = std::to_string(state->failures) + " wrong PINs were given, and the TPM takes one more only every " + wait;
        error.todo = "Leave the machine switched on, try again in " + wait + ", or use the recovery key.";
    } else if (error.code == ErrorCode::Permission && state->allowed > state->failures) {
        const std::uint32_t left = state->allowed - state->failures;
        error.why += "; " + std::to_string(left) + (left == 1 ? " try is" : " tries are") + " left before the TPM makes everybody wait";
    }
    return error;
}
}

Result<Object> Context::State::load(const Object &parent, ByteView blob)
{
    TPM2B_PRIVATE secretPart{};
    TPM2B_PUBLIC publicPart{};
    TPM2B_ENCRYPTED_SECRET seed{};
    std::size_t at = 0;
    bool understood = Tss2_MU_TPM2B_PRIVATE_Unmarshal(octets(blob), blob.size(), &at, &secretPart) == TSS2_RC_SUCCESS
        && Tss2_MU_TPM2B_PUBLIC_Unmarshal(octets(blob), blob.size(), &at, &publicPart) == TSS2_RC_SUCCESS;
    if (understood && at < blob.size())
        understood = Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal(octets(blob), blob.size(), &at, &seed) == TSS2_RC_SUCCESS;
    if (!understood || at != blob.size())
        return fail(ErrorCode::BadFormat, "What the TPM sealed could not be read", "the volume's record of it is damaged");

    PREON_TRY(const Object session, this->session(parent, TPM2_SE_HMAC, secretBothWays));
    TSS2_RC code = TSS2_RC_SUCCESS;
    if (seed.size > 0) { // sealed without this TPM at hand, to its SRK's public half
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

Result<void> Context::State::authorize(const Object &session, const SealedSecret &sealed, const nlohmann::json &signature, Exponent exponent)
{
    PREON_TRY(const TPM2B_PUBLIC area, externalKey(sealed.publicKeyPem, exponent));
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

Result<Object> Context::State::policySession(const Object &parent, const SealedSecret &sealed, const nlohmann::json *signature, Exponent exponent)
{
    PREON_TRY(Object session, this->session(parent, TPM2_SE_POLICY, TPMA_SESSION_CONTINUESESSION));
    if (!sealed.publicKeyPem.empty()) {
        if (!signature)
            return fail(ErrorCode::PolicyMismatch, "The kernel has no signature that lets the TPM release the key", "no PCR signatures were found");
        PREON_CHECK(authorize(session, sealed, *signature, exponent));
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
    if (!std::ranges::equal(reached, sealed.shards.front().policyHash)) // said here, before the TPM counts a try
        return fail(ErrorCode::PolicyMismatch, notReleased, "it was sealed under another policy");
    return session;
}

Result<Object> Context::State::policySession(const Object &parent, const SealedSecret &sealed, const nlohmann::json *signature)
{
    auto session = policySession(parent, sealed, signature, Exponent::AsItIs);
    const bool worthMore = !session && session.error().code == ErrorCode::PolicyMismatch && !sealed.publicKeyPem.empty() && signature;
    if (!worthMore)
        return session;
    auto again = policySession(parent, sealed, signature, Exponent::Zero); // releases of systemd differ in it (systemd#30546)
    return again ? std::move(again) : std::move(session);
}

Result<void> Context::State::setPin(const Object &object, const Secret &pin, ByteView salt)
{
    PREON_TRY(const Secret authorization, pinAuthorization(pin, salt));
    TPM2B_AUTH value{};
    value.size = static_cast<UINT16>(authorization.size());
    std::ranges::copy(authorization.bytes(), reinterpret_cast<std::byte *>(value.buffer));
    const TSS2_RC code = Esys_TR_SetAuth(esys, object.number(), &value);
    OPENSSL_cleanse(&value, sizeof(value));
    if (code != TSS2_RC_SUCCESS)
        return failTpm(code, "The PIN could not be handed to the TPM");
    return {};
}

Result<Secret> Context::unseal(const SealedSecret &sealed, const nlohmann::json *signature, const Secret *pin)
{
    PREON_CHECK(checkOpenable(sealed, pin));
    PREON_TRY(const Object parent, m_state->parentOf(sealed));
    PREON_TRY(const Object object, m_state->load(parent, sealed.shards.front().blob));
    if (sealed.pin)
        PREON_CHECK(m_state->setPin(object, *pin, sealed.salt));
    PREON_TRY(const Object encryption, m_state->session(parent, TPM2_SE_HMAC, TPMA_SESSION_CONTINUESESSION | TPMA_SESSION_ENCRYPT));
    for (unsigned tries = 1;; ++tries) {
        const auto session = m_state->policySession(parent, sealed, signature);
        if (!session) {
            const bool ofPcrs = session.error().code == ErrorCode::PolicyMismatch && session.error().what == notReleased;
            return std::unexpected(ofPcrs ? mismatch(*this, sealed) : session.error());
        }
        TPM2B_SENSITIVE_DATA *data = nullptr;
        const TSS2_RC code = Esys_Unseal(m_state->esys, object.number(), session->number(), encryption.number(), ESYS_TR_NONE, &data);
        const EsysPtr<TPM2B_SENSITIVE_DATA> owner(data);
        if (tpmCode(code) == TPM2_RC_PCR_CHANGED && tries < 16) // something extended a PCR between our commands; the policy may still hold
            continue;
        if (code != TSS2_RC_SUCCESS)
            return std::unexpected(withLockout(*this, failTpm(code, notReleased).error()));
        Secret secret = Secret::copyOf(std::as_bytes(std::span(data->buffer, data->size)));
        OPENSSL_cleanse(data, sizeof(*data));
        return secret;
    }
}

Result<Lockout> Context::lockout()
{
    TPMI_YES_NO more = 0;
    TPMS_CAPABILITY_DATA *data = nullptr;
    const TSS2_RC code
        = Esys_GetCapability(m_state->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_TPM_PROPERTIES, TPM2_PT_LOCKOUT_COUNTER, 3, &more, &data);
    const EsysPtr<TPMS_CAPABILITY_DATA> owner(data);
    if (code != TSS2_RC_SUCCESS)
        return failTpm(code, "The TPM did not tell how many wrong PINs it has seen");
    Lockout state;
    const TPML_TAGGED_TPM_PROPERTY &list = data->data.tpmProperties;
    for (const TPMS_TAGGED_PROPERTY &each : std::span(list.tpmProperty).first(std::min<std::size_t>(list.count, std::size(list.tpmProperty)))) {
        if (each.property == TPM2_PT_LOCKOUT_COUNTER)
            state.failures = each.value;
        else if (each.property == TPM2_PT_MAX_AUTH_FAIL)
            state.allowed = each.value;
        else if (each.property == TPM2_PT_LOCKOUT_INTERVAL)
            state.forgetsAfter = std::chrono::seconds(each.value);
    }
    return state;
}

} // namespace Preon::Tpm
