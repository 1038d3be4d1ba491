// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Sealing secrets to a TPM 2.0 so that systemd can unseal them and the other way round: the SRK as parent, a policy of a signed PCR digest and/or literal
// PCR values, optionally a PIN. Formats: systemd's tpm2-util as of 257. Knows nothing of LUKS.

#include "core/base/host.h"
#include "core/base/secret.h"
#include "core/base/uuid.h"

#include <memory>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace Preon::Tpm
{

// SHA-256 bank unless said otherwise. Bit n = PCR n.
using PcrMask = std::uint32_t;

struct PcrValue {
    unsigned index;
    Bytes digest;
};

struct SealPolicy {
    std::string bank = "sha256";
    PcrMask literalPcrs = 0; // bound to their values now
    std::vector<PcrValue> expected; // bound to these values instead; each of its PCRs is a literal one too
    std::string publicKeyPem; // signer of PolicyAuthorize; empty: none
    PcrMask signedPcrs = 1U << 11U; // which PCRs the signature speaks of; only with a key
    Secret pin; // empty: none
};

// What a token carries; field for field the systemd-tpm2 token of 257 (facts: luks-tpm).
struct SealedSecret {
    Bytes blob; // TPM2B_PRIVATE ‖ TPM2B_PUBLIC
    Bytes policyHash;
    std::string bank;
    PcrMask literalPcrs = 0;
    std::string publicKeyPem;
    PcrMask signedPcrs = 0;
    Bytes srk; // Esys_TR_Serialize of the SRK's handle; may be empty in old tokens
    Bytes salt; // with PIN
    bool pin = false;
    std::string primaryAlgorithm; // "ecc", "rsa"; empty = ecc
};

class Context
{
public:
    // NoTpm when there is none. Uses host.tpm, else /dev/tpmrm0.
    static Result<Context> open(const Host &host);
    Context(Context &&) noexcept;
    Context &operator=(Context &&) noexcept;
    ~Context();

    // Seals under the SRK (0x81000001, made and made persistent after the TCG template where there is none).
    Result<SealedSecret> seal(const Secret &secret, const SealPolicy &policy);
    // signature: the content of tpm2-pcr-signature.json (facts: luks-tpm), needed when the secret has a public key.
    // PolicyMismatch when the PCRs or the signature do not fit, TpmLockout, NoTpm (another TPM made it).
    Result<Secret> unseal(const SealedSecret &sealed, const nlohmann::json *signature, const Secret *pin);

    Result<std::vector<PcrValue>> readPcrs(const std::string &bank, PcrMask mask);
    // Extends with the hash of the data in every active bank, as systemd-pcrextend does.
    Result<void> extendPcr(unsigned index, ByteView data);

private:
    struct State;
    explicit Context(std::unique_ptr<State> state);
    std::unique_ptr<State> m_state;
};

// True when the machine has a TPM 2.0 whose resource manager device can be opened.
bool isPresent(const Host &host);

} // namespace Preon::Tpm
