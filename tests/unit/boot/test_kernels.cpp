// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/base/units.h"
#include "tests/unit/boot/folder.h"

#include "core/base/process.h"
#include "core/boot/entries.h"
#include "core/boot/loader.h"

using namespace Preon;
using namespace Preon::Boot;

namespace
{

// Unified kernels as the distribution's own tool makes them.
class Kernels : public FolderTest
{
protected:
    std::string build(const std::string &version, const std::string &usrhash, bool withProfile)
    {
        const auto linux = write("linux", "not really a kernel");
        const auto osRelease
            = write("os-release", "ID=particle\nIMAGE_ID=\"Particle\"\nIMAGE_VERSION='" + version + "'\n# no\nPRETTY_NAME=\"Particle \\\"OS\\\"\"\n");
        std::vector<std::string> command{"ukify",
                                         "build",
                                         "--linux=" + linux.string(),
                                         "--os-release=@" + osRelease.string(),
                                         "--uname=6.12.0-test",
                                         "--cmdline=usrhash=" + usrhash + " quiet opt=\"two words\"",
                                         "--output=" + (m_folder / "kernel.efi").string()};
        if (withProfile) {
            const auto profile = m_folder / "live.efi";
            const auto made = runTool({"ukify", "build", "--profile=ID=live\nTITLE=Try it", "--cmdline=preon.mode=live", "--output=" + profile.string()});
            EXPECT_TRUE(made) << made.error().text();
            command.push_back("--profile=ID=main");
            command.push_back("--join-profile=" + profile.string());
        }
        const auto made = runTool(command);
        EXPECT_TRUE(made) << made.error().text();
        const auto content = readFile(m_folder / "kernel.efi");
        return content ? std::string(reinterpret_cast<const char *>(content->data()), content->size()) : "";
    }
};

TEST_F(Kernels, tellTheirNameVersionAndCommandLine)
{
    const std::string file = build("1.2", "abcd", false);
    const auto kernel = readUnifiedKernel(asBytes(file));
    ASSERT_TRUE(kernel) << kernel.error().text();
    EXPECT_EQ(kernel->osRelease.find("IMAGE_VERSION")->second, "1.2");
    EXPECT_EQ(kernel->osRelease.find("PRETTY_NAME")->second, "Particle \"OS\"");
    EXPECT_EQ(kernel->uname, "6.12.0-test");
    ASSERT_EQ(kernel->profiles.size(), 1U);
    EXPECT_EQ(kernel->option("usrhash"), "abcd");
    EXPECT_EQ(kernel->option("opt"), "two words");
    EXPECT_EQ(kernel->option("quiet"), "");
    EXPECT_FALSE(kernel->option("usr"));
}

TEST_F(Kernels, profilesOverrideTheCommandLine)
{
    const std::string file = build("1", "abcd", true);
    const auto kernel = readUnifiedKernel(asBytes(file));
    ASSERT_TRUE(kernel) << kernel.error().text();
    ASSERT_EQ(kernel->profiles.size(), 2U);
    EXPECT_EQ(kernel->profiles[0].id, "main");
    EXPECT_EQ(kernel->profiles[1].id, "live");
    EXPECT_EQ(kernel->profiles[1].title, "Try it");
    EXPECT_EQ(kernel->option("usrhash", 0), "abcd");
    EXPECT_EQ(kernel->option("preon.mode", 1), "live");
    EXPECT_FALSE(kernel->option("preon.mode", 0));

    auto entries = entriesOfKernel("/EFI/Linux/Particle_1+3.efi", *kernel);
    ASSERT_EQ(entries.size(), 2U);
    EXPECT_EQ(entries[0].id, "particle_1.efi");
    EXPECT_EQ(entries[1].id, "particle_1.efi@live");
    EXPECT_EQ(entries[1].title, "Particle \"OS\" (Try it)");
    EXPECT_EQ(entries[1].count, (BootCount{3, 0}));
}

TEST_F(Kernels, cutOffAnywhereTheyAreRefusedOrWhole)
{
    const std::string file = build("1", "abcd", true);
    const auto whole = readUnifiedKernel(asBytes(file));
    ASSERT_TRUE(whole);
    std::uint64_t end = 0;
    for (const PeSection &section : whole->sections)
        end = std::max(end, section.offset + section.size);
    for (std::size_t length = 0; length < end; length += 97)
        EXPECT_FALSE(readUnifiedKernel(asBytes(std::string_view(file).substr(0, length)))) << length;
}

TEST_F(Kernels, otherEfiProgramsAreNoKernels)
{
    const auto loader = readFile("/usr/lib/systemd/boot/efi/systemd-bootx64.efi");
    ASSERT_TRUE(loader);
    ASSERT_TRUE(readPeSections(*loader));
    const auto kernel = readUnifiedKernel(*loader);
    ASSERT_FALSE(kernel);
    EXPECT_EQ(kernel.error().code, ErrorCode::BadFormat);
}

class EfiPartition : public Kernels
{
protected:
    static constexpr std::uint64_t offset = 3 * mebibyte;
    Disk::Device makeDisk(std::uint64_t size = 80 * mebibyte)
    {
        auto device = Disk::Device::create(m_folder / "disk \"1\".raw", offset + size + mebibyte);
        EXPECT_TRUE(device) << device.error().text();
        const auto formatted = formatFat(*device, offset, size, "ESP");
        EXPECT_TRUE(formatted) << formatted.error().text();
        return std::move(*device);
    }
    static Result<void> put(const Fat &esp, const std::string &path, std::string_view text)
    {
        PREON_TRY(const MemoryFile file, MemoryFile::copyOf(asBytes(text)));
        return esp.write(path, file);
    }
};

TEST_F(EfiPartition, isAFileSystemThatOthersRead)
{
    const Disk::Device disk = makeDisk();
    const Fat esp(disk, offset);
    ASSERT_TRUE(put(esp, "/loader/loader.conf", "timeout 3\n"));
    const std::string out = (m_folder / "esp.img").string();
    ASSERT_TRUE(runTool({"dd", "if=" + disk.path().string(), "of=" + out, "bs=1M", "skip=3", "count=80", "status=none"}));
    const auto checked = runTool({"fsck.vfat", "-n", "-v", out});
    ASSERT_TRUE(checked) << checked.error().text();
    EXPECT_TRUE(checked->output.contains("32 bit entries")) << checked->output;
    const auto listed = runTool({"mtype", "-i", out, "::/loader/loader.conf"});
    ASSERT_TRUE(listed) << listed.error().text();
    EXPECT_EQ(listed->output, "timeout 3\n");
}

TEST_F(EfiPartition, formattingLeavesTheRestOfTheDiskAlone)
{
    auto device = Disk::Device::create(m_folder / "disk.raw", 40 * mebibyte);
    ASSERT_TRUE(device);
    const std::string mark(4096, 'x');
    ASSERT_TRUE(writeAt(device->fd(), offset - mark.size(), asBytes(mark)));
    ASSERT_TRUE(writeAt(device->fd(), offset + 34 * mebibyte, asBytes(mark)));
    ASSERT_TRUE(formatFat(*device, offset, 34 * mebibyte, "ESP"));
    Bytes found(mark.size());
    ASSERT_TRUE(readAt(device->fd(), offset - mark.size(), found));
    EXPECT_TRUE(std::ranges::equal(found, asBytes(mark)));
    ASSERT_TRUE(readAt(device->fd(), offset + 34 * mebibyte, found));
    EXPECT_TRUE(std::ranges::equal(found, asBytes(mark)));
}

TEST_F(EfiPartition, filesAreWrittenReplacedListedAndRemoved)
{
    const Disk::Device disk = makeDisk();
    const Fat esp(disk, offset);
    EXPECT_TRUE(esp.list("/")->empty());
    ASSERT_TRUE(put(esp, "/EFI/Linux/Particle_1+3-0.efi", std::string(5000000, 'k')));
    ASSERT_TRUE(put(esp, "/EFI/Linux/Particle_1+3-0.efi", "replaced"));
    const auto list = esp.list("/efi/linux");
    ASSERT_TRUE(list) << list.error().text();
    EXPECT_EQ(*list, (std::vector<FatEntry>{{"/efi/linux/Particle_1+3-0.efi", 8, false}}));
    const auto content = esp.read("/EFI/LINUX/particle_1+3-0.EFI");
    ASSERT_TRUE(content) << content.error().text();
    EXPECT_EQ(content->text(), "replaced");
    ASSERT_TRUE(esp.remove("/EFI/Linux/Particle_1+3-0.efi"));
    EXPECT_FALSE(*esp.exists("/EFI/Linux/Particle_1+3-0.efi"));
    EXPECT_TRUE(*esp.exists("/EFI/Linux"));
    EXPECT_EQ(esp.read("/EFI/Linux/Particle_1+3-0.efi").error().code, ErrorCode::NotFound);
    EXPECT_EQ(esp.list("/nowhere").error().code, ErrorCode::NotFound);
    EXPECT_EQ(esp.read("/EFI/*.efi").error().code, ErrorCode::BadArgument);
}

TEST_F(EfiPartition, foldersAreListedAnewOnceSomethingWasChangedThere)
{
    const Disk::Device disk = makeDisk();
    const Fat esp(disk, offset), another(disk, offset);
    ASSERT_TRUE(put(esp, "/EFI/a.efi", "a"));
    EXPECT_EQ(esp.list("/EFI")->size(), 1U);
    ASSERT_TRUE(put(another, "/EFI/b.efi", "b"));
    EXPECT_EQ(esp.list("/EFI")->size(), 1U);
    EXPECT_EQ(Fat(disk, offset).list("/EFI")->size(), 2U);
    ASSERT_TRUE(esp.makeFolder("/EFI/c"));
    EXPECT_EQ(esp.list("/EFI")->size(), 3U);
    ASSERT_TRUE(esp.remove("/EFI/b.efi"));
    EXPECT_EQ(esp.list("/EFI")->size(), 2U);
    EXPECT_EQ(another.read("/EFI/b.efi").error().code, ErrorCode::NotFound); // however it was listed
}

TEST_F(EfiPartition, fullIsSaidAndTheOldFileStays)
{
    const Disk::Device disk = makeDisk(34 * mebibyte);
    const Fat esp(disk, offset);
    const auto before = esp.freeSpace();
    ASSERT_TRUE(before) << before.error().text();
    EXPECT_GT(*before, 32 * mebibyte);
    ASSERT_TRUE(put(esp, "/a.efi", "old"));
    const auto full = put(esp, "/a.efi", std::string(40 * mebibyte, 'x'));
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().code, ErrorCode::NoSpace) << full.error().text();
    EXPECT_EQ(esp.read("/a.efi")->text(), "old");
}

