// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/image/imagefiles.h"

#include "tests/unit/image/smallimage.h"

using namespace Preon;
using namespace Preon::Image;

namespace
{

class Images : public SmallImageTest
{
protected:
    static Result<Preon::Image::Image> look(const std::filesystem::path &path)
    {
        PREON_TRY(const auto device, Disk::Device::open(path, Disk::Access::Read));
        return inspect(device);
    }
    static Result<Disk::Device> change(const std::filesystem::path &path)
    {
        return Disk::Device::open(path, Disk::Access::Write);
    }
};

TEST_F(Images, partsBelongTogetherByTheRootHash)
{
    const auto image = look(makeImage());
    ASSERT_TRUE(image) << image.error().text();
    EXPECT_TRUE(image->warnings.empty()) << image->warnings.front();
    ASSERT_EQ(image->systems.size(), 1U);
    const System &system = image->systems.front();
    EXPECT_EQ(system.rootHash, m_rootHash);
    EXPECT_EQ(system.usr.number, 2U);
    EXPECT_EQ(system.verity.number, 3U);
    ASSERT_TRUE(system.signature);
    EXPECT_EQ(system.signature->number, 4U);
    EXPECT_EQ(system.kernels, std::vector<std::string>{"/EFI/Linux/Particle_1+3-1.efi"});
    EXPECT_EQ(system.name, "Particle");
    EXPECT_EQ(system.version, "1");
    EXPECT_EQ(system.title, "Particle OS 1");
    ASSERT_TRUE(image->esp);
    EXPECT_EQ(image->esp->uuid.text(), espUuid);
}

TEST_F(Images, labelsDoNotMatterWhereTheKernelNamesTheHash)
{
    const auto path = makeImage();
    const auto device = change(path);
    ASSERT_TRUE(device);
    auto table = *Disk::readTable(*device);
    table.partitions[1].label = "something";
    table.partitions[2].label = "else";
    ASSERT_TRUE(Disk::writeTable(*device, table));
    const auto image = look(path);
    ASSERT_TRUE(image) << image.error().text();
    ASSERT_EQ(image->systems.size(), 1U);
    EXPECT_EQ(image->systems.front().rootHash, m_rootHash);
}

TEST_F(Images, aKernelOfAnotherSystemIsSaidAndStartsNothing)
{
    const auto path = makeImage();
    const auto device = change(path);
    const Boot::Fat esp(*device, mebibyte);
    ASSERT_TRUE(esp.remove("/EFI/Linux/Particle_1+3-1.efi"));
    put(esp, "/EFI/Linux/Particle_2.efi", makeKernel("2", std::string(64, 'a')));
    const auto image = look(path);
    ASSERT_TRUE(image) << image.error().text();
    ASSERT_EQ(image->systems.size(), 1U) << "the labels still say that two partitions belong together";
    EXPECT_TRUE(image->systems.front().kernels.empty());
    ASSERT_EQ(image->warnings.size(), 1U);
    EXPECT_TRUE(image->warnings.front().contains("/EFI/Linux/Particle_2.efi")) << image->warnings.front();
}

TEST_F(Images, newestVersionComesFirstAndEmptySlotsAreNoSystems)
{
    const auto path = makeImage("two.raw", "1.9");
    const auto device = change(path);
    auto table = *Disk::readTable(*device);
    // A second version without a kernel, and an empty slot.
    const Disk::Partition last = table.partitions.back();
    table.partitions.push_back(partition(5, last.start + mebibyte, 4096, "usr", *Uuid::random(), "Particle_1.10"));
    table.partitions.push_back(partition(6, last.start + mebibyte + 4096, 4096, "usr-verity", *Uuid::random(), "Particle_1.10"));
    table.partitions.push_back(partition(7, last.start + mebibyte + 8192, 4096, "usr", *Uuid::random(), "_empty"));
    table.partitions.push_back(partition(8, last.start + mebibyte + 12288, 4096, "usr-verity", *Uuid::random(), "_empty"));
    ASSERT_TRUE(Disk::writeTable(*device, table));
    const auto image = look(path);
    ASSERT_TRUE(image) << image.error().text();
    ASSERT_EQ(image->systems.size(), 2U);
    EXPECT_EQ(image->systems[0].version, "1.10");
    EXPECT_TRUE(image->systems[0].kernels.empty());
    EXPECT_FALSE(image->systems[0].signature);
    EXPECT_EQ(image->systems[1].version, "1.9");
}

TEST_F(Images, whatHasNoTableIsNoImage)
{
    const auto image = look(write("plain", std::string(1 << 20, 'x')));
    ASSERT_FALSE(image);
    EXPECT_EQ(image.error().code, ErrorCode::BadFormat);
}

TEST(Labels, areNameAndVersion)
{
    EXPECT_EQ(parseLabel("Particle_1.2"), (LabelParts{"Particle", "1.2"}));
    EXPECT_EQ(parseLabel("a_b_3"), (LabelParts{"a_b", "3"}));
    EXPECT_FALSE(parseLabel("_empty"));
    EXPECT_FALSE(parseLabel("ESP"));
    EXPECT_FALSE(parseLabel("x_"));
    EXPECT_FALSE(parseLabel(""));
}

TEST(RootHashes, areTwoUuids)
{
    const auto uuids = verityUuids("00112233445566778899aabbccddeeff0f0e0d0c0b0a09080706050403020100");
    ASSERT_TRUE(uuids);
    EXPECT_EQ(uuids->data.text(), "00112233-4455-6677-8899-aabbccddeeff");
    EXPECT_EQ(uuids->hash.text(), "0f0e0d0c-0b0a-0908-0706-050403020100");
    EXPECT_FALSE(verityUuids("0011"));
    EXPECT_FALSE(verityUuids(std::string(64, 'g')));
    EXPECT_FALSE(verityUuids(std::string(28, '0') + "----" + std::string(32, '0')));
}

TEST(Signatures, sayWhatTheySignOrNothing)
{
    EXPECT_EQ(signedRootHash(asBytes(std::string("{\"rootHash\":\"AB12\"}") + std::string(100, '\0'))), "ab12");
    EXPECT_FALSE(signedRootHash(asBytes("{\"rootHash\":12}")));
    EXPECT_FALSE(signedRootHash(asBytes("[1]")));
    EXPECT_FALSE(signedRootHash(asBytes("{")));
    EXPECT_FALSE(signedRootHash({}));
}

} // namespace

