// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/home/signature.h"

#include <gtest/gtest.h>

using namespace Preon;
using namespace Preon::Home;

namespace
{
std::string nested(unsigned depth)
{
    return R"({"userName":"zoe","x":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
}

Record record(std::string_view text)
{
    auto parsed = Record::parse(text);
    EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().text());
    return *parsed;
}

TEST(UserRecord, refusesWhatTwoReadersCouldUnderstandDifferently)
{
    for (const std::string &text : {std::string(R"({"userName":"zoe","userName":"root"})"), std::string(R"({"userName":"zoe","privileged":{"a":1,"a":2}})"),
                                    std::string("{\"userName\":\"z\\u0000oe\"}"), std::string(R"({"userName":"zoe"} {})"), std::string("[]"), std::string(),
                                    std::string("{\"userName\":\"\xC3\"}"), std::string(R"({"userName":"zoe","a\u0000":1})")}) {
        const auto parsed = Record::parse(text);
        ASSERT_FALSE(parsed) << text;
        EXPECT_EQ(parsed.error().code, ErrorCode::BadFormat);
    }
}

TEST(UserRecord, hasBounds)
{
    EXPECT_TRUE(Record::parse(nested(deepestNesting - 1)));
    EXPECT_FALSE(Record::parse(nested(deepestNesting)));
    EXPECT_FALSE(Record::parse(nested(100000)));
    const auto sized = [](std::size_t size) {
        return R"({"userName":"zoe","x":")" + std::string(size - 25, 'a') + "\"}";
    };
    EXPECT_TRUE(Record::parse(sized(longestRecord)));
    EXPECT_FALSE(Record::parse(sized(longestRecord + 1)));
    std::string many = R"({"userName":"zoe","x":[0)";
    for (std::size_t i = 0; i < mostValues; ++i)
        many += ",0";
    EXPECT_FALSE(Record::parse(many + "]}"));
}

TEST(UserRecord, refusesMembersOfAnotherType)
{
    for (const char *member :
         {R"("realName":1)", R"("uid":"0")", R"("uid":-1)", R"("uid":1.5)", R"("memberOf":"sudo")", R"("memberOf":[1])", R"("privileged":[])",
          R"("privileged":{"hashedPassword":"x"})", R"("privileged":{"recoveryKey":[1]})", R"("privileged":{"recoveryKey":[{"type":1}]})", R"("perMachine":{})",
          R"("perMachine":[{"storage":1}])", R"("binding":{"a":1})", R"("binding":{"a":{"uid":"x"}})", R"("status":[])", R"("signature":{})",
          R"("signature":[{"data":1}])", R"("locked":"no")", R"("rebalanceWeight":"x")"}) {
        EXPECT_FALSE(Record::parse(std::string(R"({"userName":"zoe",)") + member + "}")) << member;
    }
    for (const char *name : {R"({})", R"({"userName":""})", R"({"userName":"../root"})", R"({"userName":"a:b"})", R"({"userName":null})"})
        EXPECT_FALSE(Record::parse(name)) << name;
    EXPECT_TRUE(Record::parse(R"({"userName":"zoe","realName":null,"rebalanceWeight":false,"niceLevel":-5,"somethingNew":{"a":[1,"b"]}})"));
}

TEST(UserRecord, neverHoldsASecret)
{
    const Record zoe = record(R"({"userName":"zoe","secret":{"password":["geheim"]}})");
    EXPECT_FALSE(zoe.has(Section::Secret));
    EXPECT_FALSE(zoe.text().contains("geheim"));
}

TEST(UserRecord, isPrintedAsSystemdDoes)
{
    const Record zoe
        = record(R"({ "userName" : "zoe", "b":[true,null,-3,18446744073709551615], "a":"\u00fc\"\\\/\n\u0001\u007f", "Z":[0.5,-0.0], "c":{"y":1,"x":{}} })");
    EXPECT_EQ(zoe.text(),
              "{\"Z\":[5.000000000000000000000e-01,0.000000000000000000000e+00],\"a\":\"ü\\\"\\\\/"
              "\\n\\u0001\\u007f\",\"b\":[true,null,-3,18446744073709551615],\"c\":{\"x\":{},\"y\":1},\"userName\":\"zoe\"}");
}

TEST(UserRecord, signsAllButWhatTheMachineAdds)
{
    const Record zoe
        = record(R"({"userName":"zoe","privileged":{"passwordHint":"x"},"perMachine":[],"binding":{},"status":{},"signature":[],"secret":{},"uid":60001})");
    EXPECT_EQ(zoe.signable(), R"({"perMachine":[],"privileged":{"passwordHint":"x"},"uid":60001,"userName":"zoe"})");
}

