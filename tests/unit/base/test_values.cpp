// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/base/format.h"
#include "core/base/hash.h"
#include "core/base/secret.h"
#include "core/base/uuid.h"

#include <gtest/gtest.h>

#include <type_traits>

using namespace Preon;
using namespace std::chrono_literals;

// Golden values that systemd-repart 257 gave for this seed (facts: repart).
TEST(Uuid, derivesWhatSystemdRepartDerives)
{
    const Uuid seed = *Uuid::parse("0123456789abcdef0123456789abcdef");
    EXPECT_EQ(Uuid::derived(seed.bytes(), asBytes("disk-uuid")).text(), "6913f4b6-6690-4a57-a202-f1b53c56dbdf");
    const Uuid esp = *Uuid::parse("c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
    EXPECT_EQ(Uuid::derived(seed.bytes(), esp.bytes()).text(), "b2d552b0-45db-4678-b34f-066168609d1a");
}

TEST(Uuid, readsBothSpellingsAndNothingElse)
{
    EXPECT_EQ(Uuid::parse("C12A7328-F81F-11D2-BA4B-00A0C93EC93B")->text(), "c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
    EXPECT_EQ(Uuid::parse("c12a7328f81f11d2ba4b00a0c93ec93b")->hex(), "c12a7328f81f11d2ba4b00a0c93ec93b");
    for (const char *wrong : {"", "c12a7328", "c12a7328-f81f-11d2-ba4b-00a0c93ec93", "c12a7328-f81f-11d2-ba4b-00a0c93ec93g",
                              "c12a7328f-81f-11d2-ba4b-00a0c93ec93b", "{c12a7328-f81f-11d2-ba4b-00a0c93ec9}", "c12a7328-f81f-11d2-ba4b-00a0c93ec93b "})
        EXPECT_FALSE(Uuid::parse(wrong)) << wrong;
}

TEST(Uuid, randomOnesDifferAndAreVersion4)
{
    const Uuid a = *Uuid::random();
    const Uuid b = *Uuid::random();
    EXPECT_NE(a, b);
    EXPECT_EQ(a.text()[14], '4');
    EXPECT_NE(std::string("89ab").find(a.text()[19]), std::string::npos);
}

// NIST's and RFC 4231's vectors.
TEST(Hash, matchesPublishedVectors)
{
    EXPECT_EQ(toHex(sha256(asBytes("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(toHex(Sha256().add(asBytes("a")).add(asBytes("bc")).finish()), toHex(sha256(asBytes("abc"))));
    EXPECT_EQ(toHex(hmacSha256(asBytes("Jefe"), asBytes("what do ya want for nothing?"))), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Hash, base64IsStrict)
{
    for (const char *text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"}) {
        const auto back = fromBase64(toBase64(asBytes(text)));
        ASSERT_TRUE(back) << text;
        EXPECT_EQ(std::string(reinterpret_cast<const char *>(back->data()), back->size()), text);
    }
    EXPECT_EQ(toBase64(asBytes("fooba")), "Zm9vYmE=");
    for (const char *wrong : {"Zg", "Zg=", "Zg===", "=g==", "Zm9v\n", "Zm 9v", "Z=9v", "Zm9-"})
        EXPECT_FALSE(fromBase64(wrong)) << wrong;
}

TEST(Hash, hexReadsEitherCaseAndWholeBytesOnly)
{
    EXPECT_EQ(toHex(*fromHex("00fFa0")), "00ffa0");
    EXPECT_FALSE(fromHex("0"));
    EXPECT_FALSE(fromHex("0x"));
}

// A secret that could be copied or streamed would end up in a log some day.
static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
static_assert(!std::is_copy_constructible_v<Fd> && !std::is_convertible_v<Fd, int>);

TEST(Secret, isWipedWhenItIsReplaced)
{
    Secret secret = Secret::copyOf(asBytes("hunter2"));
    secret = Secret();
    EXPECT_TRUE(secret.empty());
    EXPECT_NE(toHex(Secret::random(16)->bytes()), toHex(Secret::random(16)->bytes()));
}

TEST(LowerCase, isAboutAsciiLettersOnly)
{
    EXPECT_EQ(lowerCase("/EFI/Linux/Particle_1.EFI"), "/efi/linux/particle_1.efi");
    EXPECT_EQ(lowerCase("ÄZ@[`"), "Äz@[`");
}

TEST(Format, showsSizesAsOnTheBox)
{
    EXPECT_EQ(formatSize(0), "0 bytes");
    EXPECT_EQ(formatSize(1), "1 byte");
    EXPECT_EQ(formatSize(999), "999 bytes");
    EXPECT_EQ(formatSize(1000), "1 kB");
    EXPECT_EQ(formatSize(8200000000), "8.2 GB");
    EXPECT_EQ(formatSize(512110190592), "512 GB");
    EXPECT_EQ(formatSize(1000204886016), "1 TB");
}

TEST(Format, showsBinarySizesAsSystemd)
{
    EXPECT_EQ(formatBinarySize(512), "512B");
    EXPECT_EQ(formatBinarySize(4096), "4K");
    EXPECT_EQ(formatBinarySize(1536 * 1024), "1.5M");
    EXPECT_EQ(formatBinarySize(10737418240 - 1), "9.9G");
}

TEST(Format, readsSizesAsSystemd)
{
    EXPECT_EQ(parseSize("4096"), 4096U);
    EXPECT_EQ(parseSize(" 512M "), 512ULL << 20U);
    EXPECT_EQ(parseSize("1.5G"), 3ULL << 29U);
    EXPECT_EQ(parseSize("1G 512M"), (1ULL << 30U) + (512ULL << 20U));
    EXPECT_EQ(parseSize("16E"), std::nullopt);
    EXPECT_EQ(parseSize("15E"), 15ULL << 60U);
    for (const char *wrong : {"", "M", "-1", "1X", "1.M", "1M 1G", "99999999999999999999", "1 2"})
        EXPECT_FALSE(parseSize(wrong)) << wrong;
}

TEST(Format, tellsTimeInWords)
{
    EXPECT_EQ(formatDuration(1s), "1 second");
    EXPECT_EQ(formatDuration(59s), "59 seconds");
    EXPECT_EQ(formatDuration(240s), "4 minutes");
    EXPECT_EQ(formatDuration(3600s + 120s), "1 hour 2 minutes");
    EXPECT_EQ(formatDuration(-5s), "0 seconds");
}

TEST(Error, readsAsSentences)
{
    const Error error{ErrorCode::NoSpace, "The system does not fit", "the EFI partition has 91 MiB free, 134 MiB are needed", "Choose another disk"};
    EXPECT_EQ(error.text(), "The system does not fit: the EFI partition has 91 MiB free, 134 MiB are needed. Choose another disk.");
    EXPECT_EQ(error.during("Installing failed").text(),
              "Installing failed: The system does not fit: the EFI partition has 91 MiB free, 134 MiB are needed. Choose another disk.");
    EXPECT_EQ(errorName(ErrorCode::TpmLockout), "tpm-lockout");
}
