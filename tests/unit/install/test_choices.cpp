// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/install/choices.h"
#include "tests/unit/install/log.h"

#include "core/install/console.h"
#include "tests/unit/tpm/swtpm.h"

#include <gtest/gtest.h>

using namespace Preon;
using namespace Preon::Install;
using Preon::Test::Folder;

namespace
{
const std::string hash(64, 'a');

Choices everything()
{
    return {.language = "de_DE.UTF-8",
            .layout = "de",
            .variant = "neo",
            .timeZone = "America/Argentina/Buenos_Aires",
            .hostname = "my-laptop2",
            .lock = Lock::TpmAndPin,
            .network = {}};
}

}

TEST(Choices, takeWhatSystemsUnderstandAndNothingElse)
{
    const struct {
        const char *name, *value;
        bool fine;
    } cases[] = {
        {"language", "de_DE.UTF-8", true},
        {"language", "C.UTF-8", true},
        {"language", "ca_ES.UTF-8@valencia", true},
        {"language", "de_DE", false},
        {"language", "de_DE.UTF-8\nLD_PRELOAD=x", false},
        {"language", "../../de_DE.UTF-8", false},
        {"language", "", false},
        {"keyboard", "de", true},
        {"keyboard", "us dvorak-alt-intl", true},
        {"keyboard", "nec_vndr/jp", false},
        {"keyboard", "de ", false},
        {"keyboard", "de  neo", false},
        {"keyboard", "de neo x", false},
        {"keyboard", "-C /dev/sda", false},
        {"keyboard", "$(reboot)", false},
        {"time-zone", "UTC", true},
        {"time-zone", "Europe/Berlin", true},
        {"time-zone", "America/Argentina/Buenos_Aires", true},
        {"time-zone", "Etc/GMT+5", true},
        {"time-zone", "/etc/shadow", false},
        {"time-zone", "Europe/../../../etc/shadow", false},
        {"time-zone", "A/B/C/D", false},
        {"hostname", "a", true},
        {"hostname", "my-laptop2", true},
        {"hostname", "-x", false},
        {"hostname", "x-", false},
        {"hostname", "Annas-Laptop", true},
        {"hostname", "a.example", true},
        {"hostname", "a..b", false},
        {"hostname", ".", false},
        {"hostname", "a_b", false},
        {"hostname", "a b", false},
        {"protection", "tpm", true},
        {"protection", "tpm-pin", true},
        {"protection", "passphrase", true},
        {"protection", "none", false},
        {"password", "secret", false},
        {"", "", false},
    };
    for (const auto &each : cases) {
        Choices choices;
        const auto set = setChoice(choices, each.name, each.value);
        EXPECT_EQ(set.has_value(), each.fine) << each.name << '=' << each.value;
        EXPECT_EQ(choices.isEmpty(), !each.fine) << each.name << '=' << each.value;
        if (each.fine)
            EXPECT_EQ(toJson(choices), (nlohmann::ordered_json{{each.name, each.value}}));
        else
            EXPECT_EQ(set.error().code, ErrorCode::BadArgument);
    }
    Choices choices;
    EXPECT_TRUE(setChoice(choices, "hostname", std::string(64, 'a')));
    EXPECT_FALSE(setChoice(choices, "hostname", std::string(65, 'a')));
    EXPECT_FALSE(setChoice(choices, "keyboard", std::string(65, 'a')));
}

TEST(Choices, areReadAsTheyWereWritten)
{
    EXPECT_EQ(parseChoices(choicesText(everything(), hash), hash), everything());
    EXPECT_EQ(parseChoices(choicesText(Choices(), hash), hash), Choices());
    EXPECT_LE(choicesText(everything(), hash).size(), largestChoices);
}

TEST(Choices, areForOneSystemOnly)
{
    const auto read = parseChoices(choicesText(everything(), hash), std::string(64, 'b'));
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::NotFound);
}

