// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "helper/fetch/pipes.h"

#include "core/transport/decompress.h"
#include "core/transport/tar.h"

#include <array>
#include <cerrno>

#include <poll.h>
#include <sys/uio.h>

namespace Preon::Fetcher
{

namespace
{
constexpr std::size_t inputSize = 256U << 10U;

// False when nobody reads any more.
bool writeAll(int descriptor, ByteView bytes)
{
    while (!bytes.empty()) {
        const ssize_t put = ::write(descriptor, bytes.data(), bytes.size());
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
    return true;
}

ssize_t readSome(int descriptor, std::span<std::byte> into)
{
    ssize_t got = -1;
    do {
        got = ::read(descriptor, into.data(), into.size());
    } while (got < 0 && errno == EINTR);
    return got;
}
}

void say(std::string_view text)
{
    writeAll(STDERR_FILENO, asBytes(text));
    writeAll(STDERR_FILENO, asBytes("\n"));
}

Result<std::string> readAll(int descriptor, std::size_t limit)
{
    std::string text;
    std::array<std::byte, 4096> buffer;
    for (;;) {
        const ssize_t got = readSome(descriptor, buffer);
        if (got < 0)
            return failErrno("The request could not be read");
        if (got == 0)
            return text;
        text.append(reinterpret_cast<const char *>(buffer.data()), static_cast<std::size_t>(got));
        if (text.size() > limit)
            return fail(ErrorCode::BadFormat, "The request could not be read", "it is longer than " + std::to_string(limit) + " bytes");
    }
}

Result<void> unpack(Fetch::Format format, int from, int to)
{
    const auto decompressor = Transport::Decompressor::make(format);
    const Transport::Decompressor::Sink sink = [to](ByteView bytes) -> Result<void> {
        if (!writeAll(to, bytes))
            return fail(ErrorCode::Cancelled, "Nobody takes the unpacked file");
        return {};
    };
    Bytes buffer(inputSize);
    for (;;) {
        const ssize_t got = readSome(from, buffer);
        if (got < 0)
            return failErrno("The packed file could not be read");
        if (got == 0)
            return decompressor->finish(sink);
        PREON_CHECK(decompressor->add(ByteView(buffer).first(static_cast<std::size_t>(got)), sink));
    }
}

Result<void> untar(int from, int to)
{
    const Transport::TarSource source = [from](std::span<std::byte> into) -> Result<std::size_t> {
        const ssize_t got = readSome(from, into);
        if (got < 0)
            return failErrno("The archive could not be read");
        return static_cast<std::size_t>(got);
    };
    const Transport::TarSink sink = [to](ByteView bytes) -> Result<void> {
        if (!writeAll(to, bytes))
            return fail(ErrorCode::Cancelled, "Nobody takes the archive's files");
        return {};
    };
    return Transport::untar(source, sink);
}

bool PipeOutlet::start(const Fetch::Start &start)
{
    return writeAll(m_descriptor, Fetch::encode(start));
}

bool PipeOutlet::data(ByteView bytes)
{
    if (bytes.empty())
        return true;
    std::array<std::byte, 8> header = Fetch::dataHeader(bytes.size());
    const std::array<iovec, 2> parts{{{header.data(), header.size()}, {const_cast<std::byte *>(bytes.data()), bytes.size()}}};
    ssize_t put = -1;
    do {
        put = ::writev(m_descriptor, parts.data(), parts.size());
    } while (put < 0 && errno == EINTR);
    if (put < 0)
        return false;
    // A signal may cut it short.
    const auto written = static_cast<std::size_t>(put);
    if (written < header.size())
        return writeAll(m_descriptor, ByteView(header).subspan(written)) && writeAll(m_descriptor, bytes);
    return writeAll(m_descriptor, bytes.subspan(written - header.size()));
}

bool PipeOutlet::setback(const Fetch::Failure &failure)
{
    return writeAll(m_descriptor, Fetch::encode(Fetch::Setback{failure}));
}

bool PipeOutlet::done(std::uint64_t size)
{
    return writeAll(m_descriptor, Fetch::encode(Fetch::Done{size}));
}

bool PipeOutlet::failed(const Fetch::Failure &failure)
{
    return writeAll(m_descriptor, Fetch::encode(Fetch::Failed{failure}));
}

bool PipeOutlet::wait(std::chrono::milliseconds time)
{
    // No event is asked for: what comes is the other side's end (POLLERR).
    pollfd watched{m_descriptor, 0, 0};
    return ::poll(&watched, 1, static_cast<int>(time.count())) <= 0;
}

} // namespace Preon::Fetcher
