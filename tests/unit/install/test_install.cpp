// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/unit/disk/spoil.h"
#include "tests/unit/install/installing.h"

#include "core/boot/firmwareentries.h"
#include "core/install/copy.h"

using namespace Preon;
using namespace Preon::Install;
using Disk::Designator;

namespace
{

TEST_F(Installing, anImageFileMakesADiskThatOthersFindWhole)
{
    const auto image = makeImage(), target = makeTarget();
    const auto outcome = installFrom(image.string(), target);
    ASSERT_TRUE(outcome) << outcome.error().text();

    const auto device = Disk::Device::open(target, Disk::Access::Read);
    const auto found = Image::inspect(*device);
    ASSERT_TRUE(found) << found.error().text();
    ASSERT_EQ(found->systems.size(), 1U);
    EXPECT_EQ(found->systems.front().rootHash, m_rootHash);
    EXPECT_EQ(found->systems.front().kernels, std::vector<std::string>{"/EFI/Linux/Particle_1.efi"}) << "without the counter of the source";
    ASSERT_TRUE(found->systems.front().signature);
    EXPECT_EQ(found->systems.front().usr.size, usrSize);
    EXPECT_EQ(found->systems.front().usr.flags, 1ULL << 60U);
    EXPECT_EQ(found->table.diskUuid, outcome->diskUuid);
    EXPECT_NE(found->table.diskUuid.text(), "99999999-2222-4333-8444-555555555555");
    EXPECT_NE(found->esp->uuid.text(), espUuid);

    ASSERT_TRUE(runTool({"sfdisk", "--verify", target.string()}));
    const auto extract = [&](const Disk::Partition &partition, const char *name) {
        const std::string out = (m_folder / name).string();
        EXPECT_TRUE(runTool({"dd", "if=" + target.string(), "of=" + out, "bs=4096", "skip=" + std::to_string(partition.start / 4096),
                             "count=" + std::to_string(partition.size / 4096)}));
        return out;
    };
    const auto verified = runTool({"veritysetup", "verify", extract(found->systems.front().usr, "u"), extract(found->systems.front().verity, "v"), m_rootHash});
    EXPECT_TRUE(verified) << verified.error().text();
    const auto checked = runTool({"fsck.vfat", "-n", extract(*found->esp, "e")});
    EXPECT_TRUE(checked) << checked.error().text();
    const Boot::Fat esp(*device, found->esp->start);
    EXPECT_TRUE(*esp.exists("/EFI/BOOT/BOOTX64.EFI"));
    EXPECT_EQ(esp.read("/loader/loader.conf")->text(), "timeout 3\n");
    EXPECT_EQ(esp.read("/loader/entries.srel")->text(), "type1\n");
    EXPECT_FALSE(*esp.exists("/loader/random-seed"));
}

TEST_F(Installing, theRunningSystemTakesItsOwnLoaderAndDefinitions)
{
    const auto image = makeImage(), target = makeTarget();
    bootFrom(image);
    const auto source = openSource(m_host, "booted");
    ASSERT_TRUE(source) << source.error().text();
    const auto plan = planFor(*source, target);
    ASSERT_TRUE(plan) << plan.error().text();
    ASSERT_TRUE(plan->firstBoot);
    EXPECT_EQ(plan->firstBoot->after.partitions.size(), 6U) << "a second slot and root";
    EXPECT_TRUE(toJson(*plan)["firstBoot"]["partitions"].is_array());
    const auto outcome = apply(*plan, *source, m_host, m_progress);
    ASSERT_TRUE(outcome) << outcome.error().text();
    const auto device = Disk::Device::open(target, Disk::Access::Read);
    const Boot::Fat esp(*device, plan->partition(Designator::Esp).start);
    EXPECT_EQ(esp.read("/EFI/systemd/systemd-bootx64.efi")->text(), "the loader of the running system");
}

TEST(StartWay, followsFromWhatTheFirmwareTrusts)
{
    using State = Boot::SecureBoot::State;
    struct Case {
        StartFacts facts;
        bool hasShim, ask;
        Boot::Start start;
        bool couldAsk, asks;
    };
    const Case cases[] = {
        {{.state = State::Unknown}, true, true, Boot::Start::Own, false, false},
        {{.state = State::Setup, .trustsShim = true}, true, true, Boot::Start::Own, false, false},
        {{.state = State::On, .trustsOwn = true, .trustsShim = true}, true, false, Boot::Start::Own, false, false},
        {{.state = State::On, .trustsShim = true, .allowsKernel = true}, true, false, Boot::Start::Shim, false, false},
        {{.state = State::On, .trustsShim = true}, true, false, Boot::Start::Shim, true, true},
        {{.state = State::Off, .trustsShim = true}, true, false, Boot::Start::Shim, true, false},
        {{.state = State::Off, .trustsShim = true}, true, true, Boot::Start::Shim, true, true},
        {{.state = State::Off, .trustsShim = true}, false, true, Boot::Start::Own, false, false},
        {{.state = State::Off}, true, false, Boot::Start::Own, false, false},
    };
    for (const Case &each : cases) {
        const auto way = chooseStart(each.facts, each.hasShim, each.ask, "Particle");
        ASSERT_TRUE(way) << way.error().text();
        EXPECT_EQ(way->start, each.start) << &each - cases;
        EXPECT_EQ(way->couldAsk, each.couldAsk) << &each - cases;
        EXPECT_EQ(way->asks, each.asks) << &each - cases;
    }
    for (const bool hasShim : {true, false}) {
        const auto refused = chooseStart({.state = State::On}, hasShim, false, "Particle");
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, ErrorCode::Unsupported);
        EXPECT_FALSE(refused.error().todo.empty());
    }
}

