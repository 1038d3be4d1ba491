// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/tpm/esys.h"

#include <algorithm>
#include <bit>
#include <utility>

#include <fcntl.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

namespace Preon::Tpm
{

Object::Object(Object &&other) noexcept
    : m_esys(other.m_esys)
    , m_number(std::exchange(other.m_number, ESYS_TR_NONE))
    , m_kind(other.m_kind)
{
}

Object::~Object()
{
    if (m_number == ESYS_TR_NONE)
        return;
    // Where the TPM has dropped it already, as it does with a session after the last use, only our side is left.
    if (m_kind == Kind::Persistent || Esys_FlushContext(m_esys, m_number) != TSS2_RC_SUCCESS)
        Esys_TR_Close(m_esys, &m_number);
}

TSS2_RC tpmCode(TSS2_RC code)
{
    const TSS2_RC layer = code & TSS2_RC_LAYER_MASK;
    if (layer != TSS2_TPM_RC_LAYER && layer != TSS2_RESMGR_TPM_RC_LAYER)
        return 0;
    const TSS2_RC plain = code & 0xFFFU;
    return plain & TPM2_RC_FMT1 ? plain & (TPM2_RC_FMT1 | 0x3FU) : plain;
}

std::unexpected<Error> failTpm(TSS2_RC code, std::string what)
{
    std::string why = Tss2_RC_Decode(code);
    switch (tpmCode(code)) {
    case TPM2_RC_LOCKOUT:
        return fail(ErrorCode::TpmLockout, std::move(what), "the TPM refuses all tries for a while, because too many wrong PINs were given",
                    "Leave the machine switched on and try again later, or use the recovery key.");
    case TPM2_RC_AUTH_FAIL:
    case TPM2_RC_BAD_AUTH:
        return fail(ErrorCode::Permission, std::move(what), "the PIN or password is wrong");
    case TPM2_RC_POLICY_FAIL:
    case TPM2_RC_PCR_CHANGED:
        return fail(ErrorCode::PolicyMismatch, std::move(what), "the machine is not in the state that the secret was sealed for (" + why + ")");
    case TPM2_RC_INTEGRITY:
        return fail(ErrorCode::NoTpm, std::move(what), "another TPM sealed it, or this one was cleared since");
    case TPM2_RC_FAILURE:
        return fail(ErrorCode::NoTpm, std::move(what), "the TPM reports that it failed its self test", "Switch the machine off and on again.");
    default:
        return fail(ErrorCode::Io, std::move(what), "the TPM answered: " + why);
    }
}

Context::State::~State()
{
    Esys_Finalize(&esys);
    Tss2_TctiLdr_Finalize(&tcti);
}

Result<bool> Context::State::hasPersistent(TPM2_HANDLE handle)
{
    TPMI_YES_NO more = 0;
    TPMS_CAPABILITY_DATA *data = nullptr;
    const TSS2_RC code = Esys_GetCapability(esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_HANDLES, handle, 1, &more, &data);
    const EsysPtr<TPMS_CAPABILITY_DATA> owner(data);
    if (code != TSS2_RC_SUCCESS)
        return failTpm(code, "The TPM did not list its keys");
    return data->data.handles.count > 0 && data->data.handles.handle[0] == handle;
}

Result<Object> Context::State::session(const Object &parent, TPM2_SE type, TPMA_SESSION attributes)
{
    TPMT_SYM_DEF cipher{};
    cipher.algorithm = TPM2_ALG_AES;
    cipher.keyBits.aes = 128;
    cipher.mode.aes = TPM2_ALG_CFB;
    ESYS_TR number = ESYS_TR_NONE;
    TSS2_RC code = Esys_StartAuthSession(esys, parent.number(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, nullptr, type, &cipher, TPM2_ALG_SHA256,
                                         &number);
    if (code != TSS2_RC_SUCCESS)
        return failTpm(code, "No session could be opened with the TPM");
    Object opened(esys, number, Object::Kind::Flushed);
    code = Esys_TRSess_SetAttributes(esys, number, attributes, 0xFF);
    if (code != TSS2_RC_SUCCESS)
        return failTpm(code, "The session with the TPM could not be set up");
    return opened;
}

Context::Context(std::unique_ptr<State> state)
    : m_state(std::move(state))
{
}
Context::Context(Context &&) noexcept = default;
Context &Context::operator=(Context &&) noexcept = default;
Context::~Context() = default;

namespace
{
std::string transport(const Host &host)
{
    return host.tpm.empty() ? "device:" + (host.dev / "tpmrm0").string() : host.tpm;
}
}

Result<Context> Context::open(const Host &host)
{
    constexpr auto todo = "Look in the firmware's settings whether a TPM (also called fTPM or PTT) is switched off.";
    if (host.tpm.empty()) {
        std::error_code ignored;
        if (!std::filesystem::exists(host.dev / "tpmrm0", ignored))
            return fail(ErrorCode::NoTpm, "This machine has no TPM 2.0", "the kernel found none", todo);
    }
    auto state = std::make_unique<State>();
    state->host = host;
    const std::string name = transport(host);
    TSS2_RC code = Tss2_TctiLdr_Initialize(name.c_str(), &state->tcti);
    if (code != TSS2_RC_SUCCESS)
        return fail(ErrorCode::NoTpm, "The TPM could not be reached", name + ": " + Tss2_RC_Decode(code));
    code = Esys_Initialize(&state->esys, state->tcti, nullptr);
    if (code != TSS2_RC_SUCCESS)
        return fail(ErrorCode::NoTpm, "The TPM could not be reached", name + ": " + Tss2_RC_Decode(code));
    // The kernel or the firmware has done this on a real machine; an emulated TPM may wait for it.
    code = Esys_Startup(state->esys, TPM2_SU_CLEAR);
    if (code != TSS2_RC_SUCCESS && tpmCode(code) != TPM2_RC_INITIALIZE)
        return failTpm(code, "The TPM could not be started");
    return Context(std::move(state));
}

Result<std::vector<PcrValue>> Context::readPcrs(const std::string &bank, PcrMask mask)
{
    const auto algorithm = bankAlgorithm(bank);
    if (!algorithm || mask >> 24U)
        return fail(ErrorCode::BadArgument, "The PCRs could not be read", "there is no bank \"" + bank + "\" with these");
    std::vector<PcrValue> values;
    for (PcrMask left = mask; left != 0;) { // the TPM answers with at most eight at a time
        const TPML_PCR_SELECTION wanted = selection(*algorithm, left);
        UINT32 counter = 0;
        TPML_PCR_SELECTION *got = nullptr;
        TPML_DIGEST *digests = nullptr;
        const TSS2_RC code = Esys_PCR_Read(m_state->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &wanted, &counter, &got, &digests);
        const EsysPtr<TPML_PCR_SELECTION> gotOwner(got);
        const EsysPtr<TPML_DIGEST> digestsOwner(digests);
        if (code != TSS2_RC_SUCCESS)
            return failTpm(code, "The PCRs could not be read");
        PcrMask answered = 0;
        for (unsigned octet = 0; got->count == 1 && octet < std::min<unsigned>(got->pcrSelections[0].sizeofSelect, 3); ++octet)
            answered |= static_cast<PcrMask>(got->pcrSelections[0].pcrSelect[octet]) << (8U * octet);
        answered &= left;
        if (answered == 0 || static_cast<unsigned>(std::popcount(answered)) != digests->count)
            return fail(ErrorCode::Unsupported, "The PCRs could not be read", "the TPM keeps no values in the bank " + bank);
        unsigned position = 0;
        for (unsigned index = 0; index < 24; ++index) {
            if (!(answered >> index & 1U))
                continue;
            const TPM2B_DIGEST &digest = digests->digests[position++];
            const auto bytes = std::as_bytes(std::span(digest.buffer, digest.size));
            values.push_back({index, Bytes(bytes.begin(), bytes.end())});
        }
        left &= ~answered;
    }
    std::ranges::sort(values, {}, &PcrValue::index);
    return values;
}

bool isPresent(const Host &host)
{
    if (!host.tpm.empty())
        return Context::open(host).has_value();
    return openFile(host.dev / "tpmrm0", O_RDWR).has_value();
}

} // namespace Preon::Tpm