TEST_F(EfiPartition, worksWhileTheDiskIsLocked)
{
    const auto path = [&] {
        return makeDisk().path();
    }();
    const auto locked = Disk::Device::open(path, Disk::Access::Exclusive);
    ASSERT_TRUE(locked) << locked.error().text();
    EXPECT_TRUE(put(Fat(*locked, offset), "/x", "y"));
}

TEST_F(EfiPartition, entriesAreSortedAsTheLoaderShowsThem)
{
    const Disk::Device disk = makeDisk();
    const Fat esp(disk, offset);
    ASSERT_TRUE(put(esp, "/EFI/Linux/Particle_1.9.efi", build("1.9", "aa", true)));
    ASSERT_TRUE(put(esp, "/EFI/Linux/Particle_1.10+2-1.efi", build("1.10", "bb", false)));
    ASSERT_TRUE(put(esp, "/EFI/Linux/Particle_1.11+0-3.efi", build("1.11", "cc", false)));
    ASSERT_TRUE(put(esp, "/EFI/Linux/broken-kernel.efi", "nothing"));
    ASSERT_TRUE(put(esp, "/loader/entries/old.conf", "# c\ntitle  Old one\nlinux /vmlinuz\noptions a\noptions b\n"));
    const auto list = listEntries(esp);
    ASSERT_TRUE(list) << list.error().text();
    std::vector<std::string> ids;
    for (const Entry &entry : list->entries)
        ids.push_back(entry.id);
    EXPECT_EQ(ids, (std::vector<std::string>{"particle_1.10.efi", "particle_1.9.efi", "particle_1.9.efi@live", "old.conf", "particle_1.11.efi"}));
    EXPECT_EQ(list->entries[3].commandLine, "a b");
    ASSERT_EQ(list->warnings.size(), 1U);
    EXPECT_TRUE(list->warnings[0].contains("/EFI/Linux/broken-kernel.efi")) << list->warnings[0];
}