TEST(Choices, damagedOrForgedAreNotReadInPart)
{
    const std::string system = "system=" + hash + "\n";
    for (const std::string &text :
         {std::string(), std::string("language=de_DE.UTF-8\n"), system + "language=de_DE.UTF-8", system + "language\n", system + "shell=/bin/sh\n",
          system + "hostname=a\nhostname=b\n", system + "keyboard=de\nkeyboard=us intl\n", system + "hostname=a\n\n", system + "hostname=a b\n",
          system + system, system + "hostname=a" + std::string(1, '\0') + "\n", system + std::string(2000, '\n')}) {
        const auto read = parseChoices(text, hash);
        ASSERT_FALSE(read) << text;
        EXPECT_EQ(read.error().code, ErrorCode::BadFormat) << text;
    }
    EXPECT_FALSE(parseChoices("system=\n", ""));
}

TEST(Choices, areTakenFromWhereTheUnitLeftThem)
{
    Folder folder;
    Host host;
    host.run = folder / "run";
    EXPECT_EQ(readChoices(host, hash), Choices());
    std::filesystem::create_directories(host.run / "preon");
    const auto file = host.run / "preon/first-start.conf";
    ASSERT_TRUE(replaceFile(file, {}));
    EXPECT_EQ(readChoices(host, hash), Choices());
    ASSERT_TRUE(replaceFile(file, asBytes(choicesText(everything(), hash))));
    EXPECT_EQ(readChoices(host, hash), everything());
    ASSERT_TRUE(replaceFile(file, asBytes(std::string(largestChoices + 1, 'x'))));
    EXPECT_FALSE(readChoices(host, hash));
}

TEST(Choices, becomeSettingsOfTheNewRoot)
{
    Folder folder;
    const auto usr = folder / "sysusr", root = folder / "root";
    std::filesystem::create_directories(usr / "usr/lib/locale/de_DE.utf8");
    std::filesystem::create_directories(usr / "usr/share/zoneinfo/America/Argentina");
    std::filesystem::create_directory(root);
    ASSERT_TRUE(replaceFile(usr / "usr/share/zoneinfo/America/Argentina/Buenos_Aires", asBytes("TZif")));
    Log log;
    const auto written = writeSettings(everything(), usr, root, log);
    ASSERT_TRUE(written) << written.error().text();
    EXPECT_EQ(readTextFile(root / "etc/locale.conf"), "LANG=de_DE.UTF-8\n");
    EXPECT_EQ(readTextFile(root / "etc/vconsole.conf"), "KEYMAP=de-neo\nXKBLAYOUT=de\nXKBVARIANT=neo\n");
    EXPECT_EQ(std::filesystem::read_symlink(root / "etc/vconsole.conf"), "default/keyboard");
    EXPECT_EQ(readTextFile(root / "etc/hostname"), "my-laptop2\n");
    EXPECT_EQ(std::filesystem::read_symlink(root / "etc/localtime"), "../usr/share/zoneinfo/America/Argentina/Buenos_Aires");
    EXPECT_EQ(log.text, "");
}

TEST(Choices, thatTheSystemDoesNotHaveAreLeftOutAloud)
{
    Folder folder;
    std::filesystem::create_directories(folder / "sysusr/usr/share/zoneinfo/America");
    std::filesystem::create_directory(folder / "root");
    Choices choices = everything();
    choices.timeZone = "America"; // a folder
    Log log;
    ASSERT_TRUE(writeSettings(choices, folder / "sysusr", folder / "root", log));
    EXPECT_FALSE(std::filesystem::exists(folder / "root/etc/locale.conf"));
    EXPECT_FALSE(std::filesystem::exists(std::filesystem::symlink_status(folder / "root/etc/localtime")));
    EXPECT_TRUE(log.text.contains("language de_DE.UTF-8") && log.text.contains("time zone America")) << log.text;
    EXPECT_TRUE(std::filesystem::exists(folder / "root/etc/hostname"));
}

TEST(ConsoleKeymap, isNeverAPathOrAnOption)
{
    Folder folder;
    Host host;
    host.root = folder / "root";
    for (const std::string &name : std::vector<std::string>{"", "../passwd", "-x", "a b", "a.map", "/etc/passwd", std::string(131, 'a')}) {
        Log log;
        useKeymap(host, name, log);
        EXPECT_TRUE(log.text.contains("no name of a keymap")) << name;
    }
    Log log;
    useKeymap(host, "de-neo", log);
    EXPECT_TRUE(log.text.contains("no keymap \"de-neo\"")) << log.text;
}
