// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// aes-xts-plain64 in user space, as dm-crypt computes it: for writing a volume's payload where the kernel cannot map the volume. A user record in a token of a home is one unit of its own.

#include "core/base/secret.h"

#include <memory>

struct evp_cipher_ctx_st;

namespace Preon::Luks
{

class XtsEncryption
{
public:
    // key: 64 bytes (AES-256). sectorSize: what one tweak covers, 512 … 4096 bytes.
    static Result<XtsEncryption> create(const Secret &key, std::uint32_t sectorSize);

    // In place. offset: where the data stands in the payload, in bytes; it and the size are multiples of the sector size.
    // The tweak counts in units of 512 bytes, also for larger sectors (dm-crypt without iv_large_sectors, as LUKS2 uses it).
    Result<void> encrypt(std::uint64_t offset, std::span<std::byte> data);

private:
    using Context = std::unique_ptr<evp_cipher_ctx_st, void (*)(evp_cipher_ctx_st *)>;
    XtsEncryption(Context context, std::uint32_t sectorSize)
        : m_context(std::move(context))
        , m_sectorSize(sectorSize)
    {
    }
    Context m_context;
    std::uint32_t m_sectorSize;
};

// One run of bytes as one unit of AES-XTS under a key of 32 (AES-128) or 64 bytes, in place. tweak: 16 bytes. BadArgument for other sizes, and for less than 16 or more than
// 16 MiB of data.
enum class XtsWay { Encrypt, Decrypt };
Result<void> xtsUnit(XtsWay way, const Secret &key, ByteView tweak, std::span<std::byte> data);

} // namespace Preon::Luks
