// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Sealing secrets to a TPM 2.0 so that systemd can unseal them and the other way round: the SRK as parent, a policy of a signed PCR digest and/or literal
// PCR values, optionally a PIN. Formats: systemd's tpm2-util as of 257. Knows nothing of LUKS.

#include "core/base/host.h"
#include "core/base/secret.h"
#include "core/base/uuid.h"

#include <chrono>
#include <memory>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace Preon::Tpm
{

// SHA-256 bank unless said otherwise. Bit n = PCR n.
using PcrMask = std::uint32_t;

struct PcrValue {
    unsigned index;
    Bytes digest;
    bool operator==(const PcrValue &) const = default;
};

struct SealPolicy {
    std::string bank = "sha256";
    PcrMask literalPcrs = 0; // bound to their values now
    std::vector<PcrValue> expected; // bound to these values instead; each of its PCRs is a literal one too
    std::string publicKeyPem; // signer of PolicyAuthorize; empty: none
    PcrMask signedPcrs = 1U << 11U; // which PCRs the signature speaks of; only with a key
    Secret pin; // empty: none
};

// One sealed object, and the policy under which the TPM releases it.
struct Shard {
    Bytes blob; // TPM2B_PRIVATE ‖ TPM2B_PUBLIC, followed by TPM2B_ENCRYPTED_SECRET when it was sealed without the TPM at hand
    Bytes policyHash;
};

// What a token carries; field for field the systemd-tpm2 token of 257 (facts: luks-tpm).
struct SealedSecret {
    std::vector<Shard> shards; // one; two where a signed policy and systemd-pcrlock share the secret
    std::string bank;
    PcrMask literalPcrs = 0;
    std::string publicKeyPem;
    PcrMask signedPcrs = 0;
    Bytes srk; // Esys_TR_Serialize of the SRK's handle; may be empty in old tokens
    Bytes salt; // with PIN
    bool pin = false;
    std::string primaryAlgorithm; // "ecc", "rsa"; empty = ecc
    bool pcrlock = false; // needs a policy that systemd-pcrlock keeps in the TPM: recognised, not opened
    Bytes pcrlockNv; // where it is kept
    std::vector<PcrValue> literalValues; // what the literal PCRs were (will be) when it opens; only in what we sealed
    std::vector<std::string> unknown; // members by later releases that we do not understand, without their values
};

// Kinds of measurements that user space makes, as systemd's log of them names them.
enum class Event { Phase, FileSystem, VolumeKey, MachineId };

// What keeps a person from guessing PINs. Counts are the TPM's own, over all its users.
struct Lockout {
    std::uint32_t failures = 0; // wrong tries that it remembers
    std::uint32_t allowed = 0; // with this many it refuses
    std::chrono::seconds forgetsAfter{}; // one of them each time
};

class Context
{
public:
    // NoTpm when there is none. Uses host.tpm, else /dev/tpmrm0.
    static Result<Context> open(const Host &host);
    Context(Context &&) noexcept;
    Context &operator=(Context &&) noexcept;
    ~Context();

    // What the literal PCRs are to be by this policy: expected where it says so, else as they are now.
    Result<std::vector<PcrValue>> literalValues(const SealPolicy &policy);
    // Seals under the SRK (0x81000001, made and made persistent after the TCG template where there is none).
    Result<SealedSecret> seal(const Secret &secret, const SealPolicy &policy);
    // signature: the content of tpm2-pcr-signature.json (facts: luks-tpm), needed when the secret has a public key.
    // PolicyMismatch when the PCRs (it says which, where that can be known) or the signature do not fit; Permission for a missing or wrong PIN, with the tries
    // that are left; TpmLockout, with the time until the next; NoTpm when another TPM made it; Unsupported for what systemd-pcrlock or a later release needs.
    Result<Secret> unseal(const SealedSecret &sealed, const nlohmann::json *signature, const Secret *pin);

    Result<std::vector<PcrValue>> readPcrs(const std::string &bank, PcrMask mask);
    // Extends with the hash of the data in every active bank, as systemd-pcrextend does, and writes that down in the log of measurements. In the log the data
    // stands for itself unless there is a description. The log is a courtesy to who checks later: without it the measurement counts all the same.
    Result<void> extendPcr(unsigned index, ByteView data, Event event = Event::Phase, std::string_view description = {});
    Result<Lockout> lockout();

private:
    struct State;
    explicit Context(std::unique_ptr<State> state);
    std::unique_ptr<State> m_state;
};

// True when the machine has a TPM 2.0 whose resource manager device can be opened.
bool isPresent(const Host &host);

} // namespace Preon::Tpm
