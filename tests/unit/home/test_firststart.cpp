// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/home/firststart.h"

#include "tests/unit/tpm/swtpm.h"

#include <gtest/gtest.h>

#include <fstream>

using namespace Preon;
using namespace Preon::Home;
using Preon::Test::Folder;

namespace
{

constexpr std::uint64_t gigabyte = 1'000'000'000;

// A tree of an installed system, as its disk has it before anybody lives there.
class Machine
{
public:
    Machine()
    {
        host.root = (m_folder / "x").parent_path();
        host.run = m_folder / "run";
        write("run/preon/mode-disk", "");
        write("etc/passwd",
              "root:x:0:0:root:/root:/bin/bash\nlive:x:997:997::/run/live:/usr/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n");
        write("etc/group", "root:x:0:\nsudo:x:27:\naudio:x:29:\n");
        write("etc/shadow", "root:*:20000:0:99999:7:::\n");
        std::filesystem::create_directories(m_folder / "home");
        std::filesystem::create_directories(m_folder / "usr/lib/locale/de_DE.utf8");
        write("usr/share/zoneinfo/Europe/Berlin", "TZif");
    }
    void write(const std::string &path, const std::string &text)
    {
        std::filesystem::create_directories((m_folder / path).parent_path());
        std::ofstream(m_folder / path) << text;
    }
    std::string read(const std::string &path) const
    {
        return readTextFile(m_folder / path).value_or("(nothing)");
    }
    std::filesystem::path at(const std::string &path) const
    {
        return m_folder / path;
    }
    // With room of its own: the disk that the tests run on may be nearly full.
    FirstStartFacts look() const
    {
        FirstStartFacts facts = lookAtFirstStart(host).value();
        facts.volume.freeBytes = facts.volume.totalBytes = 20 * gigabyte;
        return facts;
    }
    Host host;

private:
    Folder m_folder;
};

FirstStartFacts emptyHouse()
{
    FirstStartFacts facts;
    facts.installed = true;
    facts.names = {"root", "sudo", "nobody"};
    facts.groups = {"sudo"};
    facts.volume.freeBytes = facts.volume.totalBytes = 20 * gigabyte;
    return facts;
}

FirstStartWishes anna()
{
    FirstStartWishes wishes;
    wishes.userName = "anna";
    wishes.realName = "Anna Blüm";
    wishes.recoveryKey = true;
    return wishes;
}

ErrorCode codeOf(const FirstStartFacts &facts, const FirstStartWishes &wishes)
{
    const auto plan = planFirstStart(facts, wishes);
    EXPECT_FALSE(plan);
    return plan ? ErrorCode::Io : plan.error().code;
}

} // namespace

TEST(FirstStart, isForASystemThatHasNobody)
{
    Machine machine;
    EXPECT_FALSE(whyNoFirstStart(machine.look()));
    // A person of passwd(5), one of systemd-homed, and a system that was started from a stick.
    machine.write("etc/passwd", "root:x:0:0::/root:/bin/sh\nanna:x:1000:1000::/var/home/anna:/bin/bash\n");
    ASSERT_TRUE(whyNoFirstStart(machine.look()));
    EXPECT_EQ(whyNoFirstStart(machine.look())->code, ErrorCode::Exists);
    machine.write("etc/passwd", "root:x:0:0::/root:/bin/sh\nstrange line\n:x:1000:\n");
    EXPECT_FALSE(whyNoFirstStart(machine.look()));
    machine.write("var/lib/systemd/home/otto.identity", "{}");
    EXPECT_EQ(machine.look().people, std::vector<std::string>{"otto"});
    EXPECT_TRUE(whyNoFirstStart(machine.look()));
    std::filesystem::remove(machine.at("var/lib/systemd/home/otto.identity"));
    std::filesystem::remove(machine.at("run/preon/mode-disk"));
    EXPECT_TRUE(whyNoFirstStart(machine.look()));
}

TEST(FirstStart, knowsWhatWasChosenBefore)
{
    Machine machine;
    EXPECT_TRUE(machine.look().known.isEmpty());
    machine.write("etc/locale.conf", "LANG=C.UTF-8\n");
    EXPECT_TRUE(machine.look().known.isEmpty());
    machine.write("etc/locale.conf", "# of an editor\nLANG=\"de_DE.UTF-8\"\n");
    machine.write("etc/vconsole.conf", "KEYMAP=de-neo\nXKBLAYOUT=de\nXKBVARIANT=neo\n");
    machine.write("etc/hostname", "my-laptop\n");
    std::filesystem::create_symlink("../usr/share/zoneinfo/Europe/Berlin", machine.at("etc/localtime"));
    const Install::Choices known = machine.look().known;
    EXPECT_EQ(Install::toJson(known).dump(), R"({"language":"de_DE.UTF-8","keyboard":"de neo","time-zone":"Europe/Berlin","hostname":"my-laptop"})");
    // What has no proper form is asked for, not passed on.
    machine.write("etc/hostname", "$(reboot)\n");
    machine.write("etc/locale.conf", "LANG=../../x\n");
    EXPECT_EQ(Install::toJson(machine.look().known).dump(), R"({"keyboard":"de neo","time-zone":"Europe/Berlin"})");
}

