// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The keys of the home volume, on files; the volume itself needs the kernel (tests/vm/test_home.py).
#include "core/base/units.h"
#include "core/install/homevolume.h"

#include "core/luks/recovery.h"
#include "tests/unit/tpm/swtpm.h"

#include <gtest/gtest.h>

#include <sys/stat.h>

using namespace Preon;
using namespace Preon::Install;
using Preon::Test::Folder;

namespace
{

class HomeVolume : public testing::Test
{
protected:
    HomeVolume()
    {
        (void)Disk::Device::create(m_partition, 64 * mebibyte).value();
        Luks::FormatOptions options;
        options.subsystem = Luks::integritySubsystem;
        auto volume = Luks::Volume::format(m_partition, options).value();
        m_oldKey = Secret::random(volumeKeyFileSize).value();
        m_recoveryKey = Luks::makeRecoveryKey().value();
        volume.addKeyFile(m_oldKey).value();
        volume.addRecoveryKey(m_recoveryKey).value();
        m_keys = volume.deriveKey("what is behind it").value();
        std::filesystem::create_directory(m_newRoot);
    }

    ErrorCode whyNot(const Secret &key) const
    {
        return unlockHome(m_partition, key).error().code;
    }
    Secret newKey() const
    {
        return Secret::copyOf(readFile(m_newRoot / keyFolder / "home.key").value());
    }
    // The right volume key: what lies behind the header can be read by it.
    bool opens(const Secret &key) const
    {
        const auto volume = unlockHome(m_partition, key);
        return volume && std::ranges::equal(volume->deriveKey("what is behind it")->bytes(), m_keys.bytes());
    }

    const Folder m_folder;
    const std::filesystem::path m_partition = m_folder / "partition", m_newRoot = m_folder / "root";
    Secret m_oldKey, m_recoveryKey, m_keys;
};
}

TEST_F(HomeVolume, isAdoptedWithItsRecoveryKey)
{
    auto volume = unlockHome(m_partition, m_recoveryKey);
    ASSERT_TRUE(volume) << volume.error().text();
    const auto removed = adoptHome(*volume, m_partition, m_newRoot);
    ASSERT_TRUE(removed) << removed.error().text();
    EXPECT_EQ(*removed, 1U);
    EXPECT_TRUE(opens(newKey()));
    EXPECT_TRUE(opens(m_recoveryKey));
    EXPECT_EQ(whyNot(m_oldKey), ErrorCode::Permission); // the lost root's key is lost to whoever finds it, too
    struct stat status{};
    ASSERT_EQ(::stat((m_newRoot / keyFolder / "home.key").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0400U);
    EXPECT_EQ(status.st_size, static_cast<off_t>(volumeKeyFileSize));
}

TEST_F(HomeVolume, aSlotThatNobodyCanOpenGoesWithTheNextAdoption)
{
    {
        auto volume = unlockHome(m_partition, m_recoveryKey);
        ASSERT_TRUE(volume->addKeyFile(Secret::random(32).value())); // cut off here
    }
    auto volume = unlockHome(m_partition, m_recoveryKey);
    EXPECT_EQ(adoptHome(*volume, m_partition, m_newRoot), 2U);
    EXPECT_TRUE(opens(newKey()));
    EXPECT_EQ(unlockHome(m_partition, m_recoveryKey)->slots().size(), 2U);
}

TEST_F(HomeVolume, aPersonsPassphraseSurvivesAnAdoption)
{
    {
        auto volume = unlockHome(m_partition, m_recoveryKey);
        ASSERT_TRUE(volume->addPassphrase(Secret::copyOf(asBytes("words of a person"))));
    }
    auto volume = unlockHome(m_partition, m_recoveryKey);
    ASSERT_TRUE(adoptHome(*volume, m_partition, m_newRoot));
    EXPECT_TRUE(opens(Secret::copyOf(asBytes("words of a person"))));
}

TEST_F(HomeVolume, nothingGoesWhereTheNewKeyCannotBeKept)
{
    auto volume = unlockHome(m_partition, m_recoveryKey);
    ASSERT_TRUE(replaceFile(m_newRoot / "var", {}));
    EXPECT_FALSE(adoptHome(*volume, m_partition, m_newRoot));
    EXPECT_EQ(unlockHome(m_partition, m_recoveryKey)->slots().size(), 2U);
    EXPECT_TRUE(opens(m_oldKey));
    EXPECT_TRUE(opens(m_recoveryKey));
}

TEST_F(HomeVolume, aWrongKeyIsRefusedBeforeAnythingIsWritten)
{
    const Bytes before = readFile(m_partition).value();
    const HomeToMake home{.partition = m_partition, .fileSystem = {}, .label = "home", .scratch = "/tmp"};
    SilentProgress progress;
    EXPECT_EQ(makeHome(home, Secret::random(32).value(), progress).error().code, ErrorCode::Permission);
    EXPECT_EQ(readFile(m_partition).value(), before);
}

TEST(KeyForNewHome, isTheOneThatAStartThatWasCutOffLeft)
{
    const Folder keys;
    const Secret first = keyForNewHome(keys / "").value();
    EXPECT_EQ(first.size(), volumeKeyFileSize);
    EXPECT_TRUE(std::ranges::equal(keyForNewHome(keys / "")->bytes(), first.bytes()));
    EXPECT_FALSE(std::filesystem::exists(keys / homeKey));
}

// With the partition gone from the table, a start is cut off, and then the table is repaired: the home with somebody's files must not open with the key of the new one.
TEST(KeyForNewHome, isNeverTheKeyOfAHomeThatHeldSomething)
{
    const Folder keys;
    const Secret first = keyForNewHome(keys / "").value();
    ASSERT_TRUE(renameKey(keys / unfinishedHomeKey, keys / homeKey));
    const Secret second = keyForNewHome(keys / "").value();
    EXPECT_FALSE(std::ranges::equal(second.bytes(), first.bytes()));
    EXPECT_EQ(readFile(keys / "home.key.old").value(), Bytes(first.bytes().begin(), first.bytes().end()));
    EXPECT_EQ(readFile(keys / unfinishedHomeKey).value(), Bytes(second.bytes().begin(), second.bytes().end()));
    EXPECT_FALSE(std::filesystem::exists(keys / homeKey));
}

TEST(BtrfsSize, isReadFromTheSuperblock)
{
    Bytes superblock(4096);
    EXPECT_EQ(btrfsSize(superblock).error().code, ErrorCode::BadFormat);
    std::ranges::copy(asBytes("_BHRfS_M"), superblock.begin() + 0x40);
    superblock[0x70 + 3] = std::byte{0x40};
    EXPECT_EQ(btrfsSize(superblock), 1024 * mebibyte);
    EXPECT_EQ(btrfsSize(ByteView(superblock).first(0x77)).error().code, ErrorCode::BadFormat);
}
