// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The enrolment key and what becomes of it, on a real LUKS2 volume: cut off anywhere, and with a header that somebody else wrote into.
#include "core/base/units.h"
#include "core/install/unlock.h"

#include "core/install/enrolment.h"
#include "core/install/homevolume.h"
#include "core/luks/recovery.h"
#include "tests/unit/tpm/swtpm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <functional>

#include <libcryptsetup.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

using namespace Preon;
using namespace Preon::Install;
using Luks::WayKind;
using Preon::Test::Folder;

namespace
{

Secret text(std::string_view characters)
{
    return Secret::copyOf(asBytes(characters));
}

// At each phase it calls back, as if the power went there.
class Cuts : public SilentProgress
{
public:
    explicit Cuts(std::function<void(const std::string &)> at)
        : m_at(std::move(at))
    {
    }
    void phase(std::string_view name, std::uint64_t) override
    {
        m_at(std::string(name));
    }

private:
    std::function<void(const std::string &)> m_at;
};

mode_t modeOf(const std::filesystem::path &path)
{
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
}

// A machine's root below a folder, and its volume as the first start leaves it: slot 0 stands for the TPM's, slot 1 is the enrolment key's.
class Machine
{
public:
    explicit Machine(std::filesystem::path folder)
        : root(std::move(folder))
        , volume{.partition = root / "partition", .note = root / "var/lib/preon/unlock.json", .enrolmentKey = root / keyFolder / enrolmentKeyFile}
    {
    }
    void make() const
    {
        (void)Disk::Device::create(volume.partition, 32 * mebibyte).value();
        Luks::Volume made = Luks::Volume::format(volume.partition, {}).value();
        ASSERT_EQ(made.addKeyFile(text("what the TPM gives")), 0);
        nameAs(R"({"type":"systemd-tpm2","keyslots":["0"],"tpm2-blob":"","tpm2-pcrs":[],"tpm2-policy-hash":""})");
        const Secret key = makeEnrolmentKey(root).value();
        Luks::Volume again = open("what the TPM gives");
        ASSERT_EQ(again.addEnrolmentKey(key), 1);
    }
    Machine copyTo(const std::filesystem::path &folder) const
    {
        std::filesystem::copy(root, folder, std::filesystem::copy_options::recursive);
        return Machine(folder);
    }
    Luks::Volume open(std::string_view key) const
    {
        Luks::Volume opened = Luks::Volume::load(volume.partition).value();
        opened.unlock(text(key)).value();
        return opened;
    }
    // A token as anybody who holds the disk can write it.
    void nameAs(const std::string &token) const
    {
        crypt_device *device = nullptr;
        ASSERT_EQ(crypt_init(&device, volume.partition.c_str()), 0);
        ASSERT_EQ(crypt_load(device, CRYPT_LUKS2, nullptr), 0);
        ASSERT_GE(crypt_token_json_set(device, CRYPT_ANY_TOKEN, token.c_str()), 0);
        crypt_free(device);
    }
    void forgetTokens() const
    {
        Luks::Volume::load(volume.partition).value().removeTokens(Luks::enrolmentToken).value();
    }
    std::optional<int> slotOf(const Secret &key) const
    {
        Luks::Volume loaded = Luks::Volume::load(volume.partition).value();
        return loaded.unlock(key) ? loaded.openedBy() : std::nullopt;
    }
    std::vector<WayKind> kinds() const
    {
        std::vector<WayKind> found;
        const RootWays ways = rootWays(volume).value();
        for (const Luks::Way &way : ways.ways)
            found.push_back(way.kind);
        return found;
    }
    bool hasKeyFile() const
    {
        return std::filesystem::exists(volume.enrolmentKey);
    }
    bool hasEnrolmentToken() const
    {
        const Luks::Volume loaded = Luks::Volume::load(volume.partition).value();
        return std::ranges::contains(loaded.tokens().value(), Luks::enrolmentToken, [](const auto &token) { return Luks::tokenType(token); });
    }

    std::filesystem::path root;
    LockedVolume volume;
};

class Enrolment : public testing::Test
{
protected:
    void SetUp() override
    {
        std::filesystem::create_directories(machine.root / "var");
        machine.make();
    }
    // All is done: TPM and the recovery key, which was tested, and nothing of the enrolment key.
    static void expectDone(const Machine &done, const Secret &key)
    {
        EXPECT_EQ(done.kinds(), (std::vector{WayKind::Tpm, WayKind::RecoveryKey}));
        const RootWays ways = rootWays(done.volume).value();
        EXPECT_TRUE(ways.recoveryKey);
        EXPECT_FALSE(ways.enrolmentKey);
        EXPECT_EQ(ways.problem, "");
        EXPECT_FALSE(done.hasKeyFile());
        EXPECT_FALSE(done.hasEnrolmentToken());
        EXPECT_TRUE(done.slotOf(key));
        EXPECT_EQ(done.slotOf(text("what the TPM gives")), 0);
    }

