// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Recovery keys, removal of slots, and the change of the policy key, cut off anywhere.
#include "tests/unit/luks/words.h"
#include "core/luks/recovery.h"
#include "core/luks/volume.h"

#include "tests/unit/tpm/swtpm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

using namespace Preon;
using namespace Preon::Luks;
using Preon::Test::Folder;
using Preon::Test::PolicyKey;
using Preon::Test::Swtpm;

namespace
{

std::string read(const Secret &secret)
{
    return std::string(secret.chars(), secret.size());
}

std::string upper(std::string word)
{
    std::ranges::transform(word, word.begin(), [](char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); });
    return word;
}

class KeySlots : public testing::Test
{
protected:
    void SetUp() override
    {
        Disk::Device::create(path, 32U << 20U).value();
        ASSERT_EQ(Volume::format(path, {}).value().addKeyFile(text("a random key")), 0);
    }
    Volume open(std::string_view key = "a random key") const
    {
        Volume volume = Volume::load(path).value();
        volume.unlock(text(key)).value();
        return volume;
    }

    Folder folder;
    std::filesystem::path path = folder / "volume";
};

class RotatedVolume : public KeySlots
{
protected:
    void SetUp() override
    {
        KeySlots::SetUp();
        Tpm::Context tpm = Tpm::Context::open(swtpm.host()).value();
        tpm.extendPcr(11, asBytes("enter-initrd")).value();
        const auto values = tpm.readPcrs("sha256", pcr11).value();
        byOld = oldKey.sign(values);
        byNew = newKey.sign(values);
        ASSERT_EQ(open().enrollTpm(tpm, policyOf(oldKey)), 1);
    }
    // As the root volume's: the policy key's signature for PCR 11, and an empty PCR 12.
    static Tpm::SealPolicy policyOf(const PolicyKey &key)
    {
        Tpm::SealPolicy policy;
        policy.publicKeyPem = key.pem();
        policy.literalPcrs = 1U << 12U;
        policy.expected = {{12, Bytes(32)}};
        return policy;
    }
    static bool opens(const std::filesystem::path &which, Tpm::Context &tpm, const nlohmann::json &signature)
    {
        auto volume = Volume::load(which);
        return volume && volume->unlockTpm(tpm, &signature);
    }

    Swtpm swtpm;
    PolicyKey oldKey, newKey;
    nlohmann::json byOld, byNew;
};
}

TEST(RecoveryKey, hasTheFormOfSystemds)
{
    const Secret key = makeRecoveryKey().value();
    const std::string word = read(key);
    ASSERT_EQ(word.size(), recoveryKeyLength);
    for (std::size_t i = 0; i < word.size(); ++i) {
        if (i % 9 == 8)
            EXPECT_EQ(word[i], '-');
        else
            EXPECT_NE(std::string_view("cbdefghijklnrtuv").find(word[i]), std::string_view::npos) << word[i];
    }
    EXPECT_NE(read(makeRecoveryKey().value()), word);
}

TEST(RecoveryKey, isTakenAsAPersonTypesIt)
{
    const std::string word = read(makeRecoveryKey().value());
    std::string bare = word;
    std::erase(bare, '-');
    for (const std::string &typed : {word, bare, upper(word), upper(bare), " " + word + "\r\n"}) {
        const auto key = recoveryKeyFrom(text(typed));
        ASSERT_TRUE(key) << typed;
        EXPECT_EQ(read(*key), word);
    }
}

TEST(RecoveryKey, thatIsNoneIsRefused)
{
    const std::string word = read(makeRecoveryKey().value());
    std::string moved = word;
    std::swap(moved[7], moved[8]);
    for (const std::string &typed : {std::string(), word.substr(1), word + "c", std::string(64, 'a'), std::string(71, 'c'), moved, std::string(64, '-')})
        EXPECT_FALSE(recoveryKeyFrom(text(typed))) << typed;
}

TEST_F(KeySlots, aRecoveryKeyOpensWithCapitalsAndWithoutDashes)
{
    const Secret key = makeRecoveryKey().value();
    ASSERT_EQ(open().addRecoveryKey(key), 1);
    EXPECT_EQ(open().slots().at(1), (Slot{1, "pbkdf2", "systemd-recovery"}));
    std::string bare = upper(read(key));
    std::erase(bare, '-');
    EXPECT_EQ(open(bare).openedBy(), 1);
    EXPECT_EQ(open(read(key)).openedBy(), 1);
    EXPECT_EQ(open().addRecoveryKey(text("a password")).error().code, ErrorCode::BadArgument);
    EXPECT_EQ(open().addPassphrase(Secret()).error().code, ErrorCode::BadArgument);
}

