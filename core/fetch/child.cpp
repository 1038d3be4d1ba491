// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/fetch/child.h"
#include "core/base/format.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace Preon::Fetch
{

namespace
{
constexpr int pipeSize = 1 << 18;
constexpr std::size_t saidLimit = 600;
constexpr std::chrono::seconds grace{10}; // for ending
}

void enlargePipe(const Fd &pipe)
{
    // Refused where a user's pipes hold much already: then it is slower, and no less right.
    ::fcntl(pipe.get(), F_SETPIPE_SZ, pipeSize);
}

void collect(Fd &fd, std::string &into)
{
    std::array<char, 4096> buffer;
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (got <= 0) {
        fd.reset();
        return;
    }
    const std::string_view text(buffer.data(), static_cast<std::size_t>(got));
    for (const char c : text.substr(0, saidLimit - std::min(saidLimit, into.size())))
        into += c == '\n' ? ' ' : (c >= 0x20 && c < 0x7f ? c : '?');
}

int lastWords(ChildProcess &child, Fd &errors, std::string &said)
{
    const auto end = std::chrono::steady_clock::now() + grace;
    while (errors.isOpen() && std::chrono::steady_clock::now() < end) {
        pollfd watched{errors.get(), POLLIN, 0};
        if (::poll(&watched, 1, 100) > 0)
            collect(errors, said);
    }
    return child.endWithin(errors.isOpen() ? std::chrono::seconds(0) : grace);
}

std::string endOf(int status, const std::string &said)
{
    std::string text = status >= 128 ? "it was stopped by signal " + std::to_string(status - 128) : "it ended with status " + std::to_string(status);
    if (const std::string_view words = trimmed(said); !words.empty())
        text += ": " + std::string(words);
    return text;
}

Result<void> pollUntil(std::span<pollfd> watched, const Progress &progress, std::chrono::steady_clock::time_point deadline, const std::string &late)
{
    for (;;) {
        PREON_CHECK(progress.check());
        const int ready = ::poll(watched.data(), watched.size(), 100);
        if (ready < 0 && errno != EINTR)
            return failErrno("Waiting for preon-fetch failed");
        if (ready > 0)
            return {};
        if (std::chrono::steady_clock::now() > deadline)
            return fail(ErrorCode::Timeout, late);
    }
}

} // namespace Preon::Fetch