    Folder folder;
    Machine machine{folder / "machine"};
    Secret key = Luks::makeRecoveryKey().value();
    SilentProgress silent;
};
}

TEST_F(Enrolment, theKeyIsReadableByRootAloneAndOpensItsSlot)
{
    EXPECT_EQ(modeOf(machine.volume.enrolmentKey), 0400U);
    EXPECT_EQ(modeOf(machine.volume.enrolmentKey.parent_path()), 0700U);
    EXPECT_EQ(std::filesystem::file_size(machine.volume.enrolmentKey), 32U);
    Luks::Volume volume = Luks::Volume::load(machine.volume.partition).value();
    EXPECT_EQ(unlockByEnrolmentKey(volume, machine.volume.enrolmentKey).value(), 1);
    const RootWays ways = rootWays(machine.volume).value();
    EXPECT_TRUE(ways.enrolmentKey);
    EXPECT_FALSE(ways.recoveryKey);
    EXPECT_EQ(ways.lock, Lock::Tpm);
    EXPECT_EQ(ways.problem, "");
}

TEST_F(Enrolment, aRecoveryKeyIsMadeWithoutAskingAndTheEnrolmentKeyGoes)
{
    giveRecoveryKey(machine.volume, key, silent).value();
    expectDone(machine, key);
    EXPECT_EQ(modeOf(machine.volume.note), 0600U);
    giveRecoveryKey(machine.volume, key, silent).value(); // nothing more to do
    expectDone(machine, key);
    EXPECT_EQ(giveRecoveryKey(machine.volume, Luks::makeRecoveryKey().value(), silent).error().code, ErrorCode::NotFound);
    expectDone(machine, key);
}

TEST_F(Enrolment, whatIsNoRecoveryKeyChangesNothing)
{
    const auto refused = giveRecoveryKey(machine.volume, text("cccccccc-cccccccc"), silent);
    EXPECT_EQ(refused.error().code, ErrorCode::BadArgument);
    EXPECT_TRUE(rootWays(machine.volume).value().enrolmentKey);
    EXPECT_EQ(machine.kinds().size(), 2U);
}

TEST_F(Enrolment, cutOffAnywhereItGoesOnWithTheSameKeyOrWithAnother)
{
    std::vector<Machine> cut;
    Cuts cuts([&](const std::string &phase) { cut.push_back(machine.copyTo(folder / ("cut at " + phase))); });
    giveRecoveryKey(machine.volume, key, cuts).value();
    ASSERT_EQ(cut.size(), 3U);
    for (const Machine &each : cut) {
        const Machine other = each.copyTo(each.root.string() + " and another key");
        giveRecoveryKey(each.volume, key, silent).value();
        expectDone(each, key);

        const bool tested = rootWays(other.volume).value().recoveryKey;
        const Secret another = Luks::makeRecoveryKey().value();
        giveRecoveryKey(other.volume, another, silent).value();
        EXPECT_TRUE(other.slotOf(another));
        // A key that was tested may be in somebody's drawer; one that was not is in nobody's.
        EXPECT_EQ(other.slotOf(key).has_value(), tested) << other.root;
        EXPECT_FALSE(other.hasKeyFile());
        EXPECT_EQ(other.kinds().size(), tested ? 3U : 2U);
    }
}

TEST_F(Enrolment, aSlotThatWasNotNamedBeforeTheCutIsNamedOrRemoved)
{
    // As noteAdding() leaves it, and the slot without its token.
    const Uuid uuid = Luks::Volume::load(machine.volume.partition).value().uuid();
    Luks::TestRecord record;
    record[uuid].adding = 2;
    ASSERT_TRUE(replaceFile(machine.volume.note, asBytes(Luks::testRecordText(record)), 0600));
    ASSERT_EQ(machine.open("what the TPM gives").addKeyFile(key), 2);
    const Machine other = machine.copyTo(folder / "other");
    giveRecoveryKey(machine.volume, key, silent).value();
    expectDone(machine, key);
    const Secret another = Luks::makeRecoveryKey().value();
    giveRecoveryKey(other.volume, another, silent).value();
    expectDone(other, another);
    EXPECT_FALSE(other.slotOf(key));
}

