// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which PCRs changed, and how many PINs may still be tried: what a person is told when the TPM says no.
#include "core/tpm/pcrs.h"
#include "tests/unit/tpm/swtpm.h"

#include <gtest/gtest.h>

using namespace Preon;
using namespace Preon::Tpm;
using Preon::Test::PolicyKey;
using Preon::Test::Swtpm;

namespace
{
std::vector<PcrValue> values(std::initializer_list<std::pair<unsigned, unsigned char>> list)
{
    std::vector<PcrValue> all;
    for (const auto &[index, filling] : list)
        all.push_back({index, Bytes(32, static_cast<std::byte>(filling))});
    return all;
}

SealedSecret sealedTo(const std::vector<PcrValue> &then, bool recorded)
{
    SealedSecret sealed;
    sealed.bank = "sha256";
    for (const PcrValue &value : then)
        sealed.literalPcrs |= 1U << value.index;
    const Sha256Digest policy = sealingPolicy("sha256", sealed.literalPcrs, then, "", false).value();
    sealed.shards = {{Bytes(1), Bytes(policy.begin(), policy.end())}};
    if (recorded)
        sealed.literalValues = then;
    return sealed;
}
}

TEST(Changed, isKnownWhereTheValuesAreRecorded)
{
    const auto sealed = sealedTo(values({{4, 1}, {7, 2}, {12, 3}}), true);
    EXPECT_EQ(changedPcrs(sealed, values({{4, 1}, {7, 9}, {12, 3}})), 1U << 7U);
    EXPECT_EQ(changedPcrs(sealed, values({{4, 8}, {7, 2}, {12, 0}})), 1U << 4U | 1U << 12U);
    EXPECT_EQ(changedPcrs(sealed, values({{4, 1}, {7, 2}, {12, 3}})), std::nullopt); // nothing did
}

TEST(Changed, isKnownWithoutARecordForOneAndForThoseThatWereEmpty)
{
    EXPECT_EQ(changedPcrs(sealedTo(values({{7, 2}}), false), values({{7, 9}})), 1U << 7U);
    const auto sealed = sealedTo(values({{4, 1}, {7, 2}, {12, 0}}), false);
    EXPECT_EQ(changedPcrs(sealed, values({{4, 1}, {7, 2}, {12, 5}})), 1U << 12U);
    EXPECT_EQ(changedPcrs(sealed, values({{4, 1}, {7, 9}, {12, 0}})), std::nullopt); // 4 or 7, who knows
}

TEST(Changed, doesNotBelieveARecordThatLeadsElsewhere)
{
    auto sealed = sealedTo(values({{4, 1}, {7, 2}}), true);
    sealed.literalValues = values({{4, 6}, {7, 2}});
    EXPECT_EQ(changedPcrs(sealed, values({{4, 1}, {7, 9}})), std::nullopt);
    sealed.literalValues = values({{4, 1}});
    EXPECT_EQ(changedPcrs(sealed, values({{4, 1}, {7, 9}})), std::nullopt);
    EXPECT_EQ(changedPcrs(sealed, values({{4, 1}})), std::nullopt);
    EXPECT_EQ(changedPcrs({}, {}), std::nullopt);
}

TEST(Changed, isToldByTheTpmToo)
{
    Swtpm swtpm;
    Context tpm = Context::open(swtpm.host()).value();
    PolicyKey key;
    SealPolicy policy;
    policy.publicKeyPem = key.pem();
    policy.literalPcrs = 1U << 4U | 1U << 7U | 1U << 12U;
    const auto sealed = tpm.seal(Secret(8), policy).value();
    const auto signature = key.sign(tpm.readPcrs("sha256", 1U << 11U).value());
    ASSERT_TRUE(tpm.unseal(sealed, &signature, nullptr));
    ASSERT_TRUE(tpm.extendPcr(12, asBytes("a command line")));
    const auto refused = tpm.unseal(sealed, &signature, nullptr);
    EXPECT_EQ(refused.error().code, ErrorCode::PolicyMismatch);
    EXPECT_EQ(refused.error().why, "PCR 12 (kernel-config) is not as when it was sealed");
    EXPECT_FALSE(refused.error().todo.empty());
}

TEST(Pin, wrongSaysHowManyTriesAreLeftAndTheLockoutForHowLong)
{
    Swtpm swtpm;
    ASSERT_TRUE(swtpm.tool({"tpm2_dictionarylockout", "--setup-parameters", "--max-tries=3", "--recovery-time=600", "--lockout-recovery-time=600"}));
    Context tpm = Context::open(swtpm.host()).value();
    SealPolicy policy;
    policy.pin = Secret::copyOf(asBytes("1234"));
    const auto withPin = tpm.seal(Secret(8), policy).value();
    const auto without = tpm.seal(Secret(8), {}).value();
    const Secret wrong = Secret::copyOf(asBytes("4321"));
    EXPECT_EQ(tpm.unseal(withPin, nullptr, nullptr).error().code, ErrorCode::Permission); // not a try
    EXPECT_NE(tpm.unseal(withPin, nullptr, &wrong).error().why.find("2 tries are left"), std::string::npos);
    EXPECT_NE(tpm.unseal(withPin, nullptr, &wrong).error().why.find("1 try is left"), std::string::npos);
    EXPECT_EQ(tpm.unseal(withPin, nullptr, &wrong).error().code, ErrorCode::Permission);
    const auto locked = tpm.unseal(withPin, nullptr, &policy.pin);
    EXPECT_EQ(locked.error().code, ErrorCode::TpmLockout);
    EXPECT_NE(locked.error().todo.find("10 minutes"), std::string::npos) << locked.error().text();
    EXPECT_EQ(tpm.lockout()->failures, 3U);
    EXPECT_TRUE(tpm.unseal(without, nullptr, nullptr)); // who needs no PIN is not locked out
}

TEST(Sealed, whatPcrlockOrALaterReleaseNeedsIsRefusedInWords)
{
    Swtpm swtpm;
    Context tpm = Context::open(swtpm.host()).value();
    const auto good = tpm.seal(Secret(8), {}).value();
    const Secret pin = Secret::copyOf(asBytes("1234"));
    auto sealed = good;
    sealed.pcrlock = true;
    EXPECT_EQ(tpm.unseal(sealed, nullptr, nullptr).error().code, ErrorCode::Unsupported);
    EXPECT_NE(tpm.unseal(sealed, nullptr, nullptr).error().why.find("systemd-pcrlock"), std::string::npos);
    sealed = good;
    sealed.shards.push_back(sealed.shards.front());
    EXPECT_EQ(tpm.unseal(sealed, nullptr, nullptr).error().code, ErrorCode::Unsupported);
    sealed = good;
    sealed.unknown = {"tpm2_novelty"};
    EXPECT_TRUE(tpm.unseal(sealed, nullptr, nullptr)); // it did not matter
    sealed.pin = true; // here it may, and a try would be counted
    EXPECT_EQ(tpm.unseal(sealed, nullptr, &pin).error().code, ErrorCode::Unsupported);
    EXPECT_EQ(tpm.lockout()->failures, 0U);
    sealed.pin = false;
    sealed.shards[0].policyHash[0] ^= std::byte{1};
    EXPECT_NE(tpm.unseal(sealed, nullptr, nullptr).error().why.find("tpm2_novelty"), std::string::npos);
}