TEST_F(Installing, whatWasChosenIsOnTheEfiPartitionAndInThePlan)
{
    const auto image = makeImage(), target = makeTarget();
    const auto source = openSource(m_host, image.string());
    ASSERT_TRUE(source);
    const Choices choices{
        .language = "de_DE.UTF-8", .layout = "de", .variant = {}, .timeZone = "Europe/Berlin", .hostname = "laptop", .lock = Lock::Passphrase};
    const auto snapshot = takeSnapshot(m_host, Mode::Erase, *source, target, {.allowRemovable = false, .choices = choices});
    ASSERT_TRUE(snapshot) << snapshot.error().text();
    const auto plan = Install::plan(*snapshot);
    ASSERT_TRUE(plan) << plan.error().text();
    EXPECT_EQ(toJson(*plan)["choices"], toJson(choices));
    EXPECT_TRUE(toText(*plan).contains("time-zone: Europe/Berlin"));
    const auto outcome = apply(*plan, *source, m_host, m_progress);
    ASSERT_TRUE(outcome) << outcome.error().text();
    const auto device = Disk::Device::open(target, Disk::Access::Read);
    const auto file = Boot::Fat(*device, plan->esp.start).read(choicesPath);
    ASSERT_TRUE(file) << file.error().text();
    EXPECT_EQ(parseChoices(file->text(), plan->source.system.rootHash), choices);
}

TEST_F(Installing, whereNothingWasChosenThereIsNoSuchFile)
{
    const auto image = makeImage(), target = makeTarget();
    const auto source = openSource(m_host, image.string());
    const auto plan = planFor(*source, target);
    ASSERT_TRUE(plan) << plan.error().text();
    ASSERT_TRUE(apply(*plan, *source, m_host, m_progress));
    const auto device = Disk::Device::open(target, Disk::Access::Read);
    EXPECT_EQ(Boot::Fat(*device, plan->esp.start).exists(choicesPath), false);
}

TEST_F(Installing, theRunningSystemMustBeTheOneOnTheDisk)
{
    bootFrom(makeImage());
    write("proc/cmdline", "usrhash=" + std::string(64, 'b'));
    const auto source = openSource(m_host, "booted");
    ASSERT_FALSE(source);
    EXPECT_EQ(source.error().code, ErrorCode::Untrusted) << source.error().text();
}

