// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/base/units.h"
#include "core/disk/parttypes.h"
#include "core/update/target.h"
#include "tests/unit/boot/folder.h"

#include <algorithm>
#include <fstream>

#include <fcntl.h>
#include <sys/stat.h>

using namespace Preon;
using namespace Preon::Update;
namespace fs = std::filesystem;

namespace
{

std::string textOf(const fs::path &path)
{
    return readTextFile(path).value_or("<nothing>");
}

// A disk with two slots of 4 MiB: one taken, one free.
struct Slots {
    TemporaryFolder folder;
    fs::path disk = folder.path / "disk.img";
    Disk::Table table;

    Slots()
    {
        const auto device = Disk::Device::create(disk, 16 * mebibyte);
        table = Disk::emptyTable(16 * mebibyte, 512, *Uuid::random());
        for (const auto &[number, label] : {std::pair(1U, "p_1"), std::pair(2U, "_empty")})
            table.partitions.push_back({.number = number,
                                        .start = (4 * number - 3) * mebibyte,
                                        .size = 4 * mebibyte,
                                        .type = *Disk::partitionType("usr-x86-64"),
                                        .uuid = *Uuid::random(),
                                        .label = label,
                                        .flags = 0});
        EXPECT_TRUE(Disk::writeTable(*device, table));
    }
    SlotTarget target(SlotMarks marks) const
    {
        SlotTarget target{.device = disk, .sectorSize = 512, .before = table.partitions[1], .after = table.partitions[1], .marks = marks};
        target.after.label = "p_2";
        target.after.uuid = *Uuid::parse("0123456789abcdef0123456789abcdef");
        target.after.flags = 1ULL << 60U;
        return target;
    }
    Disk::Partition slot(unsigned number = 2) const
    {
        const auto device = Disk::Device::open(disk, Disk::Access::Read);
        return Disk::readTable(*device)->partitions.at(number - 1);
    }
};
}

// systemd-id128 show TYPE --app-specific=…, and what systemd-sysupdate 262 lists as partial and pending.
TEST(Target, marksSlotsByTheTypesThatSystemdDerives)
{
    const Uuid usr = *Uuid::parse("8484680c-9521-48c6-9c11-b0720656f69e");
    EXPECT_EQ(partialType(usr).text(), "dc0226f3-2b45-4572-844b-c7575b748b24");
    EXPECT_EQ(pendingType(usr).text(), "ac8558b5-455e-4869-8c5e-d8272455c06a");
}

TEST(Target, aSlotIsFreeUntilItIsInstalled)
{
    const Slots slots;
    const SlotTarget target = slots.target(SlotMarks::None);
    auto writer = makeTarget(target);
    ASSERT_TRUE(writer->begin(Begin::Anew));
    EXPECT_EQ(writer->size(), 4 * mebibyte);
    ASSERT_TRUE(writer->write(100, asBytes("new")));
    EXPECT_EQ(slots.slot(), target.before);
    ASSERT_TRUE(writer->finish(103));
    EXPECT_EQ(slots.slot(), target.before);
    ASSERT_TRUE(makeTarget(target)->install());
    EXPECT_EQ(slots.slot(), target.after);
    ASSERT_TRUE(makeTarget(target)->install()); // once more, as after a cut
    EXPECT_EQ(slots.slot(1).label, "p_1");
    Bytes bytes(3);
    const auto device = Disk::Device::open(slots.disk, Disk::Access::Read);
    ASSERT_TRUE(readAt(device->fd(), 5 * mebibyte + 100, bytes));
    EXPECT_TRUE(std::ranges::equal(bytes, asBytes("new")));
}

