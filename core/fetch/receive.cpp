// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/fetch/receive.h"

#include <algorithm>

namespace Preon::Fetch
{

namespace
{

constexpr std::size_t longestMagic = 6;

class Reception
{
public:
    Reception(const Wanted &wanted, Target &target, Progress &progress)
        : m_wanted(wanted)
        , m_request(wanted.request)
        , m_target(target)
        , m_progress(progress)
    {
    }

    // Bytes that were wrong are fetched anew: without those that were kept, then without the mirror that they came from, as long as there is another one.
    Result<Received> run()
    {
        for (;;) {
            auto received = once();
            if (received || (received.error().code != ErrorCode::Corrupt && received.error().code != ErrorCode::BadFormat) || !leaveTheWrong())
                return received;
            m_progress.log(received.error().text());
            ++m_received.restarts;
        }
    }

private:
    Result<Received> once()
    {
        PREON_CHECK(begin());
        PREON_CHECK(takeKept());
        // Where the hash is another one, finish() says so, and it is fetched anew.
        if (m_wanted.complete && m_request.offset > 0)
            return finish();
        PREON_TRY(Download download, Download::start(m_request, m_wanted.program));
        for (bool more = true; more;) {
            PREON_TRY(const Frame frame, download.next(m_progress));
            PREON_TRY(more, take(frame, download));
        }
        return finish();
    }

    bool leaveTheWrong()
    {
        // A hash that is right means that nothing else will come.
        if (m_isRight)
            return false;
        if (std::exchange(m_request.offset, 0) > 0) {
            for (Mirror &mirror : m_request.mirrors)
                mirror.validator = {};
            return true;
        }
        if (m_mirror < m_request.mirrors.size())
            m_request.mirrors.erase(m_request.mirrors.begin() + static_cast<std::ptrdiff_t>(m_mirror));
        return !m_request.mirrors.empty();
    }

    Result<void> begin()
    {
        m_hash = Sha256();
        m_received.size = m_received.unpacked = 0;
        m_unpacker.reset();
        m_head.clear();
        m_isDecided = false;
        PREON_CHECK(m_target.begin());
        return m_wanted.format == Format::Detected ? Result<void>() : decide(m_wanted.format);
    }

    Result<void> decide(std::optional<Format> format)
    {
        m_isDecided = true;
        PREON_CHECK(m_target.unpacking(format.has_value()));
        if (format) {
            PREON_TRY(m_unpacker, Unpacker::start(*format, m_wanted.sizeLimit, m_wanted.program));
        }
        return {};
    }

    // Until the first bytes tell what it is they wait; `all`: no more will come.
    Result<void> look(ByteView bytes, bool all)
    {
        m_head.insert(m_head.end(), bytes.begin(), bytes.end());
        if (m_head.size() < longestMagic && !all)
            return {};
        PREON_CHECK(decide(formatOf(m_head)));
        return use(m_head);
    }

    // The one way of every byte: hashed here, and then nothing but this buffer is used.
    Result<void> add(ByteView bytes)
    {
        m_hash.add(bytes);
        m_received.size += bytes.size();
        m_progress.advance(bytes.size());
        return m_isDecided ? use(bytes) : look(bytes, false);
    }

    Result<void> use(ByteView bytes)
    {
        if (m_unpacker)
            return m_unpacker->feed(bytes, m_sink, m_progress);
        if (bytes.size() > m_wanted.sizeLimit - std::min(m_wanted.sizeLimit, m_received.unpacked))
            return fail(ErrorCode::BadFormat, "The file is too large", "it has more than the " + std::to_string(m_wanted.sizeLimit) + " bytes that may come");
        return m_sink(bytes);
    }

    Result<void> takeKept()
    {
        const std::uint64_t all = m_request.offset;
        if (all > 0 && !m_wanted.kept)
            return fail(ErrorCode::BadArgument, "The file cannot be gone on with", "its first " + std::to_string(all) + " bytes are not given");
        Bytes buffer(std::min<std::uint64_t>(all, 1U << 20U));
        for (std::uint64_t offset = 0; offset < all;) {
            PREON_CHECK(m_progress.check());
            const std::span<std::byte> part = std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), all - offset));
            PREON_CHECK(m_wanted.kept(offset, part));
            PREON_CHECK(add(part));
            offset += part.size();
        }
        return {};
    }

    Result<void> startedAt(const Start &start)
    {
        if (start.offset == 0 && m_received.size > 0) {
            ++m_received.restarts;
            m_progress.log("The file is fetched from its beginning again");
            PREON_CHECK(begin());
        }
        m_mirror = start.mirror;
        m_target.started(start);
        return {};
    }

    // False at the end.
    Result<bool> take(const Frame &frame, const Download &download)
    {
        if (const auto *data = std::get_if<Data>(&frame)) {
            m_received.fetched += data->bytes.size();
            PREON_CHECK(add(data->bytes));
            PREON_CHECK(m_target.fetched(data->bytes));
        } else if (const auto *start = std::get_if<Start>(&frame)) {
            PREON_CHECK(startedAt(*start));
        } else if (const auto *setback = std::get_if<Setback>(&frame)) {
            ++m_received.setbacks;
            m_progress.log(download.explain(setback->failure).text());
        } else {
            return false;
        }
        return true;
    }

    Result<Received> finish()
    {
        // Looked at first: of bytes that are not the right ones nobody needs to know how they unpack.
        const Sha256Digest digest = m_hash.finish();
        if (digest != m_wanted.hash)
            return fail(ErrorCode::Corrupt,
                        m_request.mirrors[std::min<std::size_t>(m_mirror, m_request.mirrors.size() - 1)].url + " is not the file that it should be",
                        "it was damaged or exchanged: the SHA-256 of its " + std::to_string(m_received.size) + " bytes is " + toHex(digest) + ", "
                            + toHex(m_wanted.hash) + " is expected",
                        "Try again later. If it stays so, tell the maker.");
        m_isRight = true;
        if (!m_isDecided)
            PREON_CHECK(look({}, true));
        if (m_unpacker)
            PREON_CHECK(m_unpacker->finish(m_sink, m_progress));
        return m_received;
    }

    const Wanted &m_wanted;
    Request m_request; // what is still asked for
    std::uint32_t m_mirror = 0; // which of them sent last
    bool m_isRight = false; // all bytes are there, and their hash is the one that is wanted
    Target &m_target;
    Progress &m_progress;
    Sha256 m_hash;
    std::optional<Unpacker> m_unpacker;
    Bytes m_head; // while it is not decided what they are
    bool m_isDecided = false;
    Received m_received;
    Unpacker::Sink m_sink = [this](ByteView bytes) -> Result<void> {
        m_received.unpacked += bytes.size();
        return m_target.write(bytes);
    };
};
}

Result<Received> receive(const Wanted &wanted, Target &target, Progress &progress)
{
    return Reception(wanted, target, progress).run();
}

} // namespace Preon::Fetch
