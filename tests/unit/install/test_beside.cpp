// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/base/units.h"
#include "tests/unit/disk/spoil.h"
#include "tests/unit/install/others.h"

#include "core/boot/bootdisk.h"
#include "core/install/firstboot.h"

#include <fstream>

using namespace Preon;
using namespace Preon::Install;
using Disk::Designator;

namespace
{

class Beside : public AmongOthers
{
protected:
    Result<Plan> planBeside(const std::filesystem::path &target)
    {
        PREON_TRY(const Source source, openSource(m_host, "booted"));
        return planFor(source, target, Mode::Beside);
    }

    // Everything that the system needs is there and belongs together.
    static void expectInstalled(const std::filesystem::path &target, const std::string &rootHash, const std::string &kernelOn)
    {
        const auto device = Disk::Device::open(target, Disk::Access::Read);
        const auto found = Image::inspect(*device);
        ASSERT_TRUE(found) << found.error().text();
        ASSERT_EQ(found->systems.size(), 1U);
        EXPECT_EQ(found->systems.front().rootHash, rootHash);
        ASSERT_EQ(found->systems.front().kernels, std::vector<std::string>{"/EFI/Linux/Particle_1.efi"});
        EXPECT_EQ(found->systems.front().kernelPlaces.front().type, Disk::partitionType(kernelOn));
        const auto table = *Disk::readTable(*device);
        const auto at = std::ranges::find_if(table.partitions, [&](const Disk::Partition &each) { return each.type == Disk::partitionType(kernelOn); });
        ASSERT_NE(at, table.partitions.end());
        EXPECT_TRUE(Boot::Fat(*device, at->start).exists("/EFI/Linux/Particle_1.efi").value_or(false)) << "on " << kernelOn;
        const auto esp = std::ranges::find_if(table.partitions, [](const Disk::Partition &each) { return Disk::designator(each.type) == Designator::Esp; });
        EXPECT_TRUE(Boot::Fat(*device, esp->start).exists("/EFI/Particle/systemd-bootx64.efi").value_or(false));
    }
};

TEST_F(Beside, addsASystemAndTouchesNothingOfOthers)
{
    bootFrom(makeImage());
    const auto target = makeOthers();
    const auto before = foreign(target);
    const auto outcome = installFrom("booted", target, Mode::Beside);
    ASSERT_TRUE(outcome) << outcome.error().text();
    EXPECT_EQ(foreign(target), before);
    expectInstalled(target, m_rootHash, "esp");
    EXPECT_TRUE(runTool({"sfdisk", "--verify", target.string()}));
    const auto device = Disk::Device::open(target, Disk::Access::Read);
    const Boot::Fat esp(*device, m_others.partitions.front().start);
    EXPECT_FALSE(*esp.exists("/EFI/systemd/systemd-bootx64.efi"));
    EXPECT_FALSE(*esp.exists("/loader/keys/auto/PK.auth"));
    EXPECT_EQ(esp.read("/loader/loader.conf")->text(), "timeout 3\n") << "where nobody has one";
    EXPECT_EQ(outcome->espUuid, m_others.partitions.front().uuid);
}

// A BIOS loader's code and the entries of a hybrid MBR belong to others, too; the protective entry may grow or shrink with the disk.
TEST_F(Beside, whatOthersHaveInTheFirstSectorStays)
{
    bootFrom(makeImage());
    const auto target = makeOthers();
    constexpr std::size_t entries = 446, entry = 16;
    Bytes sector(512);
    {
        const auto device = *Disk::Device::open(target, Disk::Access::Write);
        ASSERT_TRUE(readAt(device.fd(), 0, sector));
        for (std::size_t i = 0; i < 440; ++i)
            sector[i] = static_cast<std::byte>(i * 7U + 1U);
        const auto start = static_cast<std::uint32_t>(m_others.partitions.back().start / 512),
                   size = static_cast<std::uint32_t>(m_others.partitions.back().size / 512);
        sector[entries + entry + 4] = std::byte{0x07};
        for (std::size_t i = 0; i < 4; ++i) {
            sector[entries + entry + 8 + i] = static_cast<std::byte>(start >> (8U * i));
            sector[entries + entry + 12 + i] = static_cast<std::byte>(size >> (8U * i));
        }
        ASSERT_TRUE(writeAt(device.fd(), 0, sector));
    }
    const auto before = foreign(target);
    const auto outcome = installFrom("booted", target, Mode::Beside);
    ASSERT_TRUE(outcome) << outcome.error().text();
    EXPECT_EQ(foreign(target), before);
    Bytes after(512);
    ASSERT_TRUE(readAt(Disk::Device::open(target, Disk::Access::Read)->fd(), 0, after));
    std::fill_n(sector.begin() + entries, entry, std::byte{});
    std::fill_n(after.begin() + entries, entry, std::byte{});
    EXPECT_EQ(after, sector);
}

TEST_F(Beside, theFirstStartIsSimulatedWithOwnPartitionsOnly)
{
    bootFrom(makeImage());
    write("root/usr/lib/repart.d/40-home.conf", "[Partition]\nType=home\nSizeMinBytes=10M\n");
    const auto plan = planBeside(makeOthers());
    ASSERT_TRUE(plan) << plan.error().text();
    ASSERT_TRUE(plan->firstBoot);
    for (const Disk::Partition &each : m_others.partitions)
        EXPECT_TRUE(std::ranges::contains(plan->firstBoot->after.partitions, each)) << each.label;
    const Uuid esp = m_others.partitions.front().uuid;
    for (const char *type : {"root", "home"})
        EXPECT_TRUE(std::ranges::contains(plan->firstBoot->after.partitions, Boot::ownPartitionUuid(esp, *Disk::partitionType(type)), &Disk::Partition::uuid))
            << type;
    EXPECT_TRUE(plan->lost.empty());
    EXPECT_TRUE(toText(*plan).contains("stays as it is")) << toText(*plan);
    EXPECT_EQ(toJson(*plan)["mode"], "beside");
}

TEST_F(Beside, aDefinitionThatWouldTakeSomebodyElsesPartitionIsAnError)
{
    bootFrom(makeImage());
    makeOthers();
    Repart::Snapshot snapshot;
    snapshot.device = "/dev/x";
    snapshot.table = m_others;
    snapshot.table.kind = Disk::LabelKind::Gpt;
    snapshot.seed = *Uuid::random();
    Repart::Definition root;
    root.path = root.name = "30-root.conf";
    root.type = *Disk::partitionType("root");
    root.sizeMin = mebibyte;
    snapshot.definitions = {root};
    const auto plan = Repart::plan(snapshot); // nobody said which are ours
    ASSERT_TRUE(plan) << plan.error().text();
    const auto checked = matchesOnly(*plan, {m_others.partitions.front().uuid});
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, ErrorCode::Exists);
    EXPECT_TRUE(checked.error().text().contains("30-root.conf") && checked.error().text().contains("partition 3")) << checked.error().text();
}

