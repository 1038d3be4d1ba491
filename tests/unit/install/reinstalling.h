// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// A machine whose system is to be installed anew, made by the code that makes such machines, and what a test asks of its disk afterwards.

#include "tests/unit/install/others.h"

#include "core/boot/bootdisk.h"
#include "core/install/firstboot.h"
#include "core/install/homevolume.h"
#include "core/luks/integrity.h"
#include "core/luks/recovery.h"
#include "core/repart/apply.h"
#include "core/verity/hashtree.h"

#include <fstream>

namespace Preon::Install
{

// A disk with version 2 of the system, which was started and has a home with files and a recovery key; a machine that was started from a stick with version 1.
class Reinstall : public AmongOthers
{
protected:
    static constexpr std::uint64_t wholeSize = 172 * mebibyte, sharedSize = 186 * mebibyte;
    static constexpr const char *oldLoader = "MZ … #### LoaderInfo: systemd-boot 256 ####", *newLoader = "MZ … #### LoaderInfo: systemd-boot 257 ####";

    void define(bool withHome = true)
    {
        const auto definition = [&](const char *name, const std::string &text) {
            write(std::string("root/usr/lib/repart.d/") + name, "[Partition]\n" + text);
        };
        definition("10-usr.conf", "Type=usr\nSizeMinBytes=6M\nSizeMaxBytes=6M\n");
        definition("20-usr-b.conf", "Type=usr\nLabel=_empty\nSizeMinBytes=6M\nSizeMaxBytes=6M\n");
        definition("11-verity.conf", "Type=usr-verity\nSizeMinBytes=1M\nSizeMaxBytes=1M\n");
        definition("21-verity-b.conf", "Type=usr-verity\nLabel=_empty\nSizeMinBytes=1M\nSizeMaxBytes=1M\n");
        definition("30-root.conf", "Type=root\nFormat=vfat\nLabel=root\nEncrypt=key-file\nSizeMinBytes=33M\nSizeMaxBytes=33M\n");
        definition("40-swap.conf", "Type=swap\nFormat=swap\nEncrypt=key-file\nSizeMinBytes=33M\nSizeMaxBytes=33M\n");
        if (withHome)
            definition("50-home.conf", "Type=home\nX-PreonProtect=integrity\nSizeMinBytes=42M\nSizeMaxBytes=42M\n");
    }

    // What the starts of the installed system make of its disk, by the code that they use.
    void start(const std::filesystem::path &disk, const Uuid &esp, const std::string &rootHash)
    {
        const auto device = Disk::Device::open(disk, Disk::Access::Write);
        FirstBootFacts facts;
        facts.state.disk = disk;
        facts.state.esp = esp;
        facts.rootHash = *fromHex(rootHash);
        facts.imageId = "Particle";
        const auto definitions = Repart::loadDefinitions(Repart::definitionFolders(m_host), {});
        ASSERT_TRUE(definitions) << definitions.error().text();
        facts.definitions = *definitions;
        Repart::ApplyOptions options;
        options.key = Secret::copyOf(m_key.bytes());
        options.scratch = m_folder;
        for (const Pass pass : {Pass::Root, Pass::Volumes}) {
            facts.table = *Disk::readTable(*device);
            const auto plan = Repart::plan(firstBootSnapshot(facts, pass));
            ASSERT_TRUE(plan) << plan.error().text();
            ASSERT_TRUE(matchesOnly(*plan, ownUuids(facts)));
            const auto made = Repart::apply(*plan, options, m_host, *device, m_progress);
            ASSERT_TRUE(made) << made.error().text();
        }
        m_esp = esp;
    }

    // The home's recovery key, and files behind its header.
    void useHome(const std::filesystem::path &disk)
    {
        const Disk::Partition home = *own(disk, Boot::Role::Home);
        const auto copy = extract(disk, home);
        {
            auto volume = unlockHome(copy, m_key);
            ASSERT_TRUE(volume) << volume.error().text();
            ASSERT_TRUE(volume->addRecoveryKey(m_recoveryKey));
        }
        const auto device = Disk::Device::open(disk, Disk::Access::Write);
        Disk::Partition files = home;
        files.start += Luks::integrityOffset;
        files.size -= Luks::integrityOffset;
        fillWithNoise(*device, files);
        copyInto(*device, home.start, copy, Luks::integrityOffset);
    }

