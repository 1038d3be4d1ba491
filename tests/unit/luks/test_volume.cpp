// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Volumes on plain files: all but activating works without the kernel. That needs device-mapper and is tried in virtual machines (tests/vm).
#include "tests/unit/luks/words.h"
#include "core/luks/volume.h"

#include "tests/unit/tpm/swtpm.h"

#include <gtest/gtest.h>

using namespace Preon;
using namespace Preon::Luks;
using Preon::Test::Folder;
using Preon::Test::PolicyKey;
using Preon::Test::Swtpm;

namespace
{
Disk::Device file(const std::filesystem::path &path, std::uint64_t size = 64U << 20U)
{
    return Disk::Device::create(path, size).value();
}

nlohmann::json metadata(const std::filesystem::path &path)
{
    return nlohmann::json::parse(runTool({"cryptsetup", "luksDump", "--dump-json-metadata", path.string()})->output);
}

void writeFile(const std::filesystem::path &path, ByteView content)
{
    replaceFile(path, content, 0600).value();
}
}

TEST(Volume, isFormattedAsSystemdRepartDoes)
{
    Folder folder;
    const auto path = folder / "volume";
    file(path);
    FormatOptions options;
    options.uuid = *Uuid::parse("0123456789abcdef0123456789abcdef");
    options.label = "root";
    auto volume = Volume::format(path, options);
    ASSERT_TRUE(volume) << volume.error().text();
    ASSERT_TRUE(volume->addKeyFile(text("a random key")));
    EXPECT_EQ(volume->uuid(), options.uuid);
    EXPECT_EQ(volume->dataOffset(), 16U << 20U);

    auto ours = metadata(path);
    auto theirs = nlohmann::json::parse(readTextFile(std::filesystem::path(PREON_TEST_DATA) / "luks2-root-by-systemd-repart-257.json").value());
    for (auto *document : {&ours, &theirs}) { // what is random or measured on the machine, and the TPM's token
        (*document)["keyslots"]["0"]["kdf"].erase("salt");
        for (const char *key : {"salt", "digest", "iterations"})
            (*document)["digests"]["0"].erase(key);
        document->erase("tokens");
    }
    EXPECT_EQ(ours, theirs);
    EXPECT_EQ(Volume::load(path)->label(), "root");
}

TEST(Volume, opensWithEachOfItsKeysAndNoOther)
{
    Folder folder;
    const auto path = folder / "volume";
    file(path);
    ASSERT_EQ(Volume::format(path, {})->addKeyFile(text("a random key")), 0);
    auto volume = Volume::load(path).value();
    EXPECT_FALSE(volume.isUnlocked());
    EXPECT_EQ(volume.unlock(text("a guess")).error().code, ErrorCode::Permission);
    EXPECT_EQ(volume.addKeyFile(text("more")).error().code, ErrorCode::BadArgument);
    EXPECT_EQ(volume.activate("preon-test").error().code, ErrorCode::BadArgument);
    EXPECT_TRUE(volume.unlock(text("a random key")));
    EXPECT_TRUE(volume.isUnlocked());
    EXPECT_EQ(volume.addKeyFile(text("more")), 1);
    EXPECT_TRUE(Volume::load(path)->unlock(text("more")));
    EXPECT_TRUE(Volume::load(path)->unlock(text("a random key")));
}

TEST(Volume, stretchesAPassphraseThatAPersonChose)
{
    Folder folder;
    const auto path = folder / "volume";
    file(path);
    ASSERT_EQ(Volume::format(path, {})->addPassphrase(text("a passphrase")), 0);
    auto volume = Volume::load(path).value();
    EXPECT_EQ(volume.slots(), (std::vector<Slot>{{0, "argon2id", ""}}));
    EXPECT_TRUE(volume.unlock(text("a passphrase")));
}

