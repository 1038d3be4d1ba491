// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/base/units.h"
#include "core/base/process.h"
#include "core/disk/content.h"
#include "core/disk/gpt.h"
#include "core/disk/parttypes.h"
#include "tests/unit/boot/folder.h"
#include "tests/unit/disk/spoil.h"

#include <array>

using namespace Preon;
using namespace Preon::Disk;

namespace
{

Uuid uuid(const char *text)
{
    return *Uuid::parse(text);
}

class DiskTest : public FolderTest
{
protected:
    Device disk(std::uint64_t size = 64 * mebibyte, std::uint32_t sector = 512) const
    {
        return std::move(*Device::create(m_folder / "disk.img", size, sector));
    }
    static Table sample(const Device &device)
    {
        Table table = emptyTable(device.size(), device.sectorSize(), uuid("6913f4b6-6690-4a57-a202-f1b53c56dbdf"));
        table.partitions = {{.number = 2,
                             .start = 4 * mebibyte,
                             .size = 8 * mebibyte,
                             .type = *partitionType("home"),
                             .uuid = uuid("c6384fca-e59b-4b73-a86f-ab8b15536288"),
                             .label = "Zuhause äöü",
                             .flags = 1ULL << 59U},
                            {.number = 7,
                             .start = mebibyte,
                             .size = mebibyte,
                             .type = *partitionType("esp"),
                             .uuid = uuid("b2d552b0-45db-4678-b34f-066168609d1a"),
                             .label = "",
                             .flags = 1}};
        return table;
    }
    static void spoil(const Device &device, std::uint64_t offset, std::size_t length = 512)
    {
        ASSERT_TRUE(writeAt(device.fd(), offset, Bytes(length, std::byte{0xa5})));
    }
};
}

TEST_F(DiskTest, aTableIsReadAsItWasWritten)
{
    for (const std::uint32_t sector : {512U, 4096U}) {
        const Device device = disk(64 * mebibyte, sector);
        const Table table = sample(device);
        ASSERT_TRUE(writeTable(device, table));
        const auto read = readTable(device);
        ASSERT_TRUE(read) << read.error().text();
        EXPECT_EQ(*read, table) << sector;
    }
}

TEST_F(DiskTest, bothCopiesOfATableAreWrittenWhateverStateTheyAreIn)
{
    enum class Broken { None, Primary, Backup };
    for (const std::uint32_t sector : {512U, 4096U}) {
        for (const Broken before : {Broken::None, Broken::Primary, Broken::Backup}) {
            const Device device = disk(64 * mebibyte, sector);
            const Table first = sample(device);
            ASSERT_TRUE(writeTable(device, first));
            const auto breakOne = [&](Broken which) {
                if (which != Broken::None) {
                    ASSERT_TRUE(writeAt(device.fd(), which == Broken::Primary ? sector : device.size() - sector, Bytes(sector, std::byte{0x5a})));
                }
            };
            breakOne(before);
            ASSERT_EQ(*readTable(device), first);
            Table second = first;
            second.partitions.pop_back();
            second.partitions.front().label = "another";
            ASSERT_TRUE(writeTable(device, second));
            for (const Broken after : {Broken::None, Broken::Primary}) {
                breakOne(after);
                EXPECT_EQ(*readTable(device), second) << sector << static_cast<int>(before) << static_cast<int>(after);
            }
            ASSERT_TRUE(writeTable(device, second));
            breakOne(Broken::Backup);
            EXPECT_EQ(*readTable(device), second) << sector << static_cast<int>(before);
        }
    }
}

TEST_F(DiskTest, anEmptyTableIsWhatLibfdiskMakes)
{
    for (const std::uint64_t size : {mebibyte, 2 * mebibyte, 3 * mebibyte, 64 * mebibyte, 64 * mebibyte + 512}) {
        const Device device = disk(size);
        const Table table = emptyTable(device.size(), 512, uuid("6913f4b6-6690-4a57-a202-f1b53c56dbdf"));
        ASSERT_TRUE(writeTable(device, table)) << size;
        EXPECT_EQ(*readTable(device), table) << size;
    }
}

TEST_F(DiskTest, aDiskWithoutTableHasNone)
{
    const auto table = readTable(disk());
    ASSERT_TRUE(table);
    EXPECT_EQ(table->kind, LabelKind::None);
}

TEST_F(DiskTest, oneBrokenCopyOfTheTableIsMadeGoodByTheOther)
{
    const Device device = disk();
    const Table table = sample(device);
    ASSERT_TRUE(writeTable(device, table));
    spoil(device, 512);
    const auto read = readTable(device);
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(read->partitions, table.partitions);
}

