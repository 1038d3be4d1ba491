// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/transport/tar.h"

#include "core/base/process.h"
#include "tests/unit/boot/folder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace Preon;
using namespace Preon::Transport;
using Fetch::EntryKind;
using Fetch::TreeEntry;

namespace
{

struct Seen : Fetch::TreeSink {
    std::vector<TreeEntry> entries;
    std::map<std::string, std::string> texts; // holes are passed over

    Result<void> entry(const TreeEntry &entry) override
    {
        entries.push_back(entry);
        return {};
    }
    Result<void> data(std::uint64_t, ByteView bytes) override
    {
        texts[entries.back().path].append(reinterpret_cast<const char *>(bytes.data()), bytes.size());
        return {};
    }
    const TreeEntry &find(const std::string &path) const
    {
        static const TreeEntry none{};
        const auto found = std::ranges::find(entries, path, &TreeEntry::path);
        return found == entries.end() ? none : *found;
    }
};

// Through the same decoder as root's.
Result<void> read(ByteView archive, Seen &seen, std::size_t step = 10'000)
{
    prepareTar();
    Fetch::TreeDecoder decoder;
    const TarSource source = [&](std::span<std::byte> into) -> Result<std::size_t> {
        const std::size_t size = std::min({step, into.size(), archive.size()});
        std::ranges::copy(archive.first(size), into.begin());
        archive = archive.subspan(size);
        return size;
    };
    PREON_CHECK(untar(source, [&](ByteView frames) { return decoder.add(frames, seen); }));
    EXPECT_TRUE(archive.empty());
    return decoder.finish();
}

// As GNU tar makes it of that folder.
Bytes archived(const std::filesystem::path &folder, std::vector<std::string> options = {})
{
    std::vector<std::string> command{"tar", "-C", folder.string(), "-cf", "-"};
    std::ranges::move(options, std::back_inserter(command));
    command.emplace_back(".");
    const auto output = runTool(command);
    EXPECT_TRUE(output) << output.error().text();
    const ByteView bytes = asBytes(output->output);
    return {bytes.begin(), bytes.end()};
}

class Tar : public FolderTest
{
};
}

TEST_F(Tar, saysWhatGnuTarWrote)
{
    const std::string longName(200, 'n');
    write("d/x", "content");
    write("d/" + longName + "/" + longName, "deep");
    write("größe", "ü");
    std::filesystem::create_symlink("../far", m_folder / "d/l");
    std::filesystem::create_hard_link(m_folder / "d/x", m_folder / "y");
    ::mkfifo((m_folder / "f").c_str(), 0640);
    ::chmod((m_folder / "d/x").c_str(), 04711);
    const std::array<timespec, 2> times{timespec{.tv_sec = 5, .tv_nsec = 0}, timespec{.tv_sec = 1'234'567'890, .tv_nsec = 123'456'789}};
    ::utimensat(AT_FDCWD, (m_folder / "d/x").c_str(), times.data(), 0);
    {
        const auto sparse = openFile(m_folder / "sparse", O_RDWR | O_CREAT, 0644);
        ASSERT_TRUE(writeAt(*sparse, 4U << 20U, asBytes("data")));
        ASSERT_EQ(::ftruncate(sparse->get(), 8 << 20), 0);
    }
    for (const char *format : {"--format=gnu", "--format=pax", "--format=posix"}) {
        Seen seen;
        const auto done = read(archived(m_folder, {format, "-S", "--sort=name", "--numeric-owner"}), seen);
        ASSERT_TRUE(done) << done.error().text();
        EXPECT_EQ(seen.find("").kind, EntryKind::Folder);
        EXPECT_EQ(seen.find("d").kind, EntryKind::Folder);
        const TreeEntry &x = seen.find("d/x");
        EXPECT_EQ(x.kind, EntryKind::File);
        EXPECT_EQ(x.mode, 04711U);
        EXPECT_EQ(x.owner, ::geteuid());
        EXPECT_EQ(x.modified, 1'234'567'890);
        EXPECT_EQ(x.modifiedNanoseconds, std::string(format) == "--format=gnu" ? 0U : 123'456'789U);
        EXPECT_EQ(seen.texts["d/x"], "content");
        EXPECT_EQ(seen.find("d/l").target, "../far");
        EXPECT_EQ(seen.find("y").kind, EntryKind::HardLink);
        EXPECT_EQ(seen.find("y").target, "d/x");
        EXPECT_EQ(seen.find("f").kind, EntryKind::Fifo);
        EXPECT_EQ(seen.find("sparse").size, 8U << 20U);
        EXPECT_LT(seen.texts["sparse"].size(), 100'000U);
        EXPECT_TRUE(seen.texts["sparse"].contains("data"));
        EXPECT_EQ(seen.texts["d/" + longName + "/" + longName], "deep");
        EXPECT_EQ(seen.texts["größe"], "ü");
    }
}

TEST_F(Tar, refusesWhatIsCutOffOrDamaged)
{
    write("a", std::string(20'000, 'a'));
    write("b", std::string(20'000, 'b'));
    const Bytes whole = archived(m_folder, {"--format=ustar", "--sort=name"});
    Seen seen;
    for (const std::size_t size : {std::size_t(0), std::size_t(100), std::size_t(700), std::size_t(5000), std::size_t(21'600)})
        EXPECT_FALSE(read(ByteView(whole).first(size), seen)) << size;
    Bytes damaged = whole;
    damaged[520] ^= std::byte{1}; // in the name of the second header
    const auto done = read(damaged, seen);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::BadFormat);
    EXPECT_FALSE(read(Bytes(2000, std::byte{'x'}), seen));
}

TEST_F(Tar, takesSeveralOneBehindTheOther)
{
    write("a/x", "1");
    write("b/x", "2");
    Bytes both = archived(m_folder / "a");
    const Bytes second = archived(m_folder / "b");
    both.insert(both.end(), second.begin(), second.end());
    Seen seen;
    const auto done = read(both, seen);
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_EQ(seen.texts["x"], "12");
    EXPECT_EQ(seen.entries.size(), 4U);
}

TEST_F(Tar, refusesPathsThatLeadOutOfIt)
{
    write("x", "1");
    for (const char *change : {"s,.*,../x,", "s,.*,a/../x,", "s,.*,/..,"}) {
        Seen seen;
        const auto done = read(archived(m_folder, {"-P", std::string("--transform=") + change}), seen);
        ASSERT_FALSE(done) << change;
        EXPECT_TRUE(done.error().why.contains("leads out")) << done.error().text();
        EXPECT_TRUE(seen.entries.empty());
    }
    Seen seen;
    ASSERT_TRUE(read(archived(m_folder, {"-P", "--transform=s,^[.]/,/etc/,"}), seen));
    EXPECT_EQ(seen.find("etc/x").kind, EntryKind::File);
}

TEST_F(Tar, handsOnErrorsOfBothEnds)
{
    write("x", std::string(1'000'000, 'x'));
    const Bytes whole = archived(m_folder);
    const auto noSource
        = untar([](std::span<std::byte>) -> Result<std::size_t> { return fail(ErrorCode::Io, "pulled out"); }, [](ByteView) -> Result<void> { return {}; });
    ASSERT_FALSE(noSource);
    EXPECT_EQ(noSource.error().what, "pulled out");
    ByteView rest = whole;
    const auto noSink = untar(
        [&](std::span<std::byte> into) -> Result<std::size_t> {
            const std::size_t size = std::min(into.size(), rest.size());
            std::ranges::copy(rest.first(size), into.begin());
            rest = rest.subspan(size);
            return size;
        },
        [](ByteView) -> Result<void> { return fail(ErrorCode::Cancelled, "enough"); });
    ASSERT_FALSE(noSink);
    EXPECT_EQ(noSink.error().code, ErrorCode::Cancelled);
}
