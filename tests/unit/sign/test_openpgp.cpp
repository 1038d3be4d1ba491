// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/unit/sign/joined.h"
#include "core/sign/openpgp.h"

#include "core/base/hash.h"
#include "core/base/process.h"
#include "tests/unit/boot/folder.h"

#include <set>
#include <cstdlib>
#include <ctime>
#include <gtest/gtest.h>

#include <thread>

using namespace Preon;
using namespace Preon::Sign;

namespace
{

const std::string text = "0123456789abcdef  system_2.raw\n";

// The keys of a few people, made by gpg for this run.
class People
{
public:
    People()
    {
        gpg({"--quick-generate-key", "Maker <maker@preon.invalid>", "ed25519", "sign", "never"});
        gpg({"--quick-generate-key", "Second <second@preon.invalid>", "rsa2048", "sign", "never"});
        gpg({"--quick-generate-key", "Stranger <stranger@preon.invalid>", "ed25519", "sign", "never"});
        gpg({"--faked-system-time", "20200101T000000", "--quick-generate-key", "Past <past@preon.invalid>", "ed25519", "sign", "1d"});
        keyring("maker.pgp", {"maker", "past"});
        keyring("both.pgp", {"maker", "second"});
        keyring("second.pgp", {"second"});
        gpg({"--armor", "--output", path("armoured.pgp"), "--export", "maker@preon.invalid"});
    }
    ~People()
    {
        static_cast<void>(runTool({"gpgconf", "--kill", "all"}, options()));
    }

