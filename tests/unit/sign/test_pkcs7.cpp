// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/unit/sign/joined.h"
#include "core/sign/pkcs7.h"

#include <gtest/gtest.h>

using namespace Preon;
using namespace Preon::Sign;

namespace
{

const std::filesystem::path data = PREON_TEST_DATA;

Bytes file(const char *name)
{
    return *readFile(data / name);
}

std::vector<Certificate> certificates(const char *name)
{
    return *Certificate::parse(file(name));
}

TEST(Pkcs7, isWhatOpensslSmimeMakes)
{
    const auto made = signDetached(file("roothash"), *Key::read(data / "rsa.key"), certificates("rsa.crt").front());
    ASSERT_TRUE(made) << made.error().text();
    EXPECT_EQ(toHex(*made), toHex(file("roothash-by-openssl-3.5.p7s")));
    EXPECT_TRUE(verifyDetached(*made, file("roothash"), certificates("rsa.crt")));
}

TEST(Pkcs7, ellipticKeysSignToo)
{
    const auto made = signDetached(file("roothash"), *Key::read(data / "ec.key"), certificates("ec.crt").front());
    ASSERT_TRUE(made) << made.error().text();
    EXPECT_TRUE(verifyDetached(*made, file("roothash"), certificates("ec.crt")));
    EXPECT_EQ(verifyDetached(*made, file("roothash"), certificates("rsa.crt")).error().code, ErrorCode::Untrusted);
}

TEST(Pkcs7, anyOfSeveralTrustedCertificatesWillDo)
{
    const auto both = Certificate::parse(joined(file("ec.crt"), file("rsa.crt")));
    ASSERT_TRUE(both);
    ASSERT_EQ(both->size(), 2U);
    EXPECT_EQ((*both)[0].subject(), "CN=Preon other");
    EXPECT_EQ((*both)[1].subject(), "CN=Preon test");
    EXPECT_TRUE(verifyDetached(file("roothash-by-openssl-3.5.p7s"), file("roothash"), *both));
}

TEST(Pkcs7, theCertificateInsideIsNotTrusted)
{
    const auto refused = verifyDetached(file("roothash-by-openssl-3.5.p7s"), file("roothash"), certificates("ec.crt"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::Untrusted);
    EXPECT_TRUE(refused.error().why.contains("issued by CN=Preon test")) << refused.error().text();
    EXPECT_EQ(verifyDetached(file("roothash-by-openssl-3.5.p7s"), file("roothash"), {}).error().code, ErrorCode::Untrusted);
}

TEST(Pkcs7, everyFlippedBitIsFound)
{
    const Bytes good = file("roothash-by-openssl-3.5.p7s");
    const Bytes content = file("roothash");
    const auto trusted = certificates("rsa.crt");
    // The last 256 bytes are the signature itself.
    for (std::size_t at = good.size() - 256; at < good.size(); at += 5) {
        Bytes bad = good;
        bad[at] ^= std::byte{4};
        EXPECT_EQ(verifyDetached(bad, content, trusted).error().code, ErrorCode::Untrusted) << at;
    }
    for (std::size_t at = 0; at < content.size(); ++at) {
        Bytes bad = content;
        bad[at] ^= std::byte{1};
        EXPECT_EQ(verifyDetached(good, bad, trusted).error().code, ErrorCode::Untrusted) << at;
    }
    EXPECT_EQ(verifyDetached(good, {}, trusted).error().code, ErrorCode::Untrusted);
}

TEST(Pkcs7, otherFormsAreRefused)
{
    const Bytes good = file("roothash-by-openssl-3.5.p7s");
    const Bytes content = file("roothash");
    const auto trusted = certificates("rsa.crt");
    EXPECT_EQ(verifyDetached({}, content, trusted).error().code, ErrorCode::BadFormat);
    EXPECT_EQ(verifyDetached(file("attached.p7s"), content, trusted).error().code, ErrorCode::BadFormat);
    EXPECT_EQ(verifyDetached(file("rsa.crt"), content, trusted).error().code, ErrorCode::BadFormat);
    EXPECT_EQ(verifyDetached(joined(good, {std::byte{0}}), content, trusted).error().code, ErrorCode::BadFormat);
    for (std::size_t length = 0; length < good.size(); length += 37)
        EXPECT_EQ(verifyDetached(ByteView(good).first(length), content, trusted).error().code, ErrorCode::BadFormat) << length;
}

TEST(Pkcs7, keysAndCertificatesMustFit)
{
    const auto other = signDetached(file("roothash"), *Key::read(data / "ec.key"), certificates("rsa.crt").front());
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, ErrorCode::BadArgument);
    EXPECT_TRUE(other.error().why.contains("CN=Preon test"));
    EXPECT_EQ(Key::read(data / "encrypted.key").error().code, ErrorCode::Unsupported);
    EXPECT_EQ(Key::read(data / "rsa.crt").error().code, ErrorCode::BadFormat);
    EXPECT_EQ(Key::read(data / "missing").error().code, ErrorCode::NotFound);
}

TEST(Pkcs7, brokenCertificatesAreRefused)
{
    EXPECT_EQ(Certificate::parse({}).error().code, ErrorCode::BadFormat);
    EXPECT_EQ(Certificate::parse(file("rsa.key")).error().code, ErrorCode::BadFormat);
    Bytes broken = joined(file("ec.crt"), file("rsa.crt"));
    broken.resize(broken.size() - 200);
    EXPECT_EQ(Certificate::parse(broken).error().code, ErrorCode::BadFormat) << "the first alone would be half the truth";
    EXPECT_EQ(Certificate::parse(joined(file("rsa.key"), file("rsa.crt"))).value().size(), 1U);
}

} // namespace
