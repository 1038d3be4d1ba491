// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/base/secret.h"

#include <algorithm>
#include <cerrno>

#include <openssl/crypto.h>
#include <sys/random.h>

namespace Preon
{

Secret::Secret(std::size_t size)
    : m_bytes(size)
{
}

Secret Secret::copyOf(ByteView bytes)
{
    Secret secret(bytes.size());
    std::ranges::copy(bytes, secret.m_bytes.begin());
    return secret;
}

Secret &Secret::operator=(Secret &&other) noexcept
{
    if (this != &other) {
        wipe();
        m_bytes = std::move(other.m_bytes);
        other.m_bytes.clear();
    }
    return *this;
}

Secret::~Secret()
{
    wipe();
}

Result<Secret> Secret::random(std::size_t size)
{
    Secret secret(size);
    for (std::size_t filled = 0; filled < size;) {
        const ssize_t got = ::getrandom(secret.m_bytes.data() + filled, size - filled, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return failErrno("The kernel gave no random bytes");
        filled += static_cast<std::size_t>(got);
    }
    return secret;
}

void Secret::wipe()
{
    if (!m_bytes.empty())
        OPENSSL_cleanse(m_bytes.data(), m_bytes.size());
}

} // namespace Preon
