// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/repart/print.h"
#include "core/repart/sources.h"
#include "tests/unit/repart/planned.h"

#include <gtest/gtest.h>

using namespace RepartTest;

// Facts page repart.md, "UUIDs from the seed"; the same that systemd-repart 257 prints.
TEST(Identity, followsFromTheSeed)
{
    const Uuid seed = *Uuid::parse(seedText);
    EXPECT_EQ(diskUuidFrom(seed).text(), "6913f4b6-6690-4a57-a202-f1b53c56dbdf");
    EXPECT_EQ(partitionUuidFrom(seed, *Disk::partitionType("esp"), 0).text(), "b2d552b0-45db-4678-b34f-066168609d1a");
    EXPECT_EQ(partitionUuidFrom(seed, *Disk::partitionType("usr-x86-64"), 0).text(), "b025636b-222e-465f-8a12-ea12c7bfb420");
    EXPECT_EQ(partitionUuidFrom(seed, *Disk::partitionType("usr-x86-64"), 1).text(), "9ab9011e-2209-467a-95f9-70bb37e8857d");
    // What blkid said of a file system and a volume that it made.
    const Uuid var = partitionUuidFrom(seed, *Disk::partitionType("var"), 0);
    EXPECT_EQ(luksUuidFrom(var).text(), "5c0283d4-f436-4cf8-a84d-0f1b3ee0c993");
    EXPECT_EQ(fileSystemUuidFrom(partitionUuidFrom(seed, *Disk::partitionType("root-x86-64"), 0)).text(), "e23fa935-5911-428c-b168-a4b761ee82bd");
}

// Printed by systemd-repart 257 for the same definition and a file of 100 MiB.
TEST(Plan, printsAsSystemdRepartDoes)
{
    Snapshot snapshot = emptyDisk(100 * mebibyte, {"Type=esp\n"});
    snapshot.device = "/x.img";
    snapshot.definitions[0].path = "/d/10-p.conf";
    const auto plan = Repart::plan(snapshot);
    ASSERT_TRUE(plan) << plan.error().text();
    EXPECT_EQ(
        toJson(*plan, false),
        R"([{"type":"esp","label":"esp","uuid":"b2d552b0-45db-4678-b34f-066168609d1a","partno":0,"file":"/d/10-p.conf","node":"/x.img1","offset":1048576,)"
        R"("old_size":0,"raw_size":103788544,"old_padding":0,"raw_padding":0,"activity":"create"}])"
        "\n");
    EXPECT_TRUE(toJson(*plan, true).contains("\t{\n\t\t\"type\" : \"esp\",\n"));
    EXPECT_TRUE(toTable(*plan).contains("→ 98.9M"));
}

TEST(Plan, neverTouchesWhatIsForeign)
{
    const Snapshot snapshot = diskWith(400 * mebibyte, {{"linux-generic", 20 * mebibyte, 30 * mebibyte, "data"}, {"srv", 20 * mebibyte, 0}},
                                       {"Type=root\nSizeMaxBytes=20M\n", "Type=home\n"});
    const auto plan = Repart::plan(snapshot);
    ASSERT_TRUE(plan) << plan.error().text();
    for (const Disk::Partition &partition : snapshot.table.partitions)
        EXPECT_TRUE(std::ranges::contains(plan->after.partitions, partition));
    EXPECT_EQ(plan->after.partitions.size(), 4U);
}

