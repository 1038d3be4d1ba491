// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// tests/interop/test_luks.py compares what is taken and refused with systemd-cryptenroll.
#include "core/base/hash.h"
#include "core/tpm/pcrs.h"

#include <gtest/gtest.h>

using namespace Preon;
using namespace Preon::Tpm;

TEST(Pcrs, areNumbersAndNamesWithPlusOrCommaBetween)
{
    struct Row {
        const char *text;
        PcrMask mask;
    };
    for (const Row &row : {Row{"", 0}, Row{"+,+", 0}, Row{"7", 1U << 7U}, Row{"7+11", 1U << 7U | 1U << 11U}, Row{"11,7,", 1U << 7U | 1U << 11U},
                           Row{"platform-code+boot-loader-code", 1U | 1U << 4U}, Row{"kernel-boot,kernel-config", 3U << 11U},
                           Row{"23+0x10+010", 1U << 23U | 1U << 16U | 1U << 8U}}) {
        const auto mask = parsePcrMask(row.text);
        ASSERT_TRUE(mask) << row.text << ": " << mask.error().text();
        EXPECT_EQ(*mask, row.mask) << row.text;
    }
}

TEST(Pcrs, thatAreNoneAreRefusedWithTheWord)
{
    for (const char *text : {"24", "-1", "7 + 11", "0x18", "08", "7+7", "7+secure-boot-policy", "Platform-Code", "nothing", "7:md5", "7:", "4294967303",
                             "7:sha256=0", "7:sha256=00", "7:sha1+11:sha256", ":sha256", "=", "7=00", "7:sha256:sha256"}) {
        const auto choice = parsePcrs(text);
        if (std::string_view(text) == "7:") { // as systemd: a colon with nothing behind it says nothing
            EXPECT_TRUE(choice);
            continue;
        }
        ASSERT_FALSE(choice) << text;
        EXPECT_EQ(choice.error().code, ErrorCode::BadArgument);
    }
    EXPECT_NE(parsePcrs("7+foo").error().what.find("\"foo\""), std::string::npos);
    EXPECT_EQ(parsePcrMask("7:sha384").error().code, ErrorCode::BadArgument);
}

TEST(Pcrs, carryABankAndExpectedValues)
{
    SealPolicy policy;
    policy.expected = {{3, Bytes(32)}};
    ASSERT_TRUE(chooseLiteralPcrs("12:SHA384=0x" + std::string(96, 'a') + "+7", policy));
    EXPECT_EQ(policy.literalPcrs, 1U << 7U | 1U << 12U);
    EXPECT_EQ(policy.bank, "sha384");
    EXPECT_EQ(policy.expected, (std::vector<PcrValue>{{12, Bytes(48, std::byte{0xaa})}}));
    ASSERT_TRUE(chooseLiteralPcrs("", policy));
    EXPECT_EQ(policy.literalPcrs, 0U);
    EXPECT_EQ(policy.bank, "sha256");
    EXPECT_TRUE(policy.expected.empty());
}

TEST(Pcrs, ofSeveralListsAddUpAndAnEmptyOneBeginsAnew)
{
    EXPECT_EQ(joinPcrLists({}), "");
    EXPECT_EQ(joinPcrLists({"7", "8:sha1,9"}), "7+8:sha1,9");
    EXPECT_EQ(joinPcrLists({"7", "", "11", "12"}), "11+12");
    EXPECT_EQ(joinPcrLists({"7", ""}), "");
}

TEST(Pcrs, areDescribedByNumberAndName)
{
    EXPECT_EQ(describePcrs(0), "");
    EXPECT_EQ(describePcrs(1U << 7U), "PCR 7 (secure-boot-policy)");
    EXPECT_EQ(describePcrs(1U << 7U | 1U << 8U | 1U << 12U), "PCR 7 (secure-boot-policy), PCR 8 and PCR 12 (kernel-config)");
    EXPECT_EQ(pcrText(1U << 7U | 1U << 11U), "7+11");
    EXPECT_EQ(pcrName(24), "");
}
