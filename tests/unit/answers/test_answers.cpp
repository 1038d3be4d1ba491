// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/installer/answers.h"

#include <gtest/gtest.h>

using namespace Preon::Installer;

namespace
{

const std::string whole = R"({
    "language": "de_DE",
    "keyboard": "de nodeadkeys",
    "timeZone": "Europe/Berlin",
    "hostname": "anna-laptop",
    "protection": "tpm",
    "secureBoot": "prepare",
    "disk": {"serial": "S6P7NX0T512345", "model": "Samsung SSD 990 PRO"},
    "mode": "erase",
    "confirm": "erase everything on S6P7NX0T512345",
    "afterwards": "restart",
    "realName": "Änne O’Hara",
    "userName": "anne-2",
    "account": "ordinary",
    "network": "skip",
    "recoveryKey": "skip"
})";

const std::vector<OfferedDisk> disks{{.serial = "A1", .model = "Samsung SSD 990 PRO", .name = "/dev/nvme0n1", .size = 1000},
                                     {.serial = "A2", .model = "Samsung SSD 990 PRO", .name = "/dev/nvme1n1", .size = 2000},
                                     {.serial = "", .model = "USB Disk", .name = "/dev/sda", .size = 500}};

std::string why(const std::string &text)
{
    const auto answers = parseAnswers(text);
    return answers ? "" : answers.error().code + ": " + answers.error().why;
}

TEST(Answers, readsEveryKey)
{
    const auto answers = parseAnswers(whole);
    ASSERT_TRUE(answers) << answers.error().why;
    EXPECT_EQ(answers->language, "de_DE");
    EXPECT_EQ(answers->keyboard, "de nodeadkeys");
    EXPECT_EQ(answers->timeZone, "Europe/Berlin");
    EXPECT_EQ(answers->hostname, "anna-laptop");
    EXPECT_EQ(answers->protection, "tpm");
    EXPECT_EQ(answers->secureBoot, "prepare");
    ASSERT_TRUE(answers->disk);
    EXPECT_EQ(answers->disk->pick, WantedDisk::Pick::Named);
    EXPECT_EQ(answers->disk->serial, "S6P7NX0T512345");
    EXPECT_EQ(answers->disk->model, "Samsung SSD 990 PRO");
    EXPECT_EQ(answers->mode, "erase");
    EXPECT_EQ(answers->confirm, "erase everything on S6P7NX0T512345");
    EXPECT_EQ(answers->afterwards, "restart");
    EXPECT_EQ(answers->realName, "Änne O’Hara");
    EXPECT_EQ(answers->userName, "anne-2");
    EXPECT_EQ(answers->account, "ordinary");
    EXPECT_EQ(answers->network, "skip");
    EXPECT_EQ(answers->recoveryKey, "skip");
}

TEST(Answers, leavesOutWhatIsNotSaid)
{
    const auto answers = parseAnswers("{}");
    ASSERT_TRUE(answers);
    EXPECT_EQ(*answers, Answers());
}

TEST(Answers, writesWhatItReads)
{
    for (const std::string &text : {whole, std::string("{}"), std::string(R"({"disk": "only", "mode": "beside"})"), std::string(R"({"disk": "largest"})"),
                                    std::string(R"({"disk": {"name": "nvme0n1"}, "timeZone": "America/Argentina/Buenos_Aires"})")}) {
        const auto answers = parseAnswers(text);
        ASSERT_TRUE(answers) << answers.error().why;
        const auto again = parseAnswers(writeAnswers(*answers));
        ASSERT_TRUE(again) << again.error().why;
        EXPECT_EQ(*again, *answers);
    }
}

