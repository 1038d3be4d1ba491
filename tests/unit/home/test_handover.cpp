// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/home/handover.h"

#include "core/home/firststart.h"
#include "tests/unit/tpm/swtpm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

using namespace Preon;
using namespace Preon::Home;
using Preon::Test::Folder;

namespace
{

class HandOver : public testing::Test
{
protected:
    void SetUp() override
    {
        host.root = (m_folder / "x").parent_path();
        host.run = m_folder / "run";
        write("run/preon/mode-disk", "");
        write("etc/passwd", "root:x:0:0:root:/root:/bin/bash\nlive:x:997:997::/run/live:/usr/bin/bash\n");
        write("etc/locale.conf", "LANG=de_DE.UTF-8\n");
        write("etc/default/keyboard", "XKBLAYOUT=\"de\"\n");
        write("etc/hostname", "anna-pc\n");
        std::filesystem::create_symlink("default/keyboard", at("etc/vconsole.conf"));
        std::filesystem::create_symlink("../usr/share/zoneinfo/Europe/Berlin", at("etc/localtime"));
        write("etc/NetworkManager/system-connections/home.nmconnection", "psk=geheim\n");
        write("var/lib/bluetooth/AA/info", "");
        write("var/tmp/draft", "");
        write("var/tmp/systemd-private-1/tmp/x", "");
        write("var/lib/systemd/home/anna.identity", "{}");
        write("var/lib/systemd/home/local.private", "the key of this computer");
        write(firstStartNote + 1, R"({"state":"done"})");
    }
    void write(const std::string &path, const std::string &text)
    {
        std::filesystem::create_directories(at(path).parent_path());
        std::ofstream(at(path)) << text;
    }
    std::filesystem::path at(const std::string &path) const
    {
        return m_folder / path;
    }
    bool has(const std::string &path) const
    {
        return std::filesystem::exists(std::filesystem::symlink_status(at(path)));
    }
    // As systemd-homed does it.
    Result<void> removeHome(const std::string &user)
    {
        removed.push_back(user);
        std::filesystem::remove(at("var/lib/systemd/home/" + user + ".identity"));
        return {};
    }
    Result<void> apply(const HandOverWishes &wishes)
    {
        PREON_TRY(const HandOverPlan plan, planHandOver(lookAtHandOver(host), wishes));
        return applyHandOver(plan, host, [this](const std::string &user) { return removeHome(user); }, silent);
    }

    Host host;
    SilentProgress silent;
    std::vector<std::string> removed;

private:
    Folder m_folder;
};

} // namespace

TEST_F(HandOver, whatIsOfPeopleGoesAndTheFirstStartIsWantedAgain)
{
    EXPECT_TRUE(whyNoFirstStart(lookAtFirstStart(host).value()));
    requestHandOver(host, {}).value();
    EXPECT_EQ(requestedHandOver(host), HandOverWishes());
    apply({}).value();
    EXPECT_EQ(removed, std::vector<std::string>{"anna"});
    EXPECT_FALSE(requestedHandOver(host));
    for (const char *gone : {"etc/locale.conf", "etc/default/keyboard", "etc/vconsole.conf", "etc/hostname", "etc/localtime",
                             "etc/NetworkManager/system-connections/home.nmconnection", "var/lib/bluetooth/AA"})
        EXPECT_FALSE(has(gone)) << gone;
    EXPECT_TRUE(has("etc/NetworkManager/system-connections"));
    EXPECT_TRUE(has("var/lib/systemd/home/local.private"));
    EXPECT_FALSE(has("var/tmp/draft"));
    EXPECT_TRUE(has("var/tmp/systemd-private-1/tmp"));
    const FirstStartFacts facts = lookAtFirstStart(host).value();
    EXPECT_FALSE(whyNoFirstStart(facts));
    EXPECT_TRUE(facts.known.isEmpty());
}

TEST_F(HandOver, settingsMayStay)
{
    requestHandOver(host, {.keepsSettings = true}).value();
    ASSERT_EQ(requestedHandOver(host), (HandOverWishes{.keepsSettings = true}));
    apply({.keepsSettings = true}).value();
    EXPECT_TRUE(has("etc/locale.conf") && has("etc/localtime") && has("etc/hostname") && has("etc/vconsole.conf"));
    EXPECT_FALSE(has("etc/NetworkManager/system-connections/home.nmconnection"));
    EXPECT_EQ(lookAtFirstStart(host).value().known.hostname, "anna-pc");
}

TEST_F(HandOver, anAccountThatStaysLeavesTheRequestAndTheNextStartGoesOn)
{
    requestHandOver(host, {}).value();
    const HandOverPlan plan = planHandOver(lookAtHandOver(host), {}).value();
    const auto failed = applyHandOver(plan, host, [](const std::string &) { return fail(ErrorCode::Busy, "the home is in use"); }, silent);
    EXPECT_EQ(failed.error().code, ErrorCode::Busy);
    EXPECT_TRUE(requestedHandOver(host));
    EXPECT_TRUE(has("var/lib/systemd/home/anna.identity"));
    EXPECT_TRUE(whyNoFirstStart(lookAtFirstStart(host).value())); // somebody lives there still, and can log in
    apply({}).value();
    EXPECT_FALSE(requestedHandOver(host));
    EXPECT_FALSE(whyNoFirstStart(lookAtFirstStart(host).value()));
}

TEST_F(HandOver, linksAreNotFollowed)
{
    write("elsewhere/photo", "mine");
    std::filesystem::remove_all(at("var/tmp"));
    std::filesystem::create_directory_symlink(at("elsewhere"), at("var/tmp"));
    std::filesystem::create_directory_symlink(at("elsewhere"), at("var/lib/bluetooth/BB"));
    apply({}).value();
    EXPECT_TRUE(has("elsewhere/photo"));
    EXPECT_FALSE(has("var/lib/bluetooth/BB"));
}

TEST_F(HandOver, aLiveSessionHasNoNextOwner)
{
    std::filesystem::remove(at("run/preon/mode-disk"));
    EXPECT_EQ(planHandOver(lookAtHandOver(host), {}).error().code, ErrorCode::Unsupported);
    EXPECT_TRUE(has("etc/locale.conf"));
}

TEST_F(HandOver, aRequestThatMakesNoSenseIsOneAndTakesAllAway)
{
    write(handOverRequest + 1, "\x01[{");
    EXPECT_EQ(requestedHandOver(host), HandOverWishes());
    withdrawHandOver(host).value();
    EXPECT_FALSE(requestedHandOver(host));
    withdrawHandOver(host).value();
}
