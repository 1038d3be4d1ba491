// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// SHA-256, HMAC-SHA256, and the spellings of bytes: hexadecimal and base64 (RFC 4648, with padding).

#include "core/base/fd.h"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace Preon
{

using Sha256Digest = std::array<std::byte, 32>;

class Sha256
{
public:
    Sha256();
    Sha256(Sha256 &&) noexcept;
    Sha256 &operator=(Sha256 &&) noexcept;
    ~Sha256();
    Sha256 &add(ByteView data);
    // The digest of all that was added; the object starts anew.
    Sha256Digest finish();

private:
    struct Context;
    std::unique_ptr<Context> m_context;
};

Sha256Digest sha256(ByteView data);
Sha256Digest hmacSha256(ByteView key, ByteView message);

std::string toHex(ByteView data); // lower case
std::optional<Bytes> fromHex(std::string_view text); // either case, even length
std::string toBase64(ByteView data);
std::optional<Bytes> fromBase64(std::string_view text); // strict; white space is refused

} // namespace Preon
