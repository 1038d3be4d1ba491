// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/policy.h"
#include "core/base/fd.h"
#include "tests/unit/boot/folder.h"

using namespace Preon;
using namespace Preon::Update;

TEST(Policy, isReadAsItWasWritten)
{
    const Policy chosen{.automatic = Automatic::Fetch, .metered = true, .rate = 2'000'000, .notify = false};
    EXPECT_EQ(parsePolicy(policyText(chosen)), chosen);
    EXPECT_EQ(parsePolicy(policyText({})), Policy());
}

TEST(Policy, thatMakesNoSenseIsTheUsualOne)
{
    for (const char *text : {"", "null", "[]", "{", "{\"automatic\": \"always\"}", "{\"automatic\": 1, \"metered\": \"yes\", \"notify\": 0}", "{\"rate\": 1}",
                             "{\"rate\": -2000000}", "{\"rate\": 18446744073709551615}", "{\"rate\": 2e6}"})
        EXPECT_EQ(parsePolicy(text), Policy()) << text;
    // What makes sense beside it counts.
    EXPECT_EQ(parsePolicy("{\"automatic\": \"off\", \"rate\": \"fast\"}"), (Policy{.automatic = Automatic::Off}));
}

TEST(Policy, boundsHowFastIsFetched)
{
    for (const std::uint64_t rate : {std::uint64_t(0), slowestRate, fastestRate})
        EXPECT_TRUE(checkPolicy({.rate = rate})) << rate;
    for (const std::uint64_t rate : {std::uint64_t(1), slowestRate - 1, fastestRate + 1}) {
        const auto refused = checkPolicy({.rate = rate});
        ASSERT_FALSE(refused) << rate;
        EXPECT_EQ(refused.error().code, ErrorCode::BadArgument);
        EXPECT_NE(refused.error().why.find(std::to_string(rate)), std::string::npos);
    }
}

class PolicyFolder : public FolderTest
{
protected:
    PolicyFolder()
    {
        m_host.root = m_folder;
    }
    std::string feature(const std::string &name) const
    {
        return readTextFile(m_folder / "etc/sysupdate.d/devel.feature.d" / name).value_or("");
    }
    Host m_host;
};

TEST_F(PolicyFolder, isTheUsualOneUntilSomebodyChooses)
{
    EXPECT_EQ(readPolicy(m_host), Policy());
    EXPECT_FALSE(writePolicy(m_host, {.rate = 1}));
    ASSERT_TRUE(writePolicy(m_host, {.metered = true}));
    EXPECT_EQ(readPolicy(m_host), (Policy{.metered = true}));
}

TEST_F(PolicyFolder, featuresAreSwitchedWhereTheyAreReadLast)
{
    std::filesystem::create_directory(m_folder / "etc");
    write("usr/lib/sysupdate.d/devel.feature", "[Feature]\nEnabled=no\n");
    ASSERT_TRUE(setFeature(m_host, "devel", true));
    EXPECT_EQ(feature("50-preon.conf"), "[Feature]\nEnabled=yes\n");
    write("etc/sysupdate.d/devel.feature.d/50-systemd-sysupdate-enabled.conf", "[Feature]\nEnabled=true\n");
    ASSERT_TRUE(setFeature(m_host, "devel", false));
    EXPECT_EQ(feature("50-systemd-sysupdate-enabled.conf"), "[Feature]\nEnabled=no\n");
    write("run/sysupdate.d/devel.feature.d/90-x.conf", "[Feature]\nEnabled=no\n");
    const auto refused = setFeature(m_host, "devel", true);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::Unsupported);
    for (const char *id : {"", "other", "../devel", "devel.feature"})
        EXPECT_EQ(setFeature(m_host, id, true).error().code, ErrorCode::NotFound) << id;
}
