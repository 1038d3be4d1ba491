// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Inside core/tpm only: ownership of what the ESYS library hands out, its errors in our words, and the parts of a conversation with a TPM that sealing is made of.

#include "core/tpm/tpm.h"

#include <optional>

#include <tss2/tss2_esys.h>

namespace Preon::Tpm
{

// For secrets, which are encrypted on their way to the TPM and back.
constexpr TPMA_SESSION secretBothWays = TPMA_SESSION_CONTINUESESSION | TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT;

struct EsysFree {
    void operator()(void *pointer) const
    {
        Esys_Free(pointer);
    }
};
template<typename T>
using EsysPtr = std::unique_ptr<T, EsysFree>;

// The SRK's place (TCG TPM v2.0 Provisioning Guidance, section 7.8).
constexpr TPM2_HANDLE srkHandle = 0x81000001;

// A transient object or a session: flushed from the TPM when it goes. A persistent one is only forgotten here.
class Object
{
public:
    enum class Kind { Flushed, Persistent };
    Object(ESYS_CONTEXT *esys, ESYS_TR number, Kind kind)
        : m_esys(esys)
        , m_number(number)
        , m_kind(kind)
    {
    }
    Object(Object &&other) noexcept;
    Object &operator=(Object &&) = delete;
    ~Object();

    ESYS_TR number() const
    {
        return m_number;
    }

private:
    ESYS_CONTEXT *m_esys;
    ESYS_TR m_number;
    Kind m_kind;
};

// The TPM's response code without the number of the parameter, handle or session that it is about; 0 for errors of other layers.
TSS2_RC tpmCode(TSS2_RC code);
std::unexpected<Error> failTpm(TSS2_RC code, std::string what);

// How the usual exponent of RSA keys, 65537, is written where it is part of a name. systemd does the one or the other, by its release.
enum class Exponent { AsItIs, Zero };
// The public part of a policy key as a TPM loads it. Unsupported unless RSA.
Result<TPM2B_PUBLIC> externalKey(const std::string &publicKeyPem, Exponent exponent = Exponent::AsItIs);
// TPM2_ALG_… of a bank's name; nullopt when there is none.
std::optional<TPM2_ALG_ID> bankAlgorithm(std::string_view bank);
TPML_PCR_SELECTION selection(TPM2_ALG_ID bank, PcrMask mask);

struct Context::State {
    TSS2_TCTI_CONTEXT *tcti = nullptr;
    ESYS_CONTEXT *esys = nullptr;
    Host host;

    State() = default;
    State(const State &) = delete;
    State &operator=(const State &) = delete;
    ~State();

    // The SRK; made and kept at its handle where there is none.
    Result<Object> storageRoot();
    // The parent that the sealed object was made under. NoTpm when this TPM's SRK is another one.
    Result<Object> parentOf(const SealedSecret &sealed);
    Result<Object> primary(const TPMT_PUBLIC &shape);
    Result<bool> hasPersistent(TPM2_HANDLE handle);
    Result<bool> supportsEcc();
    Result<std::string> algorithmOf(const Object &key); // "ecc" or "rsa"

    // A session whose key only this TPM and we know, since its salt is encrypted to the parent: parameters cross the bus encrypted.
    Result<Object> session(const Object &parent, TPM2_SE type, TPMA_SESSION attributes);
    // The session in which the one shard can be unsealed; PolicyMismatch when it is not the policy that was sealed under.
    Result<Object> policySession(const Object &parent, const SealedSecret &sealed, const nlohmann::json *signature);
    Result<Object> policySession(const Object &parent, const SealedSecret &sealed, const nlohmann::json *signature, Exponent exponent);
    Result<void> authorize(const Object &session, const SealedSecret &sealed, const nlohmann::json &signature, Exponent exponent);
    Result<Sha256Digest> policyDigest(const Object &session);
    Result<Object> load(const Object &parent, ByteView blob);
    Result<void> setPin(const Object &object, const Secret &pin, ByteView salt);
};

} // namespace Preon::Tpm
