// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// A disk on which other systems live, and what of it belongs to them: for tests that nothing of that changes.

#include "tests/unit/install/installing.h"

#include "core/base/hash.h"
#include "core/disk/content.h"

namespace Preon::Install
{

// A disk with two other systems, one of them of the discoverable kind, and 90 MiB of free space behind them.
class AmongOthers : public Installing
{
protected:
    static constexpr std::uint64_t foreignEnd = 60 * mebibyte, diskSize = 150 * mebibyte;

    std::filesystem::path makeOthers(std::uint64_t size = diskSize, std::uint64_t foreignEspSize = 36 * mebibyte)
    {
        const auto path = m_folder / "target.raw";
        std::filesystem::remove(path);
        const auto device = Disk::Device::create(path, size);
        EXPECT_TRUE(device);
        Disk::Table table = Disk::emptyTable(size, 512, *Uuid::random());
        std::uint64_t at = mebibyte;
        const auto add = [&](unsigned number, const char *type, std::uint64_t length, const char *label) {
            table.partitions.push_back(partition(number, at, length, type, *Uuid::random(), label));
            at += length;
        };
        add(1, "esp", foreignEspSize, "EFI system partition");
        at = foreignEnd - 20 * mebibyte;
        add(3, "root", 4 * mebibyte, "root-x86-64");
        add(4, "home", 4 * mebibyte, "home");
        add(5, "swap", 4 * mebibyte, "swap");
        add(6, "usr", 4 * mebibyte, "_empty");
        add(7, "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7", 4 * mebibyte, "Basic data partition");
        EXPECT_TRUE(Disk::writeTable(*device, table));
        for (const Disk::Partition &each : table.partitions)
            fillWithNoise(*device, each);
        const Disk::Partition &esp = table.partitions.front();
        EXPECT_TRUE(Boot::formatFat(*device, esp.start, esp.size, "SYSTEM"));
        const Boot::Fat fat(*device, esp.start);
        for (const char *file : {"/EFI/Microsoft/Boot/bootmgfw.efi", "/EFI/BOOT/BOOTX64.EFI", "/EFI/debian/shimx64.efi", "/loader/random-seed"})
            put(fat, file, asBytes(std::string("somebody else's ") + file));
        m_others = table;
        m_files.clear();
        noteFiles(fat);
        return path;
    }

    static void fillWithNoise(const Disk::Device &device, const Disk::Partition &partition)
    {
        Bytes noise(mebibyte);
        for (std::size_t i = 0; i < noise.size(); ++i)
            noise[i] = static_cast<std::byte>((i * 2654435761U + partition.number) >> 9U);
        for (std::uint64_t at = 0; at < partition.size; at += noise.size())
            ASSERT_TRUE(writeAt(device.fd(), partition.start + at, noise));
    }

    // Takes room on the foreign EFI partition until so many bytes are left.
    void leaveFree(const std::filesystem::path &path, std::uint64_t bytes) const
    {
        const auto device = Disk::Device::open(path, Disk::Access::Write);
        const Boot::Fat fat(*device, m_others.partitions.front().start);
        const auto free = fat.freeSpace();
        ASSERT_TRUE(free && *free > bytes);
        put(fat, "/fonts.pak", Bytes(*free - bytes));
    }

    // What belongs to others on the disk: their entries in the table, their partitions' bytes, their files.
    std::map<std::string, std::string> foreign(const std::filesystem::path &path) const
    {
        std::map<std::string, std::string> facts;
        const auto device = Disk::Device::open(path, Disk::Access::Read);
        const auto table = Disk::readTable(*device);
        EXPECT_TRUE(table) << table.error().text();
        facts["disk"] = table->diskUuid.text();
        SilentProgress silent;
        for (const Disk::Partition &each : m_others.partitions) {
            const std::string name = "partition " + std::to_string(each.number);
            const auto now = std::ranges::find(table->partitions, each.number, &Disk::Partition::number);
            facts[name] = now == table->partitions.end() ? "gone" : *now == each ? "same" : "changed";
            if (Disk::designator(each.type) != Disk::Designator::Esp) {
                facts[name + " content"] = toHex(*Disk::hashRange(*device, {each.start, each.size}, silent));
                continue;
            }
            const Boot::Fat fat(*device, each.start);
            for (const std::string &file : m_files) {
                const auto content = fat.read(file);
                facts[file] = content ? toHex(sha256(content->bytes())) : content.error().text();
            }
        }
        return facts;
    }

    // From now on, what lies on the EFI partition and does not have a name of ours must not change.
    void noteFiles(const Boot::Fat &fat, const std::string &folder = "/")
    {
        const auto entries = fat.list(folder);
        ASSERT_TRUE(entries) << entries.error().text();
        for (const Boot::FatEntry &entry : *entries) {
            if (entry.path == "/EFI/Particle" || entry.path.starts_with("/EFI/Linux/Particle_"))
                continue;
            if (entry.folder)
                noteFiles(fat, entry.path);
            else
                m_files.push_back(entry.path);
        }
    }

    Disk::Table m_others;
    std::vector<std::string> m_files;
};

} // namespace Preon::Install
