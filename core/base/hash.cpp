// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/base/hash.h"

#include <cstdlib>

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace Preon
{

namespace
{
const unsigned char *raw(ByteView data)
{
    return reinterpret_cast<const unsigned char *>(data.data());
}

int hexValue(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}
}

struct Sha256::Context {
    struct Free {
        void operator()(EVP_MD_CTX *context) const
        {
            EVP_MD_CTX_free(context);
        }
    };
    std::unique_ptr<EVP_MD_CTX, Free> evp{EVP_MD_CTX_new()};

    void begin() const
    {
        // SHA-256 in OpenSSL's default provider fails only where memory is gone.
        if (!evp || EVP_DigestInit_ex(evp.get(), EVP_sha256(), nullptr) != 1)
            std::abort();
    }
};

Sha256::Sha256()
    : m_context(std::make_unique<Context>())
{
    m_context->begin();
}

Sha256::Sha256(Sha256 &&) noexcept = default;
Sha256 &Sha256::operator=(Sha256 &&) noexcept = default;
Sha256::~Sha256() = default;

Sha256 &Sha256::add(ByteView data)
{
    EVP_DigestUpdate(m_context->evp.get(), data.data(), data.size());
    return *this;
}

Sha256Digest Sha256::finish()
{
    Sha256Digest digest;
    EVP_DigestFinal_ex(m_context->evp.get(), reinterpret_cast<unsigned char *>(digest.data()), nullptr);
    m_context->begin();
    return digest;
}

Sha256Digest sha256(ByteView data)
{
    return Sha256().add(data).finish();
}

Sha256Digest hmacSha256(ByteView key, ByteView message)
{
    Sha256Digest digest;
    if (!HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), raw(message), message.size(), reinterpret_cast<unsigned char *>(digest.data()), nullptr))
        std::abort();
    return digest;
}

std::string toHex(ByteView data)
{
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    text.reserve(data.size() * 2);
    for (const std::byte byte : data) {
        text += digits[std::to_integer<unsigned>(byte) >> 4U];
        text += digits[std::to_integer<unsigned>(byte) & 15U];
    }
    return text;
}

std::optional<Bytes> fromHex(std::string_view text)
{
    if (text.size() % 2 != 0)
        return std::nullopt;
    Bytes bytes;
    bytes.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = hexValue(text[i]);
        const int low = hexValue(text[i + 1]);
        if (high < 0 || low < 0)
            return std::nullopt;
        bytes.push_back(static_cast<std::byte>(high * 16 + low));
    }
    return bytes;
}

std::string toBase64(ByteView data)
{
    std::string text((data.size() + 2) / 3 * 4, '\0');
    if (!text.empty())
        EVP_EncodeBlock(reinterpret_cast<unsigned char *>(text.data()), raw(data), static_cast<int>(data.size()));
    return text;
}

std::optional<Bytes> fromBase64(std::string_view text)
{
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (text.size() % 4 != 0)
        return std::nullopt;
    std::size_t padding = 0;
    while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=')
        ++padding;
    if (text.substr(0, text.size() - padding).find_first_not_of(alphabet) != std::string_view::npos)
        return std::nullopt;
    Bytes bytes(text.size() / 4 * 3);
    if (!text.empty()
        && EVP_DecodeBlock(reinterpret_cast<unsigned char *>(bytes.data()), reinterpret_cast<const unsigned char *>(text.data()), static_cast<int>(text.size()))
            < 0)
        return std::nullopt;
    bytes.resize(bytes.size() - padding);
    return bytes;
}

} // namespace Preon
