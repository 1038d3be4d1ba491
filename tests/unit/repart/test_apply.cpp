// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/base/process.h"
#include "core/disk/content.h"
#include "core/luks/volume.h"
#include "core/repart/apply.h"
#include "core/repart/filesystem.h"
#include "tests/unit/boot/folder.h"
#include "tests/unit/repart/planned.h"

#include <array>

using namespace RepartTest;

namespace
{
class ApplyTest : public FolderTest
{
protected:
    ApplyTest()
    {
        m_options.scratch = m_folder;
    }
    // Plans and applies on a new file; stale bytes show what nobody wrote.
    Result<Plan> make(std::uint64_t size, Snapshot snapshot)
    {
        PREON_TRY(const Disk::Device device, Disk::Device::create(m_folder / "disk.img", size));
        snapshot.device = device.path();
        PREON_TRY(const Plan plan, Repart::plan(snapshot));
        for (const PlannedPartition &p : plan.partitions)
            PREON_CHECK(writeAt(device.fd(), p.partition.start, Bytes(4 * mebibyte, std::byte{0xa5})));
        SilentProgress progress;
        m_options.discard = false;
        return apply(plan, m_options, Host(), device, progress);
    }
    Disk::Content contentOf(const PlannedPartition &planned) const
    {
        const auto device = Disk::Device::open(m_folder / "disk.img", Disk::Access::Read);
        return *Disk::probe(*device, planned.partition.start, planned.partition.size);
    }
    // A partition as a file of its own.
    std::filesystem::path extract(const PlannedPartition &planned) const
    {
        const auto disk = Disk::Device::open(m_folder / "disk.img", Disk::Access::Read);
        const auto part = Disk::Device::create(m_folder / "part.img", planned.partition.size);
        SilentProgress progress;
        EXPECT_TRUE(Disk::copyRange(*disk, {planned.partition.start, planned.partition.size}, *part, 0, progress));
        return m_folder / "part.img";
    }

    ApplyOptions m_options;
};
}

TEST_F(ApplyTest, fileSystemsAreSoundOnADiskFullOfStaleBytes)
{
    const auto plan
        = make(900 * mebibyte,
               emptyDisk(900 * mebibyte,
                         {"Type=esp\nFormat=vfat\nLabel=efi\nSizeMinBytes=100M\nSizeMaxBytes=100M\n", "Type=root\nFormat=ext4\nSizeMaxBytes=100M\n",
                          "Type=swap\nSizeMaxBytes=20M\n", "Type=home\nFormat=btrfs\nSizeMaxBytes=260M\n", "Type=srv\nFormat=xfs\nSizeMaxBytes=310M\n"}));
    ASSERT_TRUE(plan) << plan.error().text();
    const std::vector<std::vector<std::string>> checks{{"fsck.vfat", "-n"}, {"e2fsck", "-fn"}, {}, {"btrfs", "check"}, {"xfs_repair", "-n"}};
    const std::vector<std::string> types{"vfat", "ext4", "swap", "btrfs", "xfs"};
    for (std::size_t i = 0; i < checks.size(); ++i) {
        const PlannedPartition &planned = plan->partitions[i];
        EXPECT_EQ(contentOf(planned).type, types[i]);
        if (types[i] != "vfat") {
            EXPECT_EQ(contentOf(planned).uuid, planned.fileSystemUuid.text());
        }
        if (checks[i].empty())
            continue;
        auto command = checks[i];
        command.push_back(extract(planned).string());
        const auto checked = runTool(command);
        EXPECT_TRUE(checked) << checked.error().text();
    }
    EXPECT_EQ(contentOf(plan->partitions[0]).version, "FAT32");
    EXPECT_EQ(*Disk::readTable(*Disk::Device::open(m_folder / "disk.img", Disk::Access::Read)), plan->after);
}

TEST_F(ApplyTest, anEncryptedPartitionOpensWithItsKeyOnly)
{
    m_options.keysByType.emplace(*Disk::partitionType("home"), Secret::copyOf(asBytes("0123456789abcdef0123456789abcdef")));
    const auto plan = make(200 * mebibyte, emptyDisk(200 * mebibyte, {"Type=home\nEncrypt=key-file\nFormat=ext4\n"}));
    ASSERT_TRUE(plan) << plan.error().text();
    const Disk::Content content = contentOf(plan->partitions[0]);
    EXPECT_EQ(content.type, "crypto_LUKS");
    EXPECT_EQ(content.uuid, plan->partitions[0].luksUuid.text());
    const auto part = extract(plan->partitions[0]);
    const auto key = write("key", "0123456789abcdef0123456789abcdef"), wrong = write("wrong", "x");
    EXPECT_TRUE(runTool({"cryptsetup", "open", "--test-passphrase", "--key-file", key.string(), part.string()}));
    EXPECT_FALSE(runTool({"cryptsetup", "open", "--test-passphrase", "--key-file", wrong.string(), part.string()}));
}

TEST_F(ApplyTest, anIntegrityProtectedPartitionGetsTheHeaderOnly)
{
    m_options.keysByType.emplace(*Disk::partitionType("home"), Secret::copyOf(asBytes("0123456789abcdef0123456789abcdef")));
    const auto plan = make(200 * mebibyte, emptyDisk(200 * mebibyte, {"Type=home\nX-PreonProtect=integrity\n"}));
    ASSERT_TRUE(plan) << plan.error().text();
    const auto part = extract(plan->partitions[0]);
    auto volume = Luks::Volume::load(part);
    ASSERT_TRUE(volume) << volume.error().text();
    EXPECT_EQ(volume->subsystem(), "preon-integrity");
    EXPECT_EQ(volume->uuid(), plan->partitions[0].luksUuid);
    EXPECT_EQ(volume->dataOffset(), 16 * mebibyte);
    ASSERT_TRUE(volume->unlock(m_options.keysByType.begin()->second));
    const auto behind = readFile(part, 400 * mebibyte);
    EXPECT_TRUE(std::all_of(behind->begin() + 16 * mebibyte, behind->end(), [](std::byte byte) { return byte == std::byte{}; }));
}

