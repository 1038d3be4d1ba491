// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/base/process.h"
#include "core/luks/recovery.h"
#include "core/luks/volume.h"
#include "core/repart/apply.h"
#include "core/repart/filling.h"
#include "core/repart/split.h"
#include "core/repart/tree.h"
#include "tests/unit/boot/folder.h"
#include "tests/unit/repart/planned.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

using namespace RepartTest;

namespace
{
class TreeTest : public FolderTest
{
protected:
    TreeTest()
    {
        std::filesystem::create_directory(m_folder / "to");
        std::filesystem::create_directory(m_folder / "from");
        m_how.source = m_folder / "from";
    }
    Result<void> build(const std::string &settings)
    {
        SilentProgress progress;
        return buildTree(define("Type=root\n" + settings).contents, m_how, m_folder / "to", progress);
    }
    bool has(const std::string &path) const
    {
        std::error_code error;
        return std::filesystem::exists(std::filesystem::symlink_status(m_folder / "to" / path, error));
    }
    struct stat statusOf(const std::string &path) const
    {
        struct stat status{};
        EXPECT_EQ(lstat((m_folder / path).c_str(), &status), 0) << path;
        return status;
    }
    TreeOptions m_how;
};
}

TEST_F(TreeTest, keepsWhatAFileIs)
{
    const auto file = write("from/a/f", "text");
    std::filesystem::create_hard_link(file, m_folder / "from/a/g");
    std::filesystem::create_symlink("nowhere", m_folder / "from/a/l");
    ASSERT_EQ(mkfifo((m_folder / "from/a/p").c_str(), 0600), 0);
    ASSERT_EQ(chmod(file.c_str(), 04751), 0);
    ASSERT_EQ(truncate((write("from/a/holes", "x")).c_str(), 8 << 20), 0);
    const bool attributes = setxattr(file.c_str(), "user.test", "v", 1, 0) == 0;
    const timespec when[2] = {{1000000000, 5}, {1000000000, 7}};
    ASSERT_EQ(utimensat(AT_FDCWD, file.c_str(), when, 0), 0);
    ASSERT_TRUE(build("CopyFiles=/a:/deep/er\n"));
    const struct stat copy = statusOf("to/deep/er/f");
    EXPECT_EQ(copy.st_mode & 07777U, 04751U);
    EXPECT_EQ(copy.st_mtim.tv_sec, 1000000000);
    EXPECT_EQ(copy.st_mtim.tv_nsec, 7);
    EXPECT_EQ(copy.st_ino, statusOf("to/deep/er/g").st_ino);
    EXPECT_EQ(std::filesystem::read_symlink(m_folder / "to/deep/er/l"), "nowhere");
    EXPECT_TRUE(S_ISFIFO(statusOf("to/deep/er/p").st_mode));
    EXPECT_EQ(statusOf("to/deep/er/holes").st_size, 8 << 20);
    EXPECT_LT(statusOf("to/deep/er/holes").st_blocks, 64);
    char value = 0;
    if (attributes) {
        EXPECT_EQ(getxattr((m_folder / "to/deep/er/f").c_str(), "user.test", &value, 1), 1);
    }
}

TEST_F(TreeTest, leavesOutWhatIsExcluded)
{
    for (const char *name : {"from/a/f", "from/b/c/g", "from/b/h", "from/proc/x", "from/home/x/y", "from/d/e"})
        write(name, "x");
    m_how.isRoot = true;
    m_how.mountPointsElsewhere = {"/home"};
    ASSERT_TRUE(build("CopyFiles=/\nExcludeFiles=/a /b/c/\nExcludeFilesTarget=/d\n"));
    EXPECT_FALSE(has("a"));
    EXPECT_TRUE(has("b/c"));
    EXPECT_FALSE(has("b/c/g"));
    EXPECT_TRUE(has("b/h"));
    EXPECT_TRUE(has("proc"));
    EXPECT_FALSE(has("proc/x"));
    EXPECT_TRUE(has("home"));
    EXPECT_FALSE(has("home/x"));
    EXPECT_FALSE(has("d"));
}

TEST_F(TreeTest, linksLeadNowhereOutside)
{
    write("secret", "s");
    write("from/inside/f", "x");
    std::filesystem::create_symlink(m_folder / "secret", m_folder / "from/out");
    std::filesystem::create_symlink("/inside", m_folder / "from/in");
    std::filesystem::create_symlink("../../../../..", m_folder / "from/up");
    ASSERT_TRUE(build("CopyFiles=/in:/i\nCopyFiles=/out:/o\nCopyFiles=/up:/u\n"));
    EXPECT_TRUE(has("i/f"));
    EXPECT_FALSE(has("o"));
    EXPECT_TRUE(has("u/inside/f"));
}