TEST(FirstStart, planSaysAllThatIsDone)
{
    const auto plan = planFirstStart(emptyHouse(), anna());
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->home, "/home/anna");
    EXPECT_EQ(plan->groups, std::vector<std::string>{"sudo"});
    ASSERT_TRUE(plan->account);
    EXPECT_EQ(plan->homeSize, homeRoom(emptyHouse())->suggested);
    EXPECT_EQ(plan->account->record.memberOf(), std::vector<std::string>{"sudo"});
    EXPECT_EQ(phases(*plan), (std::vector<std::string>{settingsPhase, recoveryPhase, accountPhase, finishPhase}));
    EXPECT_TRUE(toText(*plan).ends_with("Give disk and home a recovery key, and test it\n")) << toText(*plan);
    FirstStartWishes wishes = anna();
    wishes.kind = AccountKind::Ordinary;
    wishes.recoveryKey = false;
    wishes.choices.hostname = "laptop";
    wishes.choices.lock = Install::Lock::Passphrase;
    const auto ordinary = planFirstStart(emptyHouse(), wishes);
    ASSERT_TRUE(ordinary);
    EXPECT_EQ(ordinary->home, "/var/home/anna");
    EXPECT_FALSE(ordinary->account);
    EXPECT_FALSE(ordinary->settings.lock) << "what locks the disk is no wish of the first start";
    EXPECT_EQ(toText(*ordinary), "Set hostname to laptop\nMake the account anna with its home in /var/home/anna\nMake no recovery key\n");
}

TEST(FirstStart, refusesNamesThatAreTakenOrNone)
{
    for (const char *name : {"", "Anna", "1anna", "-anna", "an na", "anna:", "änna", "../anna", "abcdefghijklmnopqrstuvwxyz0123456"}) {
        FirstStartWishes wishes = anna();
        wishes.userName = name;
        EXPECT_EQ(codeOf(emptyHouse(), wishes), ErrorCode::BadArgument) << name;
    }
    for (const char *name : {"root", "sudo"}) {
        FirstStartWishes wishes = anna();
        wishes.userName = name;
        EXPECT_EQ(codeOf(emptyHouse(), wishes), ErrorCode::Exists) << name;
    }
    FirstStartFacts facts = emptyHouse();
    facts.homes = {"anna"}; // kept from an earlier system
    EXPECT_EQ(codeOf(facts, anna()), ErrorCode::Exists);
    for (const char *name : {"Anna:x", "a\nb", "\xff\xfe", "a\xc3"}) {
        FirstStartWishes wishes = anna();
        wishes.realName = name;
        EXPECT_EQ(codeOf(emptyHouse(), wishes), ErrorCode::BadArgument) << name;
    }
    for (const char *name : {"", "Ana Sofía", "李小龙", "أحمد", "O'Brien \"Bob\""}) {
        FirstStartWishes wishes = anna();
        wishes.realName = name;
        EXPECT_TRUE(planFirstStart(emptyHouse(), wishes)) << name;
    }
}

TEST(FirstStart, encryptedHomesNeedRoomAndWhoKeepsThem)
{
    FirstStartFacts facts = emptyHouse();
    FirstStartWishes wishes = anna();
    for (const std::uint64_t size : {homeRoom(facts)->maximum + (1U << 20U), std::uint64_t(1)}) {
        wishes.homeSize = size;
        EXPECT_FALSE(planFirstStart(facts, wishes)) << size;
    }
    wishes.homeSize = homeRoom(facts)->minimum;
    EXPECT_EQ(planFirstStart(facts, wishes)->homeSize, wishes.homeSize.value());
    // Room stays for what the file system takes for itself later: the home must fit again at the next login.
    facts.volume.isSystemVolume = false;
    facts.volume.totalBytes = 6 * gigabyte;
    facts.volume.freeBytes = 5 * gigabyte;
    EXPECT_GE(facts.volume.freeBytes - homeRoom(facts)->maximum, std::uint64_t(1) << 30U);
    // What other homes will take when their people log in is not given away.
    facts.volume.promisedBytes = 3 * gigabyte;
    EXPECT_LE(homeRoom(facts)->maximum, 2 * gigabyte);
    facts.volume.promisedBytes = 0;
    facts.volume.freeBytes = 100'000'000;
    EXPECT_EQ(codeOf(facts, anna()), ErrorCode::NoSpace);
    EXPECT_NE(homeRoom(facts).error().why.find("100 MB are free"), std::string::npos) << homeRoom(facts).error().why;
    facts = emptyHouse();
    facts.noEncrypted = Error{ErrorCode::NotFound, "There is no systemd-homed", {}, {}};
    EXPECT_EQ(codeOf(facts, anna()), ErrorCode::NotFound);
    // An ordinary account needs neither.
    FirstStartWishes ordinary = anna();
    ordinary.kind = AccountKind::Ordinary;
    EXPECT_TRUE(planFirstStart(facts, ordinary));
    ordinary.homeSize = std::uint64_t(1) << 30U;
    EXPECT_EQ(codeOf(facts, ordinary), ErrorCode::BadArgument);
}

