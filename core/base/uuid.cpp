// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/base/uuid.h"

#include "core/base/secret.h"

#include <algorithm>

namespace Preon
{

std::optional<Uuid> Uuid::parse(std::string_view text)
{
    std::string digits;
    if (text.size() == 36) {
        for (std::size_t i = 0; i < text.size(); ++i) {
            const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
            if (dash != (text[i] == '-'))
                return std::nullopt;
            if (!dash)
                digits += text[i];
        }
    } else {
        digits = text;
    }
    const auto bytes = fromHex(digits);
    if (!bytes || bytes->size() != 16)
        return std::nullopt;
    std::array<std::byte, 16> array;
    std::ranges::copy(*bytes, array.begin());
    return Uuid(array);
}

Result<Uuid> Uuid::random()
{
    PREON_TRY(const Secret bytes, Secret::random(16));
    return stampedV4(bytes.bytes());
}

Uuid Uuid::derived(ByteView key, ByteView message)
{
    return stampedV4(hmacSha256(key, message));
}

std::string Uuid::text() const
{
    std::string text = hex();
    for (const std::size_t position : {8U, 13U, 18U, 23U})
        text.insert(position, 1, '-');
    return text;
}

std::string Uuid::hex() const
{
    return toHex(m_bytes);
}

Uuid stampedV4(ByteView first16)
{
    std::array<std::byte, 16> bytes;
    std::ranges::copy(first16.first(16), bytes.begin());
    bytes[6] = (bytes[6] & std::byte{0x0F}) | std::byte{0x40};
    bytes[8] = (bytes[8] & std::byte{0x3F}) | std::byte{0x80};
    return Uuid(bytes);
}

} // namespace Preon
