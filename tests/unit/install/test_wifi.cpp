// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/install/wifi.h"

#include "core/install/choices.h"
#include "core/install/rootlock.h"
#include "tests/unit/tpm/swtpm.h"

#include <gtest/gtest.h>

#include <sys/stat.h>

using namespace Preon;
using namespace Preon::Install;
using Preon::Test::Folder;
using Preon::Test::PolicyKey;
using Preon::Test::Swtpm;

namespace
{
const std::string systemHash(64, 'a'), home = toHex(asBytes("Home"));
const std::string password = "correct horse 42";

std::string plain(const Secret &secret)
{
    return {secret.chars(), secret.size()};
}

WirelessNetwork network(const std::string &description)
{
    return parseWirelessNetwork(description).value();
}

// A computer, and a builder whose key signs for what its PCR 11 is now.
struct Sealing {
    Swtpm swtpm;
    PolicyKey key;
    Tpm::SealPolicy policy = rootPolicy(key.pem());

    nlohmann::json signatures() const
    {
        return key.sign(Tpm::Context::open(swtpm.host()).value().readPcrs("sha256", policy.signedPcrs).value());
    }
    void extend(unsigned pcr, std::string_view word) const
    {
        EXPECT_TRUE(Tpm::Context::open(swtpm.host()).value().extendPcr(pcr, asBytes(word)));
    }
    Bytes seal(const std::string &description) const
    {
        return sealNetwork(swtpm.host(), network(description), policy, systemHash).value();
    }
    Result<WirelessNetwork> open(ByteView sealed, const nlohmann::json &signatures, const std::string &system = systemHash) const
    {
        return unsealNetwork(swtpm.host(), sealed, policy, signatures, system);
    }
};
}

TEST(Wifi, takesWhatNetworksHaveAndNothingElse)
{
    const std::string longest(64, '5'), tooLong(66, '5');
    const struct {
        std::string text;
        bool fine;
    } cases[] = {
        {home + " none", true},
        {home + " owe", true},
        {home + " wpa-psk 12345678", true},
        {home + " wpa-psk " + std::string(63, '~'), true},
        {home + " wpa-psk " + std::string(64, 'F'), true},
        {home + " wpa-psk  leading and trailing ", true},
        {home + " sae x", true},
        {home
             + " sae gr\xC3\xBC\xC3\x9F"
               "e",
         true},
        {home + " sae " + std::string(128, 'x'), true},
        {longest + " none", true},
        {"00 none", true},
        {"", false},
        {home, false},
        {home + " ", false},
        {" none", false},
        {"4 none", false},
        {"zz none", false},
        {tooLong + " none", false},
        {home + " none ", false},
        {home + " none 12345678", false},
        {home + " wep 12345", false},
        {home + " wpa-eap x", false},
        {home + " wpa-psk", false},
        {home + " wpa-psk ", false},
        {home + " wpa-psk 1234567", false},
        {home + " wpa-psk " + std::string(64, 'g'), false},
        {home + " wpa-psk " + std::string(65, 'a'), false},
        {home + " wpa-psk 1234567\n", false},
        {home
             + " wpa-psk gr\xC3\xBC\xC3\x9F"
               "e123",
         false},
        {home + " sae ", false},
        {home + " sae a\nb", false},
        {home + " sae a\x7F", false},
        {home + " sae \xFF\xFE", false},
        {home + " sae \xC0\x80", false},
        {home + " sae \xED\xA0\x80", false},
        {home + " sae " + std::string(129, 'x'), false},
    };
    for (const auto &each : cases) {
        const auto parsed = parseWirelessNetwork(each.text);
        EXPECT_EQ(parsed.has_value(), each.fine) << each.text;
        if (parsed)
            EXPECT_EQ(plain(describe(*parsed)), each.text);
        else
            EXPECT_EQ(parsed.error().code, ErrorCode::BadArgument);
    }
}

TEST(Wifi, aWrongPasswordIsNotRepeatedInTheError)
{
    const auto refused = parseWirelessNetwork(home + " wpa-psk geheim");
    ASSERT_FALSE(refused);
    EXPECT_FALSE(refused.error().text().contains("geheim"));
}

TEST(Wifi, isShownByItsNameOrByItsBytes)
{
    EXPECT_EQ(nameOf(network(home + " none")), "Home");
    EXPECT_EQ(nameOf(network("ff0a none")), "ff0a");
    EXPECT_EQ(nameOf(network("410a42 none")), "410a42");
}

TEST(Wifi, becomesAKeyfileInWhichNothingCanBeTakenForSomethingElse)
{
    const std::string tail = "\n[ipv4]\nmethod=auto\n\n[ipv6]\nmethod=auto\n";
    EXPECT_EQ(
        plain(keyfileOf(network(home + " wpa-psk  a\\n;#[x] "))),
        "[connection]\nid=Home\ntype=wifi\n\n[wifi]\nmode=infrastructure\nssid=72;111;109;101;\n\n[wifi-security]\nkey-mgmt=wpa-psk\npsk=\\sa\\\\n;#[x]\\s\n"
            + tail);
    EXPECT_EQ(plain(keyfileOf(network(toHex(asBytes("a\\ b")) + " none"))),
              "[connection]\nid=a\\\\\\sb\ntype=wifi\n\n[wifi]\nmode=infrastructure\nssid=97;92;32;98;\n" + tail);
    EXPECT_EQ(plain(keyfileOf(network("0a5b owe"))),
              "[connection]\nid=0a5b\ntype=wifi\n\n[wifi]\nmode=infrastructure\nssid=10;91;\n\n[wifi-security]\nkey-mgmt=owe\n" + tail);
}