TEST_F(EfiPartition, theLoaderOfTheSystemGoesUnderBothPaths)
{
    const Disk::Device disk = makeDisk();
    const Fat esp(disk, offset);
    Host host;
    const auto loader = loaderFromSystem(host);
    ASSERT_TRUE(loader) << loader.error().text();
    ASSERT_EQ(loader->size(), 2U);
    SilentProgress progress;
    ASSERT_TRUE(writeBootFiles(esp, *loader, progress));
    EXPECT_TRUE(compareBootFiles(esp, *loader, progress));
    EXPECT_TRUE(*esp.exists("/EFI/BOOT/BOOTX64.EFI"));
    const auto again = loaderFromEsp(esp);
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_TRUE(std::ranges::equal(again->front().content.bytes(), loader->front().content.bytes()));

    ASSERT_TRUE(put(esp, "/EFI/BOOT/BOOTX64.EFI", "something else"));
    const auto differs = compareBootFiles(esp, *loader, progress);
    ASSERT_FALSE(differs);
    EXPECT_EQ(differs.error().code, ErrorCode::Corrupt);
}

TEST_F(EfiPartition, aRandomSeedIsNeverTakenOver)
{
    const Disk::Device disk = makeDisk();
    const Fat esp(disk, offset);
    ASSERT_TRUE(put(esp, "/loader/random-seed", "seed"));
    ASSERT_TRUE(put(esp, "/loader/loader.conf", "timeout 3"));
    ASSERT_TRUE(put(esp, "/loader/keys/auto/db.auth", "key"));
    const auto settings = loaderSettings(esp);
    ASSERT_TRUE(settings) << settings.error().text();
    std::vector<std::string> paths;
    for (const BootFile &file : *settings)
        paths.push_back(file.path);
    EXPECT_EQ(paths, (std::vector<std::string>{"/loader/loader.conf", "/loader/entries.srel", "/loader/keys/auto/db.auth"}));
}

struct NameCase {
    const char *file, *name;
    std::optional<BootCount> count;
};

TEST(CountedNames, areTakenApart)
{
    const NameCase cases[] = {
        {"a_1.efi", "a_1.efi", std::nullopt},
        {"a_1+3.efi", "a_1.efi", BootCount{3, 0}},
        {"a_1+2-1.efi", "a_1.efi", BootCount{2, 1}},
        {"a_1+0-3.conf", "a_1.conf", BootCount{0, 3}},
        {"a+b.efi", "a+b.efi", std::nullopt},
        {"a+1-.efi", "a+1-.efi", std::nullopt},
        {"a+.efi", "a+.efi", std::nullopt},
        {"a+1+2.efi", "a+1.efi", BootCount{2, 0}},
        {"a+99999999999.efi", "a+99999999999.efi", std::nullopt},
        {"noend+1", "noend+1", std::nullopt},
    };
    for (const NameCase &sample : cases)
        EXPECT_EQ(parseCountedName(sample.file), (CountedName{sample.name, sample.count})) << sample.file;
}

} // namespace
