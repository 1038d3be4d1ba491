// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// A UUID as 16 bytes in the order of its text (RFC 9562); GPT's mixed-endian encoding stays inside libfdisk.

#include "core/base/hash.h"

#include <compare>

namespace Preon
{

class Uuid
{
public:
    constexpr Uuid() = default; // all zero
    explicit constexpr Uuid(const std::array<std::byte, 16> &bytes)
        : m_bytes(bytes)
    {
    }
    // 32 hexadecimal digits, with or without the four dashes, either case.
    static std::optional<Uuid> parse(std::string_view text);
    static Result<Uuid> random(); // version 4
    // The first 16 bytes of HMAC-SHA256(key, message) stamped as version 4, as systemd-repart derives UUIDs from a seed.
    static Uuid derived(ByteView key, ByteView message);

    bool isNull() const
    {
        return *this == Uuid();
    }
    ByteView bytes() const
    {
        return m_bytes;
    }
    std::string text() const; // lower case with dashes
    std::string hex() const; // lower case, no dashes (sd_id128)
    auto operator<=>(const Uuid &) const = default;

private:
    std::array<std::byte, 16> m_bytes{};
};

// Bytes stamped as version 4, variant RFC 9562.
Uuid stampedV4(ByteView first16);

} // namespace Preon