TEST(Volume, thatIsNoneIsRefused)
{
    Folder folder;
    file(folder / "zeros");
    EXPECT_EQ(Volume::load(folder / "zeros").error().code, ErrorCode::BadFormat);
    EXPECT_EQ(Volume::load(folder / "nothing").error().code, ErrorCode::NotFound);
    FormatOptions odd;
    odd.sectorSize = 1000;
    EXPECT_EQ(Volume::format(folder / "zeros", odd).error().code, ErrorCode::BadArgument);
}

TEST(Volume, readsARecoveryKeyMadeBySystemdCryptenroll)
{
    Folder folder;
    const auto path = folder / "volume";
    file(path);
    writeFile(folder / "key", asBytes("a random key"));
    ASSERT_TRUE(Volume::format(path, {})->addKeyFile(text("a random key")));
    const auto enrolled = runTool({"systemd-cryptenroll", "--unlock-key-file=" + (folder / "key").string(), "--recovery-key", path.string()});
    ASSERT_TRUE(enrolled) << enrolled.error().text();
    std::string key = enrolled->output;
    while (!key.empty() && key.back() == '\n')
        key.pop_back();
    auto volume = Volume::load(path).value();
    EXPECT_TRUE(volume.unlock(text(key)));
    EXPECT_EQ(volume.slots().back().token, "systemd-recovery");
}

// cryptsetup decrypts the whole volume in user space, without the kernel: a reader that has nothing in common with our writer but the format.
TEST(Payload, isWhatCryptsetupDecrypts)
{
    for (const std::uint32_t sectorSize : {512U, 4096U}) {
        Folder folder;
        const auto path = folder / "volume";
        file(path, 20U << 20U);
        Bytes plain(3U << 20U);
        for (std::size_t i = 0; i < plain.size(); ++i)
            plain[i] = static_cast<std::byte>(i * 31 + (i >> 12U));
        {
            FormatOptions options;
            options.sectorSize = sectorSize;
            auto volume = Volume::format(path, options).value();
            ASSERT_TRUE(volume.addKeyFile(text("a random key")));
            ASSERT_EQ(volume.sectorSize(), sectorSize);
            const Disk::Device device = Disk::Device::open(path, Disk::Access::Write).value();
            ASSERT_TRUE(volume.writePayload(device, 0, 4096, plain));
            EXPECT_EQ(volume.writePayload(device, 0, 100, plain).error().code, ErrorCode::BadArgument);
        }
        writeFile(folder / "key", asBytes("a random key"));
        const auto decrypted = runTool({"cryptsetup", "reencrypt", "--decrypt", "--force-offline-reencrypt", "--batch-mode", "--key-file",
                                        (folder / "key").string(), "--header", (folder / "header").string(), path.string()});
        ASSERT_TRUE(decrypted) << decrypted.error().text();
        Bytes read(plain.size());
        ASSERT_TRUE(readAt(Disk::Device::open(path, Disk::Access::Read)->fd(), 4096, read)); // without its header the payload begins at 0
        EXPECT_EQ(read, plain) << "with sectors of " << sectorSize << " bytes";
    }
}

TEST(Payload, ofAVolumeInsideADiskGoesToItsPlace)
{
    Folder folder;
    const auto path = folder / "volume";
    file(path);
    auto volume = Volume::format(path, {}).value();
    const Disk::Device disk = file(folder / "disk");
    const Disk::Device alone = Disk::Device::open(path, Disk::Access::Write).value();
    const Bytes plain(4096, std::byte{7});
    ASSERT_TRUE(volume.writePayload(alone, 0, 8192, plain));
    ASSERT_TRUE(volume.writePayload(disk, 1U << 20U, 8192, plain));
    Bytes a(4096);
    Bytes b(4096);
    ASSERT_TRUE(readAt(alone.fd(), volume.dataOffset() + 8192, a));
    ASSERT_TRUE(readAt(disk.fd(), (1U << 20U) + volume.dataOffset() + 8192, b));
    EXPECT_EQ(a, b);
    EXPECT_NE(a, plain);
}
