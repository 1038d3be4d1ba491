// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/offer.h"
#include "tests/unit/boot/folder.h"

#include <algorithm>
#include <sstream>

using namespace Preon;
using namespace Preon::Update;

namespace
{

// A system of kernels alone, with a folder of this machine as the server.
class SystemFolder : public FolderTest
{
protected:
    SystemFolder()
    {
        m_host.root = m_folder;
        m_host.dev = m_folder / "dev";
        write("usr/lib/sysupdate.d/90-kernel.transfer",
              "[Transfer]\nChangeLog=https://example.com/@v\n[Source]\nType=regular-file\nPath=/offered\nMatchPattern=os_@v.efi\n[Target]\nType=regular-file\n"
              "Path=/EFI/Linux\nPathRelativeTo=boot\nMatchPattern=os_@v+@l-@d.efi os_@v+@l.efi os_@v.efi\nTriesLeft=3\nInstancesMax=5\n");
    }

    // Versions; installed ones may have a counter, "2+0-3".
    void lay(const std::string &running, const std::string &installed, const std::string &offered, const std::vector<Boot::StartRecord> &starts = {}) const
    {
        for (const auto &[folder, names] : {std::pair("efi/EFI/Linux", installed), {"offered", offered}}) {
            std::filesystem::remove_all(m_folder / folder);
            std::filesystem::create_directories(m_folder / folder);
            std::istringstream words(names);
            for (std::string word; words >> word;)
                write(std::filesystem::path(folder) / ("os_" + word + ".efi"), "kernel " + word);
        }
        write("usr/lib/os-release", "IMAGE_VERSION=" + running + "\n");
        write("var/lib/preon/starts.json", Boot::startsText(starts));
    }

    System look() const
    {
        SilentProgress silent;
        auto system = System::look(m_host, {}, silent);
        EXPECT_TRUE(system) << system.error().text();
        return std::move(*system);
    }
    Host m_host;
};

std::string versionIn(const UpdateSet *set)
{
    return set ? set->version : std::string();
}

Boot::StartRecord startRecord(const std::string &version, Boot::Outcome outcome)
{
    Boot::StartRecord record;
    record.version = version;
    record.outcome = outcome;
    return record;
}

struct OfferRow {
    const char *running, *installed, *offered;
    const char *candidate, *failed;
};

}

TEST_F(SystemFolder, whatIsOfferedUnasked)
{
    for (const OfferRow &row : {OfferRow{"1", "1", "1", "", ""},
                                {"1", "1", "1 2", "2", ""},
                                {"1", "1", "1 2 3", "3", ""},
                                // Nothing older, also where the server has nothing else.
                                {"5", "5", "3", "", ""},
                                {"5", "5 4", "4 3", "", ""},
                                // It is here and waits.
                                {"1", "1 2+3-0", "1 2", "", ""},
                                // Given up: by its name only; what is newer is offered, and so is what lies between.
                                {"1", "1 2+0-3", "1 2", "", "2"},
                                {"1", "1 3+0-3", "1 2 3", "2", "3"},
                                {"1", "1 2+0-3", "1 2 3", "3", "2"},
                                {"1", "1 2+0-3", "1", "", ""},
                                // What runs came up, whatever its counter says.
                                {"2", "1 2+0-3", "1 2", "", ""}}) {
        lay(row.running, row.installed, row.offered);
        const System system = look();
        const std::string what = std::string(row.running) + " | " + row.installed + " | " + row.offered;
        EXPECT_EQ(versionIn(system.candidate()), row.candidate) << what;
        EXPECT_EQ(versionIn(system.failedOffer()), row.failed) << what;
        const auto plan = system.plan({});
        EXPECT_EQ(plan ? plan->version : std::string(), row.candidate) << what;
    }
}

// What a cut leaves of a rename on FAT is no version, whoever gave it that name: it is offered again, and what comes takes its place.
TEST_F(SystemFolder, aKernelWithoutBytesIsNoVersion)
{
    for (const char *name : {"os_2+3-0.efi", "os_2.efi", ".sysupdate.pending.os_2+3-0.efi"}) {
        lay("1", "1", "1 2");
        write(std::filesystem::path("efi/EFI/Linux") / name, "");
        const System system = look();
        EXPECT_EQ(versionIn(system.candidate()), "2") << name;
        EXPECT_EQ(system.kernels().size(), 1U) << name;
        SilentProgress silent;
        auto offer = makeOffer(m_host, "2", {}, silent);
        ASSERT_TRUE(offer) << name << ": " << offer.error().text();
        const auto updated = carryOut(m_host, *offer, {}, silent);
        ASSERT_TRUE(updated) << name << ": " << updated.error().text();
        const System after = look();
        EXPECT_EQ(versionIn(after.candidate()), "") << name;
        EXPECT_EQ(after.kernels().size(), 2U) << name;
        EXPECT_EQ(readTextFile(m_folder / "efi/EFI/Linux/os_2+3-0.efi").value_or(""), "kernel 2") << name;
    }
}

