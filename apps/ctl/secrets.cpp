// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/secrets.h"

#include <algorithm>
#include <cerrno>
#include <iostream>

#include <openssl/crypto.h>
#include <termios.h>
#include <unistd.h>

namespace Preon::Ctl
{

namespace
{
constexpr std::size_t longestKey = 8U << 20U; // as cryptsetup takes
constexpr std::size_t longestLine = 512;

// Restores the terminal's echo, whatever happens in between.
class SilentTerminal
{
public:
    SilentTerminal()
    {
        m_changed = ::isatty(STDIN_FILENO) && ::tcgetattr(STDIN_FILENO, &m_before) == 0;
        if (!m_changed)
            return;
        termios silent = m_before;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    SilentTerminal(const SilentTerminal &) = delete;
    SilentTerminal &operator=(const SilentTerminal &) = delete;
    ~SilentTerminal()
    {
        if (!m_changed)
            return;
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &m_before);
        std::cerr << '\n';
    }

private:
    termios m_before{};
    bool m_changed = false;
};
}

Result<Secret> askSecret(const std::string &prompt)
{
    if (::isatty(STDIN_FILENO))
        std::cerr << prompt << ": " << std::flush;
    const SilentTerminal silent;
    Secret line(longestLine); // byte by byte into a buffer that is wiped
    std::size_t size = 0;
    for (;;) {
        std::byte next{};
        const ssize_t got = ::read(STDIN_FILENO, &next, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return failErrno("The passphrase could not be read");
        if (got == 0 || next == std::byte{'\n'})
            break;
        if (size == line.size())
            return fail(ErrorCode::BadArgument, "The passphrase is too long", std::to_string(longestLine) + " bytes are taken at most");
        line.writable()[size++] = next;
    }
    return Secret::copyOf(line.bytes().first(size));
}

Result<Secret> askNewSecret(const std::string &prompt)
{
    PREON_TRY(Secret first, askSecret(prompt));
    if (first.empty())
        return fail(ErrorCode::BadArgument, "An empty one cannot be set");
    if (::isatty(STDIN_FILENO)) {
        PREON_TRY(const Secret second, askSecret("The same once more"));
        if (!std::ranges::equal(first.bytes(), second.bytes()))
            return fail(ErrorCode::BadArgument, "The two are not the same", "one of them was mistyped");
    }
    return first;
}

Result<Secret> readKeyFile(const std::string &path)
{
    PREON_TRY(Bytes bytes, readFile(path, longestKey));
    Secret secret = Secret::copyOf(bytes);
    OPENSSL_cleanse(bytes.data(), bytes.size());
    return secret;
}

Result<Secret> readSecretLine(const std::string &path)
{
    PREON_TRY(Secret secret, readKeyFile(path));
    if (!secret.empty() && secret.bytes().back() == std::byte{'\n'})
        secret = Secret::copyOf(secret.bytes().first(secret.size() - 1));
    if (secret.empty())
        return fail(ErrorCode::BadArgument, path + " is empty");
    return secret;
}

} // namespace Preon::Ctl