TEST_F(Beside, kernelsGetAPartitionOfTheirOwnWhereTheEfiPartitionIsTooSmall)
{
    bootFrom(makeImage());
    write("root/usr/lib/preon/install.xbootldr.repart.d/05-xbootldr.conf",
          "[Partition]\nType=xbootldr\nFormat=vfat\nLabel=XBOOTLDR\nSizeMinBytes=40M\nSizeMaxBytes=40M\n");
    // A file source takes the loader from the EFI partition, and only what is one.
    write("root/usr/lib/systemd/boot/efi/systemd-bootx64.efi", "MZ #### LoaderInfo: systemd-boot 257 ####");
    const auto target = makeOthers();
    leaveFree(target, mebibyte + 32 * 1024);
    const auto before = foreign(target);
    const auto outcome = installFrom("booted", target, Mode::Beside);
    ASSERT_TRUE(outcome) << outcome.error().text();
    EXPECT_EQ(foreign(target), before);
    expectInstalled(target, m_rootHash, "xbootldr");
    const auto device = Disk::Device::open(target, Disk::Access::Read);
    EXPECT_FALSE(*Boot::Fat(*device, m_others.partitions.front().start).exists("/EFI/Linux/Particle_1.efi"));

    // From there it can be installed on the next disk.
    const auto next = openSource(Host(), target.string());
    ASSERT_TRUE(next) << next.error().text();
    EXPECT_EQ(next->facts.kernelPlace.type, Disk::partitionType("xbootldr"));
    EXPECT_EQ(next->facts.loaderVersion, "257") << "not the one that others start";
}

