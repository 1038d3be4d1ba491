// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/repart/mounttables.h"
#include "core/repart/print.h"
#include "core/repart/relations.h"
#include "core/repart/words.h"
#include "tests/unit/repart/planned.h"

#include <gtest/gtest.h>

using namespace RepartTest;

namespace
{
using Texts = std::vector<std::string>;
const std::string verityData = "Type=usr\nFormat=ext4\nMakeDirectories=/x\nVerity=data\nVerityMatchKey=u\n";
const std::string verityHash = "Type=usr-verity\nVerity=hash\nVerityMatchKey=u\n";
}

TEST(Words, arePartedByBlanksUnlessQuoted)
{
    EXPECT_EQ(*allWords(Words::byBlanks("  a  'b c'\t\"d\"e \\  f\\ g ")), (Texts{"a", "b c", "de", " ", "f g"}));
    EXPECT_EQ(*allWords(Words::byBlanks("")), Texts());
    EXPECT_EQ(*allWords(Words::byBlanks("''")), Texts{""});
    EXPECT_FALSE(allWords(Words::byBlanks("'a")));
    EXPECT_FALSE(allWords(Words::byBlanks("a\\")));
}

TEST(Words, arePartedBySeparatorsWithEscapes)
{
    const auto split = [](const char *text) {
        return allWords(Words::bySeparator(text, ':', Escapes::C, true));
    };
    EXPECT_EQ(*split("a::b"), (Texts{"a", "", "b"}));
    EXPECT_EQ(*split("\\x41\\t\\u20ac\\101:'b:c'"), (Texts{"A\t€A", "b:c"}));
    for (const char *bad : {"\\q", "\\x4", "\\x00", "\\ud800", "\\U00110000", "\\400", "\\", "'"})
        EXPECT_FALSE(split(bad)) << bad;
}

TEST(Words, pathsAreSimplifiedOrRefused)
{
    EXPECT_EQ(settingPath("/a//./b/").path, "/a/b");
    EXPECT_EQ(settingPath("/a/b/", true).path, "/a/b/");
    EXPECT_EQ(settingPath("//").path, "/");
    EXPECT_FALSE(settingPath("a").path);
    EXPECT_FALSE(settingPath("/a/../b").path);
    EXPECT_FALSE(settingPath('/' + std::string(300, 'a')).path);
    EXPECT_EQ(below("/usr/lib/x", "/usr"), "lib/x");
    EXPECT_EQ(below("/usr", "/usr/"), "");
    EXPECT_EQ(below("/usr2", "/usr"), std::nullopt);
    EXPECT_EQ(below("/a", "/"), "a");
}

TEST(Contents, areReadAsWritten)
{
    const Contents contents = define("Type=home\nFormat=btrfs\nCopyFiles=/a\nCopyFiles=/b:/c\\x20d\nExcludeFiles=/x /y/\nMakeDirectories=/m /m '/n o'\n"
                                     "MakeSymlinks=/l:../t\nSubvolumes=/m:ro /s\nSubvolumes=/s:ro\nDefaultSubvolume=/s\nCompression=zstd\nCompressionLevel=3\n")
                                  .contents;
    EXPECT_EQ(contents.copyFiles, (std::vector<CopyFiles>{{"/a", "/a"}, {"/b", "/c d"}}));
    EXPECT_EQ(contents.excludeSource, (Texts{"/x", "/y/"}));
    EXPECT_EQ(contents.directories, (Texts{"/m", "/n o"}));
    EXPECT_EQ(contents.symlinks, (std::vector<Symlink>{{"/l", "../t"}}));
    EXPECT_EQ(contents.subvolumes, (std::vector<Subvolume>{{"/m", true}, {"/s", true}}));
    EXPECT_EQ(contents.defaultSubvolume, "/s");
    EXPECT_EQ(contents.compression + contents.compressionLevel, "zstd3");
}

TEST(Contents, formatFollowsTheType)
{
    EXPECT_EQ(define("Type=esp\nCopyFiles=/a\n").format, "vfat");
    EXPECT_EQ(define("Type=home\nMakeDirectories=/a\n").format, "ext4");
    EXPECT_EQ(define("Type=home\nX-PreonEncrypt=tpm2-or-passphrase\n").format, "ext4");
}

TEST(Relations, findSiblingsAndTargets)
{
    const auto relations = relate({define(verityData), define("Type=srv\n"), define(verityHash)});
    ASSERT_TRUE(relations) << relations.error().text();
    EXPECT_EQ((*relations)[0].hash, 2U);
    EXPECT_EQ((*relations)[2].data, 0U);
    EXPECT_EQ((*relations)[1].siblings(), std::vector<std::size_t>());
}

TEST(Relations, aSiblingOfAnotherPriorityIsRefused)
{
    EXPECT_EQ(relate({define(verityData), define(verityHash + "Priority=1\n")}).error().code, ErrorCode::BadFormat);
    EXPECT_EQ(relate({define(verityData)}).error().code, ErrorCode::BadFormat);
    EXPECT_EQ(relate({define("Type=srv\nSupplementFor=nobody\n")}).error().code, ErrorCode::BadFormat);
}