TEST_F(ApplyTest, anEnrolmentKeyIsASlotOfTheVolumeThatIsNamed)
{
    const Uuid home = *Disk::partitionType("home");
    const Secret added = Secret::copyOf(asBytes("fedcba9876543210fedcba9876543210"));
    m_options.keysByType.emplace(home, Secret::copyOf(asBytes("0123456789abcdef0123456789abcdef")));
    m_options.additions[home].enrolmentKey = Secret::copyOf(added.bytes());
    m_options.additions[home].note = {{"type", "preon-keymap"}, {"keymap", "fr"}};
    const auto plan = make(200 * mebibyte, emptyDisk(200 * mebibyte, {"Type=home\nEncrypt=key-file\nFormat=ext4\n"}));
    ASSERT_TRUE(plan) << plan.error().text();
    auto volume = Luks::Volume::load(extract(plan->partitions[0]));
    ASSERT_TRUE(volume) << volume.error().text();
    const std::vector<Luks::Slot> slots{{0, "pbkdf2", ""}, {1, "pbkdf2", Luks::enrolmentToken}};
    EXPECT_EQ(volume->slots(), slots);
    EXPECT_TRUE(volume->unlockSlot(1, added));
    EXPECT_FALSE(volume->unlockSlot(0, added));
    EXPECT_EQ(volume->tokens()->size(), 2U);
}

TEST_F(ApplyTest, aMissingKeyIsFoundBeforeAnythingIsWritten)
{
    const auto plan = make(200 * mebibyte, emptyDisk(200 * mebibyte, {"Type=root\n", "Type=home\nEncrypt=key-file\n"}));
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().code, ErrorCode::BadArgument);
    const auto protection = make(200 * mebibyte, emptyDisk(200 * mebibyte, {"Type=root\n", "Type=home\nX-PreonProtect=integrity\n"}));
    ASSERT_FALSE(protection);
    EXPECT_EQ(protection.error().code, ErrorCode::BadArgument);
    EXPECT_EQ(Disk::readTable(*Disk::Device::open(m_folder / "disk.img", Disk::Access::Read))->kind, Disk::LabelKind::None);
}

TEST_F(ApplyTest, aChangedTableIsRefused)
{
    const auto device = Disk::Device::create(m_folder / "disk.img", 200 * mebibyte);
    Snapshot snapshot = diskWith(200 * mebibyte, {{"esp", 20 * mebibyte, 0, "ESP"}}, {"Type=home\n"});
    ASSERT_TRUE(Disk::writeTable(*device, snapshot.table));
    const auto plan = Repart::plan(snapshot);
    Disk::Table meanwhile = snapshot.table;
    meanwhile.partitions[0].label = "other";
    ASSERT_TRUE(Disk::writeTable(*device, meanwhile));
    SilentProgress progress;
    const auto applied = apply(*plan, m_options, Host(), *device, progress);
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().code, ErrorCode::Changed);
    EXPECT_EQ(*Disk::readTable(*device), meanwhile);
}

TEST_F(ApplyTest, blocksAreCopied)
{
    const std::string text(mebibyte, 'x');
    Snapshot snapshot = emptyDisk(200 * mebibyte, {"Type=home\nCopyBlocks=/x\n"});
    snapshot.sources[0] = {.path = write("blocks", text), .offset = 512, .size = mebibyte - 1024, .uuid = {}, .label = {}};
    const auto plan = make(200 * mebibyte, snapshot);
    ASSERT_TRUE(plan) << plan.error().text();
    SilentProgress progress;
    const auto device = Disk::Device::open(m_folder / "disk.img", Disk::Access::Read);
    EXPECT_EQ(*Disk::hashRange(*device, {mebibyte, mebibyte - 1024}, progress), sha256(asBytes(text.substr(1024))));
}

TEST_F(ApplyTest, firmwareTakesTheFatFor32BitsWhereThatCanBe)
{
    struct Row {
        std::uint64_t size; // MiB
        std::uint32_t sector;
    };
    for (const Row &row : {Row{36, 512}, Row{100, 512}, Row{260, 512}, Row{300, 512}, Row{9000, 512}, Row{36, 4096}, Row{256, 4096}, Row{262, 4096},
                           Row{300, 4096}, Row{9000, 4096}}) {
        SilentProgress progress;
        FileSystem fs;
        fs.format = "vfat";
        fs.label = "ESP";
        fs.uuid = *Uuid::parse(seedText);
        fs.size = row.size * mebibyte;
        fs.sectorSize = row.sector;
        fs.discard = true;
        const auto made = makeFileSystem(fs, m_folder, progress);
        ASSERT_TRUE(made) << made.error().text();
        const auto device = Disk::Device::open(made->path(), Disk::Access::Read);
        std::array<std::byte, 16> start{};
        ASSERT_TRUE(readAt(device->fd(), 0, start));
        const std::uint64_t sector = std::to_integer<std::uint64_t>(start[11]) | std::to_integer<std::uint64_t>(start[12]) << 8U;
        const std::uint64_t cluster = sector * std::to_integer<std::uint64_t>(start[13]);
        EXPECT_GE(fs.size / cluster, 65525U) << row.size << ' ' << row.sector;
        EXPECT_EQ(Disk::probe(*device, 0, device->size())->version, "FAT32") << row.size << ' ' << row.sector;
    }
}