TEST(Answers, saysExactlyWhatIsWrong)
{
    const std::pair<const char *, const char *> table[] = {
        {"", "bad-format: it is not JSON in line 1"},
        {"{\n\"mode\": \"erase\"\n\"disk\": \"only\"}", "bad-format: it is not JSON in line 3"},
        {"[]", "bad-format: it is JSON, but not one object"},
        {"\"erase\"", "bad-format: it is JSON, but not one object"},
        {"{} {}", "bad-format: it is not JSON in line 1"},
        {"{\"mode\": \"\xff\"}", "bad-format: it is not JSON in line 1"},
        {R"({"langauge": "de_DE"})", "bad-format: it has a key \"langauge\" that is not known"},
        {R"({"Mode": "erase"})", "bad-format: it has a key \"Mode\" that is not known"},
        {R"({"mode": "beside", "mode": "erase"})", "bad-format: the key \"mode\" is there twice"},
        {R"({"disk": {"serial": "A", "serial": "B"}})", "bad-format: the key \"serial\" is there twice"},
        {R"({"mode": true})", "bad-format: the value of \"mode\" is not a text"},
        {R"({"mode": 1e999})", "bad-format: it has a number in it that is too large"},
        {R"({"mode": null})", "bad-format: the value of \"mode\" is not a text"},
        {R"({"mode": ""})", "bad-format: the value of \"mode\" is empty"},
        {R"({"mode": "format"})", "bad-format: the value of \"mode\" is \"format\""},
        {R"({"hostname": "a\u0000b"})", "bad-format: the value of \"hostname\" is too long, or has control characters in it"},
        {R"({"hostname": "a\nb"})", "bad-format: the value of \"hostname\" is too long, or has control characters in it"},
        {R"({"hostname": "-a"})", "bad-format: the value of \"hostname\" is \"-a\""},
        {R"({"hostname": "a..b"})", "bad-format: the value of \"hostname\" is \"a..b\""},
        {R"({"hostname": "a."})", "bad-format: the value of \"hostname\" is \"a.\""},
        {R"({"hostname": "a b"})", "bad-format: the value of \"hostname\" is \"a b\""},
        {R"({"language": "de"})", "bad-format: the value of \"language\" is \"de\""},
        {R"({"language": "de_DE.UTF-8"})", "bad-format: the value of \"language\" is \"de_DE.UTF-8\""},
        {R"({"language": "DE_de"})", "bad-format: the value of \"language\" is \"DE_de\""},
        {R"({"keyboard": "de  nodeadkeys"})", "bad-format: the value of \"keyboard\" is \"de  nodeadkeys\""},
        {R"({"keyboard": "de;rm"})", "bad-format: the value of \"keyboard\" is \"de;rm\""},
        {R"({"timeZone": "../etc/passwd"})", "bad-format: the value of \"timeZone\" is \"../etc/passwd\""},
        {R"({"timeZone": "UTC"})", "bad-format: the value of \"timeZone\" is \"UTC\""},
        {R"({"protection": "none"})", "bad-format: the value of \"protection\" is \"none\""},
        {R"({"secureBoot": "on"})", "bad-format: the value of \"secureBoot\" is \"on\""},
        {R"({"afterwards": "reboot"})", "bad-format: the value of \"afterwards\" is \"reboot\""},
        {R"({"userName": "Anna"})", "bad-format: the value of \"userName\" is \"Anna\""},
        {R"({"userName": "1anna"})", "bad-format: the value of \"userName\" is \"1anna\""},
        {R"({"userName": "anna schmidt"})", "bad-format: the value of \"userName\" is \"anna schmidt\""},
        {R"({"userName": "../anna"})", "bad-format: the value of \"userName\" is \"../anna\""},
        {R"({"realName": "Anna:0:0"})", "bad-format: the value of \"realName\" is \"Anna:0:0\""},
        {R"({"account": "none"})", "bad-format: the value of \"account\" is \"none\""},
        {R"({"network": "ask"})", "bad-format: the value of \"network\" is \"ask\""},
        {R"({"recoveryKey": "bcdefghi"})", "bad-format: the value of \"recoveryKey\" is \"bcdefghi\""},
        {R"({"password": "secret"})", "bad-format: it has a key \"password\" that is not known"},
        {R"({"disk": "all"})", "bad-format: the value of \"disk\" does not say which"},
        {R"({"disk": {}})", "bad-format: the value of \"disk\" does not say which"},
        {R"({"disk": ["only"]})", "bad-format: the value of \"disk\" does not say which"},
        {R"({"disk": {"size": "1"}})", "bad-format: \"disk\" has a key \"size\" that is not known"},
        {R"({"disk": {"serial": ""}})", "bad-format: the value of \"disk.serial\" is empty"},
        {R"({"disk": {"serial": 1}})", "bad-format: the value of \"disk.serial\" is not a text"},
        {R"({"confirm": "yes"})", "bad-format: the value of \"confirm\" is \"yes\""},
        {R"({"confirm": "erase everything on "})", "bad-format: the value of \"confirm\" is \"erase everything on \""},
    };
    for (const auto &[text, expected] : table)
        EXPECT_EQ(why(text), expected) << text;
    EXPECT_EQ(why(R"({"hostname": ")" + std::string(65, 'a') + "\"}"), "bad-format: the value of \"hostname\" is \"" + std::string(65, 'a') + '"');
    EXPECT_EQ(why(R"({"disk": {"model": ")" + std::string(256, 'a') + "\"}}"),
              "bad-format: the value of \"disk.model\" is too long, or has control characters in it");
    EXPECT_EQ(why(std::string(longestAnswers + 1, ' ')), "no-space: it is 65537 bytes long, and 65536 are the most");
}

