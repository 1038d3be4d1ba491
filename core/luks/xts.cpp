// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/luks/xts.h"

#include <array>

#include <openssl/evp.h>

namespace Preon::Luks
{

Result<XtsEncryption> XtsEncryption::create(const Secret &key, std::uint32_t sectorSize)
{
    if (key.size() != 64)
        return fail(ErrorCode::Unsupported, "The volume cannot be written without the kernel",
                    "its key has " + std::to_string(key.size() * 8) + " bits instead of 512");
    Context context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
    const std::array<unsigned char, 16> tweak{};
    // OpenSSL refuses two equal halves, which are the weak keys of XTS.
    if (!context || EVP_EncryptInit_ex(context.get(), EVP_aes_256_xts(), nullptr, reinterpret_cast<const unsigned char *>(key.chars()), tweak.data()) != 1)
        return fail(ErrorCode::Unsupported, "The volume cannot be written without the kernel", "AES-XTS is not available");
    return XtsEncryption(std::move(context), sectorSize);
}

Result<void> XtsEncryption::encrypt(std::uint64_t offset, std::span<std::byte> data)
{
    if (offset % m_sectorSize || data.size() % m_sectorSize)
        return fail(ErrorCode::BadArgument, "Encrypted data comes in whole sectors", std::to_string(m_sectorSize) + " bytes each");
    for (std::size_t at = 0; at < data.size(); at += m_sectorSize) {
        const std::uint64_t number = (offset + at) / 512;
        std::array<unsigned char, 16> tweak{};
        for (unsigned octet = 0; octet < 8; ++octet)
            tweak[octet] = static_cast<unsigned char>(number >> (8 * octet));
        auto *bytes = reinterpret_cast<unsigned char *>(data.data() + at);
        int written = 0;
        if (EVP_EncryptInit_ex(m_context.get(), nullptr, nullptr, nullptr, tweak.data()) != 1
            || EVP_EncryptUpdate(m_context.get(), bytes, &written, bytes, static_cast<int>(m_sectorSize)) != 1 || written != static_cast<int>(m_sectorSize))
            return fail(ErrorCode::Unsupported, "The data could not be encrypted", "AES-XTS failed");
    }
    return {};
}

Result<void> xtsUnit(XtsWay way, const Secret &key, ByteView tweak, std::span<std::byte> data)
{
    constexpr std::size_t block = 16, largest = 16U << 20U; // XTS ends at 2^20 blocks
    if ((key.size() != 32 && key.size() != 64) || tweak.size() != block || data.size() < block || data.size() > largest)
        return fail(ErrorCode::BadArgument, "That cannot be encrypted by AES-XTS",
                    std::to_string(data.size()) + " bytes under a key of " + std::to_string(key.size()) + " bytes, with a tweak of "
                        + std::to_string(tweak.size()));
    const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
    auto *bytes = reinterpret_cast<unsigned char *>(data.data());
    int written = 0;
    if (!context
        || EVP_CipherInit_ex(context.get(), key.size() == 32 ? EVP_aes_128_xts() : EVP_aes_256_xts(), nullptr,
                             reinterpret_cast<const unsigned char *>(key.chars()), reinterpret_cast<const unsigned char *>(tweak.data()),
                             way == XtsWay::Encrypt ? 1 : 0)
            != 1
        || EVP_CipherUpdate(context.get(), bytes, &written, bytes, static_cast<int>(data.size())) != 1 || static_cast<std::size_t>(written) != data.size())
        return fail(ErrorCode::Unsupported, "The data could not be encrypted", "AES-XTS failed");
    return {};
}

} // namespace Preon::Luks