TEST(Plan, verityIdentitiesWaitForTheRootHash)
{
    Snapshot snapshot = emptyDisk(400 * mebibyte, {verityData, verityHash});
    const auto unknown = Repart::plan(snapshot);
    ASSERT_TRUE(unknown) << unknown.error().text();
    EXPECT_TRUE(unknown->partitions[0].partition.uuid.isNull());
    EXPECT_EQ(unknown->partitions[0].verity->hash, 1U);
    EXPECT_TRUE(toJson(*unknown, false).contains(R"("roothash":"TBD")"));
    const Bytes hash = *fromHex("00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef");
    snapshot.rootHashes[1] = hash;
    const auto known = Repart::plan(snapshot);
    ASSERT_TRUE(known);
    EXPECT_EQ(known->partitions[0].partition.uuid.text(), "00112233-4455-6677-8899-aabbccddeeff");
    EXPECT_EQ(known->partitions[1].partition.uuid.text(), "01234567-89ab-cdef-0123-456789abcdef");
    EXPECT_EQ(known->partitions[0].fileSystemUuid, unknown->partitions[0].fileSystemUuid);
}

TEST(Plan, aSupplementIsMergedOrStandsForItself)
{
    Snapshot snapshot = emptyDisk(400 * mebibyte, {"Type=esp\nSizeMinBytes=20M\nCopyFiles=/efi:/\n", "Type=xbootldr\nSizeMinBytes=60M\nCopyFiles=/boot:/\n"});
    snapshot.definitions[0].path = "10-esp.conf";
    snapshot.definitions[1].supplementFor = "10-esp";
    const auto merged = Repart::plan(snapshot);
    ASSERT_TRUE(merged) << merged.error().text();
    ASSERT_EQ(merged->partitions.size(), 1U);
    EXPECT_EQ(merged->partitions[0].contents.copyFiles.size(), 2U);

    snapshot.table = diskWith(400 * mebibyte, {{"esp", 30 * mebibyte, 0}, {"srv", 20 * mebibyte, 0}}, {}).table;
    const auto apart = Repart::plan(snapshot);
    ASSERT_TRUE(apart) << apart.error().text();
    EXPECT_EQ(apart->after.partitions.size(), 3U);
    EXPECT_EQ(apart->partitions[0].partition.size, 30 * mebibyte);
}

TEST(Plan, aFactoryResetRemovesBeforeItPlans)
{
    Snapshot snapshot = diskWith(400 * mebibyte, {{"home", 50 * mebibyte, 0, "old"}, {"srv", 50 * mebibyte, 0}},
                                 {"Type=home\nFactoryReset=yes\nSizeMaxBytes=60M\n", "Type=srv\n"});
    snapshot.factoryReset = true;
    const auto plan = Repart::plan(snapshot);
    ASSERT_TRUE(plan) << plan.error().text();
    ASSERT_EQ(plan->removed.size(), 1U);
    EXPECT_EQ(plan->removed[0].label, "old");
    EXPECT_EQ(plan->partitions[0].activity, Activity::Create);
    EXPECT_EQ(plan->partitions[0].partition.number, 1U);
}

TEST(Plan, encryptionLeftToTheMachineIsSettledAndShown)
{
    Snapshot snapshot = emptyDisk(400 * mebibyte, {"Type=home\nX-PreonEncrypt=tpm2-or-passphrase\n", "Type=var\nX-PreonEncrypt=tpm2-or-recovery-key\n"});
    const auto without = Repart::plan(snapshot);
    ASSERT_TRUE(without);
    EXPECT_EQ(without->partitions[0].encrypt, Encrypt::Passphrase);
    EXPECT_EQ(without->partitions[1].encrypt, Encrypt::RecoveryKey);
    EXPECT_TRUE(toJson(*without, false).contains(R"("encryption":"recovery-key")"));
    snapshot.tpm = true;
    const auto with = Repart::plan(snapshot);
    ASSERT_TRUE(with);
    EXPECT_EQ(with->partitions[0].encrypt, Encrypt::Tpm2);
    EXPECT_TRUE(toTable(*with).contains("ENCRYPTION"));
}

// Written by systemd-repart 257 for the same definitions.
TEST(MountTables, areSystemds)
{
    const Snapshot snapshot = emptyDisk(
        900 * mebibyte,
        {"Type=esp\nFormat=vfat\nMountPoint=/efi:ro\n", "Type=home\nFormat=ext4\nEncrypt=key-file\nEncryptedVolume=home::discard\nMountPoint=/home\n"});
    EXPECT_EQ(**fstabOf(snapshot),
              "# Automatically generated by systemd-repart\n\n"
              "UUID=5739-C63F /efi vfat umask=0077,rw,nodev,nosuid,noexec,nosymfollow,ro 0 2\n"
              "UUID=262afe25-c985-4002-86e6-146a18a7febd /home ext4 discard,rw,nodev,suid,exec 0 2\n");
    EXPECT_EQ(**crypttabOf(snapshot), "# Automatically generated by systemd-repart\n\nhome UUID=" + identitiesOf(snapshot)->at(1).luks.text() + " - discard\n");
    EXPECT_EQ(*fstabOf(emptyDisk(900 * mebibyte, {"Type=home\nMountPoint=/home\n"})), std::nullopt);
}
