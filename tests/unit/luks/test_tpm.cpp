// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Volumes bound to a TPM, ours read by systemd 257 and systemd's by us. systemd-cryptenroll unlocks with the TPM on its own, without device-mapper.
#include "tests/unit/luks/words.h"
#include "core/luks/volume.h"

#include "tests/unit/tpm/swtpm.h"

#include <gtest/gtest.h>

#include <unistd.h>

using namespace Preon;
using namespace Preon::Luks;
using Preon::Test::Folder;
using Preon::Test::PolicyKey;
using Preon::Test::Swtpm;

namespace
{

class TpmVolume : public testing::Test
{
protected:
    void SetUp() override
    {
        Disk::Device::create(path, 64U << 20U).value();
        replaceFile(keyFile, asBytes("a random key"), 0600).value();
        replaceFile(policyFile, asBytes(key.pem())).value();
        // PCR 11 must not be all zeros: systemd takes that for firmware which measures nothing.
        Tpm::Context tpm = Tpm::Context::open(swtpm.host()).value();
        tpm.extendPcr(11, asBytes("enter-initrd")).value();
        tpm.extendPcr(7, asBytes("secure boot")).value();
        signature = key.sign(tpm.readPcrs("sha256", pcr11).value());
        replaceFile(signatureFile, asBytes(signature.dump())).value();
        Volume::format(path, {}).value().addKeyFile(text("a random key")).value();
    }

    void enrollOurs(const Tpm::SealPolicy &policy)
    {
        Volume volume = Volume::load(path).value();
        volume.unlock(text("a random key")).value();
        Tpm::Context tpm = Tpm::Context::open(swtpm.host()).value();
        const auto slot = volume.enrollTpm(tpm, policy);
        ASSERT_TRUE(slot) << slot.error().text();
        EXPECT_EQ(volume.slots().back(), (Slot{*slot, "pbkdf2", "systemd-tpm2"}));
    }

    // With a /run of its own that holds the signature where the initrd finds it: systemd-cryptenroll takes no path for unlocking.
    Result<ProcessOutput> cryptenroll(const std::vector<std::string> &words, const std::string &pin = {})
    {
        std::vector<std::string> command{"unshare", "--mount"};
        if (::geteuid() != 0)
            command.push_back("--map-root-user");
        command.insert(command.end(),
                       {"sh", "-c",
                        R"(mount -t tmpfs tmpfs /run && mkdir /run/systemd && cp "$0" /run/systemd/tpm2-pcr-signature.json && exec systemd-cryptenroll "$@")",
                        signatureFile.string()});
        command.insert(command.end(), words.begin(), words.end());
        command.push_back(path.string());
        ProcessOptions options;
        if (!pin.empty())
            options.environment = {{"PIN", pin}, {"NEWPIN", pin}};
        return runTool(command, options);
    }

    // systemd opens the volume with the TPM alone, to show which adds a recovery key.
    Result<ProcessOutput> unlockBySystemd(const std::string &pin = {})
    {
        return cryptenroll({"--unlock-tpm2-device=" + swtpm.tcti(), "--recovery-key"}, pin);
    }

    Result<void> unlockByUs(const nlohmann::json *with, const Secret *pin = nullptr)
    {
        Volume volume = Volume::load(path).value();
        Tpm::Context tpm = Tpm::Context::open(swtpm.host()).value();
        return volume.unlockTpm(tpm, with, pin);
    }

    Swtpm swtpm;
    PolicyKey key;
    Folder folder;
    std::filesystem::path path = folder / "volume", keyFile = folder / "key", policyFile = folder / "policy.pem", signatureFile = folder / "signature.json";
    nlohmann::json signature;
};

std::string say(const auto &result)
{
    return result ? std::string("ok") : result.error().text();
}
}

TEST_F(TpmVolume, oursOpensAgain)
{
    Tpm::SealPolicy policy;
    policy.publicKeyPem = key.pem();
    enrollOurs(policy);
    EXPECT_EQ(say(unlockByUs(&signature)), "ok");
    EXPECT_EQ(unlockByUs(nullptr).error().code, ErrorCode::PolicyMismatch);
}

TEST_F(TpmVolume, withoutATokenSaysThatItWasNeverBound)
{
    EXPECT_EQ(unlockByUs(&signature).error().code, ErrorCode::NotFound);
}