TEST(Answers, everyErrorSaysWhatToDo)
{
    for (const char *text : {"", "[]", R"({"x": 1})", R"({"mode": 1})", R"({"mode": "x"})", R"({"disk": 1})", R"({"language": "x"})"}) {
        const auto answers = parseAnswers(text);
        ASSERT_FALSE(answers);
        EXPECT_EQ(answers.error().what, "The answers file cannot be used");
        EXPECT_FALSE(answers.error().todo.empty()) << text;
    }
}

TEST(Answers, deepNestingIsAnErrorAndNoEnd)
{
    EXPECT_NE(why(std::string(30000, '[') + std::string(30000, ']')), "");
    EXPECT_NE(why(std::string(60000, '[')), "");
}

TEST(Answers, findsTheDiskThatIsMeant)
{
    EXPECT_EQ(findDisk({.pick = WantedDisk::Pick::Named, .serial = "A2", .model = {}, .name = {}}, disks), 1U);
    EXPECT_EQ(findDisk({.pick = WantedDisk::Pick::Named, .serial = {}, .model = "USB Disk", .name = {}}, disks), 2U);
    EXPECT_EQ(findDisk({.pick = WantedDisk::Pick::Named, .serial = {}, .model = {}, .name = "/dev/sda"}, disks), 2U);
    EXPECT_EQ(findDisk({.pick = WantedDisk::Pick::Named, .serial = {}, .model = {}, .name = "nvme0n1"}, disks), 0U);
    EXPECT_EQ(findDisk({.pick = WantedDisk::Pick::Largest, .serial = {}, .model = {}, .name = {}}, disks), 1U);
    EXPECT_EQ(findDisk({.pick = WantedDisk::Pick::Only, .serial = {}, .model = {}, .name = {}}, {disks[0]}), 0U);
}

TEST(Answers, doesNotGuessWhichDiskIsMeant)
{
    const auto code = [](const WantedDisk &wanted, const std::vector<OfferedDisk> &offered) {
        const auto found = findDisk(wanted, offered);
        return found ? "found " + std::to_string(*found) : found.error().code;
    };
    const WantedDisk model{.pick = WantedDisk::Pick::Named, .serial = {}, .model = "Samsung SSD 990 PRO", .name = {}};
    EXPECT_EQ(code(model, disks), "changed");
    EXPECT_EQ(code({.pick = WantedDisk::Pick::Only, .serial = {}, .model = {}, .name = {}}, disks), "changed");
    EXPECT_EQ(code({.pick = WantedDisk::Pick::Largest, .serial = {}, .model = {}, .name = {}}, {disks[0], disks[0]}), "changed");
    EXPECT_EQ(code({.pick = WantedDisk::Pick::Named, .serial = "A1", .model = "USB Disk", .name = {}}, disks), "not-found");
    EXPECT_EQ(code({.pick = WantedDisk::Pick::Named, .serial = "a1", .model = {}, .name = {}}, disks), "not-found");
    EXPECT_EQ(code({.pick = WantedDisk::Pick::Largest, .serial = {}, .model = {}, .name = {}}, {}), "not-found");
    EXPECT_EQ(code({.pick = WantedDisk::Pick::Only, .serial = {}, .model = {}, .name = {}}, {}), "not-found");
}

TEST(Answers, onlyTheRightSentenceConfirms)
{
    const auto confirmed = [](const char *mode, const char *sentence, const OfferedDisk &disk) {
        Answers answers;
        answers.mode = mode;
        answers.confirm = sentence;
        const auto result = isConfirmed(answers, disk);
        return result ? (*result ? "yes" : "asked") : result.error().code;
    };
    EXPECT_EQ(confirmed("erase", "erase everything on A1", disks[0]), "yes");
    EXPECT_EQ(confirmed("erase", "erase everything on /dev/nvme0n1", disks[0]), "yes");
    EXPECT_EQ(confirmed("erase", "erase everything on nvme0n1", disks[0]), "yes");
    EXPECT_EQ(confirmed("erase", "erase everything on Samsung SSD 990 PRO", disks[0]), "yes");
    EXPECT_EQ(confirmed("reinstall", "replace the system on A1", disks[0]), "yes");
    EXPECT_EQ(confirmed("erase", "", disks[0]), "asked");
    EXPECT_EQ(confirmed("", "erase everything on A1", disks[0]), "asked");
    EXPECT_EQ(confirmed("erase", "erase everything on A2", disks[0]), "permission");
    EXPECT_EQ(confirmed("erase", "erase everything on A1 ", disks[0]), "permission");
    EXPECT_EQ(confirmed("erase", "replace the system on A1", disks[0]), "permission");
    EXPECT_EQ(confirmed("reinstall", "erase everything on A1", disks[0]), "permission");
    EXPECT_EQ(confirmed("beside", "erase everything on A1", disks[0]), "permission");
    // A disk without a serial number is not one whose serial number is nothing.
    EXPECT_EQ(confirmed("erase", "erase everything on ", disks[2]), "permission");
}

}