TEST(FirstStart, whatWasCutOffGoesOn)
{
    Machine machine;
    SilentProgress progress;
    auto plan = planFirstStart(machine.look(), anna()).value();
    ASSERT_TRUE(noteBegun(plan, machine.host, progress));
    // Cut off before there was a home: the same or another name can be chosen.
    EXPECT_FALSE(whyNoFirstStart(machine.look()));
    EXPECT_FALSE(isAllButDone(machine.look()));
    // Cut off with half a home: it is nobody's, and goes first, whatever name is chosen now.
    machine.write("home/anna.home", "half");
    machine.write("home/older.home", "somebody's");
    machine.write("home/.#homeworkanna.home0123456789abcdef", std::string(1 << 20, 'x'));
    machine.write("home/.#homeworkolder.home0123456789abcdef", "somebody's");
    for (const char *name : {"anna", "otto"}) {
        FirstStartWishes wishes = anna();
        wishes.userName = name;
        const auto again = planFirstStart(machine.look(), wishes);
        ASSERT_TRUE(again) << name;
        EXPECT_EQ(again->leftovers, (std::vector<std::string>{"/home/anna.home", "/home/.#homeworkanna.home0123456789abcdef"}));
        plan = *again;
    }
    ASSERT_TRUE(noteBegun(plan, machine.host, progress));
    EXPECT_FALSE(std::filesystem::exists(machine.at("home/anna.home")));
    EXPECT_EQ(machine.read("home/older.home"), "somebody's");
    EXPECT_FALSE(std::filesystem::exists(machine.at("home/.#homeworkanna.home0123456789abcdef")));
    EXPECT_EQ(machine.read("home/.#homeworkolder.home0123456789abcdef"), "somebody's");
    // Cut off when the account was there: only the end is missing.
    machine.write("var/lib/systemd/home/otto.identity", "{}");
    EXPECT_TRUE(isAllButDone(machine.look()));
    EXPECT_TRUE(whyNoFirstStart(machine.look()));
    EXPECT_EQ(codeOf(machine.look(), anna()), ErrorCode::Exists) << "there is somebody; a second one is not made here";
    ASSERT_TRUE(noteDone(machine.host));
    EXPECT_TRUE(whyNoFirstStart(machine.look()));
    EXPECT_EQ(machine.read("var/lib/preon/first-start.json"), "{\"state\":\"done\"}\n");
}

TEST(FirstStart, aNoteThatMakesNoSenseRemovesNothing)
{
    Machine machine;
    machine.write("home/anna.home", "somebody's");
    for (const char *note : {"", "[]", "{", R"({"state":"begun"})", R"({"state":"begun","account":"../anna","kind":"encrypted"})",
                             R"({"state":"begun","account":7,"kind":"encrypted"})", R"({"state":"begun","account":"anna","kind":"other"})"}) {
        machine.write("var/lib/preon/first-start.json", note);
        EXPECT_FALSE(machine.look().begun) << note;
        EXPECT_FALSE(machine.look().done) << note;
        EXPECT_EQ(codeOf(machine.look(), anna()), ErrorCode::Exists) << note;
    }
}

