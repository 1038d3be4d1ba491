// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Shared by the files that implement acquire.h, not for others: where bytes go that arrive, and what of them stays for the next attempt.

#include "core/update/acquire.h"
#include "core/update/kept.h"

#include <chrono>

namespace Preon::Update
{

// Names the place of a file or slot, for the note of what is kept; empty for archives.
std::string placeName(const TargetPlace &place);

// Bytes that the place can take.
std::uint64_t roomFor(const TransferPlan &plan);

Fetch::Wanted wantedFor(const TransferPlan &plan, const OfferedBytes &from, const Fetching &fetching);

// What arrives goes to its place, and, packed, into the store as well. Without a place (archives, which are unpacked once all is there) into the store alone.
class Arrival : public Fetch::Target
{
public:
    Arrival(TargetWriter *place, std::string name, const KeptFile &kept, const std::optional<KeptNote> &before, Progress &progress);

    Result<void> begin() override;
    void started(const Fetch::Start &start) override;
    Result<void> unpacking(bool packed) override;
    Result<void> write(ByteView bytes) override;
    // A store that is full is no reason to end: then the next attempt begins anew. Unless there is nowhere else.
    Result<void> fetched(ByteView bytes) override;

    // What came so far is there after a cut.
    Result<void> keep();
    Result<void> keepAll();
    // Where the bytes of the file begin that come through the network.
    void startAt(std::uint64_t offset)
    {
        m_end = offset;
    }
    std::uint64_t written() const
    {
        return m_written;
    }

private:
    Result<void> take(ByteView bytes);

    TargetWriter *m_place;
    const KeptFile &m_kept;
    Progress &m_progress;
    KeptNote m_note;
    std::uint64_t m_before; // bytes that are in the place since an earlier attempt
    std::uint64_t m_offset = 0, m_written = 0;
    std::uint64_t m_end = 0, m_unflushed = 0; // of the file as it lies on the server
    std::chrono::steady_clock::time_point m_flushed = std::chrono::steady_clock::now();
    Fd m_bytes;
    bool m_begun = false, m_isFull = false;
};

} // namespace Preon::Update
