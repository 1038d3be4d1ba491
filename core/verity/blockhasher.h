// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Digests of blocks under one salt, as dm-verity computes them (by OpenSSL, which uses the processor's instructions for it).

#include "core/verity/superblock.h"

#include <array>
#include <memory>

#include <openssl/evp.h>

namespace Preon::Verity
{

// One object a thread: the context is prepared once and used again.
class BlockHasher
{
public:
    // For a superblock that checkSuperblock accepts, which must outlive this.
    explicit BlockHasher(const Superblock &superblock);

    // The bytes stay valid until the next call.
    ByteView operator()(ByteView block);

private:
    struct Free {
        void operator()(EVP_MD_CTX *context) const
        {
            EVP_MD_CTX_free(context);
        }
    };
    const Bytes &m_salt;
    const bool m_saltFirst;
    std::unique_ptr<EVP_MD_CTX, Free> m_context;
    std::array<std::byte, EVP_MAX_MD_SIZE> m_digest{};
};

} // namespace Preon::Verity