TEST_F(TreeTest, aCycleOfLinksIsAnError)
{
    std::filesystem::create_symlink("b", m_folder / "from/a");
    std::filesystem::create_symlink("a", m_folder / "from/b");
    EXPECT_FALSE(build("CopyFiles=/a:/x\n"));
    EXPECT_TRUE(build("CopyFiles=/:/\n"));
    EXPECT_TRUE(has("a"));
}

TEST_F(TreeTest, aFifoOrFolderInTheWayIsAnErrorAndNoHang)
{
    write("from/f", "x");
    write("from/d/f/g", "x");
    ASSERT_EQ(mkfifo((m_folder / "from/p").c_str(), 0600), 0);
    EXPECT_FALSE(build("CopyFiles=/p:/x\n"));
    EXPECT_FALSE(build("CopyFiles=/f:/\n"));
    EXPECT_FALSE(build("CopyFiles=/f:/y\nCopyFiles=/f:/y\n"));
    EXPECT_FALSE(build("CopyFiles=/f:/z\nMakeDirectories=/z/a\n"));
    EXPECT_FALSE(build("MakeSymlinks=/no/parent:x\n"));
}

TEST_F(TreeTest, foldersMadeHereHaveTheTimeOfTheEpoch)
{
    m_how.epoch = 1234;
    ASSERT_TRUE(build("MakeDirectories=/a/b\n"));
    EXPECT_EQ(statusOf("to/a/b").st_mtim.tv_sec, 1234);
    EXPECT_EQ(statusOf("to/a").st_mtim.tv_sec, 1234);
}

namespace
{
class ImageTest : public TreeTest
{
protected:
    // Measures, plans, makes and names, as the command does.
    Result<Plan> make(Snapshot snapshot)
    {
        SilentProgress progress;
        snapshot.device = m_folder / "disk.raw";
        PREON_TRY(const Prepared prepared, prepareMinimized(snapshot, {.source = m_folder / "from", .scratch = m_folder}, progress));
        PREON_TRY(const Disk::Device device, Disk::Device::create(snapshot.device, snapshot.table.deviceSize));
        PREON_TRY(const Plan plan, Repart::plan(snapshot));
        PREON_CHECK(writeAt(device.fd(), 30 * mebibyte, Bytes(20 * mebibyte, std::byte{0xa5})));
        m_options.scratch = m_folder;
        m_options.copySource = m_folder / "from";
        PREON_TRY(Plan done, apply(plan, m_options, Host(), device, progress));
        PREON_CHECK(nameSplits(done, {}));
        PREON_CHECK(writeSplits(done, device, progress));
        return done;
    }
    ApplyOptions m_options;
};
const std::string data = "Type=usr\nFormat=erofs\nMinimize=best\nCopyFiles=/\nVerity=data\nVerityMatchKey=u\n";
const std::string hash = "Type=usr-verity\nVerity=hash\nVerityMatchKey=u\n";
}

TEST_F(ImageTest, veritySetupVouchesForWhatWasMade)
{
    write("from/f", std::string(100000, 'x'));
    for (const std::string &tree : {hash + "Minimize=best\n", hash + "SizeMinBytes=1M\n"}) {
        for (const std::string &content :
             {data, data + "SizeMinBytes=8M\n", std::string("Type=usr\nFormat=ext4\nCopyFiles=/\nMinimize=guess\nVerity=data\nVerityMatchKey=u\n")}) {
            for (const auto &entry : std::filesystem::directory_iterator(m_folder)) {
                if (entry.path().filename().string().starts_with("disk."))
                    std::filesystem::remove(entry.path());
            }
            const auto plan = make(emptyDisk(200 * mebibyte, {content, tree}));
            ASSERT_TRUE(plan) << plan.error().text();
            const PlannedPartition &part = plan->partitions[0];
            ASSERT_TRUE(part.verity->rootHash);
            EXPECT_EQ(part.partition.uuid, verityDataUuid(*part.verity->rootHash));
            EXPECT_EQ(plan->after.partitions[1].uuid, verityHashUuid(*part.verity->rootHash));
            const auto checked
                = runTool({"veritysetup", "verify", part.splitPath.string(), plan->partitions[1].splitPath.string(), toHex(*part.verity->rootHash)});
            EXPECT_TRUE(checked) << checked.error().text();
        }
    }
}

TEST_F(ImageTest, aTreeThatDoesNotFitIsAnError)
{
    const auto plan = make(emptyDisk(
        200 * mebibyte,
        {"Type=usr\nFormat=ext4\nMakeDirectories=/x\nSizeMinBytes=64M\nVerity=data\nVerityMatchKey=u\n", hash + "SizeMinBytes=4K\nSizeMaxBytes=4K\n"}));
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().code, ErrorCode::NoSpace);
}

