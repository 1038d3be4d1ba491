// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/base/hash.h"
#include "core/tpm/policy.h"

#include <gtest/gtest.h>

#include <filesystem>

#include <nlohmann/json.hpp>

using namespace Preon;
using namespace Preon::Tpm;

namespace
{
std::string data(const char *name)
{
    return readTextFile(std::filesystem::path(PREON_TEST_DATA) / name).value();
}

std::string pemOf(const nlohmann::json &token)
{
    const Bytes bytes = *fromBase64(token["tpm2_pubkey"].get<std::string>());
    return std::string(reinterpret_cast<const char *>(bytes.data()), bytes.size());
}

// systemd-measure 257 calculated this value of PCR 11 for the phase enter-initrd of data/pcr-signature-by-measure-257.json.
const std::vector<PcrValue> enterInitrd{{11, *fromHex("26e214664efed179661fdff7b9ef508254a8fba2bfeddd7733f655486fb35b76")}};
const std::vector<PcrValue> leaveInitrd{{11, *fromHex("f834dd909caaa29fe87e00479f367a273865abe93bb500863a97eaf5a35a5646")}};

Sha256Digest approved(const std::vector<PcrValue> &values)
{
    PolicyDigest policy;
    policy.pcr("sha256", 1U << 11U, values).value();
    return policy.digest();
}
}

TEST(Policy, ofASignedPcrIsTheOneThatCryptenrollWrites)
{
    const auto token = nlohmann::json::parse(data("token-signed-by-cryptenroll-257.json"));
    const auto policy = sealingPolicy("sha256", 0, {}, pemOf(token), false);
    ASSERT_TRUE(policy) << policy.error().text();
    EXPECT_EQ(toHex(*policy), token["tpm2-policy-hash"].get<std::string>());
}

TEST(Policy, ofPcrValuesIsTheOneThatMeasureSigns)
{
    const auto signatures = nlohmann::json::parse(data("pcr-signature-by-measure-257.json"));
    EXPECT_EQ(toHex(approved(enterInitrd)), signatures["sha256"][0]["pol"].get<std::string>());
    EXPECT_EQ(toHex(approved(leaveInitrd)), signatures["sha256"][1]["pol"].get<std::string>());
}

TEST(Policy, keyFingerprintIsTheOneThatMeasureWrites)
{
    const auto signatures = nlohmann::json::parse(data("pcr-signature-by-measure-257.json"));
    EXPECT_EQ(toHex(keyFingerprint(data("policy.pem")).value()), signatures["sha256"][0]["pkfp"].get<std::string>());
    EXPECT_EQ(keyFingerprint("no key").error().code, ErrorCode::BadFormat);
}

TEST(Signature, isChosenByKeyPcrsAndTheirValues)
{
    const auto signatures = nlohmann::json::parse(data("pcr-signature-by-measure-257.json"));
    const Sha256Digest key = keyFingerprint(data("policy.pem")).value();
    const auto first = findSignature(signatures, "sha256", 1U << 11U, key, approved(enterInitrd));
    const auto second = findSignature(signatures, "sha256", 1U << 11U, key, approved(leaveInitrd));
    ASSERT_TRUE(first && second);
    EXPECT_EQ(toBase64(*first), signatures["sha256"][0]["sig"].get<std::string>());
    EXPECT_EQ(toBase64(*second), signatures["sha256"][1]["sig"].get<std::string>());
}

TEST(Signature, thatDoesNotFitSaysWhatDoesNot)
{
    const auto signatures = nlohmann::json::parse(data("pcr-signature-by-measure-257.json"));
    const Sha256Digest key = keyFingerprint(data("policy.pem")).value();
    const Sha256Digest now = approved(enterInitrd);
    struct Row {
        const char *bank;
        PcrMask pcrs;
        Sha256Digest key, approved;
        const char *why;
    };
    for (const Row &row : {Row{"sha1", 1U << 11U, key, now, "bank sha1"}, Row{"sha256", 1U << 11U, now, now, "other keys"},
                           Row{"sha256", 3U << 11U, key, now, "PCR 11+12"}, Row{"sha256", 1U << 11U, key, key, "another moment"}}) {
        const auto found = findSignature(signatures, row.bank, row.pcrs, row.key, row.approved);
        ASSERT_FALSE(found);
        EXPECT_EQ(found.error().code, ErrorCode::PolicyMismatch);
        EXPECT_NE(found.error().why.find(row.why), std::string::npos) << found.error().text();
    }
}

TEST(Signature, documentsThatAreNoneAreRefused)
{
    const Sha256Digest any{};
    for (const char *text : {"[]", "1", R"({"sha256":{}})", R"({"sha256":[1]})"})
        EXPECT_EQ(findSignature(nlohmann::json::parse(text), "sha256", 1, any, any).error().code, ErrorCode::BadFormat) << text;
    const std::string zeros(64, '0');
    const auto broken = nlohmann::json::parse(R"({"sha256":[{"pcrs":[0],"pkfp":")" + zeros + R"(","pol":")" + zeros + R"(","sig":"%"}]})");
    EXPECT_EQ(findSignature(broken, "sha256", 1, any, any).error().code, ErrorCode::BadFormat);
    const auto odd = nlohmann::json::parse(R"({"sha256":[{"pcrs":[99,-1,"x"],"pkfp":")" + zeros + R"(","pol":7}]})");
    EXPECT_EQ(findSignature(odd, "sha256", 1, any, any).error().code, ErrorCode::PolicyMismatch);
}

TEST(Pin, withoutSaltIsItsPlainHashWithoutTrailingZeros)
{
    const auto value = pinAuthorization(Secret::copyOf(asBytes("1234")), {});
    EXPECT_EQ(toHex(value->bytes()), "03ac674216f3e15c761ee1a5e255f067953623c8b388b4459e13f978d7c846f4");
    // sha256("403") ends in a zero byte: found by counting up.
    const auto shorter = pinAuthorization(Secret::copyOf(asBytes("403")), {});
    EXPECT_EQ(shorter->size(), 31U);
}

TEST(Base64, ofASecretIsTheUsualOne)
{
    for (const char *text : {"", "a", "ab", "abc", "abcd"})
        EXPECT_EQ(
            std::string(reinterpret_cast<const char *>(base64Of(Secret::copyOf(asBytes(text))).bytes().data()), base64Of(Secret::copyOf(asBytes(text))).size()),
            toBase64(asBytes(text)));
}