TEST_F(Installing, aKernelThatNamesAnotherRootHashIsNotInstalled)
{
    const auto image = makeImage();
    {
        const auto device = Disk::Device::open(image, Disk::Access::Write);
        put(Boot::Fat(*device, mebibyte), "/EFI/Linux/Particle_1+3-1.efi", makeKernel("1", std::string(64, 'c')));
    }
    const auto source = openSource(m_host, image.string());
    ASSERT_FALSE(source);
    EXPECT_EQ(source.error().code, ErrorCode::NotFound) << source.error().text();
}

TEST_F(Installing, planningAndOpeningChangeNothing)
{
    const auto image = makeImage(), target = makeTarget();
    const auto before = *readFile(target, targetSize);
    const auto source = openSource(m_host, image.string());
    ASSERT_TRUE(source);
    const auto plan = planFor(*source, target);
    ASSERT_TRUE(plan) << plan.error().text();
    EXPECT_FALSE(toText(*plan).empty());
    EXPECT_TRUE(*readFile(target, targetSize) == before);
}

TEST_F(Installing, whatIsLostIsNamed)
{
    const auto image = makeImage(), other = makeImage("target.raw", "2");
    const auto source = openSource(m_host, image.string());
    ASSERT_TRUE(source);
    const auto plan = planFor(*source, other);
    ASSERT_TRUE(plan) << plan.error().text();
    ASSERT_EQ(plan->lost.size(), 4U);
    EXPECT_TRUE(plan->lost[0].contains("\"ESP\"") && plan->lost[0].contains("vfat")) << plan->lost[0];
    EXPECT_TRUE(plan->lost[1].contains("\"Particle_2\"")) << plan->lost[1];
    EXPECT_TRUE(toText(*plan).contains(plan->lost[1]));
}

TEST_F(Installing, erasesTablesThatCannotBeTrustedAndSaysWhatTheyWere)
{
    const auto image = makeImage();
    const std::pair<const char *, void (*)(const Disk::Device &)> tables[] = {
        {"neither copy of it is intact", Spoil::bothCopies},
        {"overlap",
         [](const Disk::Device &device) {
             Spoil::overlap(device, 1, 30 * mebibyte, 30 * mebibyte);
         }},
        {"A hybrid partition table", Spoil::hybrid},
    };
    for (const auto &[words, spoil] : tables) {
        const auto target = makeTarget();
        {
            const auto device = Disk::Device::open(target, Disk::Access::Write);
            Disk::Table table = Disk::emptyTable(device->size(), 512, *Uuid::random());
            table.partitions = {partition(1, mebibyte, 20 * mebibyte, "esp", *Uuid::random(), "one"),
                                partition(2, 40 * mebibyte, 20 * mebibyte, "home", *Uuid::random(), "two")};
            ASSERT_TRUE(Disk::writeTable(*device, table));
            spoil(*device);
        }
        const auto source = openSource(m_host, image.string());
        const auto plan = planFor(*source, target);
        ASSERT_TRUE(plan) << plan.error().text();
        EXPECT_TRUE(std::ranges::any_of(plan->lost, [&](const std::string &lost) { return lost.contains(words); })) << words;
        const auto done = apply(*plan, *source, m_host, m_progress);
        ASSERT_TRUE(done) << done.error().text();
        const auto table = Disk::readTable(*Disk::Device::open(target, Disk::Access::Read));
        ASSERT_TRUE(table) << table.error().text();
        EXPECT_FALSE(table->hybrid);
        EXPECT_TRUE(runTool({"sfdisk", "--verify", target.string()}));
    }
}

TEST_F(Installing, refusesTheSourceItself)
{
    const auto image = makeImage();
    const auto source = openSource(m_host, image.string());
    std::filesystem::create_symlink(image, m_folder / "alias");
    const auto plan = planFor(*source, m_folder / "alias");
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().code, ErrorCode::BadArgument) << plan.error().text();
}

