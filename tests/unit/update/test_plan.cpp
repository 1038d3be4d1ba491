// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/base/units.h"
#include "core/disk/parttypes.h"
#include "core/update/apply.h"
#include "tests/unit/boot/folder.h"

#include <algorithm>

using namespace Preon;
using namespace Preon::Update;
namespace fs = std::filesystem;

namespace
{

// A system in a folder: definitions, a source, targets.
class UpdatePlans : public FolderTest
{
protected:
    void define(const std::string &name, const std::string &more = {}, const std::string &settings = {})
    {
        write("usr/lib/sysupdate.d/" + name + ".transfer",
              "[Transfer]\n" + settings + "[Source]\nType=regular-file\nPath=/src\nMatchPattern=" + name
                  + "_@v\n[Target]\nType=regular-file\nPath=/t\nMatchPattern=" + name + "_@v\n" + more);
    }
    // Slots of 2 and 4 MiB with these labels.
    void makeDisk(const std::vector<std::string> &labels)
    {
        m_places.disk = m_folder / "disk.img";
        const auto device = Disk::Device::create(m_places.disk, 32 * mebibyte);
        Disk::Table table = Disk::emptyTable(32 * mebibyte, 512, *Uuid::random());
        std::uint64_t start = mebibyte;
        for (const std::string &label : labels) {
            const std::uint64_t size = table.partitions.size() % 2 ? 4 * mebibyte : 2 * mebibyte;
            table.partitions.push_back({.number = static_cast<unsigned>(table.partitions.size() + 1),
                                        .start = start,
                                        .size = size,
                                        .type = *Disk::partitionType("usr-x86-64"),
                                        .uuid = *Uuid::random(),
                                        .label = label,
                                        .flags = 0});
            start += size;
        }
        ASSERT_TRUE(Disk::writeTable(*device, table));
    }
    void look()
    {
        m_places.host.root = m_folder;
        auto definitions = loadDefinitions({m_folder / "usr/lib/sysupdate.d"}, {.specifiers = {}, .architecture = "x86-64", .hasExplicitSource = false});
        ASSERT_TRUE(definitions) << definitions.error().text();
        m_definitions = std::move(*definitions);
        auto seen = lookAtTargets(m_definitions, m_places);
        ASSERT_TRUE(seen) << seen.error().text();
        m_look = std::move(*seen);
        const auto sources = lookAtSources(m_look, m_places);
        ASSERT_TRUE(sources) << sources.error().text();
        m_sets = discoverSets(m_look.enabled, m_kept);
    }
    Result<UpdatePlan> plan(SlotMarks marks = SlotMarks::None)
    {
        look();
        if (!m_sets.next())
            return fail(ErrorCode::NotFound, "nothing to do");
        return planUpdate(m_look.enabled, m_look.disabled, *m_sets.next(), {.instancesMax = {}, .kept = m_kept, .marks = marks});
    }
    Result<void> apply(const UpdatePlan &plan)
    {
        PREON_CHECK(applyVacuum(plan.vacuum, m_progress));
        for (const TransferPlan &transfer : plan.transfers)
            PREON_CHECK(acquireLocal(transfer, m_progress));
        for (const TransferPlan &transfer : plan.transfers)
            PREON_CHECK(install(transfer));
        return {};
    }
    std::string labels() const
    {
        const auto device = Disk::Device::open(m_places.disk, Disk::Access::Read);
        std::string text;
        const auto table = Disk::readTable(*device);
        for (const Disk::Partition &partition : table->partitions)
            text += partition.label + ' ';
        return text;
    }
    std::string files() const
    {
        std::vector<std::string> names;
        for (const auto &entry : fs::directory_iterator(m_folder / "t"))
            names.push_back(entry.path().filename());
        std::ranges::sort(names);
        std::string text;
        for (const std::string &name : names)
            text += name + ' ';
        return text;
    }

    Places m_places;
    Definitions m_definitions;
    Look m_look;
    Sets m_sets;
    std::set<std::string> m_kept;
    SilentProgress m_progress;
};

const std::string toSlot = "Type=partition\nPath=auto\nMatchPartitionType=usr\n";
}

TEST_F(UpdatePlans, removeTheOldestAndBringTheNewest)
{
    define("a", "InstancesMax=2\nCurrentSymlink=now\n");
    define("b");
    for (const char *file : {"t/a_1", "t/a_2", "t/b_1", "t/b_2", "src/a_3", "src/b_3"})
        write(file, file);
    const auto update = plan();
    ASSERT_TRUE(update) << update.error().text();
    EXPECT_EQ(files(), "a_1 a_2 b_1 b_2 ");
    const auto json = toJson(*update);
    EXPECT_EQ(json["version"], "3");
    ASSERT_EQ(json["vacuum"]["removals"].size(), 1U);
    EXPECT_EQ(json["vacuum"]["removals"][0]["version"], "1");
    EXPECT_EQ(json["transfers"][1]["bytesNeeded"], 7U);
    ASSERT_TRUE(apply(*update));
    EXPECT_EQ(files(), "a_2 a_3 b_1 b_2 b_3 now ");
    EXPECT_EQ(fs::read_symlink(m_folder / "t/now"), "a_3");
    EXPECT_EQ(readTextFile(m_folder / "t/a_3"), "src/a_3");
    EXPECT_EQ(plan().error().code, ErrorCode::NotFound);
}

