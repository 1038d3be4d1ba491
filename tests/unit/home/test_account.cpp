// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/home/account.h"

#include "core/luks/recovery.h"

#include <gtest/gtest.h>

using namespace Preon;
using namespace Preon::Home;

namespace
{
constexpr std::uint64_t mib = 1U << 20U, gib = 1U << 30U;
constexpr auto ourMachine = "0123456789abcdef0123456789abcdef";

AccountFacts facts(std::uint64_t free = 100 * gib, std::uint64_t total = 200 * gib)
{
    return {.takenNames = {"root", "games"}, .freeBytes = free, .totalBytes = total, .now = 1'700'000'000'000'000, .machineId = ourMachine};
}

AccountWish zoe()
{
    return {.userName = "zoe", .realName = "Zoë", .memberOf = {"sudo", "audio", "sudo"}, .language = "de_DE.UTF-8", .timeZone = "Europe/Berlin"};
}

Secret secret(std::string_view text)
{
    return Secret::copyOf(asBytes(text));
}

std::string_view view(const Secret &text)
{
    return {text.chars(), text.size()};
}

TEST(Account, isARegularUserWithAnEncryptedHome)
{
    const auto plan = planAccount(facts(), zoe());
    ASSERT_TRUE(plan) << plan.error().text();
    EXPECT_EQ(plan->record.text(),
              R"({"disposition":"regular","enforcePasswordPolicy":true,"lastChangeUSec":1700000000000000,"lastPasswordChangeUSec":1700000000000000,)"
              R"("memberOf":["audio","sudo"],"perMachine":[{"autoResizeMode":"off","diskSize":60129542144,"fileSystemType":"btrfs","luksDiscard":false,)"
              R"("luksOfflineDiscard":true,"matchMachineId":"0123456789abcdef0123456789abcdef","rebalanceWeight":0,"storage":"luks"}],)"
              R"("preferredLanguage":"de_DE.UTF-8","realName":"Zoë","timeZone":"Europe/Berlin","userName":"zoe"})");
    for (const char *member : {"diskSize", "autoResizeMode", "rebalanceWeight", "enforcePasswordPolicy"}) {
        const auto found = std::ranges::find(plan->decisions, member, &Decision::member);
        ASSERT_NE(found, plan->decisions.end()) << member;
        EXPECT_FALSE(found->reason.empty()) << member;
    }
}

TEST(Account, leavesRoomForTheSystemAndForOtherHomes)
{
    auto alone = facts();
    const SizeForecast beside = forecastSize(alone, "btrfs");
    EXPECT_EQ(beside.kept, 20 * gib);
    EXPECT_EQ(beside.maximum, 80 * gib);
    EXPECT_EQ(beside.suggested, 56 * gib);
    EXPECT_EQ(beside.minimum, 512 * mib);
    alone.isSystemVolume = false;
    EXPECT_EQ(forecastSize(alone, "btrfs").maximum, 90 * gib);
    alone.promisedBytes = 60 * gib;
    EXPECT_EQ(forecastSize(alone, "btrfs").maximum, 30 * gib);
    for (std::uint64_t free = 0; free < 8 * gib; free += 100 * mib) {
        const SizeForecast size = forecastSize(facts(free, 16 * gib), "ext4");
        EXPECT_LE(size.suggested, size.maximum);
        EXPECT_TRUE(!size.fits() || size.suggested >= size.minimum);
        EXPECT_LE(size.maximum + size.kept, std::max(free, size.kept));
    }
}

TEST(Account, isRefusedWithNumbersWhereThereIsNoRoom)
{
    const auto full = planAccount(facts(2 * gib, 16 * gib), zoe());
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().code, ErrorCode::NoSpace);
    EXPECT_TRUE(full.error().why.contains("537 MB")) << full.error().text();
    AccountWish large = zoe();
    large.diskSize = 81 * gib;
    const auto refused = planAccount(facts(), large);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::NoSpace);
    large.diskSize = 79 * gib + 5;
    const auto taken = planAccount(facts(), large);
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->record.diskSize(ourMachine), 79 * gib);
    large.diskSize = mib;
    EXPECT_EQ(planAccount(facts(), large).error().code, ErrorCode::BadArgument);
}

TEST(Account, refusesWhatCannotBe)
{
    const auto with = [](auto change) {
        AccountWish wish = zoe();
        change(wish);
        const auto plan = planAccount(facts(), wish);
        return plan ? std::string("taken") : std::string(errorName(plan.error().code));
    };
    EXPECT_EQ(with([](AccountWish &) { }), "taken");
    EXPECT_EQ(with([](AccountWish &wish) { wish.userName = "games"; }), "exists");
    EXPECT_EQ(with([](AccountWish &wish) { wish.userName = "nobody"; }), "exists");
    EXPECT_EQ(with([](AccountWish &wish) { wish.userName = "Zoe"; }), "bad-argument");
    EXPECT_EQ(with([](AccountWish &wish) { wish.realName = "a:b"; }), "bad-argument");
    EXPECT_EQ(with([](AccountWish &wish) { wish.memberOf = {"a b"}; }), "bad-argument");
    EXPECT_EQ(with([](AccountWish &wish) { wish.language = "de DE"; }), "bad-argument");
    EXPECT_EQ(with([](AccountWish &wish) { wish.language = "", wish.moreLanguages = {"en_US.UTF-8"}; }), "bad-argument");
    EXPECT_EQ(with([](AccountWish &wish) { wish.timeZone = "../etc/passwd"; }), "bad-argument");
    EXPECT_EQ(with([](AccountWish &wish) { wish.timeZone = "/etc/passwd"; }), "bad-argument");
    EXPECT_EQ(with([](AccountWish &wish) { wish.shell = "bash"; }), "bad-argument");
    EXPECT_EQ(with([](AccountWish &wish) { wish.storage = "cifs"; }), "unsupported");
    EXPECT_EQ(with([](AccountWish &wish) { wish.fileSystem = "ntfs"; }), "unsupported");
    EXPECT_EQ(with([](AccountWish &wish) { wish.storage = "directory", wish.diskSize = gib; }), "bad-argument");
}