TEST(Plan, aPartitionThatIsNotOursMatchesNothing)
{
    Snapshot snapshot = diskWith(400 * mebibyte, {{"home", 50 * mebibyte, 0, "theirs"}, {"home", 50 * mebibyte, 0, "ours"}}, {"Type=home\n"});
    snapshot.ours = {snapshot.table.partitions[1].uuid};
    const auto plan = Repart::plan(snapshot);
    ASSERT_TRUE(plan);
    ASSERT_EQ(plan->partitions.size(), 2U);
    EXPECT_EQ(plan->partitions[0].partition.label, "ours");
    EXPECT_EQ(plan->partitions[0].activity, Activity::Resize);
    EXPECT_EQ(plan->partitions[1].definition, std::nullopt);

    snapshot.ours = std::vector<Uuid>();
    const auto another = Repart::plan(snapshot);
    ASSERT_TRUE(another);
    EXPECT_EQ(another->partitions[0].activity, Activity::Create);
    EXPECT_EQ(another->after.partitions.size(), 3U);
}

TEST(Plan, whatIsDeferredKeepsItsPlaceForTheNextPass)
{
    Snapshot snapshot = emptyDisk(400 * mebibyte, {"Type=root\n", "Type=home\nLabel=casa\n", "Type=var\n"});
    snapshot.deferred = {*Disk::partitionType("home")};
    const auto first = Repart::plan(snapshot);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->partitions.size(), 3U);
    ASSERT_EQ(first->after.partitions.size(), 2U);
    snapshot.table = first->after;
    snapshot.deferred.clear();
    const auto second = Repart::plan(snapshot);
    ASSERT_TRUE(second);
    ASSERT_EQ(second->after.partitions.size(), 3U);
    EXPECT_EQ(second->after.partitions[1].label, "casa");
    EXPECT_EQ(second->after.partitions[1].uuid, first->partitions[1].partition.uuid);
    EXPECT_EQ(second->after.partitions[1].start, first->partitions[1].partition.start);
    EXPECT_EQ(second->after.partitions[1].size, first->partitions[1].partition.size);
}

TEST(Plan, aSecondRunHasNothingToDo)
{
    Snapshot snapshot = emptyDisk(400 * mebibyte, {"Type=root\nWeight=333\n", "Type=home\nPaddingMinBytes=3M\n"});
    const auto first = Repart::plan(snapshot);
    ASSERT_TRUE(first);
    EXPECT_TRUE(first->changed);
    snapshot.table = first->after;
    const auto second = Repart::plan(snapshot);
    ASSERT_TRUE(second);
    EXPECT_FALSE(second->changed);
    EXPECT_EQ(second->after, first->after);
}

TEST(Plan, freshIdentitiesComeInTheSameStep)
{
    Snapshot snapshot = diskWith(400 * mebibyte, {{"esp", 50 * mebibyte, 0, "ESP"}}, {"Type=esp\nSizeMaxBytes=50M\n"});
    const Uuid disk = *Uuid::parse("99999999-9999-4999-8999-999999999999"), esp = *Uuid::parse("88888888-8888-4888-8888-888888888888");
    snapshot.newDiskUuid = disk;
    snapshot.newPartitionUuids[snapshot.table.partitions[0].uuid] = esp;
    snapshot.deferred = {*Disk::partitionType("esp")};
    const auto plan = Repart::plan(snapshot);
    ASSERT_TRUE(plan);
    EXPECT_TRUE(plan->changed);
    EXPECT_EQ(plan->after.diskUuid, disk);
    EXPECT_EQ(plan->after.partitions[0].uuid, esp);
}

TEST(Plan, prioritiesDecideWhoIsDropped)
{
    const auto plan
        = Repart::plan(emptyDisk(100 * mebibyte, {"Type=root\nSizeMinBytes=50M\n", "Type=home\nSizeMinBytes=90M\nPriority=10\n", "Type=srv\nPriority=5\n"}));
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->partitions.size(), 2U);
    ASSERT_EQ(plan->dropped.size(), 1U);
    EXPECT_EQ(plan->dropped[0].priority, 10);
    EXPECT_TRUE(plan->dropped[0].text.contains("of priority 10, dropping."));
}

