// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/boot/bootdisk.h"

#include "tests/unit/boot/folder.h"

#include "core/boot/bootstate.h"
#include "core/boot/liveroot.h"
#include "core/disk/parttypes.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

using namespace Preon;
using namespace Preon::Boot;
namespace fs = std::filesystem;

namespace
{
const Uuid espUuid = *Uuid::parse("11111111-2222-4333-8444-555555555555");

Uuid type(const char *name)
{
    return *Disk::partitionType(name);
}

Bytes rootHash()
{
    Bytes hash(32, std::byte{0xAB});
    std::fill(hash.begin() + 16, hash.end(), std::byte{0xCD});
    return hash;
}

Disk::Partition partition(unsigned number, const char *typeName, const Uuid &uuid)
{
    Disk::Partition made;
    made.number = number;
    made.start = number * 1048576ULL;
    made.size = 1048576;
    made.type = type(typeName);
    made.uuid = uuid;
    return made;
}

Disk::Table installedDisk()
{
    Disk::Table table = Disk::emptyTable(1ULL << 30U, 512, espUuid);
    table.partitions = {partition(1, "esp", espUuid),
                        partition(2, "usr", *Uuid::parse("abababababababababababababababab")),
                        partition(3, "usr-verity", *Uuid::parse("cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd")),
                        partition(7, "root", ownPartitionUuid(espUuid, type("root"))),
                        partition(8, "swap", ownPartitionUuid(espUuid, type("swap"))),
                        partition(9, "home", ownPartitionUuid(espUuid, type("home")))};
    return table;
}
}

using BootState = FolderTest;

TEST(BootDisk, takesWhatIsRecordedAsOurs)
{
    const auto own = ownPartitions(installedDisk(), espUuid, rootHash());
    EXPECT_EQ(own, (std::vector<OwnPartition>{{Role::Esp, 1}, {Role::Usr, 2}, {Role::UsrVerity, 3}, {Role::Root, 7}, {Role::Swap, 8}, {Role::Home, 9}}));
}

// A partition of the right type that Preon did not make for this ESP is somebody else's, or an attacker's.
TEST(BootDisk, takesNoPartitionBecauseItsTypeFits)
{
    Disk::Table table = installedDisk();
    for (Disk::Partition &each : table.partitions) {
        if (each.number > 1)
            each.uuid = *Uuid::random();
    }
    EXPECT_EQ(ownPartitions(table, espUuid, rootHash()), (std::vector<OwnPartition>{{Role::Esp, 1}}));
}

TEST(BootDisk, takesNoPartitionOfARightUuidAndAWrongType)
{
    Disk::Table table = installedDisk();
    table.partitions[3].type = type("home");
    EXPECT_FALSE(numberOf(ownPartitions(table, espUuid, rootHash()), Role::Root));
}

// The second disk of the same image has all the same /usr, but not the ESP that the loader came from.
TEST(BootDisk, aDiskWithoutTheLoadersEspHasNothingOfOurs)
{
    EXPECT_TRUE(ownPartitions(installedDisk(), *Uuid::random(), rootHash()).empty());
    EXPECT_TRUE(ownPartitions(installedDisk(), Uuid(), rootHash()).empty());
}

TEST(BootDisk, recordsDifferForEveryEspAndEveryType)
{
    EXPECT_NE(ownPartitionUuid(espUuid, type("root")), ownPartitionUuid(*Uuid::random(), type("root")));
    EXPECT_NE(ownPartitionUuid(espUuid, type("root")), ownPartitionUuid(espUuid, type("home")));
}

TEST(BootDisk, theFirstXbootldrIsTheLoadersAndNeverOurs)
{
    Disk::Table table = installedDisk();
    EXPECT_EQ(xbootldrOf(table), std::nullopt);
    const auto own = ownPartitions(table, espUuid, rootHash());
    table.partitions.push_back(partition(11, "xbootldr", ownPartitionUuid(espUuid, type("xbootldr"))));
    table.partitions.push_back(partition(12, "xbootldr", espUuid));
    EXPECT_EQ(xbootldrOf(table), 11U);
    EXPECT_EQ(ownPartitions(table, espUuid, rootHash()), own);
}