    Bytes sign(const std::string &who, std::vector<std::string> more = {}) const
    {
        std::vector<std::string> command{"--local-user", who + "@preon.invalid"};
        command.insert(command.end(), more.begin(), more.end());
        command.insert(command.end(), {"--output", "-", "--detach-sign", "-"});
        const std::string made = gpg(command, text);
        const ByteView bytes = asBytes(made);
        return {bytes.begin(), bytes.end()};
    }
    std::string path(const std::string &name) const
    {
        return (m_folder.path / name).string();
    }
    std::string fingerprint(const std::string &who) const
    {
        const std::string listed = gpg({"--with-colons", "--list-keys", who + "@preon.invalid"});
        const std::size_t at = listed.find("fpr:::::::::") + 12;
        return listed.substr(at, 40);
    }

private:
    ProcessOptions options() const
    {
        ProcessOptions options;
        options.environment = {{"GNUPGHOME", m_folder.path.string()}};
        return options;
    }
    std::string gpg(std::vector<std::string> words, const std::string &input = {}) const
    {
        words.insert(words.begin(), {"gpg", "--batch", "--yes", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""});
        ProcessOptions with = options();
        const ByteView bytes = asBytes(input);
        with.input.assign(bytes.begin(), bytes.end());
        const auto output = runTool(words, with);
        EXPECT_TRUE(output) << output.error().text();
        return output ? output->output : std::string();
    }
    void keyring(const std::string &name, const std::vector<std::string> &people) const
    {
        std::vector<std::string> command{"--output", path(name), "--export"};
        for (const std::string &who : people)
            command.push_back(who + "@preon.invalid");
        gpg(command);
    }
    TemporaryFolder m_folder;
};

const People &people()
{
    static const People made;
    return made;
}

class OpenPgpTest : public testing::TestWithParam<OpenPgpProgram>
{
protected:
    auto verify(const Bytes &signature, const std::vector<std::string> &keyrings, const std::string &content = text) const
    {
        std::vector<std::filesystem::path> paths;
        for (const std::string &name : keyrings)
            paths.emplace_back(people().path(name));
        return verifyOpenPgp(asBytes(content), signature, paths, GetParam());
    }
    void refuses(const Bytes &signature, const std::vector<std::string> &keyrings, const std::string &why, const std::string &content = text,
                 ErrorCode code = ErrorCode::Untrusted) const
    {
        const auto signers = verify(signature, keyrings, content);
        ASSERT_FALSE(signers);
        EXPECT_EQ(signers.error().code, code) << signers.error().text();
        EXPECT_NE(signers.error().why.find(why), std::string::npos) << signers.error().why;
    }
    bool isGpgv() const
    {
        return GetParam() != OpenPgpProgram::Sqv;
    }
};

TEST_P(OpenPgpTest, saysWhoSigned)
{
    const std::string maker = people().fingerprint("maker");
    for (const char *keyring : {"maker.pgp", "both.pgp", "armoured.pgp"}) {
        const auto signers = verify(people().sign("maker"), {keyring});
        ASSERT_TRUE(signers) << keyring << ": " << signers.error().text();
        ASSERT_EQ(signers->size(), 1U);
        const OpenPgpSigner &signer = signers->front();
        EXPECT_EQ(signer.fingerprint, maker);
        EXPECT_EQ(signer.keyFingerprint, maker);
        // gpgv tells when; sqv does not.
        if (GetParam() != OpenPgpProgram::Sqv)
            EXPECT_LE(std::abs(signer.signedAt.value_or(0) - std::time(nullptr)), 3600);
        else
            EXPECT_FALSE(signer.signedAt);
    }
}

TEST_P(OpenPgpTest, severalKeyringsAreOne)
{
    const auto signers = verify(joined(people().sign("maker"), people().sign("second")), {"maker.pgp", "second.pgp"});
    ASSERT_TRUE(signers) << signers.error().text();
    ASSERT_EQ(signers->size(), 2U);
    // In no order: sqv has its own.
    EXPECT_EQ((std::set{signers->at(0).fingerprint, signers->at(1).fingerprint}), (std::set{people().fingerprint("maker"), people().fingerprint("second")}));
}

TEST_P(OpenPgpTest, aSecondSignatureByAStrangerCountsForNothing)
{
    for (const Bytes &both : {joined(people().sign("maker"), people().sign("stranger")), joined(people().sign("stranger"), people().sign("maker"))}) {
        const auto signers = verify(both, {"maker.pgp"});
        ASSERT_TRUE(signers) << signers.error().text();
        EXPECT_EQ(signers->size(), 1U);
    }
}

TEST_P(OpenPgpTest, twoSignaturesByOneAreOneSigner)
{
    EXPECT_EQ(verify(joined(people().sign("maker"), people().sign("maker")), {"maker.pgp"}).value().size(), 1U);
}

TEST_P(OpenPgpTest, refusesAStrangersSignature)
{
    refuses(people().sign("stranger"), {"maker.pgp"}, people().fingerprint("stranger") + ", which this computer does not trust");
}

TEST_P(OpenPgpTest, refusesOtherContent)
{
    refuses(people().sign("maker"), {"maker.pgp"}, "was altered", text + "x");
    refuses(people().sign("maker"), {"maker.pgp"}, "was altered", "");
}

TEST_P(OpenPgpTest, refusesAGoodOneBesideAWrongOne)
{
    if (!isGpgv())
        return; // sqv takes it: it looks for one that is good
    Bytes wrong = people().sign("second");
    wrong.back() ^= std::byte{1};
    refuses(joined(people().sign("maker"), wrong), {"both.pgp"}, "was altered");
    refuses(joined(wrong, people().sign("maker")), {"both.pgp"}, "was altered");
}

TEST_P(OpenPgpTest, refusesAnExpiredKey)
{
    const Bytes signature = people().sign("past", {"--faked-system-time", "20200101T010000"});
    if (isGpgv())
        refuses(signature, {"maker.pgp"}, "that signed has expired");
    else
        EXPECT_TRUE(verify(signature, {"maker.pgp"})); // it was none then
}

TEST_P(OpenPgpTest, refusesAnExpiredSignature)
{
    const Bytes shortLived = people().sign("maker", {"--default-sig-expire", "seconds=1"});
    std::this_thread::sleep_for(std::chrono::milliseconds(2100));
    refuses(shortLived, {"maker.pgp"}, "has expired");
}

TEST_P(OpenPgpTest, refusesAWeakHash)
{
    refuses(people().sign("second", {"--digest-algo", "SHA1", "--allow-weak-digest-algos"}), {"both.pgp"}, "weak hash");
}

TEST_P(OpenPgpTest, refusesWhatIsNoSignature)
{
    refuses(Bytes(100, std::byte{'x'}), {"maker.pgp"}, "no OpenPGP signature", text, ErrorCode::BadFormat);
    refuses({}, {"maker.pgp"}, "0 bytes", text, ErrorCode::BadFormat);
    Bytes cut = people().sign("maker");
    cut.resize(cut.size() / 2);
    EXPECT_FALSE(verify(cut, {"maker.pgp"}));
    // A key is no signature, nor is a message that has its content with it.
    EXPECT_FALSE(verify(readFile(people().path("maker.pgp")).value(), {"maker.pgp"}));
}

TEST_P(OpenPgpTest, anEmptyKeyringKnowsNobody)
{
    std::ofstream(people().path("empty.pgp")) << "";
    EXPECT_FALSE(verify(people().sign("maker"), {"empty.pgp"}));
}

INSTANTIATE_TEST_SUITE_P(Programs, OpenPgpTest, testing::Values(OpenPgpProgram::Gpgv, OpenPgpProgram::Sqv, OpenPgpProgram::Any), [](const auto &each) {
    return each.param == OpenPgpProgram::Gpgv ? "gpgv" : each.param == OpenPgpProgram::Sqv ? "sqv" : "any";
});

TEST(Gpgv, whatItSaysIsReadLineByLine)
{
    const std::string key = "0E6E1743BDE427B2A8553B1DCE3CBDAE4E7EF729";
    const std::string valid = "[GNUPG:] VALIDSIG " + key + " 2026-11-30 1796034868 0 4 0 22 10 00 " + key + "\n";
    const std::string good = "[GNUPG:] GOODSIG CE3CBDAE4E7EF729 Good <good@x.invalid>\n";
    EXPECT_TRUE(signersOfGpgv("[GNUPG:] NEWSIG\n" + good + valid));
    // As it ends with status 0 for an expired key, the words decide.
    EXPECT_FALSE(signersOfGpgv("[GNUPG:] NEWSIG\n[GNUPG:] EXPKEYSIG CE3CBDAE4E7EF729 Good\n" + valid));
    EXPECT_FALSE(signersOfGpgv("[GNUPG:] NEWSIG\n[GNUPG:] REVKEYSIG CE3CBDAE4E7EF729 Good\n" + valid));
    EXPECT_FALSE(signersOfGpgv("[GNUPG:] NEWSIG\n" + good + "[GNUPG:] NEWSIG\n" + valid));
    EXPECT_FALSE(signersOfGpgv("NEWSIG\nGOODSIG x\n gpgv: " + valid));
    EXPECT_FALSE(signersOfGpgv(good + "[GNUPG:] VALIDSIG 12 2026 1 0 4 0 22 10 00 " + key + "\n"));
    EXPECT_FALSE(signersOfGpgv(""));
    const auto odd = signersOfGpgv("[GNUPG:] EXPSIG \x1b[31m name\n");
    ASSERT_FALSE(odd);
    EXPECT_EQ(odd.error().why.find('\x1b'), std::string::npos);
}

TEST(Keyrings, areThoseOfSystemd)
{
    TemporaryFolder folder;
    Host host;
    host.root = folder.path;
    const auto none = importKeyrings(host);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ErrorCode::Untrusted);
    const auto put = [&](const std::string &name) {
        std::filesystem::create_directories((folder.path / name).parent_path());
        std::ofstream(folder.path / name) << "x";
    };
    put("etc/systemd/import-pubring.gpg");
    EXPECT_EQ(importKeyrings(host).value(), (std::vector<std::filesystem::path>{folder.path / "etc/systemd/import-pubring.gpg"}));
    put("etc/systemd/import-pubring.pgp");
    put("usr/lib/systemd/import-pubring.gpg");
    EXPECT_EQ(importKeyrings(host).value(),
              (std::vector<std::filesystem::path>{folder.path / "etc/systemd/import-pubring.pgp", folder.path / "usr/lib/systemd/import-pubring.gpg"}));
}

TEST(Armour, isTakenOffAndElseLeftAlone)
{
    const Bytes binary{std::byte{0x99}, std::byte{1}, std::byte{2}};
    EXPECT_EQ(withoutArmour(binary).value(), binary);
    const std::string block = "-----BEGIN PGP PUBLIC KEY BLOCK-----\nComment: x\n\n" + toBase64(binary) + "\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n";
    EXPECT_EQ(withoutArmour(asBytes(block)).value(), binary);
    EXPECT_EQ(withoutArmour(asBytes(block + "\n" + block)).value(), joined(binary, binary));
    EXPECT_FALSE(withoutArmour(asBytes(block.substr(0, block.size() - 10))));
    EXPECT_FALSE(withoutArmour(asBytes("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n!!!!\n-----END PGP PUBLIC KEY BLOCK-----\n")));
}

}