TEST(Plan, absurdSizesDoNotFitAndDoNotOverflow)
{
    for (const char *settings : {"Type=home\nSizeMinBytes=15E\n", "Type=home\nSizeMinBytes=10E\nPaddingMinBytes=10E\n", "Type=home\nPaddingMinBytes=15E\n"}) {
        const auto plan = Repart::plan(emptyDisk(100 * mebibyte, {settings, settings}));
        ASSERT_FALSE(plan) << settings;
        EXPECT_EQ(plan.error().code, ErrorCode::NoSpace);
    }
}

TEST(Plan, moreThanATableHoldsIsAnError)
{
    const auto plan = Repart::plan(emptyDisk(4096 * mebibyte, std::vector<std::string>(129, "Type=home\nSizeMaxBytes=10M\n")));
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().code, ErrorCode::NoSpace);
}

TEST(Plan, aCopyNeedsItsSource)
{
    EXPECT_EQ(Repart::plan(emptyDisk(400 * mebibyte, {"Type=home\nCopyBlocks=/x\n"})).error().code, ErrorCode::NotFound);
}

TEST(Plan, aSourceGivesSizeAndIdentityUnlessTheDefinitionDoes)
{
    Snapshot snapshot = emptyDisk(400 * mebibyte, {"Type=usr\nCopyBlocks=auto\nSizeMaxBytes=1M\n", "Type=usr\nCopyBlocks=auto\nLabel=mine\n"});
    EXPECT_EQ(missingSources(snapshot), (std::vector<std::size_t>{0, 1}));
    const Source source{
        .path = "/x", .offset = 0, .size = 70 * mebibyte + 512, .uuid = *Uuid::parse("99999999-9999-4999-8999-999999999999"), .label = "theirs"};
    snapshot.sources = {{0, source}, {1, source}};
    const auto plan = Repart::plan(snapshot);
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->partitions[0].partition.size, 70 * mebibyte + 4096);
    EXPECT_EQ(plan->partitions[0].partition.uuid, source.uuid);
    EXPECT_EQ(plan->partitions[0].partition.label, "theirs");
    EXPECT_EQ(plan->partitions[1].partition.label, "mine");
}

TEST(Plan, minimumsFollowTheContent)
{
    struct Row {
        const char *settings;
        std::uint64_t size;
    };
    // Seen with systemd-repart 257 under SizeMaxBytes=4096.
    for (const Row &row : {Row{"Type=home\n", 10 * mebibyte}, Row{"Type=home\nFormat=ext4\n", 32 * mebibyte}, Row{"Type=home\nFormat=btrfs\n", 256 * mebibyte},
                           Row{"Type=home\nFormat=xfs\n", 300 * mebibyte}, Row{"Type=home\nEncrypt=tpm2\n", 64 * mebibyte},
                           Row{"Type=home\nEncrypt=tpm2\nFormat=swap\n", 32 * mebibyte + 4096}, Row{"Type=usr-verity-sig\n", 16384}}) {
        const auto plan = Repart::plan(emptyDisk(1024 * mebibyte, {std::string(row.settings) + "SizeMaxBytes=4096\n"}));
        ASSERT_TRUE(plan) << row.settings;
        EXPECT_EQ(plan->partitions[0].partition.size, row.size) << row.settings;
    }
}

TEST(Plan, emptyDisksAreRefusedAsTheModeSays)
{
    using Disk::LabelKind;
    EXPECT_EQ(accepts("d", LabelKind::None, Empty::Refuse).error().code, ErrorCode::NotFound);
    EXPECT_EQ(accepts("d", LabelKind::Dos, Empty::Allow).error().code, ErrorCode::Exists);
    EXPECT_EQ(accepts("d", LabelKind::Gpt, Empty::Require).error().code, ErrorCode::Exists);
    EXPECT_TRUE(accepts("d", LabelKind::None, Empty::Allow));
    EXPECT_TRUE(accepts("d", LabelKind::Dos, Empty::Force));
    EXPECT_EQ(minimalDiskSize(emptyDisk(0, {"Type=home\n"})), 11554816U); // systemd-repart --size=auto
}
