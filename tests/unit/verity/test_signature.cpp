// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/verity/signature.h"

#include <gtest/gtest.h>

using namespace Preon;
using namespace Preon::Verity;

namespace
{

const std::filesystem::path keys = std::filesystem::path(PREON_TEST_DATA).parent_path().parent_path() / "sign/data";

std::vector<Sign::Certificate> certificates(const char *name)
{
    return *Sign::Certificate::parse(*readFile(keys / name));
}

// What systemd-repart 257 put into a partition, with the same key, for the pattern of test_build.cpp under another salt.
std::string byRepart()
{
    return *readTextFile(std::filesystem::path(PREON_TEST_DATA) / "usr-verity-sig-by-repart-257.json");
}

Result<RootHashSignature> parse(std::string_view text)
{
    return parseSignature(asBytes(text));
}

TEST(VeritySignature, ofSystemdRepartIsAcceptedAndMadeAlike)
{
    const std::string text = byRepart();
    std::string partition = text;
    partition.resize(signaturePartitionSize);
    const auto parsed = parse(partition);
    ASSERT_TRUE(parsed) << parsed.error().text();
    EXPECT_TRUE(checkSignature(*parsed, certificates("rsa.crt")));

    const auto ours = signRootHash(parsed->rootHash, *Sign::Key::read(keys / "rsa.key"), certificates("rsa.crt").front());
    ASSERT_TRUE(ours) << ours.error().text();
    EXPECT_EQ(*ours, *parsed);
    EXPECT_EQ(signatureJson(*ours).value(), text) << "RSA signatures of PKCS#1 v1.5 have nothing random in them";
}

TEST(VeritySignature, untrustedOnesSayWhy)
{
    auto signature = parse(byRepart()).value();
    const auto other = checkSignature(signature, certificates("ec.crt"));
    EXPECT_EQ(other.error().code, ErrorCode::Untrusted);
    EXPECT_TRUE(other.error().why.contains(toHex(*signature.fingerprint))) << other.error().text();
    EXPECT_EQ(checkSignature(signature, {}).error().code, ErrorCode::Untrusted);

    signature.fingerprint.reset();
    EXPECT_TRUE(checkSignature(signature, certificates("rsa.crt")));
    EXPECT_TRUE(checkSignature(signature, certificates("ec.crt")).error().why.contains("CN=Preon test"))
        << checkSignature(signature, certificates("ec.crt")).error().text();
    signature.fingerprint = certificates("ec.crt").front().fingerprint();
    EXPECT_EQ(checkSignature(signature, certificates("rsa.crt")).error().code, ErrorCode::Untrusted) << "a false fingerprint";

    signature = parse(byRepart()).value();
    signature.rootHash[5] ^= std::byte{1};
    const auto changed = checkSignature(signature, certificates("rsa.crt"));
    EXPECT_EQ(changed.error().code, ErrorCode::Untrusted);
    EXPECT_TRUE(changed.error().what.contains(toHex(signature.rootHash))) << changed.error().text();
}

TEST(VeritySignature, whatIsNoneIsRefused)
{
    const struct {
        std::string_view text;
        ErrorCode code;
    } cases[] = {
        {"", ErrorCode::NotFound},
        {std::string_view("\0\0\0", 3), ErrorCode::NotFound},
        {"{", ErrorCode::BadFormat},
        {"[]", ErrorCode::BadFormat},
        {"{}", ErrorCode::BadFormat},
        {R"({"rootHash":"00"})", ErrorCode::BadFormat},
        {R"({"rootHash":"00","signature":""})", ErrorCode::BadFormat},
        {R"({"rootHash":"","signature":"AAAA"})", ErrorCode::BadFormat},
        {R"({"rootHash":"0g","signature":"AAAA"})", ErrorCode::BadFormat},
        {R"({"rootHash":"00","signature":"A"})", ErrorCode::BadFormat},
        {R"({"rootHash":0,"signature":"AAAA"})", ErrorCode::BadFormat},
        {R"({"rootHash":"00","signature":"AAAA","certificateFingerprint":"00"})", ErrorCode::BadFormat},
        {R"({"rootHash":"00","signature":"AAAA","certificateFingerprint":7})", ErrorCode::BadFormat},
        {std::string_view("{\"rootHash\":\"00\",\"signature\":\"AAAA\"}\0\0x", 39), ErrorCode::BadFormat},
        {"{\"rootHash\":\"00\",\"signature\":\"\xff\"}", ErrorCode::BadFormat},
    };
    for (const auto &wrong : cases) {
        const auto parsed = parse(wrong.text);
        ASSERT_FALSE(parsed) << wrong.text;
        EXPECT_EQ(parsed.error().code, wrong.code) << wrong.text << ": " << parsed.error().text();
    }
    EXPECT_EQ(parse(std::string((4U << 20U) + 1, ' ')).error().code, ErrorCode::BadFormat);
    EXPECT_TRUE(parse(R"( {"rootHash":"00","signature":"AAAA","new":[1]} )")) << "what later versions add";
}

TEST(VeritySignature, largerThanItsPartitionIsRefused)
{
    EXPECT_EQ(signatureJson({.rootHash = Bytes(32), .fingerprint = std::nullopt, .signature = Bytes(13000)}).error().code, ErrorCode::NoSpace);
}

} // namespace
