// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Telling the TPM what happens.
#include "core/tpm/esys.h"
#include "core/tpm/measurelog.h"

#include <algorithm>
#include <array>
#include <ctime>

namespace Preon::Tpm
{

namespace
{
std::chrono::microseconds uptime()
{
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::nanoseconds(now.tv_nsec));
}

// Those that systemd knows; a reader of the log cannot do anything with others.
std::vector<std::pair<std::string, Bytes>> knownDigests(const TPML_DIGEST_VALUES &values)
{
    std::vector<std::pair<std::string, Bytes>> known;
    for (const TPMT_HA &value : std::span(values.digests).first(std::min<std::size_t>(values.count, std::size(values.digests)))) {
        for (const auto &[bank, size] : {std::pair("sha1", 20U), std::pair("sha256", 32U), std::pair("sha384", 48U), std::pair("sha512", 64U)}) {
            if (bankAlgorithm(bank) != value.hashAlg)
                continue;
            const auto bytes = std::as_bytes(std::span(reinterpret_cast<const BYTE *>(&value.digest), size));
            known.emplace_back(bank, Bytes(bytes.begin(), bytes.end()));
        }
    }
    return known;
}

Result<void> writeDown(const Host &host, MeasureLog &log, Measurement measurement)
{
    PREON_TRY(measurement.bootId, host.bootId());
    measurement.uptime = uptime();
    return log.append(measurement);
}
}

Result<void> Context::extendPcr(unsigned index, ByteView data, Event event, std::string_view description)
{
    TPM2B_EVENT buffer{};
    if (index >= 24 || data.size() > sizeof(buffer.buffer))
        return fail(ErrorCode::BadArgument, "The PCR could not be extended", "PCR numbers end at 23, and the data may have 1024 bytes");
    buffer.size = static_cast<UINT16>(data.size());
    std::ranges::copy(data, reinterpret_cast<std::byte *>(buffer.buffer));
    Result<MeasureLog> log = MeasureLog::open(m_state->host);
    // The TPM hashes for each of its active banks itself, so none that we have not heard of is left out.
    TPML_DIGEST_VALUES *digests = nullptr;
    const TSS2_RC code = Esys_PCR_Event(m_state->esys, ESYS_TR_PCR0 + index, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &buffer, &digests);
    const EsysPtr<TPML_DIGEST_VALUES> owner(digests);
    if (code != TSS2_RC_SUCCESS) {
        if (log && tpmCode(code) != 0) // the TPM itself said no; after a broken transport nobody knows, and the log stays marked
            (void)log->release();
        return failTpm(code, "PCR " + std::to_string(index) + " could not be extended");
    }
    if (!log)
        return {};
    Measurement measurement{
        .pcr = index, .digests = knownDigests(*digests), .description = std::string(description), .event = event, .bootId = {}, .uptime = {}};
    if (description.empty())
        measurement.description.assign(reinterpret_cast<const char *>(data.data()), data.size());
    (void)writeDown(m_state->host, *log, std::move(measurement)); // a failure leaves the file marked as unfinished, for its readers to see
    return {};
}

} // namespace Preon::Tpm