TEST(Account, saysThatAFolderIsNotEncrypted)
{
    AccountWish wish = zoe();
    wish.storage = "directory";
    const auto plan = planAccount(facts(0, 0), wish); // needs no room of its own
    ASSERT_TRUE(plan);
    EXPECT_TRUE(toText(*plan).contains("who has the disk can read it"));
    EXPECT_EQ(plan->record.diskSize(ourMachine), std::nullopt);
}

TEST(AccountRequest, hasThePasswordOnceAndItsHash)
{
    const auto plan = planAccount(facts(), zoe());
    ASSERT_TRUE(plan);
    const Secret password = secret("schön \"geheim\"\\");
    const auto key = Luks::makeRecoveryKey();
    ASSERT_TRUE(key);
    const auto request = accountRequest(*plan, password, &*key);
    ASSERT_TRUE(request) << request.error().text();
    EXPECT_TRUE(view(*request).ends_with(R"(,"secret":{"password":["schön \"geheim\"\\",")" + std::string(view(*key)) + "\"]}}"));

    const auto record = Record::parse(view(*request));
    ASSERT_TRUE(record) << record.error().text();
    const auto &privileged = record->json()["privileged"];
    EXPECT_TRUE(matchesHash(password, privileged["hashedPassword"][0].get<std::string>()));
    EXPECT_TRUE(matchesHash(*key, privileged["recoveryKey"][0]["hashedPassword"].get<std::string>()));
    EXPECT_EQ(privileged["recoveryKey"][0]["type"], "modhex64");
    EXPECT_EQ(record->recoveryKeys(), 1U);
    EXPECT_FALSE(record->text().contains(view(*key)));
    EXPECT_FALSE(accountRequest(*plan, Secret()));
}

TEST(RecoveryKey, isTheOnlyOneAfterItWasRenewed)
{
    const auto record
        = Record::parse(R"({"userName":"zoe","recoveryKeyType":["modhex64","modhex64"],"privileged":{"hashedPassword":["x"],"recoveryKey":[{},{}]}})");
    ASSERT_TRUE(record);
    const Secret key = secret("any");
    const auto renewed = withRecoveryKey(*record, &key);
    ASSERT_TRUE(renewed);
    EXPECT_EQ(renewed->recoveryKeys(), 1U);
    EXPECT_EQ(renewed->json()["privileged"]["recoveryKey"].size(), 1U);
    EXPECT_EQ(renewed->json()["privileged"]["hashedPassword"][0], "x");
    const auto without = withRecoveryKey(*renewed, nullptr);
    ASSERT_TRUE(without);
    EXPECT_EQ(without->text(), R"({"privileged":{"hashedPassword":["x"]},"userName":"zoe"})");
}

TEST(Update, isNewerAndHasNothingOfTheMachine)
{
    const auto record = Record::parse(R"({"userName":"zoe","lastChangeUSec":50,"binding":{"a":{}},"status":{"a":{}},"signature":[]})");
    ASSERT_TRUE(record);
    EXPECT_EQ(forUpdate(*record, 40)->text(), R"({"lastChangeUSec":51,"userName":"zoe"})");
    EXPECT_EQ(forUpdate(*record, 60)->text(), R"({"lastChangeUSec":60,"userName":"zoe"})");
}

TEST(Password, isHashedWithYescryptAndANewSalt)
{
    const auto first = hashPassword(secret("geheim")), second = hashPassword(secret("geheim"));
    ASSERT_TRUE(first && second);
    EXPECT_TRUE(first->starts_with("$y$"));
    EXPECT_NE(*first, *second);
    EXPECT_TRUE(matchesHash(secret("geheim"), *first));
    EXPECT_FALSE(matchesHash(secret("geheiM"), *first));
    EXPECT_FALSE(matchesHash(secret("geheim"), ""));
    EXPECT_FALSE(matchesHash(secret("geheim"), "*"));
    // openssl passwd -6 -salt saltsalt geheim
    EXPECT_TRUE(matchesHash(secret("geheim"), "$6$saltsalt$sfZR6YSW/Dp0uCiyF9fDipa6ORr5LVLOwXNgtzRlXXhkC7xA3w4zy97VIC3vL14AUXGJp3yBjZVztkdiBzJnX1"));
}

TEST(Password, thatNoBodyCouldTypeIsRefused)
{
    EXPECT_FALSE(hashPassword(secret(std::string("a\0b", 3))));
    EXPECT_FALSE(hashPassword(secret(std::string(512, 'a'))));
    EXPECT_TRUE(hashPassword(secret(std::string(511, 'a'))));
    const Secret latin1 = secret("\xe9");
    EXPECT_FALSE(secretSection(std::array<const Secret *, 1>{&latin1}));
    const Secret surrogate = secret("\xed\xa0\x80"), overlong = secret("\xc0\xaf"), beyond = secret("\xf4\x90\x80\x80"), cut = secret("\xe2\x82");
    for (const Secret *each : {&surrogate, &overlong, &beyond, &cut})
        EXPECT_FALSE(secretSection(std::array{each}));
    EXPECT_EQ(view(*secretSection({})), R"({"password":[]})");
}
}