TEST_F(Installing, refusesADiskThatIsTooSmallWithNumbers)
{
    const auto image = makeImage(), target = makeTarget(30 * mebibyte);
    const auto source = openSource(m_host, image.string());
    const auto plan = planFor(*source, target);
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().code, ErrorCode::NoSpace);
    EXPECT_TRUE(plan.error().why.contains("31457280 bytes) are there")) << plan.error().text();
    // What is said to be needed is enough, and not a sector more than enough.
    const auto at = plan.error().why.find('(') + 1;
    const std::uint64_t needed = std::stoull(plan.error().why.substr(at));
    std::filesystem::resize_file(target, needed);
    EXPECT_TRUE(planFor(*source, target));
    std::filesystem::resize_file(target, needed - 4096);
    EXPECT_FALSE(planFor(*source, target));
}

TEST_F(Installing, refusesADiskThatIsTooSmallForTheFirstStart)
{
    bootFrom(makeImage());
    const auto source = openSource(m_host, "booted");
    ASSERT_TRUE(source) << source.error().text();
    const auto target = makeTarget(60 * mebibyte);
    const auto plan = planFor(*source, target);
    ASSERT_FALSE(plan) << "slot B and 20 MiB of root do not fit";
    EXPECT_EQ(plan.error().code, ErrorCode::NoSpace);
    EXPECT_TRUE(plan.error().why.contains("first start")) << plan.error().text();
    const std::uint64_t needed = std::stoull(plan.error().why.substr(plan.error().why.find('(') + 1));
    std::filesystem::resize_file(target, needed);
    const auto fits = planFor(*source, target);
    EXPECT_TRUE(fits) << fits.error().text();
}

struct Refusal {
    const char *what;
    std::function<void(TargetFacts &)> change;
    ErrorCode code;
};

TEST_F(Installing, refusesWhatMustNotBeErased)
{
    const auto source = openSource(m_host, makeImage().string());
    const auto snapshot = takeSnapshot(m_host, Mode::Erase, *source, makeTarget(), {});
    ASSERT_TRUE(snapshot);
    ASSERT_TRUE(Install::plan(*snapshot));
    const Refusal refusals[] = {
        {"read-only", [](TargetFacts &target) { target.info.readOnly = true; }, ErrorCode::Permission},
        {"in use",
         [](TargetFacts &target) {
             target.info.inUse = true;
             target.info.uses = {"/dev/x1 is mounted at /home"};
         },
         ErrorCode::Busy},
        {"a partition", [](TargetFacts &target) { target.isWholeDisk = false; }, ErrorCode::BadArgument},
        {"removable", [](TargetFacts &target) { target.info.removable = true; }, ErrorCode::BadArgument},
        {"the boot disk", [](TargetFacts &target) { target.isSource = true; }, ErrorCode::BadArgument},
    };
    for (const Refusal &refusal : refusals) {
        Snapshot changed = *snapshot;
        refusal.change(changed.target);
        const auto plan = Install::plan(changed);
        ASSERT_FALSE(plan) << refusal.what;
        EXPECT_EQ(plan.error().code, refusal.code) << refusal.what;
        EXPECT_TRUE(plan.error().what.contains("target.raw"));
    }
    Snapshot wanted = *snapshot;
    wanted.target.info.removable = true;
    wanted.wishes.allowRemovable = true;
    EXPECT_TRUE(Install::plan(wanted));
}

TEST_F(Installing, aDiskThatChangedSinceThePlanIsLeftAlone)
{
    const auto image = makeImage(), target = makeTarget();
    const auto source = openSource(m_host, image.string());
    const auto plan = planFor(*source, target);
    {
        const auto device = Disk::Device::open(target, Disk::Access::Write);
        Disk::Table table = Disk::emptyTable(device->size(), 512, *Uuid::random());
        table.partitions = {partition(1, mebibyte, mebibyte, "home", *Uuid::random(), "photographs")};
        ASSERT_TRUE(Disk::writeTable(*device, table));
    }
    const auto before = *readFile(target, targetSize);
    const auto outcome = apply(*plan, *source, m_host, m_progress);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::Changed);
    EXPECT_TRUE(*readFile(target, targetSize) == before);
}

TEST_F(Installing, aDiskThatSomebodyHoldsIsLeftAlone)
{
    const auto image = makeImage(), target = makeTarget();
    const auto source = openSource(m_host, image.string());
    const auto plan = planFor(*source, target);
    const auto holder = Disk::Device::open(target, Disk::Access::Exclusive);
    ASSERT_TRUE(holder);
    const auto outcome = apply(*plan, *source, m_host, m_progress);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::Busy);
}

