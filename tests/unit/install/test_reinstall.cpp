// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/unit/install/reinstalling.h"

using namespace Preon;
using namespace Preon::Install;

namespace
{

TEST_F(Reinstall, aWholeDiskKeepsItsHomeAndTheNewSystemAdoptsIt)
{
    const auto disk = makeWholeDisk();
    ASSERT_FALSE(HasFatalFailure());
    ASSERT_EQ(startsInto(disk), "old");
    const auto others = foreign(disk);
    const std::string home = homeOf(disk);
    const auto outcome = installFrom("booted", disk, Mode::Reinstall);
    ASSERT_TRUE(outcome) << outcome.error().text();
    EXPECT_EQ(homeOf(disk), home);
    EXPECT_EQ(foreign(disk), others);
    EXPECT_EQ(outcome->espUuid, m_esp);
    expectNew(disk);
    EXPECT_TRUE(runTool({"sfdisk", "--verify", disk.string()}));
    {
        const auto device = Disk::Device::open(disk, Disk::Access::Read);
        const Boot::Fat fat = fatOf(*device);
        for (const char *path : {"/EFI/systemd/systemd-bootx64.efi", "/EFI/BOOT/BOOTX64.EFI"})
            EXPECT_EQ(fat.read(path)->text(), newLoader) << path;
        EXPECT_FALSE(*fat.exists("/EFI/Particle"));
        EXPECT_EQ(fat.read("/loader/random-seed")->text(), "this machine's");
    }

    // The next start makes a root and takes home for what it is.
    start(disk, m_esp, m_rootHash);
    EXPECT_EQ(homeOf(disk), home);
    ASSERT_TRUE(own(disk, Boot::Role::Root));
    EXPECT_EQ(tableOf(disk).partitions.size(), 12U) << "EFI, three of version 1, two empty, root, swap, home, three of others; no second home";
    const auto copy = extract(disk, *own(disk, Boot::Role::Home));
    auto volume = unlockHome(copy, m_recoveryKey);
    ASSERT_TRUE(volume) << volume.error().text();
    std::filesystem::create_directory(m_folder / "newroot");
    EXPECT_EQ(adoptHome(*volume, copy, m_folder / "newroot"), 1U) << "the lost root's key file";
    EXPECT_FALSE(unlockHome(copy, m_key));
}

TEST_F(Reinstall, besideOthersNothingChangesButOurOwn)
{
    const auto disk = makeBesideOthers();
    ASSERT_FALSE(HasFatalFailure());
    const auto others = foreign(disk);
    const std::string home = homeOf(disk);
    const auto outcome = installFrom("booted", disk, Mode::Reinstall);
    ASSERT_TRUE(outcome) << outcome.error().text();
    EXPECT_EQ(foreign(disk), others);
    EXPECT_TRUE(others.contains("/loader/loader.conf") && others.contains("/EFI/BOOT/BOOTX64.EFI") && others.contains("/loader/random-seed"));
    EXPECT_EQ(homeOf(disk), home);
    expectNew(disk);
    const auto device = Disk::Device::open(disk, Disk::Access::Read);
    EXPECT_EQ(fatOf(*device).read("/EFI/Particle/systemd-bootx64.efi")->text(), newLoader);
    EXPECT_FALSE(*fatOf(*device).exists("/EFI/systemd"));
}

// Copies the disk at each phase and after each boot file: what a power cut there would leave.
class Recorder : public SilentProgress
{
public:
    Recorder(std::filesystem::path disk, std::filesystem::path folder)
        : m_disk(std::move(disk))
        , m_folder(std::move(folder))
    {
    }
    void phase(std::string_view name, std::uint64_t) override
    {
        m_phase = name;
        record();
    }
    void advance(std::uint64_t) override
    {
        if (m_phase.ends_with("the boot files"))
            record();
    }
    struct Cut {
        std::string phase;
        std::filesystem::path disk;
    };
    std::vector<Cut> cuts;

private:
    void record()
    {
        cuts.push_back({m_phase, m_folder / ("cut-" + std::to_string(cuts.size()))});
        ASSERT_TRUE(runTool({"cp", m_disk.string(), cuts.back().disk.string()})); // holes stay holes
    }
    std::filesystem::path m_disk, m_folder;
    std::string m_phase;
};

struct CutCase {
    const char *name;
    bool beside = false, smallEsp = false, sameVersion = false, withoutHome = false, sharedSince = false;
    std::size_t finishedEach = 1; // from each cut, or, as a whole installation takes its time, from every second or third
};
void PrintTo(const CutCase &each, std::ostream *out)
{
    *out << each.name;
}

// Under sanitizers an installation takes many times as long, and what matters there is seen in a few of them.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr std::size_t stride = 4;
#else
constexpr std::size_t stride = 1;
#endif
#else
constexpr std::size_t stride = 1;
#endif

class CutOff : public Reinstall, public testing::WithParamInterface<CutCase>
{
};

TEST_P(CutOff, anywhereTheDiskStartsTheOldSystemOrNothingAndTheNextRunFinishes)
{
    const CutCase each = GetParam();
    const auto disk = each.beside ? makeBesideOthers(each.smallEsp) : makeWholeDisk();
    ASSERT_FALSE(HasFatalFailure());
    if (each.withoutHome) {
        const auto device = Disk::Device::open(disk, Disk::Access::Write);
        Disk::Table table = tableOf(disk);
        std::erase(table.partitions, *own(disk, Boot::Role::Home));
        ASSERT_TRUE(Disk::writeTable(*device, table));
    }
    if (each.sharedSince)
        share(disk);
    std::string from = "booted";
    if (each.sameVersion) {
        from = (m_folder / "Particle_2.raw").string();
        m_rootHash = m_oldHash;
    }
    const auto others = foreign(disk);
    const std::string home = homeOf(disk);
    const auto source = openSource(m_host, from);
    const auto plan = planFor(*source, disk, Mode::Reinstall);
    ASSERT_TRUE(plan) << plan.error().text();
    Recorder recorder(disk, m_folder);
    const auto done = apply(*plan, *source, m_host, recorder);
    ASSERT_TRUE(done) << done.error().text();
    recorder.phase("The end", 0);
    ASSERT_GE(recorder.cuts.size(), 15U);
    std::vector<std::string> states;
    for (std::size_t i = 0; i < recorder.cuts.size(); ++i) {
        const auto &[phase, cut] = recorder.cuts[i];
        SCOPED_TRACE(phase);
        if (i % stride != 0 && i + 1 != recorder.cuts.size()) {
            std::filesystem::remove(cut);
            continue;
        }
        EXPECT_EQ(foreign(cut), others);
        EXPECT_EQ(homeOf(cut), home);
        states.push_back(startsInto(cut));
        EXPECT_TRUE(states.back() == "old" || states.back() == "nothing" || states.back() == "new") << states.back();
        if (i % (each.finishedEach * stride) == 0) {
            const auto again = installFrom(from, cut, Mode::Reinstall);
            ASSERT_TRUE(again) << again.error().text();
            EXPECT_EQ(foreign(cut), others);
            EXPECT_EQ(homeOf(cut), home);
            EXPECT_EQ(startsInto(cut), "new");
            EXPECT_FALSE(oldRootOpens(cut));
            EXPECT_EQ(tableOf(cut), tableOf(disk)) << "nothing is left over";
        }
        std::filesystem::remove(cut);
    }
    EXPECT_EQ(states.front(), each.sameVersion ? "new" : "old");
    EXPECT_EQ(states.back(), "new");
    EXPECT_TRUE(std::ranges::contains(states, "nothing"));
}

INSTANTIATE_TEST_SUITE_P(OfAllKinds, CutOff,
                         testing::Values(CutCase{.name = "whole disk"}, CutCase{.name = "beside others", .beside = true, .finishedEach = 2},
                                         CutCase{.name = "kernels on XBOOTLDR", .beside = true, .smallEsp = true, .finishedEach = 3},
                                         CutCase{.name = "same version", .beside = true, .sameVersion = true, .finishedEach = 3},
                                         CutCase{.name = "without a home", .withoutHome = true, .finishedEach = 3},
                                         CutCase{
                                             .name = "without a home, with others' files since", .withoutHome = true, .sharedSince = true, .finishedEach = 3}));

TEST_F(Reinstall, theOldKeysAreGoneBeforeAnythingIsWritten)
{
    const auto disk = makeWholeDisk();
    ASSERT_FALSE(HasFatalFailure());
    EXPECT_TRUE(oldRootOpens(disk));
    const Disk::Partition swap = *own(disk, Boot::Role::Swap);
    const auto erased = [&](const Disk::Partition &partition) {
        const auto content = readFile(extract(disk, partition));
        return content && std::ranges::all_of(ByteView(*content).first(Luks::integrityOffset), [](std::byte b) { return b == std::byte{}; });
    };
    bool gone = false;
    m_progress.when = "Preparing the free space";
    m_progress.act = [&] {
        gone = !oldRootOpens(disk) && erased(m_oldRoot) && erased(swap);
    };
    ASSERT_TRUE(installFrom("booted", disk, Mode::Reinstall));
    EXPECT_TRUE(gone);
}

TEST_F(Reinstall, cancelledAnywhereTheNextRunFinishes)
{
    for (const char *when : {"Checking the data of the source", "Copying the system", "Writing the partition table"}) {
        SCOPED_TRACE(when);
        const auto disk = makeBesideOthers();
        ASSERT_FALSE(HasFatalFailure());
        const auto others = foreign(disk);
        const std::string home = homeOf(disk);
        m_progress.cancelled = false;
        m_progress.when = when;
        m_progress.act = [&] {
            m_progress.cancelled = true;
        };
        const auto outcome = installFrom("booted", disk, Mode::Reinstall);
        ASSERT_FALSE(outcome);
        EXPECT_EQ(outcome.error().code, ErrorCode::Cancelled) << outcome.error().text();
        const bool untouched = std::string_view(when) == "Checking the data of the source";
        EXPECT_EQ(outcome.error().why.contains("does not start any more"), !untouched) << outcome.error().text();
        EXPECT_EQ(startsInto(disk), untouched ? "old" : "nothing");
        EXPECT_EQ(foreign(disk), others);
        m_progress.act = nullptr;
        m_progress.cancelled = false;
        const auto again = installFrom("booted", disk, Mode::Reinstall);
        ASSERT_TRUE(again) << again.error().text();
        EXPECT_EQ(foreign(disk), others);
        EXPECT_EQ(homeOf(disk), home);
        expectNew(disk);
    }
}

TEST_F(Reinstall, aBadMediumCostsNobodyTheirSystem)
{
    const auto disk = makeWholeDisk();
    ASSERT_FALSE(HasFatalFailure());
    flip(m_folder / "Particle_1.raw", mebibyte + espSize + 3 * mebibyte);
    const auto before = *readFile(disk, wholeSize);
    const auto outcome = installFrom("booted", disk, Mode::Reinstall);
    ASSERT_FALSE(outcome);
    EXPECT_TRUE(outcome.error().what.contains("medium")) << outcome.error().text();
    EXPECT_TRUE(*readFile(disk, wholeSize) == before);
}

TEST_F(Reinstall, thePlanSaysWhatGoesAndWhatStays)
{
    const auto disk = makeWholeDisk();
    ASSERT_FALSE(HasFatalFailure());
    const auto before = *readFile(disk, wholeSize);
    const auto plan = planAnew(disk);
    ASSERT_TRUE(plan) << plan.error().text();
    EXPECT_TRUE(*readFile(disk, wholeSize) == before) << "looking changes nothing";
    const Disk::Partition home = *own(disk, Boot::Role::Home);
    ASSERT_TRUE(plan->firstBoot);
    EXPECT_TRUE(std::ranges::contains(plan->firstBoot->after.partitions, home)) << "kept, not made";
    EXPECT_EQ(std::ranges::count(plan->firstBoot->after.partitions, home.type, &Disk::Partition::type), 2) << "with somebody else's";
    for (const Disk::Partition &each : m_others.partitions)
        EXPECT_TRUE(std::ranges::contains(plan->firstBoot->after.partitions, each)) << each.label;
    EXPECT_EQ(plan->lost.front(), "The system Particle 2 with its settings and its root file system");
    const std::string text = toText(*plan);
    for (const char *words : {"Install Particle OS 1 anew on", "The system Particle 2 with", "/var/home", "Kept as it is:\n  Partition ",
                              "preonctl home-volume adopt", "recovery key", "Removed from where the kernels are:\n  /EFI/Linux/Particle_2.efi"})
        EXPECT_TRUE(text.contains(words)) << words << " in\n" << text;
    const auto json = toJson(*plan);
    EXPECT_EQ(json["mode"], "reinstall");
    EXPECT_EQ(json["kept"].size(), 1U);
    EXPECT_EQ(json["removed"].size(), plan->removed.size());
    EXPECT_EQ(plan->removed.size(), 7U) << "three of version 2, two empty slots, root, swap";
    EXPECT_EQ(json["removedFiles"][0]["path"], "/EFI/Linux/Particle_2.efi");
    const auto source = openSource(m_host, "booted");
    const auto itself = planFor(*source, m_folder / "Particle_1.raw", Mode::Reinstall);
    ASSERT_FALSE(itself);
    EXPECT_EQ(itself.error().code, ErrorCode::BadArgument);
}

TEST_F(Reinstall, refusesWhatItCannotDoRight)
{
    const auto disk = makeBesideOthers();
    ASSERT_FALSE(HasFatalFailure());
    const auto source = openSource(m_host, "booted");
    const auto snapshot = takeSnapshot(m_host, Mode::Reinstall, *source, disk, {});
    ASSERT_TRUE(snapshot) << snapshot.error().text();
    ASSERT_EQ(snapshot->target.homes.size(), 1U);
    const auto refusal = [&](const std::function<void(Snapshot &)> &change) {
        Snapshot changed = *snapshot;
        change(changed);
        const auto plan = Install::plan(changed);
        return plan ? std::string("none") : std::string(errorName(plan.error().code)) + ": " + plan.error().text();
    };
    const auto expect = [&](const std::string &code, const std::string &words, const std::function<void(Snapshot &)> &change) {
        const std::string found = refusal(change);
        EXPECT_TRUE(found.starts_with(code) && found.contains(words)) << "wanted " << code << ": " << words << "\nfound " << found;
    };
    const auto entry = [&](Snapshot &s, const Uuid &uuid) -> Disk::Partition & {
        return *std::ranges::find(s.target.table.partitions, uuid, &Disk::Partition::uuid);
    };
    const Uuid home = own(disk, Boot::Role::Home)->uuid, root = m_oldRoot.uuid;
    EXPECT_EQ(refusal([](Snapshot &) { }), "none");
    expect("permission", "preonctl home-volume add-recovery", [](Snapshot &s) { s.target.homes.front().hasRecoveryKey = false; });
    expect("permission", "no integrity protected home", [](Snapshot &s) { s.target.homes.front().isProtected = false; });
    expect("bad-format", "cannot be read", [](Snapshot &s) { s.target.damage = "entries overlap"; });
    expect("unsupported", "another kind than GPT", [](Snapshot &s) { s.target.table.kind = Disk::LabelKind::Dos; });
    expect("bad-argument", "there is no system on it", [](Snapshot &s) { s.target.table.kind = Disk::LabelKind::None; });
    expect("busy", "in use", [](Snapshot &s) { s.target.info.inUse = true; });
    expect("bad-argument", "cannot be installed to", [](Snapshot &s) { s.target.isSource = true; });
    expect("exists", "it is a copy", [&](Snapshot &s) { s.source.esp.uuid = m_esp; });
    expect("not-found", "There is no Particle on", [&](Snapshot &s) {
        s.target.table = m_others;
        s.target.table.kind = Disk::LabelKind::Gpt;
    });
    expect("unsupported", "more than one system", [&](Snapshot &s) {
        BootPartition second = s.target.bootPartitions.front();
        second.partition.uuid = *Uuid::random();
        second.partition.number = 30;
        s.target.bootPartitions.push_back(second);
        s.target.table.partitions.push_back(second.partition);
        entry(s, m_others.partitions[1].uuid).uuid = Boot::ownPartitionUuid(second.partition.uuid, m_oldRoot.type);
    });
    expect("bad-format", "have the same UUID", [&](Snapshot &s) { entry(s, m_others.partitions[1].uuid).uuid = root; });
    expect("exists", "is not Particle", [&](Snapshot &s) {
        for (Disk::Partition &each : s.target.table.partitions) {
            if (each.label == "Particle_2")
                each.label = "Other_2";
            else if (each.label == "_empty" && each.uuid != m_others.partitions[4].uuid)
                each.uuid = *Uuid::random();
        }
    });
    expect("none", "", [&](Snapshot &s) { std::erase(s.target.table.partitions, Disk::Partition(entry(s, root))); });
    expect("none", "", [&](Snapshot &s) { std::erase(s.target.table.partitions, Disk::Partition(entry(s, home))); });
}

TEST_F(Reinstall, theHomesHeaderIsReadForWhatItIs)
{
    const auto disk = makeWholeDisk();
    ASSERT_FALSE(HasFatalFailure());
    const auto source = openSource(m_host, "booted");
    const Disk::Partition home = *own(disk, Boot::Role::Home);
    {
        const auto copy = extract(disk, home);
        auto volume = unlockHome(copy, m_key);
        const auto slots = volume->slots();
        const auto recovery = std::ranges::find(slots, Luks::recoveryToken, &Luks::Slot::token);
        ASSERT_TRUE(volume->removeSlot(recovery->number, std::array{*volume->openedBy()}));
        const auto device = Disk::Device::open(disk, Disk::Access::Write);
        copyInto(*device, home.start, copy, Luks::integrityOffset);
    }
    const auto locked = planAnew(disk);
    ASSERT_FALSE(locked);
    EXPECT_EQ(locked.error().code, ErrorCode::Permission) << locked.error().text();
    {
        const auto device = Disk::Device::open(disk, Disk::Access::Write);
        ASSERT_TRUE(Disk::wipeSignatures(*device, home.start, home.size));
    }
    const auto wiped = planAnew(disk);
    ASSERT_FALSE(wiped);
    EXPECT_EQ(wiped.error().code, ErrorCode::Permission) << wiped.error().text();
}

TEST_F(Reinstall, tooLittleRoomIsSaidWithNumbers)
{
    const auto disk = makeWholeDisk();
    ASSERT_FALSE(HasFatalFailure());
    write("root/usr/lib/repart.d/30-root.conf", "[Partition]\nType=root\nSizeMinBytes=60M\n");
    const auto plan = planAnew(disk);
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().code, ErrorCode::NoSpace);
    EXPECT_TRUE(plan.error().why.contains("once the system that is there has gone") && plan.error().why.contains("bytes) are needed")) << plan.error().text();
}