TEST_F(DiskTest, twoBrokenCopiesAreAnErrorAndNotAnEmptyDisk)
{
    const Device device = disk();
    ASSERT_TRUE(writeTable(device, sample(device)));
    spoil(device, 512);
    spoil(device, device.size() - 512);
    const auto read = readTable(device);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::BadFormat);
}

TEST_F(DiskTest, entriesThatOverlapOrLieOutsideAreAnError)
{
    const Device device = disk();
    ASSERT_TRUE(writeTable(device, sample(device)));
    Spoil::overlap(device, 7, 5 * mebibyte, mebibyte);
    EXPECT_EQ(readTable(device).error().why, "partitions 2 and 7 overlap");
    for (const std::uint64_t start : std::initializer_list<std::uint64_t>{device.size(), device.size() - mebibyte / 2, 1ULL << 62U, 0}) {
        Spoil::overlap(device, 7, start, mebibyte);
        const auto read = readTable(device);
        ASSERT_FALSE(read) << start;
        EXPECT_EQ(read.error().code, ErrorCode::BadFormat) << start;
    }
}

TEST_F(DiskTest, aHybridTableIsSeenAndItsMbrLeftAlone)
{
    const Device device = disk();
    Table table = sample(device);
    ASSERT_TRUE(writeTable(device, table));
    EXPECT_FALSE(readTable(device)->hybrid);
    Spoil::hybrid(device);
    const auto mbr = [&] {
        Bytes sector(512);
        EXPECT_TRUE(readAt(device.fd(), 0, sector));
        return sector;
    };
    const Bytes before = mbr();
    auto read = readTable(device);
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_TRUE(read->hybrid);
    EXPECT_EQ(read->partitions, table.partitions);
    read->partitions.back().label = "other";
    ASSERT_TRUE(writeTable(device, *read));
    EXPECT_EQ(mbr(), before);
    EXPECT_EQ(*readTable(device), *read);
    // Another table in its place is none.
    table.diskUuid = uuid("99999999-2222-4333-8444-555555555555");
    ASSERT_TRUE(writeTable(device, table));
    EXPECT_FALSE(readTable(device)->hybrid);
}

TEST_F(DiskTest, overlapsAreNotWritten)
{
    const Device device = disk();
    Table table = sample(device);
    table.partitions[1].size = 4 * mebibyte;
    const auto written = writeTable(device, table);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, ErrorCode::BadFormat);
    EXPECT_EQ(readTable(device)->kind, LabelKind::None);
}

TEST_F(DiskTest, aGrownDiskOffersItsNewEndAndKeepsItsPartitions)
{
    Device device = disk();
    const Table table = sample(device);
    ASSERT_TRUE(writeTable(device, table));
    ASSERT_TRUE(device.grow(100 * mebibyte));
    auto read = readTable(device);
    ASSERT_TRUE(read);
    EXPECT_FALSE(read->backupAtEnd);
    EXPECT_EQ(*read, grownTable(table, 100 * mebibyte));
    EXPECT_EQ(read->endUsable, emptyTable(100 * mebibyte, 512, {}).endUsable);

    read->partitions.push_back({.number = 1,
                                .start = 70 * mebibyte,
                                .size = mebibyte,
                                .type = *partitionType("root"),
                                .uuid = uuid("9e90c9c3-c7e8-44f2-bf19-9ae2689de795"),
                                .label = "root",
                                .flags = 0});
    ASSERT_TRUE(writeTable(device, *read));
    const auto again = readTable(device);
    EXPECT_TRUE(again->backupAtEnd);
    EXPECT_EQ(again->partitions.size(), 3U);
}

TEST_F(DiskTest, contentIsRecognisedInARangeAndWiped)
{
    const Device device = disk();
    const auto small = Device::create(m_folder / "small.img", 8 * mebibyte);
    ASSERT_TRUE(runTool({"mkswap", "-L", "LAGER", "-U", "825aeeb7-e655-4d2d-b083-9f6584b3b9f7", (m_folder / "small.img").string()}));
    SilentProgress progress;
    ASSERT_TRUE(copyRange(*small, {0, small->size()}, device, 16 * mebibyte, progress));
    const auto content = probe(device, 16 * mebibyte, 8 * mebibyte);
    ASSERT_TRUE(content);
    EXPECT_EQ(*content, (Content{.type = "swap", .label = "LAGER", .uuid = "825aeeb7-e655-4d2d-b083-9f6584b3b9f7", .version = "1"}));
    ASSERT_TRUE(wipeSignatures(device, 16 * mebibyte, 8 * mebibyte));
    EXPECT_EQ(probe(device, 16 * mebibyte, 8 * mebibyte)->type, "");
}