TEST(Target, aMarkedSlotGoesByPartialAndPending)
{
    const Slots slots;
    const SlotTarget target = slots.target(SlotMarks::Types);
    auto writer = makeTarget(target);
    ASSERT_TRUE(writer->begin(Begin::Anew));
    EXPECT_EQ(slots.slot().type, partialType(target.after.type));
    EXPECT_EQ(slots.slot().label, "p_2");
    EXPECT_EQ(slots.slot().uuid, target.before.uuid);
    ASSERT_TRUE(writer->write(0, asBytes("new")));
    ASSERT_TRUE(writer->finish(3));
    EXPECT_EQ(slots.slot().type, pendingType(target.after.type));
    auto later = makeTarget(target);
    ASSERT_TRUE(later->begin(Begin::Resume));
    EXPECT_EQ(slots.slot().type, partialType(target.after.type));
    Bytes bytes(3);
    ASSERT_TRUE(later->read(0, bytes));
    EXPECT_TRUE(std::ranges::equal(bytes, asBytes("new")));
    ASSERT_TRUE(later->finish(3));
    ASSERT_TRUE(later->install());
    EXPECT_EQ(slots.slot(), target.after);
}

TEST(Target, anAbandonedSlotIsFreeAgain)
{
    const Slots slots;
    for (const SlotMarks marks : {SlotMarks::None, SlotMarks::Types}) {
        auto writer = makeTarget(slots.target(marks));
        ASSERT_TRUE(writer->begin(Begin::Anew));
        ASSERT_TRUE(writer->abandon());
        EXPECT_EQ(slots.slot(), slots.table.partitions[1]);
    }
}

TEST(Target, writesNoByteBehindASlot)
{
    const Slots slots;
    auto writer = makeTarget(slots.target(SlotMarks::None));
    EXPECT_EQ(writer->write(0, asBytes("x")).error().code, ErrorCode::BadArgument);
    ASSERT_TRUE(writer->begin(Begin::Anew));
    EXPECT_TRUE(writer->write(4 * mebibyte - 1, asBytes("x")));
    for (const std::uint64_t offset : {4 * mebibyte, 4 * mebibyte - 1, UINT64_MAX}) {
        const auto written = writer->write(offset, asBytes("xy"));
        ASSERT_FALSE(written);
        EXPECT_EQ(written.error().code, ErrorCode::NoSpace);
    }
    EXPECT_EQ(writer->finish(4 * mebibyte + 1).error().code, ErrorCode::NoSpace);
}

TEST(Target, refusesASlotThatOthersChanged)
{
    const Slots slots;
    const SlotTarget target = slots.target(SlotMarks::None);
    Disk::Partition other = target.before;
    other.label = "theirs";
    ASSERT_TRUE(changeSlot(slots.disk, 512, target.before, other));
    auto writer = makeTarget(target);
    EXPECT_EQ(writer->begin(Begin::Anew).error().code, ErrorCode::Changed);
    EXPECT_EQ(writer->install().error().code, ErrorCode::Changed);
    EXPECT_EQ(writer->abandon().error().code, ErrorCode::Changed);
    EXPECT_EQ(slots.slot(), other);
    EXPECT_EQ(changeSlot(slots.disk, 512, target.before, target.after).error().code, ErrorCode::Changed);
}

TEST(Target, aFileHasItsNameOnlyWhenItIsWhole)
{
    const TemporaryFolder folder;
    const FileTarget target{.folder = folder.path, .name = "d_2/x.raw", .mode = 0644, .modified = 5000001, .readOnly = true};
    auto writer = makeTarget(target);
    ASSERT_TRUE(writer->begin(Begin::Anew));
    ASSERT_TRUE(writer->write(2, asBytes("cdef")));
    ASSERT_TRUE(writer->write(0, asBytes("ab")));
    EXPECT_EQ(textOf(folder.path / "d_2/.sysupdate.partial.x.raw"), "abcdef");
    ASSERT_TRUE(writer->finish(5));
    EXPECT_EQ(textOf(folder.path / "d_2/.sysupdate.pending.x.raw"), "abcde");
    EXPECT_FALSE(fs::exists(folder.path / "d_2/x.raw"));
    ASSERT_TRUE(makeTarget(target)->install());
    ASSERT_TRUE(makeTarget(target)->install());
    EXPECT_EQ(textOf(folder.path / "d_2/x.raw"), "abcde");
    struct stat status{};
    ASSERT_EQ(stat((folder.path / "d_2/x.raw").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0444U);
    EXPECT_EQ(status.st_mtim.tv_sec, 5);
    EXPECT_EQ(status.st_mtim.tv_nsec, 1000);
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path / "d_2"), {}), 1);
}