// Kernels, settings and loaders of others on the EFI partition that we share with them.
TEST_F(Reinstall, onASharedEfiPartitionOnlyKernelsOfOursGo)
{
    const auto disk = makeBesideOthers();
    ASSERT_FALSE(HasFatalFailure());
    const std::string gone(64, 'd');
    {
        const auto device = Disk::Device::open(disk, Disk::Access::Write);
        const Boot::Fat fat = fatOf(*device);
        put(fat, "/EFI/Linux/Particle_0+2-1.efi", makeKernel("0", gone));
        put(fat, "/EFI/Linux/Debian-9.efi", makeKernel("9", gone));
        put(fat, "/EFI/Linux/Particle_notes.efi", asBytes("no kernel at all"));
        put(fat, "/loader/loader.conf", asBytes("timeout 30\n"));
        put(fat, "/EFI/Particle/systemd-bootx64.efi", asBytes("MZ … #### LoaderInfo: systemd-boot 300 ####"));
        m_files.clear();
        noteFiles(fat);
        m_files.emplace_back("/EFI/Linux/Particle_notes.efi");
        m_files.emplace_back("/EFI/Particle/systemd-bootx64.efi");
    }
    const auto others = foreign(disk);
    ASSERT_TRUE(installFrom("booted", disk, Mode::Reinstall));
    EXPECT_EQ(foreign(disk), others);
    const auto device = Disk::Device::open(disk, Disk::Access::Read);
    std::vector<std::string> kernels;
    const auto entries = fatOf(*device).list("/EFI/Linux");
    ASSERT_TRUE(entries) << entries.error().text();
    for (const Boot::FatEntry &entry : *entries)
        kernels.push_back(entry.path);
    std::ranges::sort(kernels);
    EXPECT_EQ(kernels, (std::vector<std::string>{"/EFI/Linux/Debian-9.efi", "/EFI/Linux/Particle_1.efi", "/EFI/Linux/Particle_notes.efi"}));
}

