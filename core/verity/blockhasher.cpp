// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/verity/blockhasher.h"

namespace Preon::Verity
{

BlockHasher::BlockHasher(const Superblock &superblock)
    : m_salt(superblock.salt)
    , m_saltFirst(superblock.hashType != 0)
    , m_context(EVP_MD_CTX_new())
{
    EVP_DigestInit_ex(m_context.get(), EVP_get_digestbyname(superblock.algorithm.c_str()), nullptr);
}

ByteView BlockHasher::operator()(ByteView block)
{
    unsigned length = 0;
    EVP_DigestInit_ex(m_context.get(), nullptr, nullptr);
    if (m_saltFirst)
        EVP_DigestUpdate(m_context.get(), m_salt.data(), m_salt.size());
    EVP_DigestUpdate(m_context.get(), block.data(), block.size());
    if (!m_saltFirst)
        EVP_DigestUpdate(m_context.get(), m_salt.data(), m_salt.size());
    EVP_DigestFinal_ex(m_context.get(), reinterpret_cast<unsigned char *>(m_digest.data()), &length);
    return ByteView(m_digest).first(length);
}

} // namespace Preon::Verity
