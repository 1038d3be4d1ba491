// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/fetch/download.h"
#include "core/fetch/child.h"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace Preon::Fetch
{

namespace
{
ErrorCode codeOf(const Failure &failure)
{
    switch (failure.kind) {
    case FailureKind::Request:
        return ErrorCode::BadArgument;
    case FailureKind::Network:
        return ErrorCode::Io;
    case FailureKind::Stalled:
        return ErrorCode::Timeout;
    case FailureKind::Tls:
    case FailureKind::Redirect:
        return ErrorCode::Insecure;
    case FailureKind::Http:
        if (failure.status == 404 || failure.status == 410)
            return ErrorCode::NotFound;
        return failure.status == 401 || failure.status == 403 ? ErrorCode::Permission : ErrorCode::Io;
    case FailureKind::Size:
        return ErrorCode::Corrupt;
    case FailureKind::Range:
        return ErrorCode::BadFormat;
    case FailureKind::Changed:
        return ErrorCode::Changed;
    case FailureKind::Confinement:
        return ErrorCode::Permission;
    }
    return ErrorCode::Io;
}

const char *helpFor(const Failure &failure)
{
    switch (failure.kind) {
    case FailureKind::Network:
    case FailureKind::Stalled:
        return "Check the connection to the network and try again.";
    case FailureKind::Tls:
        return "Check this computer's date, and whether the network wants you to log in with a browser first. Otherwise the server is at fault.";
    case FailureKind::Http:
        return "Try again later. If it stays so, tell the maker.";
    case FailureKind::Changed:
        return "Try again later.";
    default:
        return "";
    }
}

// The whole request into the pipe, whose size it never reaches twice; a child that ended already has told why elsewhere.
Result<void> sendRequest(Fd input, const std::string &text)
{
    std::string_view rest = text;
    while (!rest.empty()) {
        const ssize_t put = ::write(input.get(), rest.data(), rest.size());
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0 && errno == EPIPE)
            return {};
        if (put < 0)
            return failErrno("Telling preon-fetch what to fetch failed");
        rest.remove_prefix(static_cast<std::size_t>(put));
    }
    return {};
}
}

Download::Download(ChildProcess child, Fd frames, Fd errors, const Request &request)
    : m_mirrors(request.mirrors)
    , m_decoder(request.offset)
    , m_child(std::move(child))
    , m_frames(std::move(frames))
    , m_errors(std::move(errors))
{
}

Result<Download> Download::start(const Request &request, const std::filesystem::path &program)
{
    if (request.mirrors.empty())
        return fail(ErrorCode::BadArgument, "Nothing can be fetched", "no address is given");
    PREON_TRY(Pipe input, makePipe());
    PREON_TRY(Pipe frames, makePipe());
    PREON_TRY(Pipe errors, makePipe());
    enlargePipe(frames.read);
    PREON_TRY(ChildProcess child, ChildProcess::start({program.string(), "fetch"}, input.read, frames.write, errors.write));
    input.read.reset();
    frames.write.reset();
    errors.write.reset();
    ::fcntl(frames.read.get(), F_SETFL, O_NONBLOCK);
    ::fcntl(errors.read.get(), F_SETFL, O_NONBLOCK);
    PREON_CHECK(sendRequest(std::move(input.write), toJson(request)));
    return Download(std::move(child), std::move(frames.read), std::move(errors.read), request);
}

Error Download::explain(const Failure &failure) const
{
    const std::string address = failure.mirror < m_mirrors.size() ? m_mirrors[failure.mirror].url : "the file";
    return {codeOf(failure), "Fetching " + address + " failed", failure.text, helpFor(failure)};
}

std::unexpected<Error> Download::brokenOff()
{
    m_frames.reset();
    const int status = lastWords(m_child, m_errors, m_said);
    return fail(ErrorCode::ToolFailed, "preon-fetch ended before the file did", endOf(status, m_said));
}

// True when bytes came, false at the end of the pipe.
Result<bool> Download::waitForMore(const Progress &progress, std::chrono::seconds patience)
{
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (;;) {
        const std::span<std::byte> room = m_decoder.room();
        const ssize_t got = ::read(m_frames.get(), room.data(), room.size());
        if (got >= 0) {
            m_decoder.filled(static_cast<std::size_t>(got));
            return got > 0;
        }
        if (errno != EAGAIN && errno != EINTR)
            return failErrno("Reading from preon-fetch failed");
        std::array<pollfd, 2> watched{{{m_frames.get(), POLLIN, 0}, {m_errors.get(), POLLIN, 0}}};
        PREON_CHECK(pollUntil(watched, progress, deadline, "preon-fetch said nothing for " + std::to_string(patience.count()) + " seconds"));
        if (watched[1].revents != 0)
            collect(m_errors, m_said);
    }
}

Result<Frame> Download::next(const Progress &progress, std::chrono::seconds patience)
{
    PREON_CHECK(progress.check());
    for (;;) {
        PREON_TRY(std::optional<Frame> frame, m_decoder.next());
        if (frame) {
            if (const auto *failed = std::get_if<Failed>(&*frame))
                return std::unexpected(explain(failed->failure));
            return *std::move(frame);
        }
        if (m_decoder.isOver() || !m_frames.isOpen())
            return fail(ErrorCode::BadArgument, "Nothing more can be fetched", "the file is at its end");
        PREON_TRY(const bool came, waitForMore(progress, patience));
        if (!came)
            return brokenOff();
    }
}

} // namespace Preon::Fetch
