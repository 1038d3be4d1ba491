// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/base/process.h"
#include "core/verity/hashtree.h"
#include "core/verity/parallel.h"

#include "folder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <mutex>

using namespace Preon;
using namespace Preon::Verity;

namespace
{

// Trees made by veritysetup, the tool that the kernel's format comes from.
class VerityTrees : public FolderTest
{
protected:
    Bytes format(std::uint64_t size, std::vector<std::string> options = {})
    {
        Bytes content(size);
        for (std::size_t i = 0; i < content.size(); ++i)
            content[i] = static_cast<std::byte>((i * 2654435761U) >> 13U);
        EXPECT_TRUE(replaceFile(data(), content));
        std::vector<std::string> command{"veritysetup", "format", data().string(), hash().string(), "--uuid=00112233-4455-6677-8899-aabbccddeeff"};
        command.insert(command.end(), options.begin(), options.end());
        const auto made = runTool(command);
        EXPECT_TRUE(made) << made.error().text();
        const auto at = made->output.find("Root hash:");
        EXPECT_NE(at, std::string::npos);
        std::string text = made->output.substr(at + 10);
        text.erase(0, text.find_first_not_of(" \t"));
        return *fromHex(text.substr(0, text.find_first_of(" \n")));
    }
    Result<void> verify(ByteView rootHash, Progress &progress)
    {
        PREON_TRY(const auto hashDevice, Disk::Device::open(hash(), Disk::Access::Read));
        PREON_TRY(const auto dataDevice, Disk::Device::open(data(), Disk::Access::Read));
        PREON_TRY(const auto tree, HashTree::load(hashDevice, {0, hashDevice.size()}, rootHash, progress));
        return verifyData(dataDevice, {0, dataDevice.size()}, tree, progress);
    }
    Result<void> verify(ByteView rootHash)
    {
        SilentProgress progress;
        return verify(rootHash, progress);
    }
    static void flip(const std::filesystem::path &path, std::uint64_t at)
    {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(static_cast<std::streamoff>(at));
        const int old = file.get();
        file.seekp(static_cast<std::streamoff>(at));
        file.put(static_cast<char>(old ^ 1));
    }
    std::filesystem::path data() const
    {
        return m_folder / "data";
    }
    std::filesystem::path hash() const
    {
        return m_folder / "hash";
    }
};

struct Shape {
    std::uint64_t size;
    std::vector<std::string> options;
};

TEST_F(VerityTrees, ofAllShapesAreAccepted)
{
    const Shape shapes[] = {
        {4096, {}},
        {2 * 4096, {}},
        {128 * 4096, {}},
        {129 * 4096, {}},
        {10 << 20, {}},
        {70 << 20, {}}, // three levels
        {1 << 20, {"--salt=-"}},
        {1 << 20, {"--salt=" + std::string(512, 'a')}},
        {1 << 20, {"--data-block-size=512", "--hash-block-size=512"}},
        {1 << 20, {"--data-block-size=1024", "--hash-block-size=4096"}},
        {1 << 20, {"--data-block-size=4096", "--hash-block-size=1024"}},
        {1 << 20, {"--hash=sha1"}},
        {1 << 20, {"--hash=sha384"}},
        {1 << 20, {"--hash=sha512"}},
    };
    for (const Shape &shape : shapes) {
        const Bytes root = format(shape.size, shape.options);
        const auto verified = verify(root);
        EXPECT_TRUE(verified) << shape.size << ' ' << (shape.options.empty() ? "" : shape.options[0]) << ": " << verified.error().text();
    }
}

TEST_F(VerityTrees, superblockSaysWhatItWasMadeWith)
{
    format(1 << 20, {"--salt=0102ff"});
    const auto head = readFile(hash());
    ASSERT_TRUE(head);
    const auto superblock = parseSuperblock(*head);
    ASSERT_TRUE(superblock) << superblock.error().text();
    EXPECT_EQ(superblock->uuid.text(), "00112233-4455-6677-8899-aabbccddeeff");
    EXPECT_EQ(superblock->algorithm, "sha256");
    EXPECT_EQ(superblock->dataBlocks, 256U);
    EXPECT_EQ(superblock->dataSize(), 1U << 20U);
    EXPECT_EQ(toHex(superblock->salt), "0102ff");
    const Layout layout = layoutOf(*superblock);
    EXPECT_EQ(layout.levels, (std::vector<Level>{{8192, 2}, {4096, 1}}));
    EXPECT_EQ(layout.size, head->size());
}

TEST_F(VerityTrees, everyFlippedDataBlockIsNamed)
{
    const Bytes root = format(5 << 20);
    for (const std::uint64_t block : {0U, 1U, 255U, 256U, 700U, 1279U}) {
        flip(data(), block * 4096 + 17);
        const auto verified = verify(root);
        ASSERT_FALSE(verified) << block;
        EXPECT_EQ(verified.error().code, ErrorCode::Corrupt);
        EXPECT_TRUE(verified.error().why.contains("data block " + std::to_string(block) + " (at byte " + std::to_string(block * 4096) + ")"))
            << verified.error().text();
        flip(data(), block * 4096 + 17);
    }
    EXPECT_TRUE(verify(root));
}

TEST_F(VerityTrees, ofSeveralBadBlocksTheFirstIsNamed)
{
    const Bytes root = format(20 << 20);
    for (const std::uint64_t block : {5000U, 777U, 4100U, 800U})
        flip(data(), block * 4096);
    for (int repeat = 0; repeat < 10; ++repeat)
        EXPECT_TRUE(verify(root).error().why.contains("data block 777 ")) << "whichever core found its block first";
}

TEST_F(VerityTrees, damageInTheTreeIsToldFromDamageInTheData)
{
    const Bytes root = format(10 << 20); // 2560 blocks: 20 hash blocks under one
    flip(hash(), 4096 + 40);
    EXPECT_TRUE(verify(root).error().what.contains("does not have the expected root hash")) << verify(root).error().text();
    flip(hash(), 4096 + 40);
    flip(hash(), 8192 + 3 * 4096 + 5);
    const auto damaged = verify(root);
    EXPECT_EQ(damaged.error().code, ErrorCode::Corrupt);
    EXPECT_TRUE(damaged.error().why.contains("hash block 3 of level 0")) << damaged.error().text();
}

TEST_F(VerityTrees, anotherRootHashIsRefused)
{
    Bytes root = format(1 << 20);
    root[31] ^= std::byte{1};
    EXPECT_EQ(verify(root).error().code, ErrorCode::Corrupt);
    root.pop_back();
    EXPECT_EQ(verify(root).error().code, ErrorCode::BadArgument);
}

TEST_F(VerityTrees, cutOffDataOrTreeIsSaid)
{
    const Bytes root = format(1 << 20);
    std::filesystem::resize_file(data(), (1 << 20) - 4096);
    EXPECT_EQ(verify(root).error().code, ErrorCode::BadFormat);
    std::filesystem::resize_file(hash(), std::filesystem::file_size(hash()) - 4096);
    EXPECT_TRUE(verify(root).error().what.contains("cut off")) << verify(root).error().text();
    std::filesystem::resize_file(hash(), 256);
    EXPECT_EQ(verify(root).error().code, ErrorCode::NotFound);
}

TEST_F(VerityTrees, impossibleSuperblocksAreRefused)
{
    format(1 << 20);
    const Bytes good = *readFile(hash());
    struct Change {
        std::size_t at;
        std::vector<unsigned> bytes;
        ErrorCode code;
    };
    const Change changes[] = {
        {0, {'V'}, ErrorCode::NotFound},
        {8, {2}, ErrorCode::Unsupported}, // version
        {12, {2}, ErrorCode::Unsupported}, // hash type
        {32, {'s', 'h', 'a', 7}, ErrorCode::BadFormat}, // a name that would disturb a terminal
        {32, {'m', 'd', '5', 0}, ErrorCode::Unsupported},
        {64, {1, 0, 0, 0}, ErrorCode::BadFormat}, // data block size
        {64, {0, 0x18, 0, 0}, ErrorCode::BadFormat}, // no power of two
        {68, {0, 0, 0, 0x80}, ErrorCode::BadFormat}, // hash block size
        {72, {0, 0, 0, 0, 0, 0, 0, 0}, ErrorCode::BadFormat}, // data blocks
        {72, {255, 255, 255, 255, 255, 255, 255, 255}, ErrorCode::BadFormat},
        {80, {1, 1}, ErrorCode::BadFormat}, // salt of 257 bytes
    };
    for (const Change &change : changes) {
        Bytes bytes = good;
        for (std::size_t i = 0; i < change.bytes.size(); ++i)
            bytes[change.at + i] = static_cast<std::byte>(change.bytes[i]);
        const auto superblock = parseSuperblock(bytes);
        ASSERT_FALSE(superblock) << change.at;
        EXPECT_EQ(superblock.error().code, change.code) << change.at;
    }
}

TEST_F(VerityTrees, progressCountsTheDataAndCancelStops)
{
    const Bytes root = format(20 << 20);
    CountingProgress progress;
    ASSERT_TRUE(verify(root, progress));
    EXPECT_EQ(progress.done, 20U << 20U);
    CountingProgress cancelled;
    cancelled.stopAt = 3 << 20;
    const auto stopped = verify(root, cancelled);
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().code, ErrorCode::Cancelled);
    EXPECT_LT(cancelled.done, 12U << 20U);
}

TEST(Chunks, coverTheRangeOnceEach)
{
    SilentProgress progress;
    std::mutex guard;
    std::vector<std::pair<std::uint64_t, std::size_t>> seen;
    ASSERT_TRUE(forEachChunk(10'500, 1000, progress, [&](std::uint64_t offset, std::span<std::byte> buffer) -> Result<void> {
        const std::scoped_lock lock(guard);
        seen.emplace_back(offset, buffer.size());
        return {};
    }));
    std::ranges::sort(seen);
    ASSERT_EQ(seen.size(), 11U);
    for (std::size_t i = 0; i < seen.size(); ++i)
        EXPECT_EQ(seen[i], std::pair(std::uint64_t(i * 1000), i == 10 ? std::size_t(500) : std::size_t(1000)));
    EXPECT_TRUE(
        forEachChunk(0, 1000, progress, [](std::uint64_t, std::span<std::byte>) -> Result<void> { return fail(ErrorCode::Io, "there is nothing to do"); }));
}

} // namespace