TEST_F(DiskTest, copyingHashesWhatWasReadAndStaysInside)
{
    const Device device = disk(8 * mebibyte);
    spoil(device, 1000, 5000);
    SilentProgress progress;
    const auto copied = copyRange(device, {1000, 5000}, device, mebibyte, progress);
    ASSERT_TRUE(copied);
    EXPECT_EQ(*copied, sha256(Bytes(5000, std::byte{0xa5})));
    EXPECT_EQ(*hashRange(device, {mebibyte, 5000}, progress), *copied);
    EXPECT_EQ(copyRange(device, {0, UINT64_MAX}, device, 0, progress).error().code, ErrorCode::BadArgument);
    EXPECT_EQ(hashRange(device, {UINT64_MAX, 2}, progress).error().code, ErrorCode::BadArgument);
}

TEST_F(DiskTest, aFileThatIsLockedIsBusy)
{
    const Device device = disk();
    const auto second = Device::open(m_folder / "disk.img", Access::Exclusive);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::Busy);
    EXPECT_TRUE(Device::open(m_folder / "disk.img", Access::Read));
}

TEST_F(DiskTest, whatIsNoDiskIsRefused)
{
    EXPECT_EQ(Device::open(m_folder, Access::Read).error().code, ErrorCode::BadArgument);
    EXPECT_EQ(Device::open("/dev/null", Access::Read).error().code, ErrorCode::BadArgument);
    EXPECT_EQ(Device::open(m_folder / "none", Access::Read).error().code, ErrorCode::NotFound);
}

TEST(PartitionTypes, haveNamesAndUuids)
{
    EXPECT_EQ(partitionType("usr-x86-64-verity-sig"), uuid("e7bb33fb-06cf-4e81-8273-e543b413e2e2"));
    EXPECT_EQ(partitionType("root", "arm64"), uuid("b921b045-1df0-41c3-af44-4c6f280d3fae"));
    EXPECT_EQ(partitionType("root-secondary-verity", "x86-64"), partitionType("root-x86-verity"));
    EXPECT_EQ(partitionTypeName(*partitionType("usr-verity", "x86-64")), "usr-x86-64-verity");
    EXPECT_EQ(partitionType("nonsense"), std::nullopt);
    EXPECT_EQ(partitionType("usr-"), std::nullopt);
    EXPECT_EQ(partitionType("C12A7328-F81F-11D2-BA4B-00A0C93EC93B"), partitionType("esp"));
    EXPECT_EQ(partitionTypeName(uuid("12345678-1234-4234-8234-123456789abc")), "12345678-1234-4234-8234-123456789abc");
    EXPECT_EQ(designator(*partitionType("root-riscv64-verity")), Designator::RootVerity);
}

TEST(Disks, ofATree)
{
    const TemporaryFolder tree;
    const auto put = [&tree](const std::string &name, const std::string &text) {
        const auto path = tree.path / "sys" / name;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path) << text;
    };
    for (const char *name : {"vda", "loop0", "sdb", "empty"}) {
        put(std::string("devices/") + name + "/size", std::string(name) == "empty" ? "0\n" : "2048\n");
        std::filesystem::create_directories(tree.path / "sys/class/block");
        std::filesystem::create_directory_symlink(std::string("../../devices/") + name, tree.path / "sys/class/block" / name);
    }
    put("devices/vda/vda1/partition", "1\n");
    put("devices/vda/vda1/dev", "254:1\n");
    put("devices/vda/vda1/size", "1024\n");
    put("devices/sdb/removable", "1\n");
    put("devices/sdb/device/model", "Stick  \n");
    std::filesystem::create_directories(tree.path / "proc/self");
    std::ofstream(tree.path / "proc/self/mountinfo") << "22 1 254:1 / /srv/with\\040blank rw - ext4 /dev/vda1 rw\n";
    Host host;
    host.sysfs = tree.path / "sys";
    host.proc = tree.path / "proc";
    const auto disks = listDisks(host);
    ASSERT_TRUE(disks);
    ASSERT_EQ(disks->size(), 2U);
    EXPECT_EQ((*disks)[0].device, "/dev/sdb");
    EXPECT_TRUE((*disks)[0].removable);
    EXPECT_EQ((*disks)[0].model, "Stick");
    EXPECT_FALSE((*disks)[0].inUse);
    EXPECT_EQ((*disks)[1].size, mebibyte);
    EXPECT_EQ((*disks)[1].uses, std::vector<std::string>{"/dev/vda1 is mounted at /srv/with blank"});
}
