// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/base/hash.h"
#include "core/luks/token.h"

#include <gtest/gtest.h>

#include <filesystem>

using namespace Preon;
using namespace Preon::Luks;

namespace
{
nlohmann::json readData(const char *name)
{
    return nlohmann::json::parse(readTextFile(std::filesystem::path(PREON_TEST_DATA) / name).value());
}

nlohmann::json small()
{
    return {{"type", "systemd-tpm2"}, {"keyslots", {"1"}}, {"tpm2-blob", "AAA="}, {"tpm2-pcrs", {7}}, {"tpm2-policy-hash", "00ff"}};
}
}

TEST(Token, ofSystemdRepartIsRead)
{
    const auto token = readData("luks2-root-by-systemd-repart-257.json")["tokens"]["0"];
    const auto sealed = fromToken(token);
    ASSERT_TRUE(sealed) << sealed.error().text();
    EXPECT_EQ(sealed->literalPcrs, 1U << 7U);
    EXPECT_EQ(sealed->bank, "sha256");
    EXPECT_EQ(toHex(sealed->shards.at(0).policyHash), "11be9ac201c20781bccadc6a93cdbbf527aa730d354c9ee4b6d495a2c2069931");
    EXPECT_TRUE(sealed->publicKeyPem.empty());
    EXPECT_FALSE(sealed->pin);
    EXPECT_EQ(sealed->srk.size(), 136U);
    EXPECT_EQ(tokenSlots(token), std::vector<int>{0});
}

TEST(Token, writtenAndReadAgainIsTheSame)
{
    Tpm::SealedSecret sealed;
    sealed.shards = {{{std::byte{1}, std::byte{2}}, Bytes(32, std::byte{3})}};
    sealed.bank = "sha256";
    sealed.literalPcrs = 1U << 4U | 1U << 7U;
    sealed.publicKeyPem = "-----BEGIN";
    sealed.signedPcrs = 1U << 11U;
    sealed.srk = {std::byte{0x81}};
    sealed.salt = Bytes(32, std::byte{9});
    sealed.pin = true;
    sealed.primaryAlgorithm = "rsa";
    const auto token = toToken(sealed, 3);
    EXPECT_EQ(token["keyslots"], nlohmann::json::array({"3"}));
    EXPECT_EQ(token["tpm2-pcrs"], nlohmann::json::array({4, 7}));
    const auto again = fromToken(token);
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(toToken(*again, 3), token);
}

TEST(Token, of252WithoutTheLaterMembersIsRead)
{
    const auto sealed = fromToken(small());
    ASSERT_TRUE(sealed) << sealed.error().text();
    EXPECT_TRUE(sealed->srk.empty());
    EXPECT_TRUE(sealed->primaryAlgorithm.empty());
    EXPECT_EQ(sealed->bank, "sha256");
}

TEST(Token, withAMissingOrWrongMemberIsRefused)
{
    for (const char *key : {"tpm2-blob", "tpm2-pcrs", "tpm2-policy-hash"}) {
        auto token = small();
        token.erase(key);
        EXPECT_EQ(fromToken(token).error().code, ErrorCode::BadFormat) << key;
        token = small();
        token[key] = {{"an", "object"}};
        EXPECT_EQ(fromToken(token).error().code, ErrorCode::BadFormat) << key;
    }
    auto token = small();
    token["tpm2-pcrs"] = {24};
    EXPECT_EQ(fromToken(token).error().code, ErrorCode::BadFormat);
    token = small();
    token["tpm2-pin"] = "yes";
    EXPECT_EQ(fromToken(token).error().code, ErrorCode::BadFormat);
    token = small();
    token["tpm2_pubkey"] = "AAAA"; // a key, but of which PCRs?
    EXPECT_EQ(fromToken(token).error().code, ErrorCode::BadFormat);
    for (const char *text : {"null", "[]", "1", "{}", R"({"type":"systemd-recovery","keyslots":["2"]})"})
        EXPECT_EQ(fromToken(nlohmann::json::parse(text)).error().code, ErrorCode::BadFormat) << text;
}