TEST_F(SystemFolder, whatFailedBeforeIsRemembered)
{
    lay("1", "1", "1 2", {startRecord("2", Boot::Outcome::Failed), startRecord("1", Boot::Outcome::CameUp)});
    EXPECT_EQ(versionIn(look().candidate()), "");
    EXPECT_EQ(versionIn(look().failedOffer()), "2");
    EXPECT_EQ(look().plan("2")->version, "2");
    lay("1", "1", "1 2", {startRecord("2", Boot::Outcome::Failed), startRecord("2", Boot::Outcome::CameUp)});
    EXPECT_EQ(versionIn(look().candidate()), "2");
}

TEST_F(SystemFolder, aVersionThatWasGivenUpGetsANewKernelInThePlaceOfTheOld)
{
    lay("1", "1 2+0-3", "1 2");
    SilentProgress silent;
    const auto offer = makeOffer(m_host, "2", {}, silent);
    ASSERT_TRUE(offer) << offer.error().text();
    EXPECT_TRUE(removedVersions(*offer).empty());
    EXPECT_EQ(stayingVersions(*offer), std::vector<std::string>{"1"});
    const auto done = carryOut(m_host, *offer, {}, silent);
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_TRUE(std::filesystem::exists(m_folder / "efi/EFI/Linux/os_2+3-0.efi"));
    EXPECT_FALSE(std::filesystem::exists(m_folder / "efi/EFI/Linux/os_2+0-3.efi"));
    EXPECT_FALSE(readBegun(m_host));
    EXPECT_TRUE(look().left().empty());
    EXPECT_EQ(look().plan("2").error().code, ErrorCode::Exists);
    lay("1", "1 2+0-3", "1");
    EXPECT_EQ(look().plan("2").error().code, ErrorCode::NotFound);
}

TEST_F(SystemFolder, kernelsStandInTheLoadersOrder)
{
    lay("1", "1 2+3-0 3+0-3 10+1-2", "");
    std::vector<std::string> ids;
    std::ranges::transform(look().kernels(), std::back_inserter(ids), &Boot::Entry::id);
    EXPECT_EQ(ids, (std::vector<std::string>{"os_10.efi", "os_2.efi", "os_1.efi", "os_3.efi"}));
}

TEST_F(SystemFolder, whatIsLeftHalfIsDiscarded)
{
    lay("1", "1", "1 2");
    write("efi/EFI/Linux/.sysupdate.partial.os_2+3-0.efi", "ker");
    write("kept/x.part", "bytes");
    ASSERT_TRUE(writeBegun(m_host, {.version = "2", .fetch = 1, .hashes = {}}));
    SystemOptions how;
    how.fetching.store = m_folder / "kept";
    SilentProgress silent;
    const auto gone = discard(m_host, how, silent);
    ASSERT_TRUE(gone) << gone.error().text();
    EXPECT_FALSE(readBegun(m_host));
    EXPECT_TRUE(std::filesystem::is_empty(m_folder / "kept"));
    const std::filesystem::directory_iterator here(m_folder / "efi/EFI/Linux");
    EXPECT_EQ(std::distance(begin(here), end(here)), 1);
}

TEST_F(SystemFolder, whatIsSoughtIsTheSameWhateverCameSoFar)
{
    lay("1", "1", "1 2");
    SilentProgress silent;
    const auto before = makeOffer(m_host, "2", {}, silent);
    ASSERT_TRUE(before);
    auto later = before->plan;
    later.transfers.front().bytesFree = 1;
    later.transfers.front().resumed = true;
    EXPECT_EQ(essence(later), essence(before->plan));
    later.transfers.front().sourceType = ResourceType::UrlFile;
    later.transfers.front().verify = false;
    EXPECT_FALSE(isSigned(later));
    EXPECT_TRUE(isSigned(before->plan));
    EXPECT_NE(essence(later), essence(before->plan));
}
