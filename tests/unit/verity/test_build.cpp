// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/verity/build.h"
#include "core/verity/hashtree.h"

#include "folder.h"

#include <algorithm>
#include <random>
#include <thread>

using namespace Preon;
using namespace Preon::Verity;

namespace
{

constexpr std::string_view uuid = "00112233-4455-6677-8899-aabbccddeeff";

Bytes pattern(std::size_t size)
{
    Bytes content(size);
    for (std::size_t i = 0; i < size; ++i)
        content[i] = static_cast<std::byte>(i * i + (i >> 8U));
    return content;
}

class TreeBuilding : public FolderTest
{
protected:
    Disk::Device device(const char *name, const Bytes &content) const
    {
        EXPECT_TRUE(replaceFile(m_folder / name, content));
        return std::move(*Disk::Device::open(m_folder / name, Disk::Access::Write));
    }
    SilentProgress m_progress;
};

struct Golden {
    std::size_t dataSize;
    const char *salt;
    const char *algorithm;
    std::uint32_t dataBlockSize, hashBlockSize, hashType;
    Placement placement;
    const char *rootHash;
    std::size_t hashSize; // of the file
    const char *hashSha256;
};

// What veritysetup 2.7.5 made of the same pattern.
const Golden goldens[] = {
    {4096,
     "",
     "sha256",
     4096,
     4096,
     1,
     {},
     "11bfa43c4f43a89ac2f1826facfdc8259d2069fbeb9ce0fdec62e8cf5ef1a2fb",
     4096,
     "eff901018b9b6ab066f4cf9072bd3986d26605376d22425924910fac0b48b661"},
    {8192,
     "00ff",
     "sha256",
     4096,
     4096,
     1,
     {},
     "49871a3486e5214ef1bed29dc1452e390e7d9765370c31a8d876b1c8f7d4ec7d",
     8192,
     "83b8166de27c3761eee76b714b232bf54c5b9e0a0da7f8861136b2e20b72358d"},
    {1232896,
     "0123456789abcdef",
     "sha256",
     4096,
     4096,
     1,
     {},
     "96d95f4430f6e9b449d8cb406a668c3ef54416d5d02b2f29ab8de605c5f8175c",
     20480,
     "0ba3e3606b0fe4ac6daa80fa4eaa0f4d4b3128d9fcb2544712e03d00cbe8746c"},
    {528384,
     "",
     "sha256",
     512,
     1024,
     1,
     {},
     "e3b92973c70bc4ee689ca6784906d64f59b498e5f9d1fa15a8bde96bad050185",
     37888,
     "88607a3c36a882796439a1cecfa0f823d1ea83c8afb38239e547d0ee2a17f9a1"},
    {528384,
     "aa",
     "sha512",
     4096,
     512,
     1,
     {},
     "387c26de92973de0c8f9ac66bb66d55fa9a1636f6d18aad4a089f7ef4b5f953e0cced74d037daaaa0a2ef8ed2f90104567d8d1a432da63589f2ad83318869b5f",
     11264,
     "e2901a270af250939734fa1f4641e454813233e4280116a40018971754e48d3e"},
    {528384,
     "aa",
     "sha1",
     4096,
     4096,
     1,
     {},
     "818905b205ed00a41a39c8ad4195d5b2419eddd2",
     16384,
     "6a503c957d1f414b64bc9bb75f6e950db9f04fb8049c04412fa1e4e0c7e4f393"},
    {528384,
     "aa",
     "sha1",
     4096,
     4096,
     0,
     {},
     "b08bdf487ef478b017dd746f19eddd6bdd351bee",
     16384,
     "796341fdcd19a076c15764bfad701157d44174c7b44a728c00941d69c20f6a4b"},
    {528384,
     "aa",
     "sha256",
     4096,
     4096,
     1,
     {.offset = 512, .superblock = true},
     "fa14d0757570fa79027ae08e132e7040fbd8f4fbd99183c4add6259c65799ac5",
     16384,
     "dc40f6157b7899715637b04b8451d366c5155e3d8eeb0e49ecf64a73056d8b52"},
    {528384,
     "aa",
     "sha256",
     4096,
     4096,
     1,
     {.offset = 4096, .superblock = false},
     "fa14d0757570fa79027ae08e132e7040fbd8f4fbd99183c4add6259c65799ac5",
     16384,
     "016407343f4b80ec93fd994f0c42942f4d7f0765534df33627d24f94d4f22321"},
};

Superblock parametersOf(const Golden &golden)
{
    Superblock parameters{.uuid = *Uuid::parse(uuid),
                          .hashType = golden.hashType,
                          .algorithm = golden.algorithm,
                          .dataBlockSize = golden.dataBlockSize,
                          .hashBlockSize = golden.hashBlockSize,
                          .salt = *fromHex(golden.salt)};
    return parameters;
}

TEST_F(TreeBuilding, makesTheBytesThatVeritysetupMakes)
{
    for (const Golden &golden : goldens) {
        const auto data = device("data", pattern(golden.dataSize));
        const auto hash = device("hash", Bytes(golden.hashSize));
        const auto tree = buildTree(data, {0, data.size()}, parametersOf(golden), m_progress, golden.placement);
        ASSERT_TRUE(tree) << tree.error().text();
        EXPECT_EQ(toHex(tree->rootHash), golden.rootHash);
        ASSERT_TRUE(tree->write(hash, {0, hash.size()}));
        const Bytes written = *readFile(m_folder / "hash");
        EXPECT_EQ(written.size(), golden.hashSize);
        EXPECT_EQ(toHex(sha256(written)), golden.hashSha256) << golden.rootHash;
        EXPECT_TRUE(tree->isOn(hash, {0, hash.size()}).value());

        TreeSource source{.offset = golden.placement.offset, .parameters = std::nullopt};
        if (!golden.placement.superblock)
            source.parameters = tree->superblock;
        const auto loaded = HashTree::load(hash, {0, hash.size()}, tree->rootHash, m_progress, source);
        ASSERT_TRUE(loaded) << loaded.error().text();
        EXPECT_TRUE(verifyData(data, {0, data.size()}, *loaded, m_progress));
    }
}

TEST_F(TreeBuilding, sizeOfTheHashAreaIsKnownBeforehand)
{
    for (const Golden &golden : goldens) {
        if (golden.placement == Placement{}) {
            EXPECT_EQ(hashAreaSize(golden.dataSize, parametersOf(golden)).value(), golden.hashSize);
        }
    }
    EXPECT_EQ(hashAreaSize(1).value(), 4096U);
    EXPECT_EQ(hashAreaSize(4097).value(), 8192U) << "a rest counts as a block";
    EXPECT_EQ(hashAreaSize(1ULL << 40U).value(), 4096ULL * (1 + (1 << 21U) + (1 << 14U) + (1 << 7U) + 1));
    EXPECT_EQ(hashAreaSize(0).error().code, ErrorCode::BadFormat);
    EXPECT_EQ(hashAreaSize(~0ULL).error().code, ErrorCode::BadFormat);
    EXPECT_EQ(hashAreaSize(4096, {.dataBlockSize = 0}).error().code, ErrorCode::BadFormat);
    EXPECT_EQ(hashAreaSize(4096, {.algorithm = "md5"}).error().code, ErrorCode::Unsupported);
}

TEST_F(TreeBuilding, rangesInsideADiskAreKept)
{
    const Bytes content = pattern(300 * 4096);
    Bytes image(600 * 4096, std::byte{0xEE});
    std::ranges::copy(content, image.begin() + 100 * 4096);
    const auto disk = device("disk", image);
    const auto tree = buildTree(disk, {100 * 4096, 300 * 4096}, {.salt = {std::byte{7}}}, m_progress);
    ASSERT_TRUE(tree) << tree.error().text();
    const auto alone = device("alone", content);
    EXPECT_EQ(buildTree(alone, {0, alone.size()}, {.salt = {std::byte{7}}}, m_progress)->rootHash, tree->rootHash);

    const Disk::Range place{500 * 4096, tree->layout.size};
    ASSERT_TRUE(tree->write(disk, place));
    const auto loaded = HashTree::load(disk, place, tree->rootHash, m_progress);
    ASSERT_TRUE(loaded) << loaded.error().text();
    EXPECT_TRUE(verifyData(disk, {100 * 4096, 300 * 4096}, *loaded, m_progress));
    const Bytes after = *readFile(m_folder / "disk");
    const auto end = 500 * 4096 + static_cast<std::ptrdiff_t>(tree->layout.size);
    EXPECT_TRUE(std::equal(after.begin(), after.begin() + 500 * 4096, image.begin())) << "what lies before the range";
    EXPECT_TRUE(std::equal(after.begin() + end, after.end(), image.begin() + end)) << "what lies behind the range";
    EXPECT_EQ(tree->write(disk, {500 * 4096, tree->layout.size - 1}).error().code, ErrorCode::BadArgument);
}

TEST_F(TreeBuilding, blocksMayComeInAnyOrderFromAnyThread)
{
    const Bytes content = pattern(1000 * 4096);
    const auto data = device("data", content);
    const auto expected = buildTree(data, {0, data.size()}, {}, m_progress);
    ASSERT_TRUE(expected);
    std::vector<std::uint64_t> starts;
    for (std::uint64_t block = 0; block < 1000; block += 8)
        starts.push_back(block);
    std::ranges::shuffle(starts, std::mt19937(20261123));
    auto builder = TreeBuilder::create({.dataBlocks = 1000});
    ASSERT_TRUE(builder);
    const auto work = [&](std::size_t first) {
        for (std::size_t i = first; i < starts.size(); i += 4)
            builder->add(starts[i], ByteView(content).subspan(starts[i] * 4096, std::size_t(8) * 4096));
    };
    {
        std::vector<std::jthread> threads;
        for (std::size_t first = 0; first < 4; ++first)
            threads.emplace_back(work, first);
    }
    const auto tree = std::move(*builder).finish(m_progress);
    ASSERT_TRUE(tree);
    EXPECT_EQ(tree->rootHash, expected->rootHash);
    EXPECT_EQ(tree->blocks, expected->blocks);
}

TEST_F(TreeBuilding, progressCountsTheDataAndCancelStops)
{
    const auto data = device("data", Bytes(20U << 20U));
    CountingProgress progress;
    ASSERT_TRUE(buildTree(data, {0, data.size()}, {}, progress));
    EXPECT_EQ(progress.done, 20U << 20U);
    CountingProgress cancelled;
    cancelled.stopAt = 3U << 20U;
    EXPECT_EQ(buildTree(data, {0, data.size()}, {}, cancelled).error().code, ErrorCode::Cancelled);
    EXPECT_LT(cancelled.done, 12U << 20U);
}

TEST_F(TreeBuilding, impossibleRequestsAreRefused)
{
    const auto data = device("data", pattern(10 * 4096));
    const auto codeOf = [&](const Superblock &parameters, const Placement &placement = {}, Disk::Range range = {0, 40960}) {
        const auto built = buildTree(data, range, parameters, m_progress, placement);
        return built ? std::optional<ErrorCode>() : built.error().code;
    };
    EXPECT_EQ(codeOf({}), std::nullopt);
    EXPECT_EQ(codeOf({.dataBlocks = 10}), std::nullopt);
    EXPECT_EQ(codeOf({.dataBlocks = 11}), ErrorCode::BadArgument);
    EXPECT_EQ(codeOf({}, {}, {0, 4095}), ErrorCode::BadArgument);
    EXPECT_EQ(codeOf({}, {}, {4096, 40960}), ErrorCode::Io) << "the range goes beyond the file";
    EXPECT_EQ(codeOf({.hashType = 2}), ErrorCode::Unsupported);
    EXPECT_EQ(codeOf({.algorithm = "md5"}), ErrorCode::Unsupported);
    EXPECT_EQ(codeOf({.dataBlockSize = 0}), ErrorCode::BadFormat);
    EXPECT_EQ(codeOf({.hashBlockSize = 3000}), ErrorCode::BadFormat);
    EXPECT_EQ(codeOf({.salt = Bytes(257)}), ErrorCode::BadFormat);
    EXPECT_EQ(codeOf({}, {.offset = 100, .superblock = true}), ErrorCode::BadArgument);
    EXPECT_EQ(codeOf({}, {.offset = 512, .superblock = false}), ErrorCode::BadArgument) << "it would begin elsewhere";
    EXPECT_EQ(codeOf({}, {.offset = 1ULL << 63U, .superblock = true}), ErrorCode::BadArgument);
    EXPECT_EQ(TreeBuilder::create({.dataBlockSize = 512, .hashBlockSize = 512, .dataBlocks = 1ULL << 51U}).error().code, ErrorCode::NoSpace)
        << "such a tree does not fit into any memory";
}

TEST_F(TreeBuilding, aHashBlockWithMoreThanDigestsIsDamaged)
{
    const auto data = device("data", pattern(10 * 4096));
    const auto hash = device("hash", Bytes(8192));
    auto tree = buildTree(data, {0, data.size()}, {}, m_progress);
    ASSERT_TRUE(tree);
    tree->blocks[4000] = std::byte{1};
    ASSERT_TRUE(tree->write(hash, {0, hash.size()}));
    const auto root = sha256(tree->blocks); // of the block as it is: nothing else is wrong with it
    const auto loaded = HashTree::load(hash, {0, hash.size()}, root, m_progress);
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, ErrorCode::Corrupt);
    EXPECT_TRUE(loaded.error().why.contains("more in it than digests")) << loaded.error().text();
}

TEST_F(TreeBuilding, writtenSuperblocksAreReadBack)
{
    for (const Golden &golden : goldens) {
        Superblock superblock = parametersOf(golden);
        superblock.dataBlocks = golden.dataSize / golden.dataBlockSize;
        const auto parsed = parseSuperblock(writeSuperblock(superblock));
        ASSERT_TRUE(parsed) << parsed.error().text();
        EXPECT_EQ(*parsed, superblock);
    }
}

} // namespace
