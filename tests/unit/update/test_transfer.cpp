// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/disk/parttypes.h"
#include "core/update/transfer.h"
#include "tests/unit/boot/folder.h"

using namespace Preon;
using namespace Preon::Update;

namespace
{
const std::string source = "[Source]\nType=regular-file\nPath=/src\nMatchPattern=a_@v.raw\n";
const std::string target = "[Target]\nType=regular-file\nPath=/t\nMatchPattern=a_@v.raw\n";

Result<Transfer> parsedTransfer(const std::string &text)
{
    UnitFile file;
    file.name = "x.transfer";
    file.path = "x.transfer";
    parseUnitText(text, "x.transfer", file);
    DefinitionOptions options{.specifiers = {}, .architecture = "x86-64", .hasExplicitSource = false};
    options.specifiers.values['A'] = "2";
    options.specifiers.values['w'] = "";
    return parseTransfer(file, options);
}

struct Case {
    std::string text;
    const char *said; // systemd-sysupdate 257.13's
};

class TransferFolder : public FolderTest
{
protected:
    Result<Definitions> load() const
    {
        return loadDefinitions({m_folder / "etc/sysupdate.d", m_folder / "usr/lib/sysupdate.d"}, {}, m_folder);
    }
};
}

TEST(Transfer, defaultsAreThoseOfTheManual)
{
    const auto transfer = parsedTransfer(source + target);
    ASSERT_TRUE(transfer) << transfer.error().text();
    EXPECT_EQ(transfer->instancesMax, 3U);
    EXPECT_TRUE(transfer->verify);
    EXPECT_TRUE(transfer->removeTemporary);
    EXPECT_EQ(transfer->target.partitionType, Disk::partitionType("linux-generic"));
    EXPECT_EQ(transfer->triesLeft, std::nullopt);
    EXPECT_TRUE(transfer->warnings.empty());
}

TEST(Transfer, takesAllSettings)
{
    const auto transfer = parsedTransfer(
        "[Transfer]\nMinVersion=1\nMaxVersion=9\nProtectVersion=%A\nProtectVersion=3\nVerify=no\nChangeLog=https://c/@v\nAppStream=http://a/%A\n"
        "Features=x y\nFeatures=z\nRequisiteFeatures=r\n"
        "[Source]\nType=url-file\nPath=https://x/%A//\nMatchPattern=a_@v_@u.xz b_@v\nPathRelativeTo=\n"
        "[Target]\nType=partition\nPath=auto\nPathRelativeTo=esp\nMatchPattern=a_@v\nMatchPartitionType=usr\nPartitionUUID=0123456789abcdef0123456789abcdef\n"
        "PartitionFlags=0x10\nPartitionNoAuto=yes\nPartitionGrowFileSystem=no\nReadOnly=1\nMode=0600\nTriesLeft=5\nTriesDone=1\nInstancesMax=4\n"
        "RemoveTemporary=no\nCurrentSymlink=//a/./b/\n");
    ASSERT_TRUE(transfer) << transfer.error().text();
    EXPECT_TRUE(transfer->warnings.empty()) << transfer->warnings.front();
    EXPECT_EQ(transfer->minVersion, "1");
    EXPECT_EQ(transfer->maxVersion, "9");
    EXPECT_EQ(transfer->protectedVersions, (std::vector<std::string>{"2", "3"}));
    EXPECT_FALSE(transfer->verify);
    EXPECT_EQ(transfer->changeLogs, std::vector<std::string>{"https://c/@v"});
    EXPECT_EQ(transfer->appStreams, std::vector<std::string>{"http://a/2"});
    EXPECT_EQ(transfer->features, (std::vector<std::string>{"x", "y", "z"}));
    EXPECT_EQ(transfer->requisiteFeatures, std::vector<std::string>{"r"});
    EXPECT_EQ(transfer->source.path, "https://x/2");
    EXPECT_EQ(transfer->source.patterns.size(), 2U);
    EXPECT_TRUE(transfer->target.pathAuto);
    EXPECT_EQ(transfer->target.relativeTo, RelativeTo::Esp);
    EXPECT_EQ(transfer->target.partitionType, Disk::partitionType("usr", "x86-64"));
    EXPECT_EQ(transfer->partitionUuid, Uuid::parse("0123456789abcdef0123456789abcdef"));
    EXPECT_EQ(transfer->partitionFlags, 0x10U);
    EXPECT_EQ(transfer->noAuto, true);
    EXPECT_EQ(transfer->growFileSystem, false);
    EXPECT_EQ(transfer->readOnly, true);
    EXPECT_EQ(transfer->mode, 0600U);
    EXPECT_EQ(transfer->triesLeft, 5U);
    EXPECT_EQ(transfer->triesDone, 1U);
    EXPECT_EQ(transfer->instancesMax, 4U);
    EXPECT_FALSE(transfer->removeTemporary);
    EXPECT_EQ(transfer->currentSymlink, "/a/b");
}

