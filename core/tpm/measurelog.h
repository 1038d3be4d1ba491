// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The log of what user space measured into the TPM, RUN/log/systemd/tpm2-measure.log: who checks the PCRs later replays it (systemd-pcrlock, an attestation).
// One record of JSON a measurement, as a text sequence (RFC 7464), with the members of systemd 257. The lock on the file is held from before the measurement
// until its record is written, so that the order in the file is the order in the TPM.

#include "core/base/host.h"
#include "core/tpm/tpm.h"

#include <chrono>

namespace Preon::Tpm
{

struct Measurement {
    unsigned pcr = 0;
    std::vector<std::pair<std::string, Bytes>> digests; // by bank
    std::string description; // what was measured, in words
    Event event = Event::Phase;
    Uuid bootId;
    std::chrono::microseconds uptime{}; // CLOCK_BOOTTIME
};

// With the record separator in front and the line end behind. What is not printable ASCII in the description is escaped as in C.
std::string measureRecord(const Measurement &measurement);

class MeasureLog
{
public:
    // Made (0600) where there is none, with its folders; waits for the lock. Corrupt when a writer was stopped in the middle before: what stands in the log is
    // then less than what the TPM was told, and it stays so until the next boot.
    static Result<MeasureLog> open(const Host &host);
    Result<void> append(const Measurement &measurement); // to the disk before it returns
    // Nothing was measured after all, for certain: the log is whole as it is.
    Result<void> release();

private:
    explicit MeasureLog(Fd file)
        : m_file(std::move(file))
    {
    }
    Fd m_file;
};

} // namespace Preon::Tpm