TEST(BootMode, followsTheTableOfTheDocs)
{
    const auto mode = [](std::optional<std::string> asked, bool hasRoot, bool removable, bool readOnly) {
        return planMode({asked, hasRoot, removable, readOnly})->mode;
    };
    EXPECT_EQ(mode({}, false, true, false), Mode::Live);
    EXPECT_EQ(mode({}, false, false, true), Mode::Live);
    EXPECT_EQ(mode({}, false, false, false), Mode::Disk);
    EXPECT_EQ(mode({}, true, true, false), Mode::Disk); // a stick that was set up
    EXPECT_EQ(mode("live", true, false, false), Mode::Live);
    EXPECT_EQ(mode("setup", false, true, false), Mode::Setup);
    EXPECT_EQ(mode("setup", true, false, false), Mode::Setup);
}

TEST(BootMode, refusesWhatItDoesNotKnowOrCannotDo)
{
    EXPECT_EQ(planMode({"disk", false, false, false}).error().code, ErrorCode::BadArgument);
    EXPECT_EQ(planMode({"", false, false, false}).error().code, ErrorCode::BadArgument);
    EXPECT_EQ(planMode({"setup", false, true, true}).error().code, ErrorCode::BadArgument);
}

TEST_F(BootState, isReadBackAndSaysBothEspsWhileOneIsReplaced)
{
    Host host;
    host.run = m_folder;
    EXPECT_EQ(readState(host).error().code, ErrorCode::NotFound);
    const Uuid fresh = *Uuid::random();
    ASSERT_TRUE(writeState(host, {"/dev/vda", 7, fresh, espUuid, Mode::Disk, "because"}));
    const State state = *readState(host);
    EXPECT_EQ(state.disk, "/dev/vda");
    EXPECT_EQ(state.diskSequence, 7U);
    EXPECT_EQ(state.reason, "because");
    EXPECT_TRUE(fs::exists(host.run / "preon/mode-disk"));
    Disk::Table table = installedDisk();
    EXPECT_EQ(espIn(table, state), espUuid);
    table.partitions[0].uuid = fresh;
    EXPECT_EQ(espIn(table, state), fresh);
    std::ofstream(host.run / "preon/boot.json") << "{\"espUuid\": 3}";
    EXPECT_EQ(readState(host).error().code, ErrorCode::BadFormat);
}

TEST_F(BootState, saysForUdevWhatIsOursByTypeAndUuid)
{
    Host host;
    host.run = m_folder;
    const fs::path devices = host.run / "preon/devices";
    Disk::Table table = installedDisk();
    table.partitions.push_back(partition(11, "xbootldr", *Uuid::random()));
    table.partitions.push_back(partition(12, "home", *Uuid::random())); // somebody else's
    const Uuid fresh = *Uuid::random();
    fs::create_directories(devices / "3");
    ASSERT_TRUE(writeRoles(host, {"/dev/vda", 7, fresh, espUuid, Mode::Disk, ""}, table, rootHash()));
    EXPECT_FALSE(fs::exists(devices / "3")) << "of another disk, or of the same one before it was plugged in again";
    const auto said = [&](const Uuid &type, const Uuid &uuid) {
        return readTextFile(devices / "7" / type.text() / uuid.text()).value_or("");
    };
    EXPECT_EQ(readTextFile(devices / "7/disk").value_or(""), "PREON_BOOT_DISK=1\n");
    std::map<unsigned, std::string> wanted = {{11, "xbootldr"}};
    for (const OwnPartition &own : ownPartitions(table, espUuid, rootHash()))
        wanted[own.number] = roleName(own.role);
    EXPECT_EQ(wanted.size(), 7U);
    for (const Disk::Partition &each : table.partitions) {
        const auto role = wanted.find(each.number);
        EXPECT_EQ(said(each.type, each.uuid), role == wanted.end() ? "" : "PREON_BOOT_DISK=1\nPREON_ROLE=" + role->second + "\n") << each.number;
    }
    EXPECT_EQ(said(type("root"), ownPartitionUuid(fresh, type("root"))), "PREON_BOOT_DISK=1\nPREON_ROLE=root\n") << "before it is made";
    EXPECT_EQ(said(type("home"), ownPartitionUuid(fresh, type("root"))), "");
}

TEST(LiveRoot, leavesHalfOfTheMemoryToPrograms)
{
    EXPECT_EQ(*planLiveRoot(2ULL << 30U), (LiveRootSize{2ULL << 30U, 1ULL << 30U}));
    EXPECT_EQ(planLiveRoot(512ULL << 20U).error().code, ErrorCode::NoSpace);
}