TEST(Transfer, isRefusedInSystemdsWords)
{
    const std::string at = "x.transfer:1: ";
    for (const Case &refusal : {
             Case{target, "x.transfer:1: Source Type= must be one of url-file, url-tar, tar, regular-file, directory, subvolume."},
             {source, "x.transfer:1: Target specification lacks Path= field."},
             {source + "Type=partition\n" + target, "x.transfer:1: Source Type= must be one of url-file, url-tar, tar, regular-file, directory, subvolume."},
             {source + target + "Type=tar\n", "x.transfer:1: Target Type= must be one of partition, regular-file, directory, subvolume."},
             {source + target + "Type=directory\n", "x.transfer:1: Target type 'directory' is incompatible with source type 'regular-file', refusing."},
             {source + "Type=tar\n" + target, "x.transfer:1: Target type 'regular-file' is incompatible with source type 'tar', refusing."},
             {"[Source]\nType=tar\nMatchPattern=@v\n", "x.transfer:1: Source specification lacks Path=."},
             {source + "Path=src\n" + target, "x.transfer:1: Source path is not a normalized, absolute path: src"},
             {source + "Path=/src/../x\n" + target, "x.transfer:1: Source path is not a normalized, absolute path: /src/../x"},
             {source + "Path=\n" + target, "x.transfer:1: Source path is not a normalized, absolute path: "},
             {source + "Path=/src//y/\n" + target, "x.transfer:1: Source path is not a normalized, absolute path: /src//y/"},
             {source + target + "Path=t\n", "x.transfer:1: Target path is not a normalized, absolute path: t"},
             {source + "Type=url-file\n" + target, "x.transfer:1: Source path is not a valid HTTP or HTTPS URL: /src"},
             {source + "Type=url-file\nPath=ftp://x/\n" + target, "x.transfer:1: Source path is not a valid HTTP or HTTPS URL: ftp://x/"},
             {source + "PathRelativeTo=explicit\n" + target, "x.transfer:1: PathRelativeTo=explicit requires --transfer-source= to be specified."},
             {source + target + "PathRelativeTo=explicit\n", "x.transfer:1: PathRelativeTo=explicit can only be used in source specifications."},
             {source + "MatchPattern=\n" + target, "x.transfer:1: Source specification lacks MatchPattern=."},
             {source + "MatchPattern=x\n" + target, "x.transfer:5: MatchPattern= string is not valid, refusing: x"},
             {source + "MatchPattern='a @v'\n" + target, "x.transfer:5: MatchPattern= string is not valid, refusing: 'a"},
             {source + target + "Type=partition\nCurrentSymlink=x\n", "x.transfer:1: Current symlink must be absolute path if target is partition: x"},
             {source + "Path=auto\n" + target, "x.transfer:1: Automatic root path discovery only supported for partition resources."},
         }) {
        const auto transfer = parsedTransfer(refusal.text);
        ASSERT_FALSE(transfer) << refusal.text;
        EXPECT_EQ(transfer.error().what, refusal.said);
        EXPECT_EQ(transfer.error().code, ErrorCode::BadFormat);
    }
}

