// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Sealing with a real TPM emulator.
#include "tests/unit/tpm/swtpm.h"

#include <gtest/gtest.h>

using namespace Preon;
using namespace Preon::Tpm;
using Preon::Test::Folder;
using Preon::Test::PolicyKey;
using Preon::Test::Swtpm;

namespace
{
constexpr PcrMask pcr11 = 1U << 11U;

Secret text(std::string_view characters)
{
    return Secret::copyOf(asBytes(characters));
}

std::string open(const Result<Secret> &secret)
{
    return secret ? std::string(secret->chars(), secret->size()) : secret.error().text();
}

SealPolicy signedPolicy(const PolicyKey &key)
{
    SealPolicy policy;
    policy.publicKeyPem = key.pem();
    return policy;
}
}

// tpm2-tss's loader forgets 96 bytes when nobody answers at the other end.
extern "C" const char *__lsan_default_suppressions()
{
    return "leak:libtss2-tctildr";
}

TEST(Tpm, isAbsentWhereThereIsNone)
{
    Folder folder;
    Host host;
    host.dev = folder / "dev";
    EXPECT_FALSE(isPresent(host));
    EXPECT_EQ(Context::open(host).error().code, ErrorCode::NoTpm);
    host.tpm = "swtpm:path=" + (folder / "nothing").string();
    EXPECT_EQ(Context::open(host).error().code, ErrorCode::NoTpm);
    EXPECT_TRUE(isPresent(Swtpm().host()));
}

TEST(Tpm, extendsAllActiveBanks)
{
    Swtpm swtpm;
    Context tpm = Context::open(swtpm.host()).value();
    ASSERT_TRUE(tpm.extendPcr(11, asBytes("preon-live")));
    for (const char *bank : {"sha1", "sha256", "sha384", "sha512"}) {
        const auto values = tpm.readPcrs(bank, pcr11);
        ASSERT_TRUE(values) << bank << ": " << values.error().text();
        EXPECT_NE(values->at(0).digest, Bytes(values->at(0).digest.size())) << bank;
    }
    Sha256 expected;
    const Bytes zeros(32);
    expected.add(zeros).add(sha256(asBytes("preon-live")));
    EXPECT_EQ(toHex(tpm.readPcrs("sha256", pcr11)->at(0).digest), toHex(expected.finish()));
}

TEST(Tpm, readsMorePcrsThanOneAnswerHolds)
{
    Swtpm swtpm;
    Context tpm = Context::open(swtpm.host()).value();
    const auto values = tpm.readPcrs("sha256", 0xFFFFFF);
    ASSERT_TRUE(values);
    ASSERT_EQ(values->size(), 24U);
    for (unsigned index = 0; index < 24; ++index)
        EXPECT_EQ(values->at(index).index, index);
    EXPECT_FALSE(tpm.readPcrs("md5", 1));
}

TEST(Seal, comesBackFromTheSameTpm)
{
    Swtpm swtpm;
    Context tpm = Context::open(swtpm.host()).value();
    const auto sealed = tpm.seal(text("a key"), {});
    ASSERT_TRUE(sealed) << sealed.error().text();
    EXPECT_EQ(sealed->primaryAlgorithm, "ecc");
    EXPECT_EQ(open(tpm.unseal(*sealed, nullptr, nullptr)), "a key");
}

TEST(Seal, staysShutInAnotherTpm)
{
    Swtpm one;
    Swtpm other;
    const auto sealed = Context::open(one.host()).value().seal(text("a key"), {});
    ASSERT_TRUE(sealed);
    Context tpm = Context::open(other.host()).value();
    EXPECT_EQ(tpm.unseal(*sealed, nullptr, nullptr).error().code, ErrorCode::NoTpm); // it has no SRK yet
    ASSERT_TRUE(tpm.seal(text("its own"), {}));
    EXPECT_EQ(tpm.unseal(*sealed, nullptr, nullptr).error().code, ErrorCode::NoTpm); // it has another
}

