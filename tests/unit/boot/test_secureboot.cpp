// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/unit/boot/folder.h"

#include "core/base/process.h"
#include "core/boot/efivars.h"
#include "core/boot/pe.h"
#include "core/boot/secureboot.h"

#include <algorithm>

using namespace Preon;
using namespace Preon::Boot;

namespace
{

const Uuid shim = *Uuid::parse("605dab50-e046-4300-abb6-3dd810dd8b23"), database = *Uuid::parse("d719b2cb-3d3a-4596-a3bc-dad00e67656f");

// Two certificates, one of which vouches for a third; a loader that sbsign signed with that one.
class SecureBootTest : public FolderTest
{
protected:
    void SetUp() override
    {
        m_host.efivars = m_folder / "efivars";
        std::filesystem::create_directory(m_host.efivars);
        make("ca", {});
        make("stranger", {});
        make("signer", {"-CA", path("ca.crt"), "-CAkey", path("ca.key")});
        run({"sbsign", "--key", path("signer.key"), "--cert", path("signer.crt"), "--output", path("signed.efi"),
             "/usr/lib/systemd/boot/efi/systemd-bootx64.efi"});
    }
    std::string path(const std::string &name) const
    {
        return (m_folder / name).string();
    }
    static void run(const std::vector<std::string> &command)
    {
        const auto done = runTool(command);
        ASSERT_TRUE(done) << done.error().text();
    }
    void make(const std::string &name, const std::vector<std::string> &more) const
    {
        std::vector<std::string> command{"openssl",  "req",
                                         "-x509",    "-newkey",
                                         "rsa:2048", "-nodes",
                                         "-days",    "2",
                                         "-subj",    "/CN=" + name + "/",
                                         "-keyout",  path(name + ".key"),
                                         "-out",     path(name + ".crt")};
        command.insert(command.end(), more.begin(), more.end());
        run(command);
    }
    Sign::Certificate certificate(const std::string &name) const
    {
        return Sign::Certificate::parse(*readFile(path(name + ".crt"))).value().front();
    }
    void put(const std::string &name, const Uuid &vendor, ByteView data) const
    {
        ASSERT_TRUE(writeVariable(m_host, name, vendor, data));
    }
    Bytes lists(const std::vector<std::string> &names) const
    {
        Bytes all;
        for (const std::string &name : names)
            std::ranges::copy(signatureListOf(certificate(name).der()), std::back_inserter(all));
        return all;
    }

    Host m_host;
};

TEST_F(SecureBootTest, aSignedProgramIsVouchedForByItsSignerAndByWhoSignedThat)
{
    const Bytes program = *readFile(path("signed.efi")), bare = *readFile("/usr/lib/systemd/boot/efi/systemd-bootx64.efi");
    const auto signers = signersOf(program);
    ASSERT_EQ(signers.size(), 1U);
    EXPECT_EQ(signers.front().subject(), "CN=signer");
    EXPECT_TRUE(isVouchedFor(signers, {certificate("signer")}));
    EXPECT_TRUE(isVouchedFor(signers, {certificate("stranger"), certificate("ca")}));
    EXPECT_FALSE(isVouchedFor(signers, {certificate("stranger")}));
    EXPECT_FALSE(isVouchedFor(signers, {}));
    EXPECT_FALSE(vouchesForOthers({certificate("ca"), certificate("signer")}, signers));
    EXPECT_TRUE(vouchesForOthers({certificate("ca"), certificate("stranger")}, signers));
    EXPECT_FALSE(vouchesForOthers({}, signers));
    EXPECT_TRUE(signersOf(bare).empty());
    EXPECT_FALSE(isVouchedFor({}, {certificate("ca")}));
    // Cut off anywhere it has fewer signatures or is no program, and nothing is read behind its end.
    for (std::size_t length = 0; length < program.size(); length += 997)
        EXPECT_TRUE(signersOf(ByteView(program).first(length)).empty());
}

TEST_F(SecureBootTest, theFirmwaresListsAreRead)
{
    const auto names = [](const std::vector<Sign::Certificate> &all) {
        std::vector<std::string> list;
        for (const auto &each : all)
            list.push_back(each.subject());
        return list;
    };
    EXPECT_EQ(readSecureBoot(m_host).state, SecureBoot::State::Unknown);
    const Bytes no{std::byte{0}}, yes{std::byte{1}};
    put("SecureBoot", globalVendor(), yes);
    put("SetupMode", globalVendor(), no);
    put("db", database, lists({"ca", "stranger"}));
    put("MokListRT", shim, lists({"signer"}));
    const SecureBoot facts = readSecureBoot(m_host);
    EXPECT_EQ(facts.state, SecureBoot::State::On);
    EXPECT_EQ(names(facts.trusted), (std::vector<std::string>{"CN=ca", "CN=stranger"}));
    EXPECT_EQ(names(facts.allowed), std::vector<std::string>{"CN=signer"});
    put("SetupMode", globalVendor(), yes);
    EXPECT_EQ(readSecureBoot(m_host).state, SecureBoot::State::Setup);
    put("SetupMode", globalVendor(), no);
    put("SecureBoot", globalVendor(), no);
    EXPECT_EQ(readSecureBoot(m_host).state, SecureBoot::State::Off);
}

TEST_F(SecureBootTest, listsThatDoNotAddUpAreRefused)
{
    const Bytes good = lists({"ca"});
    for (std::size_t length = 1; length < good.size(); ++length)
        EXPECT_FALSE(parseSignatureLists(ByteView(good).first(length))) << length;
    for (const std::size_t field : {16U, 20U, 24U}) {
        Bytes bad = good;
        std::fill_n(bad.begin() + static_cast<std::ptrdiff_t>(field), 4, std::byte{0xFF});
        EXPECT_FALSE(parseSignatureLists(bad)) << field;
        std::fill_n(bad.begin() + static_cast<std::ptrdiff_t>(field), 4, std::byte{0});
        EXPECT_EQ(parseSignatureLists(bad).has_value(), field == 20U) << field;
    }
}

TEST_F(SecureBootTest, theOwnerIsAskedOnceAndNobodyElsesRequestIsLost)
{
    const auto code = requestPermission(m_host, certificate("signer"));
    ASSERT_TRUE(code) << code.error().text();
    EXPECT_EQ(code->size(), 8U);
    EXPECT_TRUE(std::ranges::all_of(*code, [](char c) { return c >= '0' && c <= '9'; }));
    const Bytes list = readVariable(m_host, "MokNew", shim)->data;
    EXPECT_EQ(list, lists({"signer"}));
    Bytes secret = list;
    for (const char c : *code)
        secret.insert(secret.end(), {static_cast<std::byte>(c), std::byte{0}});
    EXPECT_TRUE(std::ranges::equal(readVariable(m_host, "MokAuth", shim)->data, sha256(secret)));
    EXPECT_TRUE(requestPermission(m_host, certificate("signer"))) << "the same again, with another code";
    const auto other = requestPermission(m_host, certificate("ca"));
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, ErrorCode::Exists);
    EXPECT_EQ(readVariable(m_host, "MokNew", shim)->data, list);
}

} // namespace