namespace
{
// A /usr at a place of its own in a file.
class ImageFiles : public FolderTest
{
protected:
    static constexpr std::uint64_t offset = 3U << 20U;

    void put(const std::string &path, const std::string &text)
    {
        std::filesystem::create_directories((m_folder / "usr" / path).parent_path());
        ASSERT_TRUE(replaceFile(m_folder / "usr" / path, asBytes(text)));
    }
    Result<void> copied()
    {
        EXPECT_TRUE(runTool({"mkfs.erofs", "--quiet", (m_folder / "erofs").string(), (m_folder / "usr").string()}));
        const Bytes bytes = readFile(m_folder / "erofs").value();
        const auto device = Disk::Device::create(m_folder / "image", offset + bytes.size());
        EXPECT_TRUE(writeAt(device->fd(), offset, bytes));
        return Preon::Image::copySettings(*device, {offset, bytes.size()}, m_folder / "to");
    }
    std::string text(const std::string &path)
    {
        return readTextFile(m_folder / "to/usr/lib" / path).value_or("(none)");
    }
};
}

TEST_F(ImageFiles, areWhatDecidesHowDisksAreLaidOut)
{
    put("lib/os-release", "ID=particle\n");
    put("lib/repart.d/10-a.conf", "[Partition]\n");
    put("lib/repart.d/10-a.conf.d/more.conf", "[Partition]\nWeight=1\n");
    put("lib/repart.d/a name.conf", "with a space");
    put("lib/repart.d/readme.txt", "not a definition");
    put("lib/preon/install.repart.d/00-esp.conf", std::string(300000, 'x'));
    const auto done = copied();
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_EQ(text("os-release"), "ID=particle\n");
    EXPECT_EQ(text("repart.d/10-a.conf"), "[Partition]\n");
    EXPECT_EQ(text("repart.d/10-a.conf.d/more.conf"), "[Partition]\nWeight=1\n");
    EXPECT_EQ(text("repart.d/a name.conf"), "with a space");
    EXPECT_EQ(text("repart.d/readme.txt"), "(none)");
    EXPECT_EQ(text("preon/install.repart.d/00-esp.conf").size(), 300000U);
    EXPECT_FALSE(std::filesystem::exists(m_folder / "to/usr/lib/preon/install.xbootldr.repart.d"));
}

TEST_F(ImageFiles, ofAnotherFileSystemAreNotKnown)
{
    put("lib/nothing", "");
    EXPECT_EQ(copied().error().code, ErrorCode::NotFound);
    const auto noise = Disk::Device::create(m_folder / "noise", 1U << 20U);
    EXPECT_EQ(Preon::Image::copySettings(*noise, {0, 1U << 20U}, m_folder / "to").error().code, ErrorCode::Unsupported);
    EXPECT_EQ(Preon::Image::copySettings(*noise, {0, 100}, m_folder / "to").error().code, ErrorCode::Unsupported);
}
