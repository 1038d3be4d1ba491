// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/base/units.h"
#include "tests/unit/install/log.h"
#include "core/install/rootlock.h"

#include "core/luks/recovery.h"
#include "tests/unit/tpm/swtpm.h"

#include <gtest/gtest.h>

using namespace Preon;
using namespace Preon::Install;
using Preon::Test::Folder;

namespace
{
const Luks::Slot tpmSlot{0, "pbkdf2", "systemd-tpm2"}, passphrase{1, "argon2id", ""}, recovery{2, "pbkdf2", Luks::recoveryToken},
    enrolment{3, "pbkdf2", Luks::enrolmentToken}, claimed{4, "argon2id", Luks::enrolmentToken};

Tpm::SealPolicy signedPolicy()
{
    Tpm::SealPolicy policy;
    policy.publicKeyPem = "a key";
    return policy;
}

struct OptionsFile {
    Folder folder;
    Host host;
    Log log;
    std::filesystem::path partition = folder / "partition";

    OptionsFile()
    {
        host.run = folder / "run";
        host.dev = folder / "dev"; // without a TPM
        std::filesystem::create_directories(host.run / "preon");
        (void)Disk::Device::create(partition, 32 * mebibyte).value();
    }
    std::string written()
    {
        const auto done = writeUnlockOptions(host, partition, log);
        return done ? readTextFile(host.run / "preon/root.options").value() : done.error().text();
    }
};
}

TEST(UnlockOptions, askOnlyForWhatSomebodyHas)
{
    EXPECT_EQ(unlockOptions({tpmSlot}, false, true), "luks,tpm2-device=auto,headless=true");
    EXPECT_EQ(unlockOptions({tpmSlot}, false, false), "luks,headless=true");
    EXPECT_EQ(unlockOptions({tpmSlot}, true, true), "luks,tpm2-device=auto,tries=0"); // its PIN
    EXPECT_EQ(unlockOptions({tpmSlot}, true, false), "luks,headless=true"); // no PIN helps without the TPM
    EXPECT_EQ(unlockOptions({tpmSlot, recovery}, false, true), "luks,tpm2-device=auto,tries=0");
    EXPECT_EQ(unlockOptions({tpmSlot, passphrase}, false, false), "luks,tries=0");
    EXPECT_EQ(unlockOptions({passphrase}, false, true), "luks,tries=0");
    EXPECT_EQ(unlockOptions({tpmSlot, enrolment}, false, true), "luks,tpm2-device=auto,headless=true"); // nobody types that key
    EXPECT_EQ(unlockOptions({tpmSlot, enrolment}, false, false), "luks,headless=true");
    EXPECT_EQ(unlockOptions({passphrase, enrolment}, false, true), "luks,tries=0");
    EXPECT_EQ(unlockOptions({tpmSlot, claimed}, false, true), "luks,tpm2-device=auto,tries=0"); // a passphrase, whatever a token claims
    EXPECT_EQ(unlockOptions({}, false, true), "luks,headless=true");
}

TEST(PlanLock, takesTheWishWhereItCanAndNeverLessThanTheSystemAsksFor)
{
    const Result<void> holds, none = fail(ErrorCode::NoTpm, "no TPM");
    EXPECT_EQ(planLock({}, holds, true), Lock::Tpm);
    EXPECT_EQ(planLock(Lock::TpmAndPin, holds, false), Lock::TpmAndPin);
    EXPECT_EQ(planLock(Lock::Passphrase, holds, true), Lock::Passphrase);
    EXPECT_EQ(planLock(Lock::Passphrase, holds, false), Lock::Tpm);
    for (const auto wish : {std::optional<Lock>(), std::optional(Lock::Tpm), std::optional(Lock::TpmAndPin), std::optional(Lock::Passphrase)}) {
        EXPECT_EQ(planLock(wish, none, true), Lock::Passphrase);
        EXPECT_EQ(planLock(wish, none, false).error().code, ErrorCode::NoTpm);
    }
}

