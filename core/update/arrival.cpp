// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/arrival.h"

#include <algorithm>

namespace Preon::Update
{

namespace
{
// So often it is made sure that what came survives a cut: not at every byte, which would cost more than fetching some of them again.
constexpr std::uint64_t flushBytes = 4U << 20U;
constexpr auto flushTime = std::chrono::seconds(1);
}

std::string placeName(const TargetPlace &place)
{
    if (const auto *slot = std::get_if<SlotTarget>(&place))
        return slot->device.string() + '#' + std::to_string(slot->before.number);
    if (const auto *file = std::get_if<FileTarget>(&place))
        return (file->folder / file->name).string();
    return {};
}

std::uint64_t roomFor(const TransferPlan &plan)
{
    if (const auto *slot = std::get_if<SlotTarget>(&*plan.place))
        return slot->before.size;
    return plan.bytesFree.value_or(Fetch::Wanted().sizeLimit);
}

Fetch::Wanted wantedFor(const TransferPlan &plan, const OfferedBytes &from, const Fetching &fetching)
{
    Fetch::Wanted wanted;
    wanted.program = fetching.program;
    wanted.hash = *from.sha256;
    wanted.format = Fetch::Format::Detected;
    wanted.sizeLimit = roomFor(plan);
    wanted.request.bytesPerSecond = fetching.bytesPerSecond;
    wanted.request.proxy = fetching.proxy;
    wanted.request.caFile = fetching.caFile;
    wanted.request.mirrors.push_back({.url = from.path});
    for (const std::string &mirror : mirrorsOf(from.path, fetching))
        wanted.request.mirrors.push_back({.url = mirror});
    return wanted;
}

Arrival::Arrival(TargetWriter *place, std::string name, const KeptFile &kept, const std::optional<KeptNote> &before, Progress &progress)
    : m_place(place)
    , m_kept(kept)
    , m_progress(progress)
    , m_note(before.value_or(KeptNote{}))
    , m_before(m_note.bytes)
{
    m_note.place = std::move(name);
}

Result<void> Arrival::begin()
{
    // The first time what is kept counts; whoever begins again begins with nothing.
    if (std::exchange(m_begun, true)) {
        m_before = m_end = m_unflushed = 0;
        m_note.bytes = 0;
        m_note.complete = false;
        m_bytes.reset();
        PREON_CHECK(m_kept.forget());
    }
    m_offset = 0;
    return {};
}

// Only now it is known how much there is; what is here already counts.
void Arrival::started(const Fetch::Start &start)
{
    if (!start.total)
        return;
    m_progress.phase("Fetching", *start.total);
    m_progress.advance(m_end);
}

Result<void> Arrival::unpacking(bool packed)
{
    m_note.packed = packed || !m_place;
    return {};
}

Result<void> Arrival::write(ByteView bytes)
{
    if (!m_place)
        return {};
    // Unpacked, the first bytes were read from this very place a moment ago.
    if (!m_note.packed && m_offset + bytes.size() <= m_before) {
        m_offset += bytes.size();
        return {};
    }
    PREON_CHECK(m_place->write(m_offset, bytes));
    m_offset += bytes.size();
    m_written += bytes.size();
    return {};
}

Result<void> Arrival::fetched(ByteView bytes)
{
    if (!m_kept.isUsed() || m_isFull)
        return {};
    auto kept = take(bytes);
    if (kept || kept.error().code != ErrorCode::NoSpace || !m_place)
        return kept;
    m_isFull = true;
    m_progress.log(kept.error().text());
    m_bytes.reset();
    return m_kept.forget();
}

Result<void> Arrival::keep()
{
    if (!m_kept.isUsed() || m_isFull || m_unflushed == 0)
        return {};
    if (m_note.packed)
        PREON_CHECK(flush(m_bytes));
    else
        PREON_CHECK(m_place->flush());
    m_note.bytes = m_end;
    m_unflushed = 0;
    m_flushed = std::chrono::steady_clock::now();
    return m_kept.write(m_note);
}

Result<void> Arrival::keepAll()
{
    m_note.complete = true;
    if (!m_kept.isUsed() || m_isFull)
        return {};
    PREON_CHECK(keep());
    return m_kept.write(m_note);
}

Result<void> Arrival::take(ByteView bytes)
{
    if (m_note.packed) {
        if (!m_bytes.isOpen()) {
            PREON_TRY(m_bytes, m_kept.bytes(m_note.bytes == 0));
        }
        PREON_CHECK(writeAt(m_bytes, m_end, bytes));
    }
    m_end += bytes.size();
    m_unflushed += bytes.size();
    if (m_unflushed < flushBytes || std::chrono::steady_clock::now() - m_flushed < flushTime)
        return {};
    return keep();
}

} // namespace Preon::Update