TEST(Target, aFileIsGoneOnWith)
{
    const TemporaryFolder folder;
    const FileTarget target{.folder = folder.path, .name = "x", .mode = 0600, .modified = {}, .readOnly = false};
    EXPECT_EQ(makeTarget(target)->begin(Begin::Resume).error().code, ErrorCode::NotFound);
    EXPECT_EQ(makeTarget(target)->install().error().code, ErrorCode::NotFound);
    {
        auto writer = makeTarget(target);
        ASSERT_TRUE(writer->begin(Begin::Anew));
        ASSERT_TRUE(writer->write(0, asBytes("abcd")));
        ASSERT_TRUE(writer->flush());
    }
    auto later = makeTarget(target);
    ASSERT_TRUE(later->begin(Begin::Resume));
    EXPECT_EQ(later->size(), 4U);
    ASSERT_TRUE(later->write(4, asBytes("ef")));
    ASSERT_TRUE(later->finish(6));
    auto again = makeTarget(target);
    ASSERT_TRUE(again->begin(Begin::Resume)); // of the pending one
    EXPECT_EQ(again->size(), 6U);
    ASSERT_TRUE(again->abandon());
    EXPECT_TRUE(fs::is_empty(folder.path));
}

TEST(Target, anAbandonedFileTakesItsFoldersAlong)
{
    const TemporaryFolder folder;
    auto writer = makeTarget(FileTarget{.folder = folder.path, .name = "a/b/x", .mode = 0600, .modified = {}, .readOnly = false});
    ASSERT_TRUE(writer->begin(Begin::Anew));
    ASSERT_TRUE(writer->abandon());
    EXPECT_TRUE(fs::is_empty(folder.path));
}

TEST(Target, aFolderHasItsNameOnlyWhenItIsWhole)
{
    const TemporaryFolder folder;
    const FolderTarget target{.folder = folder.path, .name = "c_2", .subvolume = true, .readOnly = false};
    auto writer = makeTarget(target);
    ASSERT_TRUE(writer->begin(Begin::Anew));
    EXPECT_EQ(writer->tree(), folder.path / ".sysupdate.partial.c_2");
    std::ofstream(writer->tree() / "file") << "content";
    EXPECT_EQ(writer->write(0, asBytes("x")).error().code, ErrorCode::Unsupported);
    auto later = makeTarget(target);
    ASSERT_TRUE(later->begin(Begin::Resume));
    ASSERT_TRUE(later->finish(0));
    EXPECT_FALSE(fs::exists(folder.path / "c_2"));
    ASSERT_TRUE(makeTarget(target)->install());
    EXPECT_EQ(textOf(folder.path / "c_2/file"), "content");
    ASSERT_TRUE(makeTarget(target)->install());
    ASSERT_TRUE(removeInstance(folder.path, folder.path / "c_2"));
    EXPECT_TRUE(fs::is_empty(folder.path));
}

TEST(Target, aLinkIsMovedButNoFolderIsReplaced)
{
    const TemporaryFolder folder;
    fs::create_directory(folder.path / "x_1");
    ASSERT_TRUE(pointLink(folder.path / "current", folder.path / "x_1"));
    ASSERT_TRUE(pointLink(folder.path / "current", folder.path / "x_2"));
    EXPECT_EQ(fs::read_symlink(folder.path / "current"), "x_2");
    EXPECT_EQ(pointLink(folder.path / "x_1", folder.path / "x_2").error().code, ErrorCode::Exists);
    EXPECT_TRUE(fs::is_directory(folder.path / "x_1"));
}
