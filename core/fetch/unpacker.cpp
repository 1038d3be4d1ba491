// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/fetch/unpacker.h"
#include "core/fetch/child.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

#include <fcntl.h>
#include <unistd.h>

namespace Preon::Fetch
{

namespace
{
constexpr std::array<std::pair<Format, std::string_view>, 5> names{
    {{Format::Gzip, "gz"}, {Format::Xz, "xz"}, {Format::Zstd, "zst"}, {Format::Bzip2, "bz2"}, {Format::Detected, "auto"}}};
// Written at once: few calls for a disk, and still in the second cache of a core.
constexpr std::size_t unpackedAtOnce = 1U << 18U;
constexpr std::chrono::minutes patience{10};

std::chrono::steady_clock::time_point deadline()
{
    return std::chrono::steady_clock::now() + patience;
}
const std::string late = "The unpacker did nothing for 10 minutes";
}

std::string_view formatName(Format format)
{
    return std::ranges::find(names, format, &std::pair<Format, std::string_view>::first)->second;
}

std::optional<Format> formatNamed(std::string_view name)
{
    const auto found = std::ranges::find(names, name, &std::pair<Format, std::string_view>::second);
    return found == names.end() ? std::nullopt : std::optional(found->first);
}

std::optional<Format> formatOf(ByteView head)
{
    using namespace std::string_view_literals;
    static constexpr std::array<std::pair<std::string_view, Format>, 4> magics{
        {{"\x1f\x8b"sv, Format::Gzip}, {"\xfd\x37\x7a\x58\x5a\x00"sv, Format::Xz}, {"\x28\xb5\x2f\xfd"sv, Format::Zstd}, {"\x42\x5a\x68"sv, Format::Bzip2}}};
    for (const auto &[magic, format] : magics) {
        if (head.size() >= magic.size() && std::ranges::equal(head.first(magic.size()), asBytes(magic)))
            return format;
    }
    return std::nullopt;
}

Unpacker::Unpacker(ChildProcess child, Fd input, Fd output, Fd errors, std::string name, std::uint64_t limit)
    : m_name(std::move(name))
    , m_limit(limit)
    , m_buffer(unpackedAtOnce)
    , m_child(std::move(child))
    , m_input(std::move(input))
    , m_output(std::move(output))
    , m_errors(std::move(errors))
{
}

Result<Unpacker> Unpacker::start(Format format, std::uint64_t limit, const std::filesystem::path &program)
{
    const std::string name(formatName(format));
    return startJob({program.string(), "unpack", name}, name, limit);
}

Result<Unpacker> Unpacker::startTar(const std::filesystem::path &program)
{
    // Whoever decodes the frames counts.
    return startJob({program.string(), "untar"}, "tar", std::numeric_limits<std::uint64_t>::max());
}

Result<Unpacker> Unpacker::startJob(std::vector<std::string> command, std::string name, std::uint64_t limit)
{
    PREON_TRY(Pipe input, makePipe());
    PREON_TRY(Pipe output, makePipe());
    PREON_TRY(Pipe errors, makePipe());
    enlargePipe(input.write);
    enlargePipe(output.read);
    PREON_TRY(ChildProcess child, ChildProcess::start(command, input.read, output.write, errors.write));
    ::fcntl(input.write.get(), F_SETFL, O_NONBLOCK);
    ::fcntl(output.read.get(), F_SETFL, O_NONBLOCK);
    ::fcntl(errors.read.get(), F_SETFL, O_NONBLOCK);
    return Unpacker(std::move(child), std::move(input.write), std::move(output.read), std::move(errors.read), std::move(name), limit);
}

// Hands on what is ready now; false at the end of the output.
Result<bool> Unpacker::takeOutput(const Sink &sink)
{
    std::size_t filled = 0;
    bool atEnd = false;
    while (filled < m_buffer.size()) {
        const ssize_t got = ::read(m_output.get(), m_buffer.data() + filled, m_buffer.size() - filled);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno != EAGAIN)
            return failErrno("Reading from the unpacker failed");
        atEnd = got == 0;
        if (got <= 0)
            break;
        filled += static_cast<std::size_t>(got);
    }
    if (filled > m_limit - m_size)
        return fail(ErrorCode::BadFormat, "The file is too large", "it unpacks to more than the " + std::to_string(m_limit) + " bytes that may come");
    m_size += filled;
    if (filled > 0)
        PREON_CHECK(sink(ByteView(m_buffer.data(), filled)));
    return !atEnd;
}

Result<void> Unpacker::feed(ByteView input, const Sink &sink, const Progress &progress)
{
    while (!input.empty()) {
        const ssize_t put = ::write(m_input.get(), input.data(), input.size());
        if (put > 0) {
            input = input.subspan(static_cast<std::size_t>(put));
            continue;
        }
        if (put < 0 && errno == EPIPE)
            return verdict();
        if (put < 0 && errno != EAGAIN && errno != EINTR)
            return failErrno("Writing to the unpacker failed");
        std::array<pollfd, 3> watched{{{m_input.get(), POLLOUT, 0}, {m_output.get(), POLLIN, 0}, {m_errors.get(), POLLIN, 0}}};
        PREON_CHECK(pollUntil(watched, progress, deadline(), late));
        if (watched[2].revents != 0)
            collect(m_errors, m_said);
        if (watched[1].revents != 0) {
            PREON_TRY(const bool more, takeOutput(sink));
            if (!more)
                return verdict();
        }
    }
    return {};
}

Result<void> Unpacker::finish(const Sink &sink, const Progress &progress)
{
    m_input.reset();
    for (bool more = true; more;) {
        std::array<pollfd, 2> watched{{{m_output.get(), POLLIN, 0}, {m_errors.get(), POLLIN, 0}}};
        PREON_CHECK(pollUntil(watched, progress, deadline(), late));
        if (watched[1].revents != 0)
            collect(m_errors, m_said);
        if (watched[0].revents != 0) {
            PREON_TRY(more, takeOutput(sink));
        }
    }
    return verdict();
}

// After it stopped reading or writing.
Result<void> Unpacker::verdict()
{
    const bool isComplete = !m_input.isOpen();
    m_input.reset();
    m_output.reset();
    const int status = lastWords(m_child, m_errors, m_said);
    if (status == 0 && isComplete)
        return {};
    const std::string what = "The file could not be unpacked (" + m_name + ")";
    switch (static_cast<UnpackStatus>(status)) {
    case UnpackStatus::Damaged:
        return fail(ErrorCode::BadFormat, what, m_said);
    case UnpackStatus::TooMuchMemory:
        return fail(ErrorCode::Unsupported, what, m_said);
    case UnpackStatus::NotConfined:
        return fail(ErrorCode::Permission, what, m_said);
    }
    return fail(ErrorCode::ToolFailed, what, endOf(status, m_said));
}

} // namespace Preon::Fetch
