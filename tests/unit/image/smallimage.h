// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// A small but whole image of an OS, put together from real parts: a hash tree by veritysetup, a unified kernel by ukify, systemd-boot, our FAT and GPT.
// /usr is noise instead of a file system: nothing that is tested with it looks inside.

#include "tests/unit/boot/folder.h"

#include "core/base/process.h"
#include "core/boot/fat.h"
#include "core/disk/gpt.h"
#include "core/disk/parttypes.h"
#include "core/image/image.h"

#include <map>

class SmallImageTest : public FolderTest
{
protected:
    static constexpr std::uint64_t mebibyte = 1U << 20U;
    static constexpr std::uint64_t espSize = 40 * mebibyte, usrSize = 6 * mebibyte, veritySize = mebibyte, signatureSize = 16384;
    static constexpr const char *espUuid = "11111111-2222-4333-8444-555555555555";

    // What veritysetup says the root hash of a data file is; the tree goes to `hash`.
    static std::string makeTree(const std::filesystem::path &data, const std::filesystem::path &hash)
    {
        const auto made = Preon::runTool({"veritysetup", "format", data.string(), hash.string()});
        EXPECT_TRUE(made) << made.error().text();
        std::string text = made->output.substr(made->output.find("Root hash:") + 10);
        text.erase(0, text.find_first_not_of(" \t"));
        return text.substr(0, 64);
    }

    Preon::Bytes makeKernel(const std::string &version, const std::string &rootHash) const
    {
        const auto linux = write("linux", "a kernel");
        const auto osRelease = write("os-release", "ID=particle\nIMAGE_ID=Particle\nIMAGE_VERSION=" + version + "\nPRETTY_NAME=\"Particle OS\"\n");
        const auto out = m_folder / "kernel.efi";
        const auto made = Preon::runTool({"ukify", "build", "--linux=" + linux.string(), "--os-release=@" + osRelease.string(), "--uname=6.12",
                                          "--cmdline=usrhash=" + rootHash, "--output=" + out.string()});
        EXPECT_TRUE(made) << made.error().text();
        return *Preon::readFile(out);
    }

    static void copyInto(const Preon::Disk::Device &device, std::uint64_t at, const std::filesystem::path &file)
    {
        const auto content = Preon::readFile(file);
        ASSERT_TRUE(content) << content.error().text();
        ASSERT_TRUE(Preon::writeAt(device.fd(), at, *content));
    }

    static void put(const Preon::Boot::Fat &esp, const std::string &path, Preon::ByteView content)
    {
        const auto file = Preon::Boot::MemoryFile::copyOf(content);
        ASSERT_TRUE(file);
        const auto written = esp.write(path, *file);
        ASSERT_TRUE(written) << written.error().text();
    }

    Preon::Disk::Partition partition(unsigned number, std::uint64_t start, std::uint64_t size, const char *type, const Preon::Uuid &uuid,
                                     const std::string &label, std::uint64_t flags = 0) const
    {
        Preon::Disk::Partition result;
        result.number = number;
        result.start = start;
        result.size = size;
        result.type = *Preon::Disk::partitionType(type);
        result.uuid = uuid;
        result.label = label;
        result.flags = flags;
        return result;
    }

    // Makes FOLDER/NAME; leaves its root hash in m_rootHash. Each version is put together once and then copied.
    std::filesystem::path makeImage(const std::string &name = "Particle_1.raw", const std::string &version = "1")
    {
        static std::map<std::string, Template> templates;
        Template &made = templates[version];
        if (made.rootHash.empty()) {
            std::filesystem::copy_file(putTogether(version), made.folder.path / "image");
            made.rootHash = m_rootHash;
        }
        m_rootHash = made.rootHash;
        const auto path = m_folder / name;
        std::filesystem::copy_file(made.folder.path / "image", path, std::filesystem::copy_options::overwrite_existing);
        return path;
    }

    static void flip(const std::filesystem::path &path, std::uint64_t at)
    {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(static_cast<std::streamoff>(at));
        const int old = file.get();
        file.seekp(static_cast<std::streamoff>(at));
        file.put(static_cast<char>(old ^ 1));
    }

    std::string m_rootHash;

private:
    struct Template {
        TemporaryFolder folder;
        std::string rootHash;
    };

    std::filesystem::path putTogether(const std::string &version)
    {
        using namespace Preon;
        const auto path = m_folder / "template.raw";
        std::string noise(usrSize - mebibyte, '\0'); // the slot has room to spare
        for (std::size_t i = 0; i < noise.size(); ++i)
            noise[i] = static_cast<char>((i * 2654435761U) >> 11U) ^ version.front();
        const auto data = write("usr", noise);
        m_rootHash = makeTree(data, m_folder / "tree");
        const auto uuids = *Image::verityUuids(m_rootHash);

        auto device = Disk::Device::create(path, espSize + usrSize + veritySize + 4 * mebibyte);
        EXPECT_TRUE(device) << device.error().text();
        Disk::Table table = Disk::emptyTable(device->size(), 512, *Uuid::parse("99999999-2222-4333-8444-555555555555"));
        const std::string label = "Particle_" + version;
        const std::uint64_t usrAt = mebibyte + espSize, verityAt = usrAt + usrSize, signatureAt = verityAt + veritySize;
        constexpr std::uint64_t readOnly = 1ULL << 60U;
        table.partitions
            = {partition(1, mebibyte, espSize, "esp", *Uuid::parse(espUuid), "ESP"), partition(2, usrAt, usrSize, "usr", uuids.data, label, readOnly),
               partition(3, verityAt, veritySize, "usr-verity", uuids.hash, label, readOnly),
               partition(4, signatureAt, signatureSize, "usr-verity-sig", *Uuid::random(), label, readOnly)};
        EXPECT_TRUE(Disk::writeTable(*device, table));
        copyInto(*device, usrAt, data);
        copyInto(*device, verityAt, m_folder / "tree");
        copyInto(*device, signatureAt, write("signature", "{\"rootHash\":\"" + m_rootHash + "\",\"signature\":\"AAAA\"}"));
        EXPECT_TRUE(Boot::formatFat(*device, mebibyte, espSize, "ESP"));
        const Boot::Fat esp(*device, mebibyte);
        put(esp, "/EFI/systemd/systemd-bootx64.efi", *readFile("/usr/lib/systemd/boot/efi/systemd-bootx64.efi"));
        put(esp, "/EFI/Linux/" + label + "+3-1.efi", makeKernel(version, m_rootHash));
        put(esp, "/loader/loader.conf", asBytes("timeout 3\n"));
        put(esp, "/loader/random-seed", asBytes("never copied"));
        return path;
    }
};