TEST_F(Installing, aBadMediumIsNamedAndLeavesNoTable)
{
    const auto image = makeImage(), target = makeTarget();
    flip(image, mebibyte + espSize + 3 * mebibyte); // in /usr: found while copying
    const auto outcome = installFrom(image.string(), target);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::Corrupt);
    EXPECT_TRUE(outcome.error().what.contains("medium") && outcome.error().what.contains("Particle_1.raw")) << outcome.error().text();
    EXPECT_TRUE(outcome.error().why.contains("data block 768 ")) << outcome.error().text();
    EXPECT_TRUE(outcome.error().why.contains("has no partition table now")) << outcome.error().text();
    EXPECT_EQ(kindOf(target), Disk::LabelKind::None);
}

TEST_F(Installing, aBadHashTreeOfTheMediumCostsNobodyTheirDisk)
{
    const auto image = makeImage(), target = makeImage("target.raw", "2");
    std::filesystem::resize_file(target, targetSize);
    flip(image, mebibyte + espSize + usrSize + 4096 + 7);
    const auto before = *readFile(target, targetSize);
    const auto outcome = installFrom(image.string(), target);
    ASSERT_FALSE(outcome);
    EXPECT_TRUE(outcome.error().what.contains("medium")) << outcome.error().text();
    EXPECT_TRUE(*readFile(target, targetSize) == before);
}

TEST_F(Installing, aDiskThatForgetsIsFoundWhenReadBack)
{
    const auto image = makeImage(), target = makeTarget();
    const auto source = openSource(m_host, image.string());
    const auto plan = planFor(*source, target);
    ASSERT_TRUE(plan);
    struct Place {
        const char *what;
        std::uint64_t at;
    };
    const Place places[] = {{"/usr", plan->partition(Designator::Usr).start + 2 * mebibyte},
                            {"hash tree", plan->partition(Designator::UsrVerity).start + 5000},
                            {"signature", plan->partition(Designator::UsrVeritySig).start + 3}};
    for (const Place &place : places) {
        m_progress.when = "Flushing";
        m_progress.act = [&] {
            flip(target, place.at);
        };
        const auto fresh = planFor(*source, target);
        const auto outcome = apply(*fresh, *source, m_host, m_progress);
        ASSERT_FALSE(outcome) << place.what;
        EXPECT_EQ(outcome.error().code, ErrorCode::Corrupt) << place.what;
        EXPECT_TRUE(outcome.error().what.contains("target.raw did not keep what was written")) << outcome.error().text();
        EXPECT_EQ(kindOf(target), Disk::LabelKind::None) << place.what;
    }
}

TEST_F(Installing, aChangedKernelIsFoundWhenReadBack)
{
    const auto image = makeImage(), target = makeTarget();
    const auto source = openSource(m_host, image.string());
    const auto plan = planFor(*source, target);
    m_progress.when = "Flushing";
    m_progress.act = [&] {
        const auto device = Disk::Device::open(target, Disk::Access::Write);
        put(Boot::Fat(*device, plan->partition(Designator::Esp).start), "/EFI/Linux/Particle_1.efi", asBytes("another kernel"));
    };
    const auto outcome = apply(*plan, *source, m_host, m_progress);
    ASSERT_FALSE(outcome);
    EXPECT_TRUE(outcome.error().why.contains("/EFI/Linux/Particle_1.efi")) << outcome.error().text();
}