TEST_F(UpdatePlans, neverTouchWhatTheMachineStandsOn)
{
    define("a", "InstancesMax=2\n");
    m_kept = {"1"};
    for (const char *file : {"t/a_1", "t/a_2", "src/a_3"})
        write(file, file);
    const auto update = plan();
    ASSERT_TRUE(update);
    ASSERT_TRUE(apply(*update));
    EXPECT_EQ(files(), "a_1 a_3 ");
}

TEST_F(UpdatePlans, goOnAfterACutAnywhere)
{
    define("a");
    define("b");
    for (const char *file : {"t/a_1", "t/b_1", "src/a_2", "src/b_2"})
        write(file, file);
    auto update = plan();
    ASSERT_TRUE(update);
    // Cut off while the second is copied; the first is pending.
    ASSERT_TRUE(acquireLocal(update->transfers[0], m_progress));
    ASSERT_TRUE(makeTarget(*update->transfers[1].place)->begin(Begin::Anew));
    EXPECT_EQ(files(), ".sysupdate.partial.b_2 .sysupdate.pending.a_2 a_1 b_1 ");
    update = plan();
    ASSERT_TRUE(update) << update.error().text();
    EXPECT_TRUE(update->transfers[0].acquired);
    EXPECT_TRUE(update->transfers[1].resumed);
    EXPECT_TRUE(update->vacuum.removals.empty());
    ASSERT_TRUE(applyVacuum(update->vacuum, m_progress));
    for (const TransferPlan &transfer : update->transfers)
        ASSERT_TRUE(acquireLocal(transfer, m_progress));
    // Cut off between the two names.
    ASSERT_TRUE(install(update->transfers[0]));
    update = plan();
    ASSERT_TRUE(update) << update.error().text();
    EXPECT_TRUE(update->transfers[0].installed);
    ASSERT_TRUE(apply(*update));
    EXPECT_EQ(files(), "a_1 a_2 b_1 b_2 ");
}

TEST_F(UpdatePlans, aNewerVersionTakesTheRoomOfWhatWasCutOff)
{
    define("a");
    for (const char *file : {"t/a_1", "t/.sysupdate.partial.a_2", "t/.sysupdate.pending.a_3", "t/.#sysupdatea_2xyz", "src/a_4"})
        write(file, file);
    const auto update = plan();
    ASSERT_TRUE(update);
    ASSERT_TRUE(apply(*update));
    EXPECT_EQ(files(), "a_1 a_4 ");
}

TEST_F(UpdatePlans, takeTheSmallestSlotThatFits)
{
    define("a", toSlot);
    makeDisk({"_empty", "_empty", "a_1", "_empty"});
    write("src/a_2", std::string(mebibyte, 'x'));
    write("src/a_3", std::string(3 * mebibyte, 'x'));
    auto update = plan();
    ASSERT_TRUE(update) << update.error().text();
    EXPECT_EQ(std::get<SlotTarget>(*update->transfers[0].place).before.number, 2U);
    ASSERT_TRUE(apply(*update));
    EXPECT_EQ(labels(), "_empty a_3 a_1 _empty ");
    fs::remove(m_folder / "src/a_3");
    write("src/a_4", std::string(5 * mebibyte, 'x'));
    update = plan();
    ASSERT_FALSE(update);
    EXPECT_EQ(update.error().code, ErrorCode::NoSpace);
    EXPECT_NE(update.error().text().find("4.2 MB"), std::string::npos) << update.error().text();
}

TEST_F(UpdatePlans, giveNoSlotToTwoTransfers)
{
    define("a", toSlot);
    define("b", toSlot);
    makeDisk({"a_1", "b_1", "_empty", "_empty"});
    write("src/a_2", "a");
    write("src/b_2", "b");
    const auto update = plan();
    ASSERT_TRUE(update) << update.error().text();
    ASSERT_TRUE(apply(*update));
    EXPECT_EQ(labels(), "a_1 b_1 a_2 b_2 ");
}