TEST(FirstStart, settingsTakeTheirPlacesAsAWhole)
{
    Machine machine;
    SilentProgress progress;
    machine.write("etc/hostname", "old\n");
    machine.write("etc/.preon-first-start/etc/left", "of a start that was cut off");
    FirstStartWishes wishes = anna();
    wishes.choices
        = {.language = "de_DE.UTF-8", .layout = "de", .variant = "neo", .timeZone = "Europe/Berlin", .hostname = "laptop", .lock = {}, .network = {}};
    const auto plan = planFirstStart(machine.look(), wishes);
    ASSERT_TRUE(plan);
    for (int time = 0; time < 2; ++time) {
        ASSERT_TRUE(applySettings(*plan, machine.host, progress));
        EXPECT_EQ(machine.read("etc/hostname"), "laptop\n");
        EXPECT_EQ(machine.read("etc/locale.conf"), "LANG=de_DE.UTF-8\n");
        EXPECT_EQ(machine.read("etc/vconsole.conf"), "KEYMAP=de-neo\nXKBLAYOUT=de\nXKBVARIANT=neo\n");
        EXPECT_EQ(std::filesystem::read_symlink(machine.at("etc/localtime")), "../usr/share/zoneinfo/Europe/Berlin");
        EXPECT_FALSE(std::filesystem::exists(machine.at("etc/.preon-first-start")));
        EXPECT_FALSE(std::filesystem::exists(machine.at("etc/left")));
    }
    EXPECT_EQ(Install::toJson(machine.look().known), Install::toJson(wishes.choices));
}

TEST(FirstStart, happensOnceAtATime)
{
    Machine machine;
    auto first = lockFirstStart(machine.host);
    ASSERT_TRUE(first);
    EXPECT_EQ(lockFirstStart(machine.host).error().code, ErrorCode::Busy);
    first->reset();
    EXPECT_TRUE(lockFirstStart(machine.host));
}

TEST(FirstStart, letsPeopleBackIntoHomesThatWereKept)
{
    FirstStartFacts facts = emptyHouse();
    facts.homes = {"anna"};
    facts.kept = {{.userName = "anna", .path = "/home/anna.home", .storage = "luks", .size = 12 * gigabyte}};
    facts.volume.freeBytes = 0; // a home that is there needs no room
    FirstStartWishes wishes;
    wishes.userName = "anna";
    wishes.kind = AccountKind::Kept;
    wishes.recoveryKey = true;
    const auto plan = planFirstStart(facts, wishes);
    ASSERT_TRUE(plan) << plan.error().text();
    EXPECT_FALSE(plan->account);
    EXPECT_EQ(plan->groups, std::vector<std::string>{"sudo"});
    EXPECT_EQ(toText(*plan), "Let anna back into the home that was kept, /home/anna\nGive the disk a recovery key, and test it\n");
    EXPECT_EQ(toJson(*plan)["account"]["kind"], "kept");
    EXPECT_TRUE(plan->leftovers.empty());
    // Nobody makes a new one in its place, also where the way back was begun and cut off.
    facts.volume.freeBytes = 20 * gigabyte;
    EXPECT_EQ(codeOf(facts, anna()), ErrorCode::Exists);
    facts.begun = Begun{.user = "anna", .kind = AccountKind::Kept};
    EXPECT_EQ(codeOf(facts, anna()), ErrorCode::Exists);
    const auto again = planFirstStart(facts, wishes);
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->leftovers.empty());
    // Who has no home here, or a name that the system uses now; two homes; nobody who opens them.
    wishes.userName = "otto";
    EXPECT_EQ(codeOf(facts, wishes), ErrorCode::NotFound);
    wishes.userName = "anna";
    wishes.realName = "Somebody";
    EXPECT_EQ(codeOf(facts, wishes), ErrorCode::BadArgument);
    wishes.realName.clear();
    facts.names.emplace_back("anna");
    EXPECT_EQ(codeOf(facts, wishes), ErrorCode::Exists);
    facts.names.pop_back();
    facts.kept.push_back({.userName = "anna", .path = "/home/anna.homedir", .storage = "directory", .size = 0});
    EXPECT_EQ(codeOf(facts, wishes), ErrorCode::Exists);
    facts.kept.pop_back();
    facts.noEncrypted = Error{ErrorCode::NotFound, "There is no systemd-homed", {}, {}};
    EXPECT_EQ(codeOf(facts, wishes), ErrorCode::NotFound);
}

TEST(FirstStart, findsHomesThatWereKeptAndNotThoseItBegan)
{
    Machine machine;
    machine.write("home/anna.home", "x");
    machine.write("home/otto.home", "x");
    ASSERT_EQ(machine.look().kept.size(), 2U);
    EXPECT_EQ(machine.look().kept.front().userName, "anna");
    machine.write("var/lib/preon/first-start.json", R"({"state":"begun","account":"anna","kind":"encrypted"})");
    ASSERT_EQ(machine.look().kept.size(), 1U);
    EXPECT_EQ(machine.look().kept.front().userName, "otto");
    machine.write("var/lib/preon/first-start.json", R"({"state":"begun","account":"anna","kind":"kept"})");
    EXPECT_EQ(machine.look().kept.size(), 2U);
}