TEST_F(Installing, cancelledAtAnyPhaseTheDiskIsEmptyAndTheNextRunSucceeds)
{
    const auto image = makeImage();
    for (const char *when :
         {"Erasing the old content", "Copying the system", "Writing the boot files", "Checking what was written", "Writing the partition table"}) {
        const auto target = makeImage("target.raw", "2");
        std::filesystem::resize_file(target, targetSize);
        m_progress.cancelled = false;
        m_progress.when = when;
        m_progress.act = [&] {
            m_progress.cancelled = true;
        };
        const auto outcome = installFrom(image.string(), target);
        ASSERT_FALSE(outcome) << when;
        EXPECT_EQ(outcome.error().code, ErrorCode::Cancelled) << when << ": " << outcome.error().text();
        EXPECT_TRUE(outcome.error().why.contains("no partition table now")) << outcome.error().text();
        EXPECT_EQ(kindOf(target), Disk::LabelKind::None) << when;
        m_progress.act = nullptr;
        m_progress.cancelled = false;
        const auto again = installFrom(image.string(), target);
        EXPECT_TRUE(again) << when << ": " << again.error().text();
    }
}

TEST_F(Installing, thePlanNamesThePhasesInTheirOrder)
{
    const auto image = makeImage(), target = makeTarget();
    const auto source = openSource(m_host, image.string());
    const auto plan = planFor(*source, target);
    ASSERT_TRUE(plan) << plan.error().text();
    ASSERT_TRUE(apply(*plan, *source, m_host, m_progress));
    std::vector<std::string> names, goOn;
    for (const Phase &phase : phases(*plan)) {
        names.push_back(phase.name);
        if (!phase.cancellable)
            goOn.push_back(phase.name);
    }
    EXPECT_EQ(m_progress.phases, names);
    EXPECT_EQ(goOn.front(), "Writing the partition table");
    EXPECT_EQ(toJson(*plan)["phases"].size(), names.size());
}

TEST_F(Installing, theTableIsWrittenLast)
{
    const auto image = makeImage(), target = makeTarget();
    for (const char *when : {"Copying the system", "Writing the boot files", "Flushing", "Checking what was written"}) {
        Disk::LabelKind kind = Disk::LabelKind::Other;
        m_progress.when = when;
        m_progress.act = [&] {
            kind = kindOf(target);
        };
        ASSERT_TRUE(installFrom(image.string(), target));
        EXPECT_EQ(kind, Disk::LabelKind::None) << when;
    }
    EXPECT_EQ(m_progress.phases.back(), "Writing the partition table");
}

TEST_F(Installing, theFirmwareIsToldAndForgetsWhatWasErased)
{
    const auto image = makeImage(), target = makeTarget();
    const auto source = openSource(m_host, image.string());
    for (int round = 0; round < 2; ++round) {
        auto plan = planFor(*source, target);
        ASSERT_TRUE(plan);
        plan->makesBootEntry = true; // files get none by themselves
        const auto outcome = apply(*plan, *source, m_host, m_progress);
        ASSERT_TRUE(outcome) << outcome.error().text();
        ASSERT_TRUE(outcome->bootEntry) << outcome->notes.front();
        const auto entries = Boot::firmwareEntries(m_host);
        ASSERT_EQ(entries->size(), 1U) << "the entry for the erased EFI partition must be gone";
        EXPECT_EQ(entries->front().title, "Particle");
        EXPECT_EQ(entries->front().file->partitionUuid, outcome->espUuid);
        EXPECT_EQ(entries->front().file->path, "\\EFI\\systemd\\systemd-bootx64.efi");
        EXPECT_EQ(entries->front().file->start, plan->partition(Designator::Esp).start / 512);
        EXPECT_EQ(Boot::bootOrder(m_host)->front(), *outcome->bootEntry);
    }
}

TEST_F(Installing, faultsAreToldApart)
{
    const auto disk = Disk::Device::open(makeTarget(), Disk::Access::Read);
    ASSERT_TRUE(disk);
    const std::string name = disk->path().string();
    const Error io{ErrorCode::Io, "Reading at byte 5 failed", "Input/output error", {}};
    EXPECT_TRUE(badMedium(io, "/dev/sda").text().contains("The installation medium /dev/sda is damaged"));
    EXPECT_TRUE(badTarget(io, *disk).text().contains("The disk " + name + " did not keep"));
    const Error cancelled{ErrorCode::Cancelled, "Stopped as asked", {}, {}};
    EXPECT_EQ(badMedium(cancelled, "/dev/sda").text(), "Stopped as asked.");
    EXPECT_EQ(badTarget(cancelled, *disk).text(), "Stopped as asked.");
}

} // namespace
