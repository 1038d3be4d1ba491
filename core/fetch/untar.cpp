// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/fetch/untar.h"

namespace Preon::Fetch
{

namespace
{
constexpr std::uint64_t headersOfEntry = 8192; // bytes, generously: its own, a long name, what fills the last block
}

Untar::Untar(TreeSink &sink, TreeLimits limits, std::filesystem::path program, Unpacker tar)
    : m_sink(&sink)
    , m_decoder(limits)
    , m_archiveLimit(limits.bytes + limits.entries * headersOfEntry)
    , m_program(std::move(program))
    , m_tar(std::move(tar))
{
}

Result<Untar> Untar::start(TreeSink &sink, TreeLimits limits, const std::filesystem::path &program)
{
    PREON_TRY(Unpacker tar, Unpacker::startTar(program));
    return Untar(sink, limits, program, std::move(tar));
}

Result<void> Untar::feedTar(ByteView bytes, const Progress &progress)
{
    return m_tar.feed(bytes, [this](ByteView frames) { return m_decoder.add(frames, *m_sink); }, progress);
}

Result<void> Untar::feed(ByteView bytes, const Progress &progress)
{
    if (bytes.empty())
        return {};
    if (!std::exchange(m_begun, true)) {
        if (const auto format = formatOf(bytes)) {
            PREON_TRY(m_unpacker, Unpacker::start(*format, m_archiveLimit, m_program));
        }
    }
    if (m_unpacker)
        return m_unpacker->feed(bytes, [&](ByteView unpacked) { return feedTar(unpacked, progress); }, progress);
    return feedTar(bytes, progress);
}

Result<void> Untar::finish(const Progress &progress)
{
    if (m_unpacker)
        PREON_CHECK(m_unpacker->finish([&](ByteView unpacked) { return feedTar(unpacked, progress); }, progress));
    PREON_CHECK(m_tar.finish([this](ByteView frames) { return m_decoder.add(frames, *m_sink); }, progress));
    return m_decoder.finish();
}

} // namespace Preon::Fetch
