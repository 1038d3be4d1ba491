// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/verity/hashtree.h"

#include "core/verity/parallel.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include <openssl/evp.h>

namespace Preon::Verity
{

namespace
{

constexpr std::size_t chunkSize = 1U << 20U; // at least two of the largest blocks

// Digests of equally long blocks under one salt. One object a thread: the context is prepared once and used again.
class BlockHasher
{
public:
    explicit BlockHasher(const Superblock &superblock)
        : m_salt(superblock.salt)
        , m_context(EVP_MD_CTX_new())
    {
        EVP_DigestInit_ex(m_context.get(), EVP_get_digestbyname(superblock.algorithm.c_str()), nullptr);
    }

    ByteView operator()(ByteView block)
    {
        unsigned length = 0;
        EVP_DigestInit_ex(m_context.get(), nullptr, nullptr);
        EVP_DigestUpdate(m_context.get(), m_salt.data(), m_salt.size());
        EVP_DigestUpdate(m_context.get(), block.data(), block.size());
        EVP_DigestFinal_ex(m_context.get(), reinterpret_cast<unsigned char *>(m_digest.data()), &length);
        return ByteView(m_digest).first(length);
    }

private:
    struct Free {
        void operator()(EVP_MD_CTX *context) const
        {
            EVP_MD_CTX_free(context);
        }
    };
    const Bytes &m_salt;
    std::unique_ptr<EVP_MD_CTX, Free> m_context;
    std::array<std::byte, EVP_MAX_MD_SIZE> m_digest{};
};

// The first block of data whose digest differs from its slot in digests; nullopt when none does.
std::optional<std::uint64_t> firstMismatch(BlockHasher &hash, ByteView data, std::size_t blockSize, ByteView digests, std::size_t slotSize)
{
    for (std::size_t i = 0; i * blockSize < data.size(); ++i) {
        const ByteView digest = hash(data.subspan(i * blockSize, blockSize));
        if (std::memcmp(digest.data(), digests.data() + i * slotSize, digest.size()) != 0)
            return i;
    }
    return std::nullopt;
}

std::unexpected<Error> corruptLevel(const Disk::Device &device, std::size_t level, std::uint64_t block)
{
    return fail(ErrorCode::Corrupt, "The hash tree on " + device.path().string() + " is damaged",
                "hash block " + std::to_string(block) + " of level " + std::to_string(level) + " does not match");
}

} // namespace

Result<HashTree> HashTree::load(const Disk::Device &device, const Disk::Range &range, ByteView rootHash, Progress &progress)
{
    const std::string name = device.path().string();
    Bytes head(superblockSize);
    if (range.length < head.size())
        return fail(ErrorCode::NotFound, "There is no verity superblock on " + name);
    PREON_CHECK(readAt(device.fd(), range.offset, head));

    HashTree tree;
    auto superblock = parseSuperblock(head);
    if (!superblock)
        return std::unexpected(superblock.error().during("The hash tree on " + name + " cannot be used"));
    tree.m_superblock = std::move(*superblock);
    tree.m_layout = layoutOf(tree.m_superblock);
    const Layout &layout = tree.m_layout;
    if (layout.size > range.length) {
        return fail(ErrorCode::BadFormat, "The hash tree on " + name + " is cut off",
                    "it takes " + std::to_string(layout.size) + " bytes, there are " + std::to_string(range.length));
    }
    if (rootHash.size() != digestSize(tree.m_superblock.algorithm)) {
        return fail(ErrorCode::BadArgument, "The root hash has a wrong length",
                    std::to_string(rootHash.size()) + " bytes, " + tree.m_superblock.algorithm + " has "
                        + std::to_string(digestSize(tree.m_superblock.algorithm)));
    }

    // From the top down: what a level's blocks must hash to is in the level above, which is known to be right by then.
    tree.m_leaves.assign(rootHash.begin(), rootHash.end());
    const std::size_t blockSize = tree.m_superblock.hashBlockSize;
    BlockHasher hash(tree.m_superblock);
    for (std::size_t level = layout.levels.size(); level-- > 0;) {
        const Level &place = layout.levels[level];
        PREON_CHECK(progress.check());
        Bytes blocks(place.blocks * blockSize);
        PREON_CHECK(readAt(device.fd(), range.offset + place.offset, blocks));
        if (const auto bad = firstMismatch(hash, blocks, blockSize, tree.m_leaves, layout.slotSize)) {
            if (level + 1 == layout.levels.size())
                return fail(ErrorCode::Corrupt, "The hash tree on " + name + " does not have the expected root hash", "expected " + toHex(rootHash));
            return corruptLevel(device, level, *bad);
        }
        tree.m_leaves = std::move(blocks);
    }
    return tree;
}

std::optional<std::uint64_t> HashTree::firstBadBlock(std::uint64_t firstBlock, ByteView data) const
{
    // Whole levels are kept, so a hash block's unused rest would shift the slots only if digests did not fill it; both are powers of two.
    BlockHasher hash(m_superblock);
    const ByteView digests = ByteView(m_leaves).subspan(firstBlock * m_layout.slotSize);
    if (const auto bad = firstMismatch(hash, data, m_superblock.dataBlockSize, digests, m_layout.slotSize))
        return firstBlock + *bad;
    return std::nullopt;
}

std::unexpected<Error> corruptBlock(const std::string &name, std::uint64_t block, const HashTree &tree)
{
    return fail(ErrorCode::Corrupt, "The data on " + name + " is damaged",
                "data block " + std::to_string(block) + " (at byte " + std::to_string(block * tree.superblock().dataBlockSize) + ") does not match its hash");
}

Result<void> verifyData(const Disk::Device &device, const Disk::Range &range, const HashTree &tree, Progress &progress)
{
    const std::string name = device.path().string();
    if (range.length < tree.dataSize()) {
        return fail(ErrorCode::BadFormat, "The data on " + name + " is cut off",
                    "the hash tree covers " + std::to_string(tree.dataSize()) + " bytes, there are " + std::to_string(range.length));
    }
    return forEachChunk(tree.dataSize(), chunkSize, progress, [&](std::uint64_t offset, std::span<std::byte> buffer) -> Result<void> {
        PREON_CHECK(readAt(device.fd(), range.offset + offset, buffer));
        if (const auto bad = tree.firstBadBlock(offset / tree.superblock().dataBlockSize, buffer))
            return corruptBlock(name, *bad, tree);
        return {};
    });
}

} // namespace Preon::Verity