TEST_F(Beside, noRoomForTheLoaderIsSaidWithNumbersAndChangesNothing)
{
    bootFrom(makeImage());
    const auto target = makeOthers();
    leaveFree(target, mebibyte / 2);
    const auto plan = planBeside(target);
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().code, ErrorCode::NoSpace);
    EXPECT_TRUE(plan.error().why.contains("partition 1 (EFI) has") && plan.error().why.contains("are needed")) << plan.error().text();
}

TEST_F(Beside, aDiskWithoutAnEfiPartitionGetsOne)
{
    bootFrom(makeImage());
    const auto target = makeOthers();
    {
        const auto device = Disk::Device::open(target, Disk::Access::Write);
        m_others.partitions.erase(m_others.partitions.begin());
        ASSERT_TRUE(Disk::writeTable(*device, m_others));
    }
    const auto outcome = installFrom("booted", target, Mode::Beside);
    ASSERT_TRUE(outcome) << outcome.error().text();
    const auto device = Disk::Device::open(target, Disk::Access::Read);
    const auto found = Image::inspect(*device);
    ASSERT_TRUE(found->esp);
    EXPECT_EQ(found->esp->uuid, outcome->espUuid);
    EXPECT_TRUE(*Boot::Fat(*device, found->esp->start).exists("/EFI/BOOT/BOOTX64.EFI")) << "it is our own";
    for (const Disk::Partition &each : m_others.partitions)
        EXPECT_TRUE(std::ranges::contains(found->table.partitions, each)) << each.label;
}

TEST_F(Beside, tooLittleFreeSpaceIsSaidWithNumbers)
{
    bootFrom(makeImage());
    const auto plan = planBeside(makeOthers(foreignEnd + 20 * mebibyte));
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().code, ErrorCode::NoSpace);
    EXPECT_TRUE(plan.error().why.contains("in one piece")) << plan.error().text();
    // What is said to be needed is enough.
    const std::uint64_t needed = std::stoull(plan.error().why.substr(plan.error().why.find('(') + 1));
    const auto larger = planBeside(makeOthers(foreignEnd + needed));
    EXPECT_TRUE(larger) << larger.error().text();
}

TEST_F(Beside, refusesDisksThatOneCannotInstallBeside)
{
    bootFrom(makeImage());
    const auto source = openSource(m_host, "booted");
    const auto target = makeOthers();
    const auto snapshot = takeSnapshot(m_host, Mode::Beside, *source, target, {});
    ASSERT_TRUE(snapshot);
    const auto refusal = [&](const std::function<void(Snapshot &)> &change) {
        Snapshot changed = *snapshot;
        change(changed);
        const auto plan = Install::plan(changed);
        return plan ? std::string("none") : std::string(errorName(plan.error().code));
    };
    EXPECT_EQ(refusal([](Snapshot &) { }), "none");
    EXPECT_EQ(refusal([](Snapshot &s) { s.target.table.kind = Disk::LabelKind::Dos; }), "unsupported");
    EXPECT_EQ(refusal([](Snapshot &s) { s.target.table.kind = Disk::LabelKind::None; }), "bad-argument");
    EXPECT_EQ(refusal([](Snapshot &s) { s.target.damage = "entries overlap"; }), "bad-format");
    EXPECT_EQ(refusal([](Snapshot &s) { s.target.info.inUse = true; }), "busy");
    EXPECT_EQ(refusal([](Snapshot &s) { s.target.table.partitions.front().uuid = s.source.esp.uuid; }), "exists") << "a dd'ed image";
    EXPECT_EQ(refusal([](Snapshot &s) {
                  auto &partitions = s.target.table.partitions;
                  partitions[1].uuid = Boot::ownPartitionUuid(partitions.front().uuid, partitions[1].type);
              }),
              "exists")
        << "this system has its root there";
}