TEST(Seal, opensWhenTheStorageKeyWasEvictedButTheTpmIsTheSame)
{
    Swtpm swtpm;
    const auto sealed = Context::open(swtpm.host()).value().seal(text("a key"), {});
    ASSERT_TRUE(sealed);
    ASSERT_TRUE(swtpm.tool({"tpm2_evictcontrol", "-C", "o", "-c", "0x81000001"}));
    EXPECT_EQ(open(Context::open(swtpm.host()).value().unseal(*sealed, nullptr, nullptr)), "a key");
}

TEST(Seal, toPcrValuesHoldsUntilTheyChange)
{
    Swtpm swtpm;
    Context tpm = Context::open(swtpm.host()).value();
    SealPolicy policy;
    policy.literalPcrs = 1U << 4U | 1U << 7U;
    const auto sealed = tpm.seal(text("a key"), policy);
    ASSERT_TRUE(sealed) << sealed.error().text();
    EXPECT_EQ(open(tpm.unseal(*sealed, nullptr, nullptr)), "a key");
    ASSERT_TRUE(tpm.extendPcr(7, asBytes("another certificate")));
    EXPECT_EQ(tpm.unseal(*sealed, nullptr, nullptr).error().code, ErrorCode::PolicyMismatch);
}

TEST(Seal, toExpectedPcrValuesOpensOnceTheyAreThere)
{
    Swtpm swtpm;
    Context tpm = Context::open(swtpm.host()).value();
    SealPolicy policy;
    policy.literalPcrs = 1U << 7U | 1U << 12U;
    policy.expected = {{12, Bytes(32)}};
    ASSERT_TRUE(tpm.extendPcr(12, asBytes("a credential")));
    const auto sealed = tpm.seal(text("a key"), policy);
    ASSERT_TRUE(sealed) << sealed.error().text();
    EXPECT_EQ(tpm.unseal(*sealed, nullptr, nullptr).error().code, ErrorCode::PolicyMismatch);
    policy.expected = tpm.readPcrs("sha256", 1U << 12U).value();
    const auto present = tpm.seal(text("a key"), policy);
    ASSERT_TRUE(present) << present.error().text();
    EXPECT_EQ(open(tpm.unseal(*present, nullptr, nullptr)), "a key");
}

TEST(Seal, toExpectedPcrValuesRefusesWhatMakesNoSense)
{
    Swtpm swtpm;
    Context tpm = Context::open(swtpm.host()).value();
    SealPolicy policy;
    policy.literalPcrs = 1U << 7U;
    policy.expected = {{12, Bytes(32)}}; // not bound to it
    EXPECT_EQ(tpm.seal(text("a key"), policy).error().code, ErrorCode::BadArgument);
    policy.expected = {{7, Bytes(20)}}; // a digest of SHA-1
    EXPECT_EQ(tpm.seal(text("a key"), policy).error().code, ErrorCode::BadArgument);
    policy.expected = {{64, Bytes(32)}};
    EXPECT_EQ(tpm.seal(text("a key"), policy).error().code, ErrorCode::BadArgument);
}

TEST(Seal, toASignedPolicyOpensOnlyAtTheSignedMoment)
{
    Swtpm swtpm;
    PolicyKey key;
    Context tpm = Context::open(swtpm.host()).value();
    const auto sealed = tpm.seal(text("a key"), signedPolicy(key));
    ASSERT_TRUE(sealed) << sealed.error().text();
    ASSERT_TRUE(tpm.extendPcr(11, asBytes("enter-initrd")));
    const auto signature = key.sign(tpm.readPcrs("sha256", pcr11).value());
    EXPECT_EQ(open(tpm.unseal(*sealed, &signature, nullptr)), "a key");
    EXPECT_EQ(tpm.unseal(*sealed, nullptr, nullptr).error().code, ErrorCode::PolicyMismatch);
    ASSERT_TRUE(tpm.extendPcr(11, asBytes("leave-initrd")));
    EXPECT_EQ(tpm.unseal(*sealed, &signature, nullptr).error().code, ErrorCode::PolicyMismatch);
}