TEST(Wifi, isWrittenForRootAlone)
{
    const Folder folder;
    std::filesystem::create_directory(folder / "new");
    ASSERT_TRUE(writeNetwork(network(home + " sae x"), folder / "new"));
    const auto connections = folder / "new/etc/NetworkManager/system-connections";
    struct stat file{}, directory{};
    ASSERT_EQ(::stat((connections / "preon-wifi.nmconnection").c_str(), &file), 0);
    ASSERT_EQ(::stat(connections.c_str(), &directory), 0);
    EXPECT_EQ(file.st_mode & 07777U, 0600U);
    EXPECT_EQ(directory.st_mode & 07777U, 0700U);
}

TEST(Wifi, comesBackOutOfTheTpmInTheSignedPhaseOnly)
{
    const Sealing machine;
    machine.extend(11, "live");
    const Bytes sealed = machine.seal(home + " wpa-psk " + password);
    EXPECT_LE(sealed.size(), largestSealedNetwork);
    EXPECT_FALSE(std::ranges::search(sealed, asBytes(password)));
    EXPECT_FALSE(std::ranges::search(sealed, asBytes(home)));

    const auto signatures = machine.signatures(); // in truth for another phase: here for what is now
    const auto opened = machine.open(sealed, signatures);
    ASSERT_TRUE(opened) << opened.error().text();
    EXPECT_EQ(plain(describe(*opened)), home + " wpa-psk " + password);
    EXPECT_EQ(machine.open(sealed, PolicyKey().sign({{11, Bytes(32)}})).error().code, ErrorCode::PolicyMismatch);
    machine.extend(11, "leave-initrd");
    EXPECT_EQ(machine.open(sealed, signatures).error().code, ErrorCode::PolicyMismatch);
}

TEST(Wifi, staysShutWhereTheCommandLineWasAddedTo)
{
    const Sealing machine;
    const Bytes sealed = machine.seal(home + " wpa-psk " + password);
    const auto signatures = machine.signatures();
    machine.extend(12, "init=/bin/sh");
    EXPECT_FALSE(machine.open(sealed, signatures));
}

TEST(Wifi, isForOneSystemOnly)
{
    const Sealing machine;
    const auto opened = machine.open(machine.seal(home + " none"), machine.signatures(), std::string(64, 'b'));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::BadFormat);
}

TEST(Wifi, staysShutInAnotherComputer)
{
    const Sealing one, other;
    EXPECT_FALSE(unsealNetwork(other.swtpm.host(), one.seal(home + " none"), one.policy, one.signatures(), systemHash));
}

TEST(Wifi, damagedIsNotRead)
{
    const Sealing machine;
    const auto signatures = machine.signatures();
    const Bytes sealed = machine.seal(home + " wpa-psk " + password);
    for (const std::size_t length : {std::size_t{0}, std::size_t{8}, std::size_t{10}, sealed.size() / 2, sealed.size() - 17, sealed.size() - 1})
        EXPECT_FALSE(machine.open(ByteView(sealed).first(length), signatures)) << length;
    for (const std::size_t at : {std::size_t{0}, std::size_t{8}, std::size_t{9}, std::size_t{12}, sealed.size() / 2, sealed.size() - 30, sealed.size() - 1}) {
        Bytes flipped = sealed;
        flipped[at] ^= std::byte{1};
        EXPECT_FALSE(machine.open(flipped, signatures)) << at;
    }
    Bytes longer = sealed;
    longer.resize(largestSealedNetwork + 1);
    EXPECT_EQ(machine.open(longer, signatures).error().code, ErrorCode::BadFormat);
    EXPECT_TRUE(machine.open(sealed, signatures));
}

TEST(Wifi, theLargestOneFitsIntoItsFile)
{
    const Sealing machine;
    const Bytes sealed = machine.seal(std::string(64, 'f') + " sae " + std::string(128, 'x'));
    Choices choices;
    choices.network = sealed;
    choices.hostname = std::string(63, 'h');
    const std::string file = choicesText(choices, systemHash);
    EXPECT_LE(file.size(), largestChoices);
    EXPECT_EQ(parseChoices(file, systemHash), choices);
    EXPECT_FALSE(toJson(choices).contains("network"));
    EXPECT_TRUE(machine.open(parseChoices(file, systemHash)->network, machine.signatures()));
    EXPECT_FALSE(parseChoices(file + "network=AAAA\n", systemHash));
    for (const char *value : {"", "A", "AAAA AAAA", "!"})
        EXPECT_FALSE(parseChoices("system=" + systemHash + "\nnetwork=" + value + '\n', systemHash)) << value;
    EXPECT_FALSE(parseChoices("system=" + systemHash + "\nnetwork=" + toBase64(Bytes(largestSealedNetwork + 1)) + '\n', systemHash));
    EXPECT_FALSE(setChoice(choices, "network", "AAAA"));
}