TEST_F(Enrolment, aNoteOfASlotThatIsSomebodysRemovesNothing)
{
    const Uuid uuid = Luks::Volume::load(machine.volume.partition).value().uuid();
    ASSERT_EQ(machine.open("what the TPM gives").addPassphrase(text("somebody's")), 2);
    Luks::TestRecord record;
    record[uuid].adding = 2;
    ASSERT_TRUE(replaceFile(machine.volume.note, asBytes(Luks::testRecordText(record)), 0600));
    giveRecoveryKey(machine.volume, key, silent).value();
    EXPECT_EQ(machine.slotOf(text("somebody's")), 2);
}

TEST_F(Enrolment, aFileWhoseSlotIsGoneGoesToo)
{
    const Secret enrolment = Secret::copyOf(readFile(machine.volume.enrolmentKey).value());
    giveRecoveryKey(machine.volume, key, silent).value();
    ASSERT_TRUE(replaceFile(machine.volume.enrolmentKey, enrolment.bytes(), 0400)); // the cut between slot and file
    EXPECT_NE(rootWays(machine.volume).value().problem, "");
    giveRecoveryKey(machine.volume, key, silent).value();
    expectDone(machine, key);
}

TEST_F(Enrolment, aTokenThatLiesOpensAndRemovesNothingWrong)
{
    const std::vector<std::pair<const char *, std::vector<std::string>>> lies{
        {"another slot", {R"({"type":"preon-enrolment","keyslots":["0"]})"}},
        {"no slot", {R"({"type":"preon-enrolment","keyslots":[]})"}},
        {"two slots", {R"({"type":"preon-enrolment","keyslots":["0","1"]})"}},
        {"two tokens", {R"({"type":"preon-enrolment","keyslots":["0"]})", R"({"type":"preon-enrolment","keyslots":["1"]})"}},
        {"a recovery key that is the enrolment key", {R"({"type":"systemd-recovery","keyslots":["1"]})"}},
        {"no token at all", {}},
    };
    for (const auto &[name, tokens] : lies) {
        SCOPED_TRACE(name);
        const Machine told = machine.copyTo(folder / name);
        told.forgetTokens();
        for (const std::string &token : tokens)
            told.nameAs(token);
        EXPECT_TRUE(rootWays(told.volume).value().enrolmentKey); // by what the key opens
        EXPECT_FALSE(rootWays(told.volume).value().recoveryKey);
        giveRecoveryKey(told.volume, key, silent).value();
        expectDone(told, key);
    }
}

TEST_F(Enrolment, aTokenCannotMakeASlotGoWhoseKeyIsNotTheFiles)
{
    // The file is gone, and the header claims that a key file of somebody's is the enrolment key.
    ASSERT_EQ(machine.open("what the TPM gives").addKeyFile(text("somebody's key file")), 2);
    machine.nameAs(R"({"type":"preon-enrolment","keyslots":["2"]})");
    std::filesystem::remove(machine.volume.enrolmentKey);
    EXPECT_NE(rootWays(machine.volume).value().problem, "");
    const Secret existing = text("somebody's key file");
    const int slot = addRecoveryKey(machine.volume, &existing, key, silent).value();
    confirmRecoveryKey(machine.volume, key, silent).value();
    EXPECT_EQ(machine.slotOf(existing), 2);
    EXPECT_EQ(machine.slotOf(key), slot);
    EXPECT_EQ(machine.slotOf(text("what the TPM gives")), 0);
}

TEST_F(Enrolment, anOldHeaderPutBackOpensForNobody)
{
    const Machine copy = machine.copyTo(folder / "copy of the header");
    giveRecoveryKey(machine.volume, key, silent).value();
    std::filesystem::copy(copy.volume.partition, machine.volume.partition, std::filesystem::copy_options::overwrite_existing);
    const RootWays ways = rootWays(machine.volume).value();
    EXPECT_FALSE(ways.recoveryKey); // it is not in that header, whatever the note says
    EXPECT_FALSE(ways.enrolmentKey);
    EXPECT_NE(ways.problem, "");
    EXPECT_EQ(giveRecoveryKey(machine.volume, key, silent).error().code, ErrorCode::NotFound);
}

