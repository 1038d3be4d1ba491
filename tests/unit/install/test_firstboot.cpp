// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/base/units.h"
#include "core/install/firstboot.h"

#include "core/disk/parttypes.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace Preon;
using namespace Preon::Install;
using Boot::Role;

namespace
{

Uuid type(const char *name)
{
    return *Disk::partitionType(name);
}

class FirstBoot : public testing::Test
{
protected:
    FirstBoot()
    {
        m_facts.state.disk = "/dev/vda";
        m_facts.state.esp = *Uuid::parse("11111111-2222-4333-8444-555555555555");
        m_facts.imageId = "Particle";
        m_facts.rootHash = Bytes(32, std::byte{0xAB});
        m_facts.freshEsp = *Uuid::random();
        m_facts.freshDisk = *Uuid::random();
        m_facts.table = Disk::emptyTable(8192 * mebibyte, 512, *Uuid::random());
        const Uuid half = *Uuid::parse("abababababababababababababababab");
        add("esp", 512, m_facts.state.esp, "ESP");
        add("usr", 384, half, "Particle_1");
        add("usr-verity", 4, half, "Particle_1");
        add("usr-verity-sig", 1, *Uuid::random(), "Particle_1");
        for (const char *name : {"usr", "usr-verity", "usr-verity-sig"})
            define(name, name == std::string("usr") ? 384 : name == std::string("usr-verity") ? 4 : 1);
        for (const char *name : {"usr", "usr-verity", "usr-verity-sig"})
            define(name, name == std::string("usr") ? 384 : name == std::string("usr-verity") ? 4 : 1, "_empty");
        define("root", 0).sizeMin = 1024 * mebibyte;
        define("swap", 0).sizeMin = 128 * mebibyte;
        define("home", 0).sizeMin = 512 * mebibyte;
    }

    void add(const char *name, std::uint64_t mib, const Uuid &uuid, const std::string &label)
    {
        Disk::Partition partition;
        partition.number = static_cast<unsigned>(m_facts.table.partitions.size()) + 1;
        partition.start = m_facts.table.partitions.empty() ? mebibyte : m_facts.table.partitions.back().start + m_facts.table.partitions.back().size;
        partition.size = mib * mebibyte;
        partition.type = type(name);
        partition.uuid = uuid;
        partition.label = label;
        m_facts.table.partitions.push_back(partition);
    }

    Repart::Definition &define(const char *name, std::uint64_t mib, std::optional<std::string> label = {})
    {
        Repart::Definition definition;
        definition.name = std::to_string(10 + m_facts.definitions.size()) + ".conf";
        definition.path = definition.name;
        definition.type = type(name);
        definition.label = std::move(label);
        if (mib != 0)
            definition.sizeMin = definition.sizeMax = mib * mebibyte;
        m_facts.definitions.push_back(definition);
        return m_facts.definitions.back();
    }

    // What a pass would leave behind, for the next one to start from.
    void carryOut(Pass pass)
    {
        const auto plan = Repart::plan(firstBootSnapshot(m_facts, pass));
        ASSERT_TRUE(plan) << plan.error().text();
        m_facts.table = plan->after;
    }

    const Disk::Partition *own(Role role) const
    {
        const auto number = Boot::numberOf(Boot::ownPartitions(m_facts.table, m_facts.state.esp, m_facts.rootHash), role);
        if (!number)
            return nullptr;
        return &*std::ranges::find(m_facts.table.partitions, *number, &Disk::Partition::number);
    }

    FirstBootFacts m_facts;
};
}

TEST_F(FirstBoot, makesRootFirstAndKeepsTheRoomOfSwapAndHome)
{
    carryOut(Pass::Root);
    ASSERT_NE(own(Role::Root), nullptr);
    EXPECT_EQ(own(Role::Swap), nullptr);
    EXPECT_EQ(missingVolumes(m_facts), (std::vector{Role::Swap, Role::Home}));
    const std::uint64_t rootSize = own(Role::Root)->size;
    // A start that was cut off here begins again: root neither moves nor takes the others' room.
    carryOut(Pass::Root);
    EXPECT_EQ(own(Role::Root)->size, rootSize);
    carryOut(Pass::Volumes);
    EXPECT_NE(own(Role::Swap), nullptr);
    EXPECT_NE(own(Role::Home), nullptr);
    EXPECT_EQ(own(Role::Root)->size, rootSize);
    EXPECT_TRUE(missingVolumes(m_facts).empty());
}