TEST(KeymapNote, isInTheHeaderBesideTheKeys)
{
    EXPECT_TRUE(keymapNote({}).is_null());
    Choices choices;
    choices.layout = "de";
    choices.variant = "neo";
    OptionsFile at;
    {
        auto volume = Luks::Volume::format(at.partition, {}).value();
        volume.addKeyFile(Secret::random(32).value()).value();
        ASSERT_TRUE(volume.addNote(keymapNote(choices)));
    }
    const auto volume = Luks::Volume::load(at.partition).value();
    EXPECT_EQ(volume.tokens().value(), (std::vector<nlohmann::json>{{{"type", "preon-keymap"}, {"keyslots", nlohmann::json::array()}, {"keymap", "de-neo"}}}));
    EXPECT_EQ(volume.slots().size(), 1U);
    EXPECT_EQ(volume.slots()[0].token, "");
    // There is no such keymap here, which is said and stands in nobody's way.
    at.host.root = at.folder / "root";
    EXPECT_EQ(at.written(), "PREON_ROOT_OPTIONS=luks,tries=0\n");
    EXPECT_TRUE(at.log.text.contains("no keymap \"de-neo\"")) << at.log.text;
}

TEST(CanHold, saysWhatIsMissing)
{
    Host none;
    none.dev = "/nowhere";
    EXPECT_EQ(canHold(none, signedPolicy()).error().code, ErrorCode::NoTpm);

    const Preon::Test::Swtpm tpm;
    const auto untouched = canHold(tpm.host(), signedPolicy());
    EXPECT_EQ(untouched.error().code, ErrorCode::Unsupported);
    EXPECT_NE(untouched.error().text().find("PCR 11 is empty"), std::string::npos) << untouched.error().text();

    ASSERT_TRUE(Tpm::Context::open(tpm.host())->extendPcr(11, asBytes("a kernel")));
    EXPECT_TRUE(canHold(tpm.host(), signedPolicy())) << canHold(tpm.host(), signedPolicy()).error().text();
}

TEST(CanHold, wantsTheBankOfThePolicy)
{
    const Preon::Test::Swtpm tpm;
    ASSERT_TRUE(Tpm::Context::open(tpm.host())->extendPcr(11, asBytes("a kernel")));
    auto policy = signedPolicy();
    policy.bank = "sha3-256";
    EXPECT_FALSE(canHold(tpm.host(), policy));
}

TEST(WriteUnlockOptions, looksAtTheHeader)
{
    OptionsFile at;
    {
        auto volume = Luks::Volume::format(at.partition, {}).value();
        volume.addPassphrase(Secret::copyOf(asBytes("words of a person"))).value();
    }
    EXPECT_EQ(at.written(), "PREON_ROOT_OPTIONS=luks,tries=0\n");
    EXPECT_EQ(at.log.text, "");
}

TEST(WriteUnlockOptions, saysThatTheTpmIsMissing)
{
    const Preon::Test::Swtpm tpm;
    OptionsFile at;
    {
        auto volume = Luks::Volume::format(at.partition, {}).value();
        auto context = Tpm::Context::open(tpm.host()).value();
        Tpm::SealPolicy policy;
        policy.literalPcrs = 1U << 7U;
        ASSERT_TRUE(volume.enrollTpm(context, policy));
    }
    EXPECT_EQ(at.written(), "PREON_ROOT_OPTIONS=luks,headless=true\n");
    EXPECT_NE(at.log.text.find("there is none now"), std::string::npos);
    EXPECT_NE(at.log.text.find("Nothing else opens it"), std::string::npos);
    {
        auto volume = Luks::Volume::load(at.partition).value();
        auto context = Tpm::Context::open(tpm.host()).value();
        ASSERT_TRUE(volume.unlockTpm(context, nullptr));
        volume.addRecoveryKey(Luks::makeRecoveryKey().value()).value();
    }
    at.log.text.clear();
    EXPECT_EQ(at.written(), "PREON_ROOT_OPTIONS=luks,tries=0\n");
    EXPECT_NE(at.log.text.find("recovery key opens it"), std::string::npos);
    at.host.tpm = tpm.host().tpm;
    EXPECT_EQ(at.written(), "PREON_ROOT_OPTIONS=luks,tpm2-device=auto,tries=0\n");
}

TEST(WriteUnlockOptions, refusesWhatIsNoVolume)
{
    OptionsFile at;
    EXPECT_NE(at.written().find("partition"), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(at.host.run / "preon/root.options"));
}