TEST(Seal, toASignedPolicyRefusesAForgedSignature)
{
    Swtpm swtpm;
    PolicyKey key;
    PolicyKey thief;
    Context tpm = Context::open(swtpm.host()).value();
    const auto sealed = tpm.seal(text("a key"), signedPolicy(key));
    ASSERT_TRUE(sealed);
    auto forged = thief.sign(tpm.readPcrs("sha256", pcr11).value());
    EXPECT_EQ(tpm.unseal(*sealed, &forged, nullptr).error().code, ErrorCode::PolicyMismatch);
    forged["sha256"][0]["pkfp"] = toHex(keyFingerprint(key.pem()).value());
    const auto refused = tpm.unseal(*sealed, &forged, nullptr);
    EXPECT_EQ(refused.error().code, ErrorCode::PolicyMismatch) << refused.error().text();
}

TEST(Seal, combinesSignedPolicyLiteralPcrsAndPin)
{
    Swtpm swtpm;
    PolicyKey key;
    Context tpm = Context::open(swtpm.host()).value();
    SealPolicy policy = signedPolicy(key);
    policy.literalPcrs = 1U << 7U;
    policy.pin = text("1234");
    const auto sealed = tpm.seal(text("a key"), policy);
    ASSERT_TRUE(sealed) << sealed.error().text();
    const auto signature = key.sign(tpm.readPcrs("sha256", pcr11).value());
    const Secret pin = text("1234");
    EXPECT_EQ(open(tpm.unseal(*sealed, &signature, &pin)), "a key");
    EXPECT_EQ(tpm.unseal(*sealed, &signature, nullptr).error().code, ErrorCode::Permission);
}

TEST(Seal, tellsAWrongPinFromALockout)
{
    Swtpm swtpm;
    Context tpm = Context::open(swtpm.host()).value();
    SealPolicy policy;
    policy.pin = text("1234");
    const auto sealed = tpm.seal(text("a key"), policy);
    ASSERT_TRUE(sealed);
    const Secret wrong = text("4321");
    EXPECT_EQ(tpm.unseal(*sealed, nullptr, &wrong).error().code, ErrorCode::Permission);
    auto code = ErrorCode::Permission;
    for (unsigned tries = 0; tries < 40 && code == ErrorCode::Permission; ++tries)
        code = tpm.unseal(*sealed, nullptr, &wrong).error().code;
    EXPECT_EQ(code, ErrorCode::TpmLockout);
}

TEST(Seal, damagedBlobsAreRefused)
{
    Swtpm swtpm;
    Context tpm = Context::open(swtpm.host()).value();
    const auto sealed = tpm.seal(text("a key"), {});
    ASSERT_TRUE(sealed);
    SealedSecret damaged = *sealed;
    damaged.shards[0].blob.resize(damaged.shards[0].blob.size() - 5);
    EXPECT_EQ(tpm.unseal(damaged, nullptr, nullptr).error().code, ErrorCode::BadFormat);
    damaged = *sealed;
    damaged.shards[0].blob[10] ^= std::byte{1};
    EXPECT_FALSE(tpm.unseal(damaged, nullptr, nullptr));
    damaged = *sealed;
    damaged.srk.resize(20);
    EXPECT_EQ(tpm.unseal(damaged, nullptr, nullptr).error().code, ErrorCode::BadFormat);
}

TEST(Seal, leavesNothingBehindInTheTpm)
{
    Swtpm swtpm;
    {
        PolicyKey key;
        Context tpm = Context::open(swtpm.host()).value();
        const auto sealed = tpm.seal(text("a key"), signedPolicy(key));
        const auto signature = key.sign(tpm.readPcrs("sha256", pcr11).value());
        for (unsigned times = 0; times < 5; ++times) // an emulated TPM has room for three
            EXPECT_EQ(open(tpm.unseal(*sealed, &signature, nullptr)), "a key");
    }
    EXPECT_EQ(swtpm.tool({"tpm2_getcap", "handles-transient"})->output, "");
    EXPECT_EQ(swtpm.tool({"tpm2_getcap", "handles-loaded-session"})->output, "");
}

TEST(Seal, moreThanATpmHoldsIsRefused)
{
    Swtpm swtpm;
    Context tpm = Context::open(swtpm.host()).value();
    EXPECT_EQ(tpm.seal(Secret(129), {}).error().code, ErrorCode::BadArgument);
    EXPECT_EQ(tpm.seal(Secret(), {}).error().code, ErrorCode::BadArgument);
    EXPECT_TRUE(tpm.seal(Secret(128), {}));
}