TEST_F(FirstBoot, aCompletedDiskIsLeftAlone)
{
    carryOut(Pass::Root);
    carryOut(Pass::Volumes);
    EXPECT_FALSE(Repart::plan(firstBootSnapshot(m_facts, Pass::Root))->changed);
    EXPECT_FALSE(Repart::plan(firstBootSnapshot(m_facts, Pass::Volumes))->changed);
}

TEST_F(FirstBoot, foreignPartitionsOfTheSameTypesAreNeitherMatchedNorChanged)
{
    add("root", 300, *Uuid::random(), "other system");
    add("home", 300, *Uuid::random(), "other homes");
    add("usr", 300, *Uuid::random(), "_empty");
    const std::vector<Disk::Partition> foreign(m_facts.table.partitions.end() - 3, m_facts.table.partitions.end());
    carryOut(Pass::Root);
    carryOut(Pass::Volumes);
    for (const Disk::Partition &each : foreign)
        EXPECT_TRUE(std::ranges::contains(m_facts.table.partitions, each)) << each.label;
    ASSERT_NE(own(Role::Root), nullptr);
    EXPECT_NE(own(Role::Root)->label, "other system");
    EXPECT_EQ(std::ranges::count(m_facts.table.partitions, type("usr"), &Disk::Partition::type), 3);
}

TEST_F(FirstBoot, anUntouchedCopyGetsItsOwnIdentityInTheSameStep)
{
    m_facts.shippedEsp = m_facts.state.esp;
    const auto plan = Repart::plan(firstBootSnapshot(m_facts, Pass::Root));
    ASSERT_TRUE(plan) << plan.error().text();
    EXPECT_EQ(plan->after.diskUuid, m_facts.freshDisk);
    EXPECT_EQ(plan->after.partitions.front().uuid, m_facts.freshEsp);
    // The next start knows only the fresh ESP, and must find what was made.
    m_facts.table = plan->after;
    m_facts.state.esp = m_facts.freshEsp;
    EXPECT_NE(own(Role::Root), nullptr);
    EXPECT_FALSE(Repart::plan(firstBootSnapshot(m_facts, Pass::Root))->changed);
}

TEST_F(FirstBoot, anInstalledDiskKeepsItsIdentity)
{
    m_facts.shippedEsp = *Uuid::random();
    const auto plan = Repart::plan(firstBootSnapshot(m_facts, Pass::Root));
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->after.diskUuid, m_facts.table.diskUuid);
    EXPECT_EQ(plan->after.partitions.front().uuid, m_facts.state.esp);
}

// An update that was cut off, or made room, leaves a slot that is called empty and keeps the UUID of what lay there; systemd 259 and newer give one that is being filled another type. The start of the
// version that runs must not mind.
TEST_F(FirstBoot, whatAnUpdateLeftOfASlotIsNoReasonNotToStart)
{
    carryOut(Pass::Root);
    carryOut(Pass::Volumes);
    for (Disk::Partition &each : m_facts.table.partitions) {
        if (each.label == "_empty")
            each.uuid = *Uuid::random();
    }
    for (const bool otherType : {false, true}) {
        for (Disk::Partition &each : m_facts.table.partitions) {
            if (otherType && each.label == "_empty")
                each.type = *Uuid::random();
        }
        for (const Pass pass : {Pass::Root, Pass::Volumes}) {
            const auto plan = Repart::plan(firstBootSnapshot(m_facts, pass));
            ASSERT_TRUE(plan) << plan.error().text();
            EXPECT_FALSE(plan->changed);
            EXPECT_TRUE(matchesOnly(*plan, ownUuids(m_facts)));
        }
    }
}

// The running version lies in slot B after an update; its UUIDs are another root hash's.
TEST_F(FirstBoot, knowsInstalledVersionsInEitherSlot)
{
    carryOut(Pass::Root);
    m_facts.rootHash = Bytes(32, std::byte{0xEE});
    for (Disk::Partition &each : m_facts.table.partitions) {
        if (each.label == "_empty") {
            each.uuid = *Uuid::random();
            each.label = "Particle_2";
        }
    }
    carryOut(Pass::Volumes);
    EXPECT_EQ(std::ranges::count(m_facts.table.partitions, type("usr"), &Disk::Partition::type), 2);
}
