// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What opens a volume, what of it was tested, and which way may go.
#include "tests/unit/luks/words.h"
#include "core/luks/ways.h"

#include "core/luks/recovery.h"
#include "tests/unit/tpm/swtpm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>

#include <libcryptsetup.h>

using namespace Preon;
using namespace Preon::Luks;
using Preon::Test::Folder;

namespace
{
const Uuid volumeUuid = *Uuid::parse("11111111-2222-4333-8444-555555555555");

Way way(int slot, WayKind kind, bool tested = false)
{
    return {.slot = slot, .kind = kind, .tested = tested ? std::optional<std::int64_t>(1) : std::nullopt};
}

TestRecord record()
{
    TestRecord record;
    record[volumeUuid].marks[1] = {.digest = sha256(asBytes("one")), .when = 1'700'000'000};
    record[volumeUuid].marks[31] = {.digest = sha256(asBytes("other")), .when = 0};
    record[volumeUuid].adding = 2;
    record[*Uuid::parse("99999999-2222-4333-8444-555555555555")] = {};
    return record;
}

// A token as anybody who holds the disk can write it.
void writeToken(const std::filesystem::path &path, const nlohmann::json &token)
{
    crypt_device *device = nullptr;
    ASSERT_EQ(crypt_init(&device, path.c_str()), 0);
    ASSERT_EQ(crypt_load(device, CRYPT_LUKS2, nullptr), 0);
    ASSERT_GE(crypt_token_json_set(device, CRYPT_ANY_TOKEN, token.dump().c_str()), 0);
    crypt_free(device);
}

class Ways : public testing::Test
{
protected:
    // Made once: the passphrase costs seconds.
    static void SetUpTestSuite()
    {
        made = std::make_unique<Folder>();
        const std::filesystem::path path = *made / "volume";
        Disk::Device::create(path, 32U << 20U).value();
        FormatOptions format;
        format.uuid = volumeUuid;
        Volume volume = Volume::format(path, format).value();
        ASSERT_EQ(volume.addPassphrase(text("a passphrase")), 0);
        ASSERT_EQ(volume.addEnrolmentKey(Secret(32)), 1);
        ASSERT_EQ(volume.addRecoveryKey(makeRecoveryKey().value()), 2);
        ASSERT_EQ(volume.addKeyFile(text("some random bytes")), 3);
    }
    static void TearDownTestSuite()
    {
        made.reset();
    }
    void SetUp() override
    {
        std::filesystem::copy_file(*made / "volume", path);
    }
    std::vector<WayKind> kinds() const
    {
        std::vector<WayKind> found;
        const std::vector<Way> ways = waysInto(Volume::load(path).value(), {}).value();
        for (const Way &each : ways)
            found.push_back(each.kind);
        return found;
    }

    static inline std::unique_ptr<Folder> made;
    Folder folder;
    std::filesystem::path path = folder / "volume";
};
}

TEST(TestRecord, isReadAsItWasWritten)
{
    EXPECT_EQ(parseTestRecord(testRecordText(record())).value(), record());
    EXPECT_EQ(parseTestRecord(testRecordText({})).value(), TestRecord());
}

TEST(TestRecord, refusesWhatItDoesNotKnow)
{
    const std::string digest(64, 'a'), volume = R"("11111111-2222-4333-8444-555555555555")";
    const auto of = [&](const std::string &tests) {
        return R"({"volumes":{)" + volume + ":" + tests + "}}";
    };
    ASSERT_TRUE(parseTestRecord(of(R"({"tested":{"0":{"digest":")" + digest + R"(","when":5}}})")));
    for (const std::string &bad : {std::string(), std::string("[]"), std::string(R"({"volumes":[]})"), std::string(R"({"volumes":{"x":{}}})"),
                                   std::string(R"({"volumes":{},"more":1})"), of("[]"), of(R"({"tested":[]})"), of(R"({"tested":{},"more":1})"),
                                   of(R"({"adding":32})"), of(R"({"adding":-1})"), of(R"({"adding":1.5})"), of(R"({"adding":"1"})"),
                                   of(R"({"tested":{"32":{"digest":")" + digest + R"(","when":5}}})"), // LUKS2 has 32 slots
                                   of(R"({"tested":{"01":{"digest":")" + digest + R"(","when":5}}})"), of(R"({"tested":{"0":{"digest":"aa","when":5}}})"),
                                   of(R"({"tested":{"0":{"digest":")" + digest + R"(","when":-5}}})"),
                                   of(R"({"tested":{"0":{"digest":")" + digest + R"(","when":18446744073709551615}}})"),
                                   of(R"({"tested":{"0":{"digest":")" + digest + R"("}}})"), of(R"({"tested":{"0":5}})")}) {
        const auto read = parseTestRecord(bad);
        ASSERT_FALSE(read) << bad;
        EXPECT_EQ(read.error().code, ErrorCode::BadFormat);
    }
}

TEST_F(Ways, areNamedByWhatOpensThem)
{
    EXPECT_EQ(kinds(), (std::vector{WayKind::Passphrase, WayKind::EnrolmentKey, WayKind::RecoveryKey, WayKind::KeyFile}));
}

TEST_F(Ways, aTokenOfOursHidesNoOther)
{
    // It claims all that a person has, twice, before and behind the tokens that were there.
    for (int i = 0; i < 2; ++i)
        writeToken(path, {{"type", enrolmentToken}, {"keyslots", {"0", "2"}}});
    EXPECT_EQ(kinds(), (std::vector{WayKind::Passphrase, WayKind::EnrolmentKey, WayKind::RecoveryKey, WayKind::KeyFile}));
}

TEST_F(Ways, systemdsDevicesAreNamedThoughWeDoNotHandleThem)
{
    // As systemd-cryptenroll writes it: libcryptsetup lets systemd's plugin look at it where there is one.
    writeToken(path,
               {{"type", "systemd-fido2"},
                {"keyslots", {"3"}},
                {"fido2-credential", "AAAA"},
                {"fido2-salt", "AAAA"},
                {"fido2-rp", "io.systemd.cryptsetup"},
                {"fido2-clientPin-required", true},
                {"fido2-up-required", true},
                {"fido2-uv-required", false}});
    EXPECT_EQ(kinds().back(), WayKind::SecurityKey);
    EXPECT_FALSE(canBeTried(WayKind::SecurityKey));
    EXPECT_FALSE(canBeTried(WayKind::Tpm));
    EXPECT_TRUE(canBeTried(WayKind::RecoveryKey));
}

TEST_F(Ways, aMarkBelongsToTheKeyAndNotToTheSlot)
{
    Volume volume = Volume::load(path).value();
    VolumeTests tests;
    tests.marks[2] = {.digest = volume.slotDigest(2).value(), .when = 5};
    tests.marks[9] = {.digest = {}, .when = 5}; // of a slot that is no more
    EXPECT_EQ(waysInto(volume, tests).value()[2].tested, 5);
    EXPECT_EQ(waysInto(volume, tests).value()[0].tested, std::nullopt);

    volume.unlockSlot(3, text("some random bytes")).value();
    const std::array opened{3};
    volume.removeSlot(2, opened).value();
    EXPECT_EQ(volume.slotDigest(2).error().code, ErrorCode::NotFound);
    ASSERT_EQ(volume.addRecoveryKey(makeRecoveryKey().value(), 2), 2);
    EXPECT_EQ(waysInto(volume, tests).value()[2].tested, std::nullopt);
}

TEST_F(Ways, aMarkOutlivesChangesToOtherSlots)
{
    Volume volume = Volume::load(path).value();
    VolumeTests tests;
    tests.marks[2] = {.digest = volume.slotDigest(2).value(), .when = 5};
    volume.unlockSlot(3, text("some random bytes")).value();
    const std::array opened{3};
    volume.removeSlot(1, opened).value();
    ASSERT_TRUE(volume.addKeyFile(text("another")));
    EXPECT_EQ(waysInto(Volume::load(path).value(), tests).value()[2].tested, 5);
}

TEST(PlanRemoval, keepsAWayThatWasSeenToOpenTheVolume)
{
    const Way tpm = way(0, WayKind::Tpm), enrolment = way(1, WayKind::EnrolmentKey), tested = way(2, WayKind::RecoveryKey, true),
              other = way(3, WayKind::Passphrase);
    EXPECT_TRUE(planRemoval({tpm, tested}, 0));
    EXPECT_TRUE(planRemoval({tpm, enrolment, tested}, 1));
    EXPECT_TRUE(planRemoval({tpm, tested, other}, 3));
    EXPECT_TRUE(planRemoval({tested, way(4, WayKind::Passphrase, true)}, 2));

    const auto refusal = [](const std::vector<Way> &ways, int slot) {
        const auto plan = planRemoval(ways, slot);
        return plan ? "it goes" : plan.error().why;
    };
    EXPECT_EQ(refusal({tpm}, 0), "it is the last way into the volume, and without one all that is on it would be lost");
    EXPECT_EQ(refusal({tpm, enrolment}, 0), "it is the last way into the volume, and without one all that is on it would be lost");
    EXPECT_EQ(refusal({tpm, way(1, WayKind::EnrolmentKey, true)}, 0), "it is the last way into the volume, and without one all that is on it would be lost");
    EXPECT_EQ(refusal({tpm, tested}, 2), "it is the last way of which it was seen that it opens the volume");
    EXPECT_EQ(refusal({tpm, tested, other}, 2), "it is the last way of which it was seen that it opens the volume");
    EXPECT_EQ(refusal({tpm, other}, 3), "of no other way it was seen that it opens the volume");
    EXPECT_EQ(refusal({tpm, enrolment}, 1), "of no other way it was seen that it opens the volume");
    EXPECT_EQ(planRemoval({tpm, tested}, 7).error().code, ErrorCode::NotFound);
    EXPECT_EQ(planRemoval({tpm, tested}, 2).error().code, ErrorCode::BadArgument);
}