// An EFI partition that was ours alone, until somebody put a loader of their own there.
TEST_F(Reinstall, anEfiPartitionThatOthersCameToUseIsTheirsToo)
{
    const auto disk = makeWholeDisk();
    ASSERT_FALSE(HasFatalFailure());
    share(disk);
    const auto others = foreign(disk);
    ASSERT_TRUE(others.contains("/EFI/BOOT/BOOTX64.EFI"));
    const auto outcome = installFrom("booted", disk, Mode::Reinstall);
    ASSERT_TRUE(outcome) << outcome.error().text();
    EXPECT_EQ(foreign(disk), others);
    expectNew(disk);
}

TEST_F(Reinstall, whatACutLeftHalfWrittenIsNoLackOfRoom)
{
    const auto disk = makeWholeDisk();
    ASSERT_FALSE(HasFatalFailure());
    const auto count = [](const Boot::Fat &fat) {
        return *fat.freeSpace();
    };
    {
        const auto device = Disk::Device::open(disk, Disk::Access::Write);
        const Boot::Fat fat = fatOf(*device);
        put(fat, "/EFI/Linux/filler", Bytes(count(fat) - mebibyte));
        ASSERT_TRUE(runTool({"mren", "-i", disk.string() + "@@1M", "::/EFI/Linux/filler", "::/EFI/Linux/preon-new.tmp"}));
        ASSERT_LT(count(fat), 2 * mebibyte);
    }
    const auto outcome = installFrom("booted", disk, Mode::Reinstall);
    ASSERT_TRUE(outcome) << outcome.error().text();
    expectNew(disk);
}

} // namespace