TEST_F(Beside, refusesTablesThatCannotBeTrustedAndWritesNothing)
{
    bootFrom(makeImage());
    const std::pair<const char *, std::function<void(const Disk::Device &)>> tables[] = {
        {"neither copy of it is intact",
         [](const Disk::Device &device) {
             Spoil::bothCopies(device);
         }},
        {"overlap",
         [](const Disk::Device &device) {
             Spoil::overlap(device, 7, foreignEnd - 20 * mebibyte, mebibyte);
         }},
        {"lies outside the disk",
         [](const Disk::Device &device) {
             Spoil::overlap(device, 7, diskSize - mebibyte, 2 * mebibyte);
         }},
    };
    for (const auto &[words, spoil] : tables) {
        const auto target = makeOthers();
        const auto device = Disk::Device::open(target, Disk::Access::Write);
        spoil(*device);
        SilentProgress silent;
        const Sha256Digest before = *Disk::hashRange(*device, {0, device->size()}, silent);
        const auto outcome = installFrom("booted", target, Mode::Beside);
        ASSERT_FALSE(outcome) << words;
        EXPECT_TRUE(outcome.error().text().contains(words)) << outcome.error().text();
        EXPECT_FALSE(outcome.error().todo.empty());
        EXPECT_EQ(*Disk::hashRange(*device, {0, device->size()}, silent), before) << words;
    }
}

TEST_F(Beside, cancelledAtAnyPhaseEverythingIsAsBeforeAndTheNextRunSucceeds)
{
    bootFrom(makeImage());
    for (const char *when :
         {"Preparing the free space", "Copying the system", "Writing the boot files", "Checking what was written", "Writing the partition table"}) {
        const auto target = makeOthers();
        const auto before = foreign(target);
        const auto tableBefore = *Disk::readTable(*Disk::Device::open(target, Disk::Access::Read));
        m_progress.cancelled = false;
        m_progress.when = when;
        m_progress.act = [&] {
            m_progress.cancelled = true;
        };
        const auto outcome = installFrom("booted", target, Mode::Beside);
        ASSERT_FALSE(outcome) << when;
        EXPECT_EQ(outcome.error().code, ErrorCode::Cancelled) << when << ": " << outcome.error().text();
        EXPECT_TRUE(outcome.error().why.contains("everything that was there before is as it was")) << outcome.error().text();
        EXPECT_EQ(foreign(target), before) << when;
        EXPECT_EQ(*Disk::readTable(*Disk::Device::open(target, Disk::Access::Read)), tableBefore) << when;
        m_progress.act = nullptr;
        m_progress.cancelled = false;
        const auto again = installFrom("booted", target, Mode::Beside);
        EXPECT_TRUE(again) << when << ": " << again.error().text();
    }
}

TEST_F(Beside, cutOffAnywhereTheNextRunFinishesWhatIsThere)
{
    bootFrom(makeImage());
    write("root/usr/lib/preon/install.xbootldr.repart.d/05-xbootldr.conf",
          "[Partition]\nType=xbootldr\nFormat=vfat\nLabel=XBOOTLDR\nSizeMinBytes=40M\nSizeMaxBytes=40M\n");
    for (const bool small : {false, true}) {
        const auto target = makeOthers();
        if (small)
            leaveFree(target, mebibyte + 32 * 1024);
        const auto before = foreign(target);
        // What the disk is like at each phase is what a power cut there would leave.
        std::vector<std::filesystem::path> cuts;
        class Recorder : public SilentProgress
        {
        public:
            std::function<void()> act;
            void phase(std::string_view, std::uint64_t) override
            {
                act();
            }
        } recorder;
        recorder.act = [&] {
            cuts.push_back(m_folder / ("cut-" + std::to_string(cuts.size())));
            std::filesystem::copy_file(target, cuts.back(), std::filesystem::copy_options::overwrite_existing);
        };
        const auto source = openSource(m_host, "booted");
        const auto plan = planFor(*source, target, Mode::Beside);
        ASSERT_TRUE(plan) << plan.error().text();
        ASSERT_TRUE(apply(*plan, *source, m_host, recorder));
        ASSERT_GE(cuts.size(), 6U);
        for (const auto &cut : cuts) {
            EXPECT_EQ(foreign(cut), before) << cut;
            const auto again = installFrom("booted", cut, Mode::Beside);
            ASSERT_TRUE(again) << cut << ": " << again.error().text();
            EXPECT_EQ(foreign(cut), before) << cut;
            expectInstalled(cut, m_rootHash, small ? "xbootldr" : "esp");
            EXPECT_EQ(Disk::readTable(*Disk::Device::open(cut, Disk::Access::Read))->partitions.size(), m_others.partitions.size() + (small ? 4U : 3U))
                << "nothing is left over";
            std::filesystem::remove(cut);
        }
    }
}