    static void copyInto(const Disk::Device &device, std::uint64_t at, const std::filesystem::path &file, std::uint64_t size)
    {
        const auto content = readFile(file);
        ASSERT_TRUE(content && content->size() >= size);
        ASSERT_TRUE(writeAt(device.fd(), at, ByteView(*content).first(size)));
    }

    // The partition's bytes in a file of its own; what is empty stays a hole.
    std::filesystem::path extract(const std::filesystem::path &disk, const Disk::Partition &partition) const
    {
        const auto device = Disk::Device::open(disk, Disk::Access::Read);
        const auto path = m_folder / "extracted";
        std::filesystem::remove(path);
        const auto copy = Disk::Device::create(path, partition.size);
        EXPECT_TRUE(copy);
        Bytes chunk(mebibyte);
        for (std::uint64_t at = 0; at < partition.size; at += chunk.size()) {
            chunk.resize(std::min<std::uint64_t>(mebibyte, partition.size - at));
            EXPECT_TRUE(readAt(device->fd(), partition.start + at, chunk));
            const bool isEmpty = std::ranges::all_of(chunk, [](std::byte each) { return each == std::byte{0}; });
            EXPECT_TRUE(isEmpty || writeAt(copy->fd(), at, chunk));
        }
        return path;
    }

    static Disk::Table tableOf(const std::filesystem::path &disk)
    {
        return *Disk::readTable(*Disk::Device::open(disk, Disk::Access::Read));
    }
    std::optional<Disk::Partition> own(const std::filesystem::path &disk, Boot::Role role) const
    {
        const auto table = tableOf(disk);
        const auto number = Boot::numberOf(Boot::ownPartitions(table, m_esp, {}), role);
        return number ? std::optional(*std::ranges::find(table.partitions, *number, &Disk::Partition::number)) : std::nullopt;
    }
    static Boot::Fat fatOf(const Disk::Device &device)
    {
        const auto table = *Disk::readTable(device);
        const auto esp = std::ranges::find_if(table.partitions, [](const auto &each) { return Disk::designator(each.type) == Disk::Designator::Esp; });
        return {device, esp->start};
    }

    // Version 2 on a disk of its own, at whose end somebody else has partitions.
    std::filesystem::path makeWholeDisk()
    {
        const auto disk = makeTarget(wholeSize);
        const Uuid esp = install("2", Mode::Erase, disk);
        addOthers(disk);
        useSystem(disk, esp);
        const auto device = Disk::Device::open(disk, Disk::Access::Write);
        put(fatOf(*device), "/loader/random-seed", asBytes("this machine's"));
        bootStick();
        return disk;
    }
    void addOthers(const std::filesystem::path &disk)
    {
        const auto device = Disk::Device::open(disk, Disk::Access::Write);
        Disk::Table table = *Disk::readTable(*device);
        m_others = table;
        m_others.partitions.clear();
        m_files.clear();
        std::uint64_t at = wholeSize - 7 * mebibyte;
        for (const char *type : {"root", "home", "usr"}) {
            const auto number = static_cast<unsigned>(20 + m_others.partitions.size());
            m_others.partitions.push_back(partition(number, at, 2 * mebibyte, type, *Uuid::random(), "theirs"));
            at += 2 * mebibyte;
            fillWithNoise(*device, m_others.partitions.back());
            table.partitions.push_back(m_others.partitions.back());
        }
        EXPECT_TRUE(Disk::writeTable(*device, table));
    }

    // Version 2 beside others.
    std::filesystem::path makeBesideOthers(bool smallEsp = false)
    {
        const auto disk = makeOthers(sharedSize + (smallEsp ? espSize : 0));
        if (smallEsp)
            leaveFree(disk, mebibyte + 32 * 1024); // the kernels get a partition of their own
        useSystem(disk, install("2", Mode::Beside, disk));
        const auto device = Disk::Device::open(disk, Disk::Access::Read);
        m_files.clear();
        noteFiles(fatOf(*device));
        bootStick();
        return disk;
    }

    // Somebody comes to use our EFI partition, too.
    void share(const std::filesystem::path &disk)
    {
        const auto device = Disk::Device::open(disk, Disk::Access::Write);
        put(fatOf(*device), "/EFI/Microsoft/Boot/bootmgfw.efi", asBytes("theirs"));
        m_others.partitions.push_back(tableOf(disk).partitions.front());
        noteFiles(fatOf(*device));
    }