TEST(Transfer, warnsInSystemdsWords)
{
    for (const Case &warning :
         {Case{"[Transfer]\nMinVersion=a b\n", "x.transfer:10: MinVersion= string is not valid, ignoring: a b"},
          {"[Transfer]\nMinVersion=%m\n", "x.transfer:10: Failed to expand specifiers in MinVersion=, ignoring: %m"},
          {"[Transfer]\nMinVersion=1%Z\n", "x.transfer:10: Failed to expand specifiers in MinVersion=, ignoring: 1%Z"},
          {"[Transfer]\nProtectVersion=%w\n", "x.transfer:10: ProtectVersion= string is not valid, ignoring: "},
          {"[Transfer]\nVerify=\n", "x.transfer:10: Failed to parse Verify=, ignoring: Invalid argument"},
          {"[Transfer]\nChangeLog=foo\n", "x.transfer:10: ChangeLog= URL is not valid, ignoring: foo"},
          {"[Transfer]\nAppStream=file:///x\n", "x.transfer:10: AppStream= URL is not valid, ignoring: file:///x"},
          {"[Transfer]\nFeatures=\"a\n", "x.transfer:10: Failed to parse Features=\"a, ignoring: Invalid argument"},
          {"[Transfer]\nFoo=1\n", "x.transfer:10: Unknown key 'Foo' in section [Transfer], ignoring."},
          {"Foo=1\n", "x.transfer:9: Unknown key 'Foo' in section [Target], ignoring."},
          {"[Foo]\na=b\n", "x.transfer:10: Unknown section 'Foo'. Ignoring."},
          {"Type=foo\n", "x.transfer:9: Failed to parse Type=foo, ignoring: Invalid argument"},
          {"Type=\n", "x.transfer:9: Failed to parse Type=, ignoring: Invalid argument"},
          {"PathRelativeTo=foo\n", "x.transfer:9: Failed to parse PathRelativeTo=foo, ignoring: Invalid argument"},
          {"MatchPattern=\n", "x.transfer:1: Target specification lacks MatchPattern= expression. Assuming same value as in source specification."},
          {"MatchPartitionType=foo\n", "x.transfer:9: Failed parse partition type, ignoring: foo"},
          {"PartitionUUID=x\n", "x.transfer:9: Failed parse partition UUID, ignoring: x"},
          {"PartitionFlags=zz\n", "x.transfer:9: Failed parse partition flags, ignoring: zz"},
          {"PartitionNoAuto=x\n", "x.transfer:9: Failed to parse PartitionNoAuto=x, ignoring: Invalid argument"},
          {"Mode=999\n", "x.transfer:9: Failed to parse Mode=999, ignoring: Invalid argument"},
          {"TriesLeft=-1\n", "x.transfer:9: Failed to parse TriesLeft=-1, ignoring: Numerical result out of range"},
          {"TriesLeft=x\n", "x.transfer:9: Failed to parse TriesLeft=x, ignoring: Invalid argument"},
          {"InstancesMax=1\n", "x.transfer:9: InstancesMax= value must be at least 2, bumping: 1"},
          {"InstancesMax=x\n", "x.transfer:9: Failed to parse InstancesMax= value, ignoring: x"},
          {"RemoveTemporary=\n", "x.transfer:9: Failed to parse RemoveTemporary=, ignoring: Invalid argument"},
          {"CurrentSymlink=a/../b\n", "x.transfer:9: CurrentSymlink= path is not normalized, ignoring: a/../b"},
          {"CurrentSymlink=\n", "x.transfer:9: CurrentSymlink= path has invalid length (0 bytes), ignoring."}}) {
        const auto transfer = parsedTransfer(source + target + warning.text);
        ASSERT_TRUE(transfer) << warning.text;
        ASSERT_EQ(transfer->warnings.size(), 1U) << warning.text;
        EXPECT_EQ(transfer->warnings.front(), warning.said);
    }
    EXPECT_EQ(parsedTransfer(source + target + "InstancesMax=1\n")->instancesMax, 2U);
    EXPECT_EQ(parsedTransfer(source + target + "[X-Foo]\na=b\n")->warnings.size(), 0U);
}