TEST_F(ImageTest, whatThePlanChoseNeedsItsSecret)
{
    const std::vector<std::string> definitions{"Type=home\nX-PreonEncrypt=tpm2-or-passphrase\n"};
    EXPECT_EQ(make(emptyDisk(200 * mebibyte, definitions)).error().code, ErrorCode::BadArgument);
    std::filesystem::remove(m_folder / "disk.raw");
    m_options.passphrase = Secret::copyOf(asBytes("open sesame"));
    const auto plan = make(emptyDisk(200 * mebibyte, definitions));
    ASSERT_TRUE(plan) << plan.error().text();
    EXPECT_EQ(plan->partitions[0].encrypt, Encrypt::Passphrase);
    const auto key = write("key", "open sesame");
    EXPECT_TRUE(runTool({"cryptsetup", "open", "--test-passphrase", "--key-file", key.string(), plan->partitions[0].splitPath.string()}));
}

TEST_F(ImageTest, aRecoveryKeyIsKnownAsOne)
{
    const std::vector<std::string> definitions{"Type=home\nX-PreonEncrypt=tpm2-or-recovery-key\n"};
    m_options.recoveryKey = Secret::copyOf(asBytes("some words that are no recovery key"));
    EXPECT_EQ(make(emptyDisk(200 * mebibyte, definitions)).error().code, ErrorCode::BadArgument);
    std::filesystem::remove(m_folder / "disk.raw");
    auto key = Luks::makeRecoveryKey();
    ASSERT_TRUE(key);
    m_options.recoveryKey = Secret::copyOf(key->bytes());
    const auto plan = make(emptyDisk(200 * mebibyte, definitions));
    ASSERT_TRUE(plan) << plan.error().text();
    auto volume = Luks::Volume::load(plan->partitions[0].splitPath);
    ASSERT_TRUE(volume) << volume.error().text();
    ASSERT_EQ(volume->slots().size(), 1U);
    EXPECT_EQ(volume->slots().front().token, "systemd-recovery");
    EXPECT_TRUE(volume->unlock(*key));
}

TEST_F(ImageTest, aSignatureIsOpenSslsAndZeroesFollow)
{
    write("from/f", "x");
    ASSERT_TRUE(runTool({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", (m_folder / "k").string(), "-out", (m_folder / "c").string(),
                         "-subj", "/CN=test"}));
    auto signer = signerFrom(m_folder / "k", m_folder / "c");
    ASSERT_TRUE(signer) << signer.error().text();
    m_options.signer = std::move(*signer);
    Snapshot snapshot = emptyDisk(200 * mebibyte, {data, hash + "Minimize=best\n", "Type=usr-verity-sig\n"});
    snapshot.definitions[2].verity = Repart::Verity::Signature;
    snapshot.definitions[2].verityMatchKey = "u";
    const auto plan = make(snapshot);
    ASSERT_TRUE(plan) << plan.error().text();
    const auto content = readFile(plan->partitions[2].splitPath);
    ASSERT_TRUE(content);
    EXPECT_EQ(content->size(), 16384U);
    const std::string text(reinterpret_cast<const char *>(content->data()));
    EXPECT_TRUE(text.starts_with("{\"rootHash\":\"" + toHex(*plan->partitions[0].verity->rootHash) + "\",\"certificateFingerprint\":\""));
    EXPECT_TRUE(std::all_of(content->begin() + static_cast<std::ptrdiff_t>(text.size()), content->end(), [](std::byte b) { return b == std::byte{}; }));
    EXPECT_FALSE(signerFrom(m_folder / "c", m_folder / "c"));
    EXPECT_FALSE(signerFrom(m_folder / "k", m_folder / "k"));
}

TEST_F(ImageTest, aFactoryResetLeavesWhatIsNotPartOfIt)
{
    SilentProgress progress;
    Snapshot snapshot = diskWith(200 * mebibyte, {{"home", 30 * mebibyte, 0, "old"}, {"srv", 30 * mebibyte, 0, "kept"}},
                                 {"Type=home\nFactoryReset=yes\nFormat=ext4\nSizeMaxBytes=40M\n", "Type=srv\n"});
    snapshot.device = m_folder / "disk.raw";
    snapshot.empty = Empty::Refuse;
    const auto device = Disk::Device::create(snapshot.device, snapshot.table.deviceSize);
    ASSERT_TRUE(Disk::writeTable(*device, snapshot.table));
    snapshot.table = *Disk::readTable(*device);
    snapshot.factoryReset = true;
    const auto plan = Repart::plan(snapshot);
    ASSERT_TRUE(plan);
    m_options.scratch = m_folder;
    ASSERT_TRUE(apply(*plan, m_options, Host(), *device, progress));
    const auto table = Disk::readTable(*device);
    ASSERT_EQ(table->partitions.size(), 2U);
    EXPECT_EQ(table->partitions[0].label, "home");
    EXPECT_EQ(table->partitions[1].label, "kept");
}

TEST_F(ImageTest, twoPartitionsOfOneSplitNameAreRefused)
{
    EXPECT_EQ(make(emptyDisk(200 * mebibyte, {"Type=home\nSplitName=x\n", "Type=srv\nSplitName=x\n"})).error().code, ErrorCode::Exists);
}