TEST_F(Enrolment, aRootOfAnOlderInstallationNeedsAnExistingSecret)
{
    Luks::Volume volume = machine.open("what the TPM gives");
    const std::array opened{0};
    volume.removeSlot(1, opened).value();
    std::filesystem::remove(machine.volume.enrolmentKey);
    EXPECT_EQ(rootWays(machine.volume).value().problem, "");
    const auto refused = giveRecoveryKey(machine.volume, key, silent);
    EXPECT_EQ(refused.error().code, ErrorCode::NotFound);
    EXPECT_NE(refused.error().todo, "");
    const Secret existing = text("what the TPM gives");
    (void)addRecoveryKey(machine.volume, &existing, key, silent).value();
    confirmRecoveryKey(machine.volume, key, silent).value();
    EXPECT_TRUE(rootWays(machine.volume).value().recoveryKey);
}

TEST_F(Enrolment, aKeyThatNobodySawIsNoneTheNextTime)
{
    (void)addRecoveryKey(machine.volume, nullptr, key, silent).value();
    EXPECT_FALSE(rootWays(machine.volume).value().recoveryKey);
    EXPECT_TRUE(machine.hasKeyFile());
    const Secret another = Luks::makeRecoveryKey().value();
    (void)addRecoveryKey(machine.volume, nullptr, another, silent).value();
    EXPECT_FALSE(machine.slotOf(key));
    confirmRecoveryKey(machine.volume, another, silent).value();
    expectDone(machine, another);
}

TEST_F(Enrolment, oneAtATime)
{
    const Fd other = openFile(machine.volume.note.parent_path(), O_RDONLY | O_DIRECTORY).value();
    ASSERT_EQ(::flock(other.get(), LOCK_EX | LOCK_NB), 0);
    EXPECT_EQ(giveRecoveryKey(machine.volume, key, silent).error().code, ErrorCode::Busy);
}

TEST_F(Enrolment, theLastTestedWayIsNeverRemoved)
{
    EXPECT_EQ(removeWay(machine.volume, 1).error().code, ErrorCode::BadArgument);
    giveRecoveryKey(machine.volume, key, silent).value();
    const int slot = *machine.slotOf(key);
    EXPECT_EQ(removeWay(machine.volume, slot).error().code, ErrorCode::BadArgument);
    EXPECT_EQ(machine.slotOf(key), slot);

    const int second = addPassphrase(machine.volume, key, text("a good passphrase")).value();
    EXPECT_EQ(addPassphrase(machine.volume, key, text("a good passphrase")).error().code, ErrorCode::Exists);
    removeWay(machine.volume, slot).value();
    EXPECT_FALSE(machine.slotOf(key));
    removeWay(machine.volume, 0).value(); // the TPM's, as another was tested
    EXPECT_EQ(removeWay(machine.volume, second).error().code, ErrorCode::BadArgument);
    EXPECT_EQ(machine.slotOf(text("a good passphrase")), second);
}

TEST_F(Enrolment, anEnrolmentKeyThatIsRemovedByHandTakesItsFileAlong)
{
    const int passphrase = machine.open("what the TPM gives").addPassphrase(text("a good passphrase")).value();
    EXPECT_EQ(testWay(machine.volume, text("a good passphrase")).value(), passphrase);
    removeWay(machine.volume, 1).value();
    EXPECT_FALSE(machine.hasKeyFile());
    EXPECT_FALSE(machine.hasEnrolmentToken());
    EXPECT_EQ(rootWays(machine.volume).value().problem, "");
}

TEST_F(Enrolment, whatATestSaysIsWhatTheVolumeSays)
{
    EXPECT_EQ(testWay(machine.volume, text("wrong")).error().code, ErrorCode::Permission);
    EXPECT_EQ(testWay(machine.volume, text("wrong"), 0).error().code, ErrorCode::Unsupported);
    EXPECT_EQ(testWay(machine.volume, text("wrong"), 1).error().code, ErrorCode::Permission);
    EXPECT_EQ(testWay(machine.volume, text("wrong"), 9).error().code, ErrorCode::NotFound);
    giveRecoveryKey(machine.volume, key, silent).value();
    std::filesystem::remove(machine.volume.note);
    EXPECT_FALSE(rootWays(machine.volume).value().recoveryKey);
    EXPECT_EQ(testWay(machine.volume, key, machine.slotOf(key)).value(), machine.slotOf(key));
    EXPECT_TRUE(rootWays(machine.volume).value().recoveryKey);
}