TEST(Token, ofSeveralShardsWithPcrlockIsReadAndWritten)
{
    auto token = small();
    token["tpm2-blob"] = {"AAA=", "AAE="};
    token["tpm2-policy-hash"] = {"00ff", "11ee"};
    token["tpm2_pcrlock"] = true;
    token["tpm2_pcrlock_nv"] = "AQI=";
    const auto sealed = fromToken(token);
    ASSERT_TRUE(sealed) << sealed.error().text();
    ASSERT_EQ(sealed->shards.size(), 2U);
    EXPECT_EQ(toBase64(sealed->shards[1].blob), "AAE=");
    EXPECT_EQ(toHex(sealed->shards[1].policyHash), "11ee");
    EXPECT_TRUE(sealed->pcrlock);
    EXPECT_EQ(toHex(sealed->pcrlockNv), "0102");
    const auto written = toToken(*sealed, 1);
    for (const char *key : {"tpm2-blob", "tpm2-policy-hash", "tpm2_pcrlock", "tpm2_pcrlock_nv"})
        EXPECT_EQ(written[key], token[key]) << key;

    token["tpm2-blob"] = {"AAA="};
    EXPECT_EQ(fromToken(token).error().code, ErrorCode::BadFormat); // one object for two policies
    token["tpm2-policy-hash"] = {"00ff"};
    EXPECT_EQ(toToken(fromToken(token).value(), 1)["tpm2-blob"], "AAA="); // a list of one is the plain form
    for (const auto &wrong :
         {nlohmann::json::array(), nlohmann::json(std::vector<std::string>(17, "AAA=")), nlohmann::json({1}), nlohmann::json({"AAA=", ""})}) {
        token["tpm2-blob"] = wrong;
        EXPECT_EQ(fromToken(token).error().code, ErrorCode::BadFormat) << wrong;
    }
}

TEST(Token, ofPcrlockAndASignedPolicyByCryptenrollIsWrittenAsItWasRead)
{
    const auto token = readData("token-pcrlock-and-signed-by-cryptenroll-257.json");
    const auto sealed = fromToken(token);
    ASSERT_TRUE(sealed) << sealed.error().text();
    EXPECT_EQ(sealed->shards.size(), 2U);
    EXPECT_TRUE(sealed->pcrlock);
    EXPECT_EQ(sealed->signedPcrs, 1U << 11U);
    EXPECT_TRUE(sealed->unknown.empty());
    EXPECT_EQ(toToken(*sealed, 1), token);
}

TEST(Token, ofALaterReleaseSaysWhatItNeeds)
{
    for (const char *key : {"tpm2_pubkey_ref", "tpm2_argon2id_memcost", "tpm2_argon2id_iterations", "tpm2_argon2id_lanes"}) {
        auto token = small();
        token[key] = 1;
        const auto refused = fromToken(token);
        ASSERT_FALSE(refused) << key;
        EXPECT_EQ(refused.error().code, ErrorCode::Unsupported);
        EXPECT_NE(refused.error().why.find("later release"), std::string::npos);
    }
    auto token = small();
    token["tpm2_novelty"] = {{"deep", 1}};
    token["tpm2_off"] = false;
    token["somebody_elses"] = 1;
    EXPECT_EQ(fromToken(token)->unknown, std::vector<std::string>{"tpm2_novelty"});
}

TEST(Token, carriesTheValuesOfItsLiteralPcrs)
{
    Tpm::SealedSecret sealed;
    sealed.shards = {{Bytes(2), Bytes(32)}};
    sealed.bank = "sha1";
    sealed.literalPcrs = 1U << 7U | 1U << 12U;
    sealed.literalValues = {{7, Bytes(20, std::byte{7})}, {12, Bytes(20)}};
    const auto token = toToken(sealed, 0);
    EXPECT_EQ(fromToken(token)->literalValues, sealed.literalValues);
    for (const auto &wrong :
         {nlohmann::json(1), nlohmann::json::object(), nlohmann::json{{"7", "00"}, {"12", "00"}}, nlohmann::json{{"7", std::string(40, '0')}, {"12", 3}}}) {
        auto odd = token;
        odd["preon_pcr_values"] = wrong;
        ASSERT_TRUE(fromToken(odd)) << wrong; // it opens all the same
        EXPECT_TRUE(fromToken(odd)->literalValues.empty());
    }
}

TEST(Token, withoutPcrsNamesNoBank)
{
    Tpm::SealedSecret sealed;
    sealed.shards = {{Bytes(2), Bytes(32)}};
    sealed.bank = "sha256";
    EXPECT_FALSE(toToken(sealed, 0).contains("tpm2-pcr-bank"));
    EXPECT_EQ(fromToken(toToken(sealed, 0))->bank, "sha256");
}

TEST(Token, slotsThatAreNoneAreLeftOut)
{
    EXPECT_EQ(tokenSlots(nlohmann::json::parse(R"({"keyslots":["0","x",3,"-1","31","1x"]})")), (std::vector<int>{0, 31}));
    EXPECT_TRUE(tokenSlots(nlohmann::json::parse("[]")).empty());
}