// Somebody may have chosen, as an ordinary passphrase, something that looks like one.
TEST_F(KeySlots, aPassphraseThatLooksLikeARecoveryKeyOpensAsItIs)
{
    const std::string odd(64, 'C');
    ASSERT_EQ(open().addKeyFile(text(odd)), 1);
    EXPECT_EQ(open(odd).openedBy(), 1);
}

TEST_F(KeySlots, aSlotGoesOnlyWhileAnotherIsKnownToOpen)
{
    ASSERT_EQ(open().addRecoveryKey(makeRecoveryKey().value()), 1);
    ASSERT_EQ(open().addKeyFile(text("a third")), 2);
    Volume volume = open();
    for (const std::vector<int> &tested : {std::vector<int>{}, std::vector<int>{1}, std::vector<int>{1, 7}, std::vector<int>{-1, 99}}) {
        EXPECT_EQ(volume.removeSlot(1, tested).error().code, ErrorCode::BadArgument);
        EXPECT_EQ(volume.slots().size(), 3U);
    }
    EXPECT_EQ(volume.removeSlot(5, std::vector{0}).error().code, ErrorCode::NotFound);
    EXPECT_EQ(volume.removeSlot(-1, std::vector{0}).error().code, ErrorCode::NotFound);
    EXPECT_EQ(volume.removeSlot(1000, std::vector{0}).error().code, ErrorCode::NotFound);
    ASSERT_TRUE(volume.removeSlot(1, std::vector{0, 1}));
    EXPECT_TRUE(volume.tokens()->empty());
    ASSERT_TRUE(volume.removeSlot(2, std::vector{0}));
    EXPECT_EQ(volume.removeSlot(0, std::vector{0, 1, 2}).error().code, ErrorCode::BadArgument);
    EXPECT_EQ(open().slots().size(), 1U);
}

TEST_F(KeySlots, aTokenThatSpeaksOfAnotherSlotTooStays)
{
    ASSERT_EQ(open().addKeyFile(text("a third")), 1);
    const std::string token = R"({"type":"systemd-recovery","keyslots":["0","1"]})";
    ProcessOptions options;
    options.input.assign(asBytes(token).begin(), asBytes(token).end());
    ASSERT_TRUE(runTool({"cryptsetup", "token", "import", path.string()}, options));
    ASSERT_TRUE(open().removeSlot(1, std::vector{0}));
    ASSERT_EQ(open().tokens()->size(), 1U);
    EXPECT_EQ(tokenSlots(open().tokens()->front()), std::vector<int>{0});
}

TEST_F(RotatedVolume, hangsOnTheNewKeyAlone)
{
    Tpm::Context tpm = Tpm::Context::open(swtpm.host()).value();
    Volume volume = open();
    const auto done = volume.rotateTpm(tpm, policyOf(newKey), {.signature = &byNew});
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_EQ(done->slot, 2);
    EXPECT_EQ(done->removed, std::vector<int>{1});
    EXPECT_FALSE(done->untested);
    EXPECT_EQ(volume.openedBy(), 0); // the way it was opened by is still what it was
    EXPECT_TRUE(opens(path, tpm, byNew));
    EXPECT_FALSE(opens(path, tpm, byOld));
    EXPECT_EQ(volume.tokens()->size(), 1U);
}

TEST_F(RotatedVolume, keepsTheOldKeyUntilTheNewOneOpens)
{
    Tpm::Context tpm = Tpm::Context::open(swtpm.host()).value();
    for (unsigned times = 0; times < 3; ++times) { // and does not pile up slots
        Volume volume = open();
        const auto done = volume.rotateTpm(tpm, policyOf(newKey), {.signature = &byOld});
        ASSERT_TRUE(done) << done.error().text();
        EXPECT_EQ(done->slot, 2);
        EXPECT_TRUE(done->removed.empty());
        ASSERT_TRUE(done->untested);
        EXPECT_EQ(done->untested->code, ErrorCode::PolicyMismatch);
        EXPECT_TRUE(opens(path, tpm, byOld));
    }
    const auto done = open().rotateTpm(tpm, policyOf(newKey), {.signature = &byNew});
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_EQ(done->slot, 2);
    EXPECT_EQ(done->removed, std::vector<int>{1});
    EXPECT_EQ(open().slots().size(), 2U);
}