TEST(UserRecord, saysWhatHoldsOnAMachine)
{
    const Record zoe = record(R"({"userName":"zoe","storage":"luks","diskSize":5,"memberOf":["sudo"],"recoveryKeyType":["modhex64"],"lastChangeUSec":7,
        "perMachine":[{"matchMachineId":["aa","bb"],"storage":"directory","diskSize":6},{"matchMachineId":"cc","storage":"cifs"}],
        "binding":{"aa":{"storage":"subvolume","uid":60002}}})");
    EXPECT_EQ(zoe.storage("aa"), "subvolume");
    EXPECT_EQ(zoe.storage("bb"), "directory");
    EXPECT_EQ(zoe.storage("cc"), "cifs");
    EXPECT_EQ(zoe.storage(""), "luks");
    EXPECT_EQ(zoe.uid("aa"), 60002U);
    EXPECT_EQ(zoe.uid("bb"), std::nullopt);
    EXPECT_EQ(zoe.diskSize("aa"), 6U);
    EXPECT_EQ(zoe.realName(), "zoe");
    EXPECT_EQ(zoe.disposition(), "regular");
    EXPECT_EQ(zoe.recoveryKeys(), 1U);
    EXPECT_EQ(zoe.memberOf(), std::vector<std::string>{"sudo"});
}

TEST(UserRecord, theNewestIsTheOneChangedLast)
{
    const Record host = record(R"({"userName":"zoe","lastChangeUSec":5})"), header = record(R"({"userName":"zoe","lastChangeUSec":9})"),
                 home = record(R"({"userName":"zoe","lastChangeUSec":9,"x":1})"), none = record(R"({"userName":"zoe"})");
    EXPECT_EQ(newest(std::array{&none, &host, &header, &home}), &header);
    EXPECT_EQ(newest(std::array{&none}), &none);
    EXPECT_EQ(newest({}), nullptr);
}

// Made by systemd-homed 257.13 of Debian 13 (homectl create, the second one --identity=); the files are its own *.identity and local.public.
TEST(Signature, ofSystemdHomedHolds)
{
    const auto pem = readTextFile(PREON_TEST_DATA "/homed257.public");
    ASSERT_TRUE(pem);
    const auto key = PublicKey::fromPem(*pem);
    ASSERT_TRUE(key);
    for (const char *name : {"zoe", "strange"}) {
        const auto text = readTextFile(std::string(PREON_TEST_DATA "/homed257-") + name + ".identity");
        ASSERT_TRUE(text);
        const auto parsed = Record::parse(*text);
        ASSERT_TRUE(parsed) << parsed.error().text();
        EXPECT_EQ(verify(*parsed, *key), Signed::Yes) << parsed->signable();
        EXPECT_EQ(parsed->userName(), name);
        EXPECT_EQ(parsed->json()["binding"].size(), 1U);
        const std::string machine = parsed->json()["binding"].begin().key();
        EXPECT_EQ(parsed->storage(machine), "directory");
        EXPECT_EQ(parsed->imagePath(machine), "/home/" + std::string(name) + ".homedir");
        EXPECT_TRUE(parsed->uid(machine));
        auto altered = parsed->json();
        altered["lastChangeUSec"] = parsed->lastChange() + 1;
        EXPECT_EQ(verify(*Record::from(altered), *key), Signed::Foreign);
    }
}

TEST(Signature, coversWhatItSigns)
{
    const auto key = SigningKey::make(), other = SigningKey::make();
    ASSERT_TRUE(key && other);
    const Record plain = record(R"({"userName":"zoe","realName":"Zoë"})");
    const auto own = key->publicKey(), foreign = other->publicKey();
    ASSERT_TRUE(own && foreign);
    EXPECT_EQ(verify(plain, *own), Signed::No);
    const auto ours = key->sign(plain);
    ASSERT_TRUE(ours);
    EXPECT_EQ(verify(*ours, *own), Signed::Yes);
    EXPECT_EQ(verify(*ours, *foreign), Signed::Foreign);

    auto json = ours->json();
    json["binding"] = {{"aa", {{"uid", 60001U}}}};
    EXPECT_EQ(verify(*Record::from(json), *own), Signed::Yes); // is not covered
    const auto theirs = other->sign(plain);
    json["signature"].push_back(theirs->json()["signature"][0]);
    EXPECT_EQ(verify(*Record::from(json), *own), Signed::Also);
    json["realName"] = "Zoe";
    EXPECT_EQ(verify(*Record::from(json), *own), Signed::Foreign);
    json["signature"][0]["data"] = "*";
    EXPECT_FALSE(verify(*Record::from(json), *own));
}

TEST(Signature, keysGoThroughPem)
{
    const auto key = SigningKey::make();
    ASSERT_TRUE(key);
    const auto pem = key->pem();
    ASSERT_TRUE(pem);
    const auto again = SigningKey::fromPem(*pem);
    ASSERT_TRUE(again);
    EXPECT_EQ(*key->publicKey()->pem(), *again->publicKey()->pem());
    EXPECT_FALSE(PublicKey::fromPem("nonsense"));
    // P-256, made by `openssl ecparam -genkey -name prime256v1 | openssl ec -pubout`
    const auto curve = PublicKey::fromPem("-----BEGIN PUBLIC "
                                          "KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt\n6zOg9KE5RdiYwpZP40Li/hp/"
                                          "m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n-----END PUBLIC KEY-----\n");
    ASSERT_FALSE(curve);
    EXPECT_EQ(curve.error().code, ErrorCode::Unsupported);
}
}