    // Returns the UUID of the EFI partition.
    Uuid install(const std::string &version, Mode mode, const std::filesystem::path &disk)
    {
        const auto image = makeImage("Particle_" + version + ".raw", version);
        {
            const auto device = Disk::Device::open(image, Disk::Access::Write);
            put(fatOf(*device), "/EFI/systemd/systemd-bootx64.efi", asBytes(oldLoader));
        }
        const auto outcome = installFrom(image.string(), disk, mode);
        EXPECT_TRUE(outcome) << outcome.error().text();
        return outcome ? outcome->espUuid : Uuid();
    }
    void useSystem(const std::filesystem::path &disk, const Uuid &esp)
    {
        define();
        start(disk, esp, m_rootHash);
        ASSERT_FALSE(HasFatalFailure());
        useHome(disk);
        m_oldRoot = *own(disk, Boot::Role::Root);
        m_oldHash = m_rootHash;
    }
    void bootStick()
    {
        std::filesystem::remove(m_host.dev / "disk/by-preon/disk");
        bootFrom(makeImage());
        write("root/usr/lib/systemd/boot/efi/systemd-bootx64.efi", newLoader);
        define();
    }

    Result<Plan> planAnew(const std::filesystem::path &disk)
    {
        PREON_TRY(const Source source, openSource(m_host, "booted"));
        return planFor(source, disk, Mode::Reinstall);
    }

    // Home's entry and each of its bytes.
    std::string homeOf(const std::filesystem::path &disk) const
    {
        const auto home = own(disk, Boot::Role::Home);
        if (!home)
            return "gone";
        const auto device = Disk::Device::open(disk, Disk::Access::Read);
        SilentProgress silent;
        return std::to_string(home->number) + " at " + std::to_string(home->start) + ' ' + home->label + ' '
            + toHex(*Disk::hashRange(*device, {home->start, home->size}, silent));
    }

    // Whether a key opens what lies where the old root lay.
    bool oldRootOpens(const std::filesystem::path &disk) const
    {
        auto volume = Luks::Volume::load(extract(disk, m_oldRoot));
        return volume && volume->unlock(m_key);
    }

    // What a start from this disk would come to: each kernel of ours that the loader offers must have all that it needs.
    std::string startsInto(const std::filesystem::path &disk) const
    {
        const auto device = Disk::Device::open(disk, Disk::Access::Read);
        const auto image = Image::inspect(*device, m_esp);
        EXPECT_TRUE(image) << image.error().text();
        std::string found = "nothing";
        for (const Image::Kernel &kernel : image->kernels) {
            if (!kernel.path.starts_with("/EFI/Linux/Particle_"))
                continue;
            const auto system = std::ranges::find(image->systems, kernel.rootHash, &Image::System::rootHash);
            if (system == image->systems.end())
                return kernel.path + " starts into no /usr";
            SilentProgress silent;
            const auto tree = Verity::HashTree::load(*device, {system->verity.start, system->verity.size}, *fromHex(kernel.rootHash), silent);
            if (!tree || !Verity::verifyData(*device, {system->usr.start, system->usr.size}, *tree, silent))
                return kernel.path + " starts into a damaged /usr";
            if (own(disk, Boot::Role::Root) && !oldRootOpens(disk))
                return kernel.path + " starts into a root that does not open";
            found = kernel.rootHash == m_rootHash ? "new" : kernel.rootHash == m_oldHash ? "old" : "other";
        }
        return found;
    }

    void expectNew(const std::filesystem::path &disk) const
    {
        EXPECT_EQ(startsInto(disk), "new") << disk;
        EXPECT_FALSE(own(disk, Boot::Role::Root)) << disk;
        EXPECT_FALSE(own(disk, Boot::Role::Swap)) << disk;
        EXPECT_FALSE(oldRootOpens(disk)) << disk;
        const auto table = tableOf(disk);
        EXPECT_TRUE(std::ranges::none_of(table.partitions, [](const auto &each) { return each.label == "Particle_2"; })) << disk;
        const auto device = Disk::Device::open(disk, Disk::Access::Read);
        EXPECT_EQ(Image::inspect(*device, m_esp)->systems.front().kernels, std::vector<std::string>{"/EFI/Linux/Particle_1.efi"}) << disk;
    }

    Disk::Partition m_oldRoot;
    Uuid m_esp;
    std::string m_oldHash;
    const Secret m_key = Secret::random(volumeKeyFileSize).value(), m_recoveryKey = Luks::makeRecoveryKey().value();
};

} // namespace Preon::Install