TEST_F(Enrolment, theTpmIsAddedAsANewRootHasItAndCountsAsUntested)
{
    Preon::Test::Swtpm swtpm;
    const Preon::Test::PolicyKey signer;
    const Secret existing = text("what the TPM gives");
    EXPECT_EQ(addTpm(machine.volume, swtpm.host(), existing, signer.pem(), {}).error().code, ErrorCode::Unsupported); // nothing was measured
    Tpm::Context tpm = Tpm::Context::open(swtpm.host()).value();
    tpm.extendPcr(11, asBytes("enter-initrd")).value();
    const nlohmann::json signature = signer.sign(tpm.readPcrs("sha256", 1U << 11U).value());
    EXPECT_EQ(addTpm(machine.volume, swtpm.host(), text("wrong"), signer.pem(), {}).error().code, ErrorCode::Permission);
    const int slot = addTpm(machine.volume, swtpm.host(), existing, signer.pem(), text("123456")).value();
    const RootWays ways = rootWays(machine.volume).value();
    EXPECT_EQ(ways.ways.back(), (Luks::Way{.slot = slot, .kind = WayKind::TpmPin, .tested = {}}));
    Luks::Volume volume = Luks::Volume::load(machine.volume.partition).value();
    const Secret pin = text("123456");
    EXPECT_TRUE(volume.unlockTpm(tpm, &signature, &pin, slot));
    EXPECT_TRUE(ways.enrolmentKey); // it is for a recovery key alone
}

TEST_F(Enrolment, aNoteThatMakesNoSenseSaysNothing)
{
    giveRecoveryKey(machine.volume, key, silent).value();
    ASSERT_TRUE(replaceFile(machine.volume.note, asBytes("{]"), 0600));
    EXPECT_FALSE(rootWays(machine.volume).value().recoveryKey);
    EXPECT_EQ(removeWay(machine.volume, 0).error().code, ErrorCode::BadArgument); // nothing was tested
    EXPECT_TRUE(testWay(machine.volume, key));
    EXPECT_TRUE(removeWay(machine.volume, 0));
}

TEST_F(Enrolment, theNextOwnerIsGivenAKeyOfTheirOwn)
{
    giveRecoveryKey(machine.volume, key, silent).value();
    const Secret wrong = Luks::makeRecoveryKey().value();
    EXPECT_EQ(prepareForNextOwner(machine.volume, machine.root, nullptr, silent).error().code, ErrorCode::Permission);
    EXPECT_EQ(prepareForNextOwner(machine.volume, machine.root, &wrong, silent).error().code, ErrorCode::Permission);
    expectDone(machine, key);
    prepareForNextOwner(machine.volume, machine.root, &key, silent).value();
    EXPECT_FALSE(machine.slotOf(key));
    EXPECT_EQ(machine.kinds(), (std::vector{WayKind::Tpm, WayKind::EnrolmentKey}));
    EXPECT_EQ(modeOf(machine.volume.enrolmentKey), 0400U);
    EXPECT_TRUE(rootWays(machine.volume).value().enrolmentKey);
    prepareForNextOwner(machine.volume, machine.root, nullptr, silent).value(); // nothing more to do
    EXPECT_EQ(machine.kinds().size(), 2U);
    giveRecoveryKey(machine.volume, wrong, silent).value();
    expectDone(machine, wrong);
}

TEST_F(Enrolment, cutOffWhileItIsMadeReadyForTheNextOwnerItGoesOn)
{
    giveRecoveryKey(machine.volume, key, silent).value();
    std::vector<Machine> copies;
    Cuts cuts([&](const std::string &) { copies.push_back(machine.copyTo(folder / ("cut-" + std::to_string(copies.size())))); });
    prepareForNextOwner(machine.volume, machine.root, &key, cuts).value();
    ASSERT_EQ(copies.size(), 2U);
    for (const Machine &cut : copies) {
        prepareForNextOwner(cut.volume, cut.root, &key, silent).value();
        EXPECT_EQ(cut.kinds(), (std::vector{WayKind::Tpm, WayKind::EnrolmentKey}));
        EXPECT_FALSE(cut.slotOf(key));
    }
}

TEST_F(Enrolment, aFileOfNoSlotIsNotTakenForTheNextOwnersKey)
{
    giveRecoveryKey(machine.volume, key, silent).value();
    std::ofstream(machine.volume.enrolmentKey) << std::string(32, 'x');
    prepareForNextOwner(machine.volume, machine.root, &key, silent).value();
    EXPECT_TRUE(rootWays(machine.volume).value().enrolmentKey);
    EXPECT_EQ(machine.kinds(), (std::vector{WayKind::Tpm, WayKind::EnrolmentKey}));
}
