// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/sets.h"

#include <gtest/gtest.h>

using namespace Preon;
using namespace Preon::Update;

namespace
{
// Versions as "3 2? 1!": partial, pending.
Holdings holding(const std::string &versions)
{
    Holdings holdings;
    std::istringstream words(versions);
    for (std::string word; words >> word;) {
        Instance instance;
        if (word.back() == '?' || word.back() == '!') {
            instance.stage = word.back() == '?' ? Stage::Partial : Stage::Pending;
            word.pop_back();
        }
        instance.fields.version = instance.name = instance.path = word;
        holdings.instances.push_back(instance);
    }
    sortInstances(holdings.instances);
    return holdings;
}

struct World {
    std::vector<Transfer> transfers = std::vector<Transfer>(2);
    std::vector<Seen> seen;

    void add(const std::string &installed, const std::string &offered)
    {
        seen.push_back({.transfer = &transfers.at(seen.size()), .source = holding(offered), .target = holding(installed), .link = {}});
    }
};

std::string told(const Sets &sets)
{
    std::string text;
    for (const UpdateSet &set : sets.all)
        text += set.version + ' ' + assessment(set) + (sets.next() == &set ? " <-" : "") + ", ";
    return text;
}

struct SetRow {
    const char *installed, *offered;
    const char *told;
};
}

// Each row was asked of systemd-sysupdate 257.13, those with partial and pending of 262.
TEST(Sets, areJudgedAsSystemdDoes)
{
    for (const SetRow &row : {SetRow{"", "", ""},
                              {"2 1", "4 3 2", "4 candidate <-, 3 available, 2 current, 1 installed, "},
                              {"5 4", "4", "5 current, 4 installed, "},
                              {"5", "3", "5 current, 3 candidate, "},
                              {"", "1", "1 candidate <-, "},
                              {"3? 2", "3", "3 current+partial <-, 2 installed, "},
                              {"3? 2", "", "3 current+partial <-, 2 installed, "},
                              {"3? 2", "4 3", "4 candidate <-, 3 current+partial, 2 installed, "},
                              {"3! 2", "3", "3 current+pending <-, 2 installed, "},
                              {"10 9", "1", "10 current, 9 installed, 1 candidate, "}}) {
        World world;
        world.add(row.installed, row.offered);
        EXPECT_EQ(told(discoverSets(world.seen)), row.told) << row.installed << " | " << row.offered;
    }
}

TEST(Sets, countOnlyWhatEveryTransferHas)
{
    World world;
    world.add("2 1", "3 2");
    world.add("1", "4 2");
    const Sets sets = discoverSets(world.seen);
    EXPECT_EQ(told(sets), "2 current+incomplete <-, 1 installed, ");
    const UpdateSet &half = sets.all.front();
    EXPECT_TRUE(half.available);
    EXPECT_TRUE(half.parts[0]->installed);
    EXPECT_FALSE(half.parts[1]->installed);
}

TEST(Sets, knowTheNewestOfAllTransfers)
{
    World world;
    world.add("4 3", "");
    world.add("5 4 3", "");
    EXPECT_EQ(told(discoverSets(world.seen)), "5 current+incomplete, 4 installed, 3 installed, ");
}

TEST(Sets, offerNothingObsolete)
{
    World world;
    world.transfers[0].minVersion = "3";
    world.transfers[0].maxVersion = "5";
    world.add("3 1", "6 4 2");
    EXPECT_EQ(told(discoverSets(world.seen)), "6 available+obsolete, 4 available, 3 current, 2 available+obsolete, 1 installed+obsolete, ");
}

TEST(Sets, protectWhatTheSettingsAndTheCallerSay)
{
    World world;
    world.transfers[0].protectedVersions = {"1"};
    world.add("4 3 2 1", "");
    EXPECT_EQ(told(discoverSets(world.seen, {"2"})), "4 current, 3 installed, 2 protected, 1 protected, ");
}
