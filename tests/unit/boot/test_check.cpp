// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/unit/boot/folder.h"

#include "core/boot/check.h"
#include "core/boot/choice.h"
#include "core/boot/efivars.h"

using namespace Preon;
using namespace Preon::Boot;

namespace
{

const CheckRules rules{.login = {"display-manager.service", "getty@tty1.service"}, .required = {"systemd-logind.service"}};

TEST(Check, needsOneWayToLogInAndAllThatIsRequired)
{
    EXPECT_TRUE(judge(rules, {{"display-manager.service", "active"}, {"getty@tty1.service", "inactive"}, {"systemd-logind.service", "active"}}).cameUp);
    EXPECT_TRUE(judge(rules, {{"getty@tty1.service", "active"}, {"systemd-logind.service", "active"}}).cameUp);
    EXPECT_EQ(judge(rules, {{"getty@tty1.service", "active"}}), (CheckResult{.missing = {"systemd-logind.service did not start (inactive)."}}));
    EXPECT_EQ(judge(rules, {{"getty@tty1.service", "activating"}, {"display-manager.service", "failed"}, {"systemd-logind.service", "active"}}),
              (CheckResult{.missing = {"Nobody could log in: display-manager.service failed."}}));
}

TEST(Check, isHopelessWhereWaitingDoesNotHelp)
{
    EXPECT_EQ(judge(rules, {{"getty@tty1.service", "active"}, {"systemd-logind.service", "failed"}}),
              (CheckResult{.hopeless = true, .missing = {"systemd-logind.service failed."}}));
    EXPECT_TRUE(judge(rules, {{"getty@tty1.service", "failed"}, {"display-manager.service", "failed"}, {"systemd-logind.service", "active"}}).hopeless);
    EXPECT_FALSE(judge(rules, {}).hopeless);
}

TEST(Check, asksForNoLoginWhereNoneIsNamed)
{
    EXPECT_TRUE(judge({.login = {}, .required = {}}, {}).cameUp);
}

class CheckRulesTest : public FolderTest
{
protected:
    CheckRulesTest()
    {
        m_host.root = m_folder;
    }
    Host m_host;
};

TEST_F(CheckRulesTest, areBuiltInWhereThereIsNoFile)
{
    const auto read = readCheckRules(m_host);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->required, std::vector<std::string>{"systemd-logind.service"});
    EXPECT_EQ(read->timeout, std::chrono::seconds(180));
}

TEST_F(CheckRulesTest, comeFromAFileAndItsDropIns)
{
    write("usr/lib/preon/boot-check.conf", "[Check]\nLogin=a.service b.service\nTimeoutSec=20\n");
    write("etc/preon/boot-check.conf.d/10-more.conf", "[Check]\nLogin=c.service\nRequired=\nTimeoutSec=30\n");
    const auto read = readCheckRules(m_host);
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(read->login, (std::vector<std::string>{"a.service", "b.service", "c.service"}));
    EXPECT_TRUE(read->required.empty());
    EXPECT_EQ(read->timeout, std::chrono::seconds(30));
}

TEST_F(CheckRulesTest, thatMakeNoSenseAreNamedByFileAndLine)
{
    for (const char *line : {"TimeoutSec=9", "TimeoutSec=3601", "TimeoutSec=soon", "Login=a", "Required=a.service;rm"}) {
        write("usr/lib/preon/boot-check.conf", std::string("[Check]\n") + line + "\n");
        const auto read = readCheckRules(m_host);
        ASSERT_FALSE(read) << line;
        EXPECT_EQ(read.error().code, ErrorCode::BadFormat);
        EXPECT_TRUE(read.error().why.contains("line 2")) << read.error().why;
    }
}

class Choice : public FolderTest
{
protected:
    Choice()
    {
        m_host.efivars = m_folder;
        Entry normal, live;
        normal.id = "particle_2.efi";
        normal.version = live.version = "2";
        live.id = "particle_2.efi@live";
        live.profile = "live";
        live.profileIndex = 1;
        m_menu.entries = {normal, live};
    }
    void loaderReads(std::uint8_t features)
    {
        const std::array<std::byte, 8> value{std::byte(features)};
        ASSERT_TRUE(writeVariable(m_host, "LoaderFeatures", loaderVendor(), value));
    }
    Host m_host;
    EntryList m_menu;
};

TEST_F(Choice, findsAnEntryByIdOrVersion)
{
    for (const char *wanted : {"particle_2.efi", "Particle_2.efi", "2"})
        EXPECT_EQ(entryMeant(m_menu, wanted).value_or(Entry()).id, "particle_2.efi") << wanted;
    for (const char *wanted : {"2@live", "particle_2.efi@live"})
        EXPECT_EQ(entryMeant(m_menu, wanted).value_or(Entry()).id, "particle_2.efi@live") << wanted;
    const auto none = entryMeant(m_menu, "3");
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ErrorCode::NotFound);
    EXPECT_TRUE(none.error().why.contains("particle_2.efi@live"));
}

TEST_F(Choice, isTheLoadersVariableAndGoesAgain)
{
    loaderReads(0x0C);
    ASSERT_TRUE(chooseEntry(m_host, m_menu.entries[0], HowLong::Once));
    ASSERT_TRUE(chooseEntry(m_host, m_menu.entries[1], HowLong::Always));
    EXPECT_EQ(loaderString(m_host, "LoaderEntryOneShot").value_or("").value_or(""), "particle_2.efi");
    EXPECT_EQ(loaderString(m_host, "LoaderEntryDefault").value_or("").value_or(""), "particle_2.efi@live");
    ASSERT_TRUE(forgetChoice(m_host, HowLong::Once));
    ASSERT_TRUE(forgetChoice(m_host, HowLong::Once));
    EXPECT_EQ(loaderString(m_host, "LoaderEntryOneShot").value_or("?"), std::nullopt);
}

TEST_F(Choice, isRefusedWhereTheLoaderDoesNotReadIt)
{
    loaderReads(0x04);
    EXPECT_TRUE(chooseEntry(m_host, m_menu.entries[0], HowLong::Always));
    const auto once = chooseEntry(m_host, m_menu.entries[0], HowLong::Once);
    ASSERT_FALSE(once);
    EXPECT_EQ(once.error().code, ErrorCode::Unsupported);
    m_host.efivars = m_folder / "none";
    EXPECT_FALSE(chooseEntry(m_host, m_menu.entries[0], HowLong::Always));
}

} // namespace