TEST_F(TpmVolume, ofSystemdWithASignedPolicyOpens)
{
    const auto enrolled = cryptenroll({"--unlock-key-file=" + keyFile.string(), "--tpm2-device=" + swtpm.tcti(),
                                       "--tpm2-pcrs=", "--tpm2-public-key=" + policyFile.string(), "--tpm2-public-key-pcrs=11"});
    ASSERT_TRUE(enrolled) << enrolled.error().text();
    EXPECT_EQ(say(unlockByUs(&signature)), "ok");
}

TEST_F(TpmVolume, ofSystemdWithLiteralPcrsAndPinOpens)
{
    const auto enrolled
        = cryptenroll({"--unlock-key-file=" + keyFile.string(), "--tpm2-device=" + swtpm.tcti(), "--tpm2-pcrs=7+11", "--tpm2-with-pin=yes"}, "1234");
    ASSERT_TRUE(enrolled) << enrolled.error().text();
    const Secret pin = text("1234");
    const Secret wrong = text("4321");
    EXPECT_EQ(say(unlockByUs(nullptr, &pin)), "ok");
    EXPECT_EQ(unlockByUs(nullptr, &wrong).error().code, ErrorCode::Permission);
    EXPECT_EQ(unlockByUs(nullptr).error().code, ErrorCode::Permission);
    Tpm::Context::open(swtpm.host()).value().extendPcr(7, asBytes("another")).value();
    EXPECT_EQ(unlockByUs(nullptr, &pin).error().code, ErrorCode::PolicyMismatch);
}

TEST_F(TpmVolume, ofSystemdWithAllOfThemOpens)
{
    const auto enrolled = cryptenroll({"--unlock-key-file=" + keyFile.string(), "--tpm2-device=" + swtpm.tcti(), "--tpm2-pcrs=7", "--tpm2-with-pin=yes",
                                       "--tpm2-public-key=" + policyFile.string(), "--tpm2-public-key-pcrs=11"},
                                      "1234");
    ASSERT_TRUE(enrolled) << enrolled.error().text();
    const Secret pin = text("1234");
    EXPECT_EQ(say(unlockByUs(&signature, &pin)), "ok");
}

TEST_F(TpmVolume, oursWithoutPolicyIsOpenedBySystemd)
{
    enrollOurs({});
    EXPECT_EQ(say(unlockBySystemd()), "ok");
}

TEST_F(TpmVolume, oursWithLiteralPcrsAndPinIsOpenedBySystemd)
{
    Tpm::SealPolicy policy;
    policy.literalPcrs = 1U << 7U | pcr11;
    policy.pin = text("1234");
    enrollOurs(policy);
    EXPECT_EQ(say(unlockBySystemd("1234")), "ok");
}

TEST_F(TpmVolume, oursWithASignedPolicyIsOpenedBySystemd)
{
    Tpm::SealPolicy policy;
    policy.publicKeyPem = key.pem();
    policy.literalPcrs = 1U << 7U;
    enrollOurs(policy);
    EXPECT_EQ(say(unlockBySystemd()), "ok");
}

TEST_F(TpmVolume, secondTokenIsTriedWhenTheFirstDoesNotFit)
{
    Swtpm other;
    {
        Volume volume = Volume::load(path).value();
        volume.unlock(text("a random key")).value();
        Tpm::Context elsewhere = Tpm::Context::open(other.host()).value();
        ASSERT_TRUE(volume.enrollTpm(elsewhere, {}));
    }
    EXPECT_EQ(unlockByUs(nullptr).error().code, ErrorCode::NoTpm);
    enrollOurs({});
    EXPECT_EQ(say(unlockByUs(nullptr)), "ok");
}

TEST_F(TpmVolume, bothMakeTheSameStorageKey)
{
    const auto name = [this] {
        return swtpm.tool({"tpm2_readpublic", "-c", "0x81000001"}).value().output;
    };
    ASSERT_TRUE(cryptenroll({"--unlock-key-file=" + keyFile.string(), "--tpm2-device=" + swtpm.tcti(), "--tpm2-pcrs="}));
    const std::string theirs = name();
    ASSERT_TRUE(swtpm.tool({"tpm2_evictcontrol", "-C", "o", "-c", "0x81000001"}));
    enrollOurs({});
    EXPECT_EQ(name(), theirs);
}