TEST_F(RotatedVolume, letsGoOfTheOldAtOnceWhereTheOpenedWayRemains)
{
    Tpm::Context tpm = Tpm::Context::open(swtpm.host()).value();
    {
        Volume byTpm = Volume::load(path).value();
        ASSERT_TRUE(byTpm.unlockTpm(tpm, &byOld));
        const auto done = byTpm.rotateTpm(tpm, policyOf(newKey), {.signature = nullptr, .trustOpenedSlot = true});
        ASSERT_TRUE(done) << done.error().text();
        EXPECT_TRUE(done->removed.empty()); // it was opened by what would go
    }
    const auto done = open().rotateTpm(tpm, policyOf(newKey), {.signature = nullptr, .trustOpenedSlot = true});
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_TRUE(done->untested);
    EXPECT_EQ(done->removed, std::vector<int>{1});
}

TEST_F(RotatedVolume, leavesAloneWhatHangsOnNoPolicyKey)
{
    Tpm::Context tpm = Tpm::Context::open(swtpm.host()).value();
    ASSERT_EQ(open().enrollTpm(tpm, {}), 2);
    ASSERT_EQ(open().addRecoveryKey(makeRecoveryKey().value()), 3);
    const auto done = open().rotateTpm(tpm, policyOf(newKey), {.signature = &byNew});
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_EQ(done->removed, std::vector<int>{1});
    EXPECT_EQ(open().slots().size(), 4U); // 0, 2, 3 and the new one
    EXPECT_EQ(open().rotateTpm(tpm, {}).error().code, ErrorCode::BadArgument); // to no key at all
    EXPECT_EQ(Volume::load(path)->rotateTpm(tpm, policyOf(newKey)).error().code, ErrorCode::BadArgument);
}

TEST_F(RotatedVolume, doesNotTakeASlotOfAnotherTpmForItsOwn)
{
    {
        Swtpm elsewhere;
        Tpm::Context other = Tpm::Context::open(elsewhere.host()).value();
        ASSERT_EQ(open().enrollTpm(other, policyOf(newKey)), 2);
    }
    Tpm::Context tpm = Tpm::Context::open(swtpm.host()).value();
    const auto done = open().rotateTpm(tpm, policyOf(newKey), {.signature = &byNew});
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_EQ(done->slot, 3);
    EXPECT_TRUE(opens(path, tpm, byNew));
}

// The disk as it is at any moment of a rotation, as a power cut would leave it: another thread copies it all the while.
TEST_F(RotatedVolume, cutOffAnywhereOpensByTheOneKeyOrTheOther)
{
    constexpr std::size_t header = 2U << 20U; // metadata and the first slots
    const auto cut = folder / "cut", before = folder / "before";
    std::filesystem::copy_file(path, before);
    const Disk::Device disk = Disk::Device::open(path, Disk::Access::Read).value();
    Tpm::Context tpm = Tpm::Context::open(swtpm.host()).value();
    std::vector<Bytes> copies;
    // On a busy machine the thread that copies may have slept through it all.
    for (int attempt = 0; attempt < 50 && copies.size() < 3; ++attempt) {
        std::filesystem::copy_file(before, path, std::filesystem::copy_options::overwrite_existing);
        copies.clear();
        std::atomic<bool> begun = false, done = false;
        std::thread copying([&] {
            Bytes now(header);
            do {
                if (readAt(disk.fd(), 0, now) && (copies.empty() || copies.back() != now))
                    copies.push_back(now);
                begun = true;
                begun.notify_one();
            } while (!done);
        });
        begun.wait(false);
        const auto rotated = open().rotateTpm(tpm, policyOf(newKey), {.signature = &byNew});
        done = true;
        copying.join();
        ASSERT_TRUE(rotated) << rotated.error().text();
    }
    ASSERT_GE(copies.size(), 3U); // before, with both, after; and whatever was half written
    std::filesystem::copy_file(path, cut);
    const Disk::Device writable = Disk::Device::open(cut, Disk::Access::Write).value();
    for (const Bytes &copy : copies) {
        ASSERT_TRUE(writeAt(writable.fd(), 0, copy));
        EXPECT_TRUE(opens(cut, tpm, byOld) || opens(cut, tpm, byNew));
        // And the rotation that is given again comes to its end.
        ASSERT_TRUE(writeAt(writable.fd(), 0, copy));
        Volume again = Volume::load(cut).value();
        ASSERT_TRUE(again.unlock(text("a random key")));
        const auto finished = again.rotateTpm(tpm, policyOf(newKey), {.signature = &byNew});
        ASSERT_TRUE(finished) << finished.error().text();
        EXPECT_TRUE(opens(cut, tpm, byNew));
        EXPECT_FALSE(opens(cut, tpm, byOld));
    }
}
