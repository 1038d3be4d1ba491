// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The storage root key: the parent of all that is sealed, and the key that protects the bus.
#include "core/tpm/esys.h"

#include <tss2/tss2_mu.h>

namespace Preon::Tpm
{

namespace
{
constexpr TPMA_OBJECT storageAttributes = TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT | TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT
    | TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH;

TPMT_SYM_DEF_OBJECT aes128()
{
    TPMT_SYM_DEF_OBJECT cipher{};
    cipher.algorithm = TPM2_ALG_AES;
    cipher.keyBits.aes = 128;
    cipher.mode.aes = TPM2_ALG_CFB;
    return cipher;
}

// The storage templates of the TCG TPM v2.0 Provisioning Guidance, section 7.5.1. noDA: the SRK itself takes no part in the lockout of wrong tries.
TPMT_PUBLIC storageShape(bool ecc, TPMA_OBJECT more)
{
    TPMT_PUBLIC shape{};
    shape.nameAlg = TPM2_ALG_SHA256;
    shape.objectAttributes = storageAttributes | more;
    if (ecc) {
        shape.type = TPM2_ALG_ECC;
        shape.parameters.eccDetail.symmetric = aes128();
        shape.parameters.eccDetail.scheme.scheme = TPM2_ALG_NULL;
        shape.parameters.eccDetail.curveID = TPM2_ECC_NIST_P256;
        shape.parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
    } else {
        shape.type = TPM2_ALG_RSA;
        shape.parameters.rsaDetail.symmetric = aes128();
        shape.parameters.rsaDetail.scheme.scheme = TPM2_ALG_NULL;
        shape.parameters.rsaDetail.keyBits = 2048;
    }
    return shape;
}

// "unique" stays empty as systemd leaves it, where the template has zeros: it is part of what the key is derived from.
TPMT_PUBLIC srkShape(bool ecc)
{
    return storageShape(ecc, TPMA_OBJECT_NODA);
}

// The name of an object is a hash of its public part: equal names, equal keys.
Result<Bytes> nameOf(ESYS_CONTEXT *esys, const Object &object)
{
    TPM2B_NAME *name = nullptr;
    const TSS2_RC code = Esys_TR_GetName(esys, object.number(), &name);
    const EsysPtr<TPM2B_NAME> owner(name);
    if (code != TSS2_RC_SUCCESS)
        return failTpm(code, "The TPM's storage key has no name");
    const auto bytes = std::as_bytes(std::span(name->name, name->size));
    return Bytes(bytes.begin(), bytes.end());
}

Result<Object> persistent(ESYS_CONTEXT *esys, TPM2_HANDLE handle)
{
    ESYS_TR number = ESYS_TR_NONE;
    const TSS2_RC code = Esys_TR_FromTPMPublic(esys, handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &number);
    if (code != TSS2_RC_SUCCESS)
        return failTpm(code, "The TPM's storage key could not be read");
    return Object(esys, number, Object::Kind::Persistent);
}

// Esys_TR_Serialize's form begins with the handle.
Result<Object> recorded(ESYS_CONTEXT *esys, ByteView record, TPM2_HANDLE *handle)
{
    const auto *bytes = reinterpret_cast<const uint8_t *>(record.data());
    std::size_t at = 0;
    ESYS_TR number = ESYS_TR_NONE;
    if (Tss2_MU_UINT32_Unmarshal(bytes, record.size(), &at, handle) != TSS2_RC_SUCCESS || *handle >> TPM2_HR_SHIFT != TPM2_HT_PERSISTENT
        || Esys_TR_Deserialize(esys, bytes, record.size(), &number) != TSS2_RC_SUCCESS)
        return fail(ErrorCode::BadFormat, "The volume's record of the TPM's storage key could not be read");
    return Object(esys, number, Object::Kind::Persistent);
}
}

Result<bool> Context::State::supportsEcc()
{
    TPMI_YES_NO more = 0;
    TPMS_CAPABILITY_DATA *data = nullptr;
    const TSS2_RC code = Esys_GetCapability(esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_ECC_CURVES, TPM2_ECC_NIST_P256, 1, &more, &data);
    const EsysPtr<TPMS_CAPABILITY_DATA> owner(data);
    if (code != TSS2_RC_SUCCESS)
        return failTpm(code, "The TPM did not list its elliptic curves");
    return data->data.eccCurves.count > 0 && data->data.eccCurves.eccCurves[0] == TPM2_ECC_NIST_P256;
}

Result<std::string> Context::State::algorithmOf(const Object &key)
{
    TPM2B_PUBLIC *area = nullptr;
    const TSS2_RC code = Esys_ReadPublic(esys, key.number(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &area, nullptr, nullptr);
    const EsysPtr<TPM2B_PUBLIC> owner(area);
    if (code != TSS2_RC_SUCCESS)
        return failTpm(code, "The TPM's storage key could not be read");
    return area->publicArea.type == TPM2_ALG_RSA ? "rsa" : "ecc";
}

Result<Object> Context::State::primary(const TPMT_PUBLIC &shape)
{
    TPM2B_PUBLIC area{};
    area.publicArea = shape;
    const TPM2B_SENSITIVE_CREATE sensitive{};
    const TPM2B_DATA outside{};
    const TPML_PCR_SELECTION noPcrs{};
    ESYS_TR number = ESYS_TR_NONE;
    const TSS2_RC code = Esys_CreatePrimary(esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &sensitive, &area, &outside, &noPcrs, &number,
                                            nullptr, nullptr, nullptr, nullptr);
    if (tpmCode(code) == TPM2_RC_BAD_AUTH)
        return fail(ErrorCode::Permission, "The TPM's storage key could not be made", "somebody has set an owner password in the TPM",
                    "Clear the TPM in the firmware's settings, after saving what other systems keep in it.");
    if (code != TSS2_RC_SUCCESS)
        return failTpm(code, "The TPM's storage key could not be made");
    return Object(esys, number, Object::Kind::Flushed);
}

Result<Object> Context::State::storageRoot()
{
    PREON_TRY(const bool there, hasPersistent(srkHandle));
    ESYS_TR number = ESYS_TR_NONE;
    if (!there) {
        PREON_TRY(const bool ecc, supportsEcc());
        PREON_TRY(const Object made, primary(srkShape(ecc)));
        const TSS2_RC code = Esys_EvictControl(esys, ESYS_TR_RH_OWNER, made.number(), ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, srkHandle, &number);
        if (code != TSS2_RC_SUCCESS)
            return failTpm(code, "The TPM could not keep its storage key");
        return Object(esys, number, Object::Kind::Persistent);
    }
    PREON_TRY(Object found, persistent(esys, srkHandle));
    TPM2B_PUBLIC *area = nullptr;
    const TSS2_RC code = Esys_ReadPublic(esys, found.number(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &area, nullptr, nullptr);
    const EsysPtr<TPM2B_PUBLIC> owner(area);
    if (code != TSS2_RC_SUCCESS)
        return failTpm(code, "The TPM's storage key could not be read");
    const TPMA_OBJECT attributes = area->publicArea.objectAttributes;
    if ((attributes & storageAttributes) != storageAttributes || attributes & TPMA_OBJECT_SIGN_ENCRYPT)
        return fail(ErrorCode::Unsupported, "The TPM has no storage key", "something else lies in its place (handle 0x81000001)");
    return found;
}

Result<Object> Context::State::parentOf(const SealedSecret &sealed)
{
    const bool ecc = sealed.primaryAlgorithm != "rsa";
    if (sealed.srk.empty()) // until 253 the parent was made anew each time, and took part in the lockout
        return primary(storageShape(ecc, 0));

    constexpr auto what = "This TPM cannot release the key";
    constexpr auto why = "another TPM sealed it, or this one was cleared since";
    constexpr auto todo = "Use the recovery key or a password, then enrol this TPM.";
    TPM2_HANDLE handle = 0;
    Bytes name;
    {
        // Closed again before the TPM is asked: the library would answer from this record instead.
        PREON_TRY(const Object claim, recorded(esys, sealed.srk, &handle));
        PREON_TRY(name, nameOf(esys, claim));
    }
    PREON_TRY(const bool there, hasPersistent(handle));
    if (!there) {
        // Evicted, but the TPM may still be the same one: the key comes back from the template.
        PREON_TRY(Object again, primary(srkShape(ecc)));
        PREON_TRY(const Bytes its, nameOf(esys, again));
        if (its != name)
            return fail(ErrorCode::NoTpm, what, why, todo);
        return again;
    }
    {
        PREON_TRY(const Object present, persistent(esys, handle));
        PREON_TRY(const Bytes its, nameOf(esys, present));
        if (its != name)
            return fail(ErrorCode::NoTpm, what, why, todo);
    }
    // The recorded one: whoever sits on the bus cannot pass off a key of his own as the SRK.
    return recorded(esys, sealed.srk, &handle);
}

} // namespace Preon::Tpm