TEST_F(UpdatePlans, goOnWithASlotThatIsMarked)
{
    define("a", toSlot);
    makeDisk({"a_1", "_empty"});
    write("src/a_2", "new");
    for (const bool finished : {false, true}) {
        makeDisk({"a_1", "_empty"});
        auto update = plan(SlotMarks::Types);
        ASSERT_TRUE(update) << update.error().text();
        const auto writer = makeTarget(*update->transfers[0].place);
        ASSERT_TRUE(writer->begin(Begin::Anew));
        if (finished) {
            ASSERT_TRUE(writer->finish(3));
        }
        update = plan();
        ASSERT_TRUE(update) << update.error().text();
        EXPECT_EQ(update->transfers[0].acquired, finished);
        EXPECT_EQ(update->transfers[0].resumed, !finished);
        ASSERT_TRUE(apply(*update)) << apply(*update).error().text();
        EXPECT_EQ(labels(), "a_1 a_2 ");
        look();
        EXPECT_EQ(assessment(m_sets.all.front()), "current");
    }
}

TEST_F(UpdatePlans, emptySlotsOfWhatWasCutOff)
{
    define("a", toSlot);
    makeDisk({"a_1", "_empty", "a_2"});
    write("src/a_3", "new");
    const auto update = plan(SlotMarks::Types);
    ASSERT_TRUE(update);
    ASSERT_TRUE(makeTarget(*update->transfers[0].place)->begin(Begin::Anew));
    EXPECT_EQ(labels(), "a_1 a_3 a_2 ");
    look();
    const auto vacuum = planVacuum(m_look.enabled, m_look.disabled, {});
    ASSERT_TRUE(vacuum);
    ASSERT_TRUE(applyVacuum(*vacuum, m_progress));
    EXPECT_EQ(labels(), "a_1 _empty a_2 ");
    look();
    EXPECT_EQ(m_look.enabled.front().target.emptySlots.size(), 1U);
    EXPECT_EQ(m_look.enabled.front().target.emptySlots.front().type, *Disk::partitionType("usr-x86-64"));
}

TEST_F(UpdatePlans, needTwoSlots)
{
    define("a", toSlot);
    makeDisk({"a_1"});
    write("src/a_2", "new");
    const auto update = plan();
    ASSERT_FALSE(update);
    EXPECT_EQ(update.error().code, ErrorCode::NoSpace);
}

TEST_F(UpdatePlans, refuseASourceThatIsNotWhatItsNameSays)
{
    write("usr/lib/sysupdate.d/a.transfer", "[Source]\nType=regular-file\nPath=/src\nMatchPattern=a_@v_@h\n[Target]\nPath=/t\nMatchPattern=a_@v\n");
    fs::create_directory(m_folder / "t");
    write("src/a_1_" + std::string(64, '0'), "x");
    const auto update = plan();
    ASSERT_TRUE(update) << update.error().text();
    const auto applied = apply(*update);
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().code, ErrorCode::Corrupt);
    EXPECT_EQ(files(), "");
}

TEST_F(UpdatePlans, readOffersFromAManifest)
{
    write("usr/lib/sysupdate.d/a.transfer", "[Source]\nType=url-file\nPath=https://x/y/\nMatchPattern=a_@v.xz\n[Target]\nPath=/t\nMatchPattern=a_@v\n");
    const std::string hash(64, 'a');
    m_places.manifest = [&](const Transfer &) -> Result<Bytes> {
        const std::string text = hash + "  a_1.xz\n" + hash + " *other\n";
        const auto bytes = asBytes(text);
        return Bytes(bytes.begin(), bytes.end());
    };
    const auto update = plan();
    ASSERT_TRUE(update) << update.error().text();
    EXPECT_FALSE(isLocal(update->transfers[0]));
    EXPECT_EQ(update->transfers[0].sourcePath, "https://x/y/a_1.xz");
    const auto json = toJson(*update);
    EXPECT_EQ(json["transfers"][0]["ranges"][0]["sha256"], hash);
    EXPECT_TRUE(json["transfers"][0]["bytesNeeded"].is_null());
    EXPECT_EQ(acquireLocal(update->transfers[0], m_progress).error().code, ErrorCode::Unsupported);
}

TEST_F(UpdatePlans, removeWhatAFeatureBroughtOnceItIsOff)
{
    define("a");
    define("b", "", "Features=x\n");
    for (const char *file : {"t/a_1", "t/b_1", "t/b_2"})
        write(file, file);
    look();
    const auto vacuum = planVacuum(m_look.enabled, m_look.disabled, {});
    ASSERT_TRUE(vacuum);
    EXPECT_EQ(vacuum->disabledTransfers, 1U);
    ASSERT_TRUE(applyVacuum(*vacuum, m_progress));
    EXPECT_EQ(files(), "a_1 ");
}

TEST_F(UpdatePlans, whatIsOffGoesEvenInTheVersionThatComes)
{
    define("a");
    define("b", "", "Features=x\n");
    for (const char *file : {"t/a_1", "t/b_2", "src/a_2"})
        write(file, file);
    const auto update = plan();
    ASSERT_TRUE(update);
    ASSERT_TRUE(apply(*update));
    EXPECT_EQ(files(), "a_1 a_2 ");
}