TEST_F(Beside, keepsSettingsAndANewerLoader)
{
    bootFrom(makeImage());
    const auto loader = [](const char *version) {
        return "MZ … #### LoaderInfo: systemd-boot " + std::string(version) + " ####";
    };
    struct Case {
        const char *there;
        bool kept;
    };
    for (const Case &each : {Case{"300.1-1", true}, Case{"200", false}}) {
        write("root/usr/lib/systemd/boot/efi/systemd-bootx64.efi", loader("257.9-1"));
        const auto target = makeOthers();
        {
            const auto device = Disk::Device::open(target, Disk::Access::Write);
            const Boot::Fat fat(*device, m_others.partitions.front().start);
            put(fat, "/EFI/Particle/systemd-bootx64.efi", asBytes(loader(each.there)));
            put(fat, "/loader/loader.conf", asBytes("timeout 30\n"));
        }
        const auto outcome = installFrom("booted", target, Mode::Beside);
        ASSERT_TRUE(outcome) << outcome.error().text();
        const auto device = Disk::Device::open(target, Disk::Access::Read);
        const Boot::Fat fat(*device, m_others.partitions.front().start);
        EXPECT_EQ(fat.read("/EFI/Particle/systemd-bootx64.efi")->text(), loader(each.kept ? each.there : "257.9-1"));
        EXPECT_EQ(fat.read("/loader/loader.conf")->text(), "timeout 30\n");
    }
}

TEST(BootPlace, choosesByRoom)
{
    const BootNeeds needs{.loader = mebibyte, .kernel = 40 * mebibyte};
    const auto place = [](unsigned number, bool extended, std::uint64_t free, bool fat = true) {
        BootPartition partition;
        partition.partition.number = number;
        partition.extended = extended;
        partition.isFat = fat;
        partition.free = free * mebibyte;
        return partition;
    };
    const auto choice = [&](const std::vector<BootPartition> &partitions) -> std::string {
        const auto chosen = placeBoot(partitions, needs, "disk");
        if (!chosen)
            return std::string(errorName(chosen.error().code));
        return (chosen->esp ? "esp " + std::to_string(*chosen->esp) : "new esp") + (chosen->xbootldr ? " xbootldr " + std::to_string(*chosen->xbootldr) : "")
            + (chosen->makesXbootldr ? " new xbootldr" : "");
    };
    EXPECT_EQ(choice({}), "new esp");
    EXPECT_EQ(choice({place(1, false, 200)}), "esp 1");
    EXPECT_EQ(choice({place(1, false, 20), place(4, false, 200)}), "esp 4");
    EXPECT_EQ(choice({place(1, false, 20)}), "esp 1 new xbootldr");
    EXPECT_EQ(choice({place(1, false, 20), place(2, true, 200)}), "esp 1 xbootldr 2");
    EXPECT_EQ(choice({place(1, false, 20), place(2, true, 60)}), "no-space") << "a second one would not be looked at";
    EXPECT_EQ(choice({place(1, false, 20), place(2, true, 200, false)}), "no-space");
    EXPECT_EQ(choice({place(1, false, 1)}), "no-space");
    EXPECT_EQ(choice({place(1, false, 200, false)}), "no-space");
    EXPECT_EQ(choice({place(2, true, 200)}), "new esp");
}

TEST(BootPlace, namesFilesSoThatOthersAreNotReplaced)
{
    EXPECT_EQ(pathBesideOthers("/EFI/systemd/systemd-bootx64.efi", "Particle"), "/EFI/Particle/systemd-bootx64.efi");
    EXPECT_EQ(pathBesideOthers("/EFI/systemd/systemd-bootx64.efi", "../.."), "/EFI/preon/systemd-bootx64.efi");
    EXPECT_EQ(pathBesideOthers("/EFI/BOOT/BOOTX64.EFI", "Particle"), std::nullopt);
    EXPECT_EQ(pathBesideOthers("/loader/keys/auto/PK.auth", "Particle"), std::nullopt);
    EXPECT_EQ(pathBesideOthers("/EFI/Linux/Particle_1.efi", "Particle"), "/EFI/Linux/Particle_1.efi");
}

} // namespace
