// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/treewriter.h"

#include "tests/unit/boot/folder.h"

#include <array>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

using namespace Preon;
using namespace Preon::Update;
using Fetch::EntryKind;
using Fetch::TreeEntry;
namespace fs = std::filesystem;

namespace
{

struct Tree {
    TemporaryFolder folder;
    fs::path path = folder.path / "tree";
    SilentProgress progress;
    std::optional<TreeWriter> writer;

    Tree()
    {
        fs::create_directory(path);
        writer.emplace(*openFile(path, O_RDONLY | O_DIRECTORY), path.string(), progress);
    }
    Result<void> add(const std::vector<TreeEntry> &entries, const std::string &text = {})
    {
        for (const TreeEntry &entry : entries) {
            PREON_CHECK(writer->entry(entry));
            if (entry.kind == EntryKind::File && !text.empty())
                PREON_CHECK(writer->data(0, asBytes(text)));
        }
        return {};
    }
    std::string text(const fs::path &name) const
    {
        return readTextFile(path / name).value_or("<nothing>");
    }
    struct stat status(const fs::path &name) const
    {
        struct stat status{};
        EXPECT_EQ(::lstat((path / name).c_str(), &status), 0) << name;
        return status;
    }
};

TreeEntry file(std::string path, std::uint64_t size = 3, std::uint32_t mode = 0644)
{
    return {.kind = EntryKind::File,
            .path = std::move(path),
            .mode = mode,
            .owner = ::geteuid(),
            .group = ::getegid(),
            .modified = 1'000'000'000,
            .modifiedNanoseconds = 5,
            .size = size};
}

TreeEntry folder(std::string path, std::uint32_t mode = 0755)
{
    return {.kind = EntryKind::Folder, .path = std::move(path), .mode = mode, .owner = ::geteuid(), .group = ::getegid(), .modified = 1'100'000'000};
}

TreeEntry link(EntryKind kind, std::string path, std::string to)
{
    return {.kind = kind, .path = std::move(path), .mode = 0777, .owner = ::geteuid(), .group = ::getegid(), .target = std::move(to)};
}

TreeEntry symbolic(std::string path, std::string to)
{
    return link(EntryKind::SymbolicLink, std::move(path), std::move(to));
}

ErrorCode codeOf(const Result<void> &result)
{
    return result ? ErrorCode::Exists : result.error().code;
}
}

TEST(TreeWriter, makesWhatTheEntriesSay)
{
    Tree tree;
    TreeEntry first = file("d/x", 3, 04751);
    ASSERT_TRUE(tree.add({folder("", 0711), folder("d", 0550), first}, "abc"));
    // Nobody else gets in until all of it is there.
    EXPECT_EQ(tree.status("").st_mode & 07777U, 0700U);
    ASSERT_TRUE(tree.add({link(EntryKind::HardLink, "y", "d/x"),
                          symbolic("l", "nowhere/at all"),
                          {.kind = EntryKind::Fifo, .path = "f", .mode = 0622, .owner = ::geteuid(), .group = ::getegid()},
                          file("m/n/o")},
                         "def"));
    ASSERT_TRUE(tree.writer->finish());
    EXPECT_EQ(tree.text("d/x"), "abc");
    EXPECT_EQ(tree.text("m/n/o"), "def");
    EXPECT_EQ(tree.status("d/x").st_mode & 07777U, 04751U);
    EXPECT_EQ(tree.status("d/x").st_mtim.tv_sec, 1'000'000'000);
    EXPECT_EQ(tree.status("d/x").st_mtim.tv_nsec, 5);
    EXPECT_EQ(tree.status("d/x").st_nlink, 2U);
    EXPECT_EQ(tree.status("d/x").st_ino, tree.status("y").st_ino);
    EXPECT_EQ(tree.status("d").st_mode & 07777U, 0550U);
    EXPECT_EQ(tree.status("d").st_mtim.tv_sec, 1'100'000'000);
    EXPECT_EQ(tree.status("").st_mode & 07777U, 0711U);
    EXPECT_EQ(tree.status("").st_mtim.tv_sec, 1'100'000'000);
    EXPECT_EQ(tree.status("m/n").st_mode & 07777U, 0755U);
    EXPECT_EQ(fs::read_symlink(tree.path / "l"), "nowhere/at all");
    EXPECT_TRUE(S_ISFIFO(tree.status("f").st_mode));
    fs::permissions(tree.path / "d", fs::perms::owner_all);
}

TEST(TreeWriter, withoutAnEntryOfItsOwnTheTreeIsOpenToAll)
{
    Tree tree;
    ASSERT_TRUE(tree.add({file("x")}, "abc"));
    ASSERT_TRUE(tree.writer->finish());
    EXPECT_EQ(tree.status("").st_mode & 07777U, 0755U);
}

TEST(TreeWriter, rootGivesOwnersAndMakesDevices)
{
    if (::geteuid() != 0)
        return; // an ordinary user's archives are theirs
    Tree tree;
    TreeEntry owned = file("x", 3, 06755);
    owned.owner = 1234;
    owned.group = 70'000;
    owned.attributes = {{"user.note", Bytes(3, std::byte{'n'})}};
    ASSERT_TRUE(tree.add(
        {owned, {.kind = EntryKind::CharacterDevice, .path = "null", .mode = 0666, .major = 1, .minor = 3}, link(EntryKind::HardLink, "zero", "null")}, "abc"));
    ASSERT_TRUE(tree.writer->finish());
    EXPECT_EQ(tree.status("x").st_uid, 1234U);
    EXPECT_EQ(tree.status("x").st_gid, 70'000U);
    EXPECT_EQ(tree.status("x").st_mode & 07777U, 06755U);
    std::array<char, 8> value{};
    if (const ssize_t size = ::getxattr((tree.path / "x").c_str(), "user.note", value.data(), value.size()); size >= 0) {
        EXPECT_EQ(std::string(value.data(), static_cast<std::size_t>(size)), "nnn");
    }
    EXPECT_EQ(tree.status("zero").st_rdev, ::makedev(1, 3));
    EXPECT_EQ(tree.status("zero").st_mode, S_IFCHR | 0666U);
}

TEST(TreeWriter, keepsHoles)
{
    Tree tree;
    ASSERT_TRUE(tree.writer->entry(file("x", 64U << 20U)));
    ASSERT_TRUE(tree.writer->data(32U << 20U, asBytes("middle")));
    ASSERT_TRUE(tree.writer->finish());
    EXPECT_EQ(tree.status("x").st_size, 64 << 20);
    EXPECT_LT(tree.status("x").st_blocks, 2048);
}

TEST(TreeWriter, whatComesLaterReplacesWhatCameBefore)
{
    Tree tree;
    fs::create_directory(tree.folder.path / "outside");
    std::ofstream(tree.folder.path / "outside/x") << "untouched";
    ASSERT_TRUE(tree.add({file("a"), symbolic("l", "../outside/x"), symbolic("d", "../outside"), folder("e"), file("f/g")}, "one"));
    ASSERT_TRUE(tree.add({file("a", 3, 0600), file("l"), folder("d"), file("d/x"), file("e"), folder("f", 0700)}, "two"));
    ASSERT_TRUE(tree.writer->finish());
    EXPECT_EQ(tree.text("a"), "two");
    EXPECT_EQ(tree.text("l"), "two");
    EXPECT_EQ(tree.text("d/x"), "two");
    EXPECT_EQ(tree.text("e"), "two");
    EXPECT_EQ(tree.text("f/g"), "one");
    EXPECT_EQ(tree.status("f").st_mode & 07777U, 0700U);
    EXPECT_EQ(readTextFile(tree.folder.path / "outside/x"), "untouched");
}

TEST(TreeWriter, nothingLeadsOutOfTheTree)
{
    for (const char *to : {"../outside", "/", "../tree/real", "real"}) {
        Tree tree;
        fs::create_directory(tree.folder.path / "outside");
        std::ofstream(tree.folder.path / "outside/x") << "untouched";
        ASSERT_TRUE(tree.add({folder("real"), symbolic("l", to)}));
        EXPECT_EQ(codeOf(tree.add({file("l/x")}, "new")), ErrorCode::BadFormat) << to;
        EXPECT_EQ(codeOf(tree.add({folder("l/d")})), ErrorCode::BadFormat) << to;
        EXPECT_EQ(codeOf(tree.add({link(EntryKind::HardLink, "h", "l/x")})), ErrorCode::BadFormat) << to;
        EXPECT_EQ(readTextFile(tree.folder.path / "outside/x"), "untouched");
        EXPECT_EQ(std::distance(fs::directory_iterator(tree.folder.path / "outside"), fs::directory_iterator()), 1);
    }
    Tree tree;
    ASSERT_TRUE(tree.add({file("x"), folder("d")}, "abc"));
    EXPECT_EQ(codeOf(tree.add({file("x/y")}, "abc")), ErrorCode::BadFormat);
    EXPECT_EQ(codeOf(tree.add({link(EntryKind::HardLink, "h", "no/such")})), ErrorCode::BadFormat);
    EXPECT_EQ(codeOf(tree.add({link(EntryKind::HardLink, "h", "such")})), ErrorCode::BadFormat);
    EXPECT_EQ(codeOf(tree.add({link(EntryKind::HardLink, "h", "d")})), ErrorCode::BadFormat);
}

TEST(TreeWriter, aHardLinkIsToTheLinkItself)
{
    Tree tree;
    ASSERT_TRUE(tree.add(
        {symbolic("l", "/etc/passwd"), link(EntryKind::HardLink, "h", "l"), link(EntryKind::HardLink, "h", "l"), link(EntryKind::HardLink, "h", "h")}));
    EXPECT_TRUE(S_ISLNK(tree.status("h").st_mode));
    EXPECT_EQ(tree.status("h").st_nlink, 2U);
}

TEST(TreeWriter, anOsInAFolderOfItsOwnMovesUp)
{
    Tree tree;
    ASSERT_TRUE(tree.add({folder("os", 0700), folder("os/closed", 0511), file("os/usr/lib/os-release"), file("os/os"), symbolic("os/etc", "/usr/lib")}, "abc"));
    ASSERT_TRUE(tree.writer->finish());
    EXPECT_EQ(tree.text("usr/lib/os-release"), "abc");
    EXPECT_EQ(tree.text("os"), "abc");
    EXPECT_EQ(tree.status("closed").st_mode & 07777U, 0511U);
    EXPECT_EQ(tree.status("").st_mode & 07777U, 0700U);
    EXPECT_EQ(tree.status("").st_mtim.tv_sec, 1'100'000'000);
    Tree other;
    ASSERT_TRUE(other.add({file("os/usr/lib/os-release"), file("more")}, "abc"));
    ASSERT_TRUE(other.writer->finish());
    EXPECT_EQ(other.text("os/usr/lib/os-release"), "abc");
}

TEST(TreeWriter, aFolderWithFilesStaysOne)
{
    Tree tree;
    ASSERT_TRUE(tree.add({file("d/x")}, "abc"));
    EXPECT_EQ(codeOf(tree.add({file("d")}, "abc")), ErrorCode::BadFormat);
    EXPECT_EQ(codeOf(tree.add({symbolic("d", "x")})), ErrorCode::BadFormat);
}