TEST(Transfer, whatTheTargetIsFollowsFromTheSource)
{
    for (const auto &[from, path, type] : {std::tuple("url-file", "/t", ResourceType::RegularFile),
                                           {"regular-file", "/t", ResourceType::RegularFile},
                                           {"regular-file", "/dev/vda", ResourceType::Partition},
                                           {"url-tar", "/t", ResourceType::Directory},
                                           {"tar", "/t", ResourceType::Directory},
                                           {"directory", "/t", ResourceType::Directory},
                                           {"subvolume", "/t", ResourceType::Subvolume}}) {
        const bool url = std::string_view(from).starts_with("url");
        const auto transfer = parsedTransfer(std::string("[Source]\nType=") + from + "\nPath=" + (url ? "http://x/" : "/src")
                                             + "\nMatchPattern=@v\n[Target]\nPath=" + path + "\n");
        ASSERT_TRUE(transfer) << transfer.error().text();
        EXPECT_EQ(transfer->target.type, type) << from << path;
    }
}

TEST_F(TransferFolder, featuresDecideWhichAreEnabled)
{
    write("usr/lib/sysupdate.d/on.feature", "[Feature]\nEnabled=no\nDescription=D\n");
    write("etc/sysupdate.d/on.feature.d/50-systemd-sysupdate-enabled.conf", "[Feature]\nEnabled=yes\n");
    write("usr/lib/sysupdate.d/off.feature", "[Feature]\nDescription=E\nSuggested=yes\n");
    write("usr/lib/sysupdate.d/masked.feature", "[Feature]\nEnabled=yes\n");
    write("etc/sysupdate.d/masked.feature", "");
    for (const auto &[name, text] : {std::pair("1-always", ""),
                                     {"2-any", "Features=off on"},
                                     {"3-none", "Features=off masked unknown"},
                                     {"4-all", "RequisiteFeatures=on"},
                                     {"5-both", "Features=on\nRequisiteFeatures=on off"}})
        write(std::string("usr/lib/sysupdate.d/") + name + ".transfer", std::string("[Transfer]\n") + text + '\n' + source + target);
    const auto definitions = load();
    ASSERT_TRUE(definitions) << definitions.error().text();
    std::string enabled;
    for (const Transfer &transfer : definitions->transfers)
        enabled += transfer.id + (transfer.enabled ? "+ " : "- ");
    EXPECT_EQ(enabled, "1-always+ 2-any+ 3-none- 4-all+ 5-both- ");
    ASSERT_EQ(definitions->features.size(), 2U);
    EXPECT_EQ(definitions->features[1].id, "on");
    EXPECT_EQ(definitions->features[1].description, "D");
    EXPECT_TRUE(definitions->features[0].suggested);
    EXPECT_FALSE(definitions->legacy);
}

TEST_F(TransferFolder, oldNamesCountWhereThereIsNoNewOne)
{
    write("usr/lib/sysupdate.d/a.conf", source + target);
    auto definitions = load();
    ASSERT_TRUE(definitions);
    EXPECT_TRUE(definitions->legacy);
    EXPECT_EQ(definitions->transfers.front().id, "a");
    write("etc/sysupdate.d/b.transfer", source + target);
    definitions = load();
    ASSERT_TRUE(definitions);
    EXPECT_FALSE(definitions->legacy);
    ASSERT_EQ(definitions->transfers.size(), 1U);
    EXPECT_EQ(definitions->transfers.front().id, "b");
}

TEST_F(TransferFolder, componentsAreFoldersOfDefinitions)
{
    Host host;
    host.root = m_folder;
    EXPECT_FALSE(listComponents(host).hasDefault);
    for (const char *folder :
         {"usr/lib/sysupdate.d", "usr/lib/sysupdate.foo.d", "etc/sysupdate.foo.d", "run/sysupdate.bar.d", "etc/sysupdate..d", "etc/other.d"})
        std::filesystem::create_directories(m_folder / folder);
    write("etc/sysupdate.file.d", "");
    const Components components = listComponents(host);
    EXPECT_TRUE(components.hasDefault);
    EXPECT_EQ(components.names, (std::vector<std::string>{"bar", "foo"}));
    EXPECT_FALSE(isComponentName("a/b"));
    EXPECT_FALSE(isComponentName(""));
    EXPECT_TRUE(isComponentName("a b"));
    EXPECT_EQ(definitionFolders(host, "foo").front(), m_folder / "etc/sysupdate.foo.d");
}
