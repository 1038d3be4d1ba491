// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/disk/parttypes.h"
#include "core/repart/definition.h"
#include "tests/unit/boot/folder.h"

#include <sys/stat.h>

using namespace Preon;
using namespace Preon::Repart;

namespace
{
Result<Definition> parsed(const std::string &settings)
{
    UnitFile file;
    file.name = "x.conf";
    file.path = "x.conf";
    parseUnitText("[Partition]\n" + settings, "x.conf", file);
    DefinitionOptions options{.architecture = "x86-64", .specifiers = {}, .included = {}, .excluded = {}};
    options.specifiers.values['o'] = "debian";
    return parseDefinition(file, options);
}

struct Refusal {
    const char *settings;
    const char *text; // systemd-repart 257's
};
struct Warning {
    const char *setting;
    const char *text;
};
}

TEST(Definition, defaultsAreThoseOfTheManual)
{
    const auto definition = parsed("Type=linux-generic\n");
    ASSERT_TRUE(definition);
    EXPECT_EQ(definition->weight, 1000U);
    EXPECT_EQ(definition->paddingWeight, 0U);
    EXPECT_EQ(definition->priority, 0);
    EXPECT_EQ(definition->sizeMin, std::nullopt);
    EXPECT_EQ(definition->label, std::nullopt);
    EXPECT_EQ(definition->flags, 0U);
    EXPECT_TRUE(definition->warnings.empty());
}

TEST(Definition, isRefusedInSystemdsWords)
{
    for (const Refusal &refusal :
         {Refusal{"Type=bogus\n", "x.conf:2: Failed to parse partition type: bogus"}, Refusal{"Label=x\n", "x.conf:1: Type= not defined, refusing."},
          Refusal{"Type=home\nSizeMinBytes=x\n", "x.conf:3: Failed to parse size value: x"},
          Refusal{"Type=home\nSizeMinBytes=16E\n", "x.conf:3: Failed to parse size value: 16E"},
          Refusal{"Type=home\nSizeMinBytes=20M\nSizeMaxBytes=10M\n", "x.conf:1: SizeMinBytes= larger than SizeMaxBytes=, refusing."},
          Refusal{"Type=home\nPaddingMinBytes=20M\nPaddingMaxBytes=10M\n", "x.conf:1: PaddingMinBytes= larger than PaddingMaxBytes=, refusing."},
          Refusal{"Type=home\nFormat=ext4\nCopyBlocks=/x\n",
                  "x.conf:1: Format=/CopyFiles=/MakeDirectories=/MakeSymlinks= and CopyBlocks= cannot be combined, refusing."},
          Refusal{"Type=home\nFormat=erofs\n", "x.conf:1: Cannot format erofs filesystem without source files, refusing."}}) {
        const auto definition = parsed(refusal.settings);
        ASSERT_FALSE(definition) << refusal.settings;
        EXPECT_EQ(definition.error().what, refusal.text);
        EXPECT_EQ(definition.error().code, ErrorCode::BadFormat);
    }
}

TEST(Definition, warnsInSystemdsWords)
{
    const std::string longLabel(40, 'a');
    const std::string longWarning = "x.conf:3: Failed to expand specifiers in Label=, ignoring: " + longLabel;
    const std::string longSetting = "Label=" + longLabel;
    for (const Warning &warning :
         {Warning{"Foo=bar", "x.conf:3: Unknown key 'Foo' in section [Partition], ignoring."},
          Warning{"Weight=1000001", "x.conf:3: Weight needs to be in range 0…10000000, ignoring: 1000001"},
          Warning{"Weight=", "x.conf:3: Failed to parse weight value, ignoring: "},
          Warning{"Priority=x", "x.conf:3: Failed to parse Priority=x, ignoring: Invalid argument"},
          Warning{"Priority=99999999999", "x.conf:3: Failed to parse Priority=99999999999, ignoring: Numerical result out of range"},
          Warning{"SizeMinBytes=5000", "x.conf:3: Rounded SizeMinBytes= size 5000 → 4096, a multiple of 4096."},
          Warning{"PaddingMaxBytes=8193", "x.conf:3: Rounded PaddingMaxBytes= size 8193 → 12288, a multiple of 4096."},
          Warning{"UUID=x", "x.conf:3: Failed to parse 128-bit ID/UUID, ignoring: x"},
          Warning{"ReadOnly=x", "x.conf:3: Failed to parse ReadOnly=x, ignoring: Invalid argument"},
          Warning{"Format=a/b", "x.conf:3: File system type is not valid, refusing: a/b"},
          Warning{"Encrypt=foo", "x.conf:3: Failed to parse Encrypt=foo, ignoring: Invalid argument"},
          Warning{"CopyBlocks=rel", "x.conf:3: CopyBlocks= path is not absolute, ignoring: rel"},
          Warning{"Label=%m", "x.conf:3: Failed to expand specifiers in Label=, ignoring: %m"}, Warning{longSetting.c_str(), longWarning.c_str()},
          Warning{"Flags=-1", "x.conf:3: Failed to parse Flags= value, ignoring: -1"}}) {
        const auto definition = parsed(std::string("Type=home\n") + warning.setting + '\n');
        ASSERT_TRUE(definition) << warning.setting;
        EXPECT_EQ(definition->warnings, std::vector<std::string>{warning.text});
    }
}

TEST(Definition, expandsSpecifiers)
{
    EXPECT_EQ(parsed("Type=home\nLabel=%o-%%-%z-%\n")->label, "debian-%-%z-%");
}

// Seen with systemd-repart 257: which of the settings each type keeps.
TEST(Definition, flagsFollowTheType)
{
    struct Row {
        const char *type, *settings;
        std::uint64_t flags;
    };
    constexpr std::uint64_t grow = 1ULL << 59U, readOnly = 1ULL << 60U, noAuto = 1ULL << 63U;
    for (const Row &row :
         {Row{"home", "", grow}, Row{"home", "ReadOnly=yes\n", readOnly}, Row{"home", "NoAuto=yes\nGrowFileSystem=no\n", grow | noAuto},
          Row{"esp", "ReadOnly=yes\nNoAuto=yes\nGrowFileSystem=yes\n", 0}, Row{"swap", "ReadOnly=yes\nNoAuto=yes\n", noAuto}, Row{"usr-verity", "", readOnly},
          Row{"usr-verity", "ReadOnly=no\nFlags=0x1000000000000000\n", 0}, Row{"usr-verity-sig", "ReadOnly=yes\n", 0}, Row{"xbootldr", "", grow},
          Row{"user-home", "NoAuto=yes\n", 0}, Row{"linux-generic", "Flags=0x8001000000000000\n", noAuto | 1ULL << 48U}, Row{"home", "Flags=1\n", 0}}) {
        const auto definition = parsed(std::string("Type=") + row.type + '\n' + row.settings);
        ASSERT_TRUE(definition);
        EXPECT_EQ(definition->flags, row.flags) << row.type << ' ' << row.settings;
    }
}

TEST(Definition, formatsFollowTypeAndEncryption)
{
    EXPECT_EQ(parsed("Type=swap\n")->format, "swap");
    EXPECT_EQ(parsed("Type=home\nEncrypt=tpm2\n")->format, "ext4");
    EXPECT_EQ(parsed("Type=home\nEncrypt=tpm2\nCopyBlocks=/x\n")->format, "");
    EXPECT_EQ(parsed("Type=home\n")->format, "");
}

TEST(Definition, ourProtectionIsNotMixedWithContent)
{
    const auto definition = parsed("Type=home\nX-PreonProtect=integrity\n");
    ASSERT_TRUE(definition) << definition.error().text();
    EXPECT_EQ(definition->encrypt, Encrypt::IntegrityKey);
    EXPECT_EQ(definition->format, "");
    EXPECT_TRUE(definition->warnings.empty());
    for (const char *setting : {"Encrypt=key-file", "X-PreonEncrypt=tpm2-or-passphrase", "Format=btrfs", "CopyBlocks=/x", "CopyFiles=/x"}) {
        const auto mixed = parsed(std::string("Type=home\nX-PreonProtect=integrity\n") + setting + "\n");
        ASSERT_FALSE(mixed) << setting;
        EXPECT_EQ(mixed.error().code, ErrorCode::BadFormat);
    }
    EXPECT_FALSE(parsed("Type=home\nX-PreonProtect=on\n")); // rather no home than one that is not what was asked for
    EXPECT_EQ(parsed("Type=home\nX-PreonProtect=integrity\nX-PreonProtect=\n")->encrypt, Encrypt::Off);
}

class DefinitionFiles : public FolderTest
{
};

TEST_F(DefinitionFiles, areFoundByNameWithDropInsAndMasks)
{
    write("etc/20-b.conf", "[Partition]\nType=home\n");
    write("usr/10-a.conf", "[Partition]\nType=root\nLabel=one\n");
    write("usr/20-b.conf", "[Partition]\nType=srv\n");
    write("usr/30-c.conf", "[Partition]\nType=srv\n");
    write("usr/40-d.conf", "[Partition]\nType=var\nSizeMinBytes=2\nSizeMaxBytes=1\nPaddingMinBytes=8M\nPaddingMaxBytes=4M\n");
    write("etc/10-a.conf.d/5.conf", "[Partition]\nLabel=two\n");
    std::filesystem::create_symlink("/dev/null", m_folder / "etc/30-c.conf");
    const DefinitionOptions options{.architecture = {}, .specifiers = {}, .included = {}, .excluded = {*Disk::partitionType("var")}};
    const auto definitions = loadDefinitions({m_folder / "etc", m_folder / "usr", m_folder / "none"}, options);
    ASSERT_TRUE(definitions) << definitions.error().text();
    ASSERT_EQ(definitions->size(), 2U);
    EXPECT_EQ((*definitions)[0].label, "two");
    EXPECT_EQ((*definitions)[0].dropIns, std::vector{m_folder / "etc/10-a.conf.d/5.conf"});
    EXPECT_EQ((*definitions)[1].type, Disk::partitionType("home"));
}

TEST_F(DefinitionFiles, aLinkToItselfIsAnErrorAndNoHang)
{
    std::filesystem::create_directories(m_folder / "etc");
    std::filesystem::create_symlink("10-a.conf", m_folder / "etc/10-a.conf");
    EXPECT_FALSE(loadDefinitions({m_folder / "etc"}, {}));
}

TEST_F(DefinitionFiles, whatIsNoFileIsPassedOver)
{
    std::filesystem::create_directories(m_folder / "etc/10-a.conf");
    write("etc/20-b.conf", "[Partition]\nType=home\n");
    ASSERT_EQ(mkfifo((m_folder / "etc/30-c.conf").c_str(), 0600), 0);
    const auto definitions = loadDefinitions({m_folder / "etc"}, {});
    ASSERT_TRUE(definitions) << definitions.error().text();
    EXPECT_EQ(definitions->size(), 1U);
}

TEST(Definition, anEmptyFormatIsForAnUpdateToFill)
{
    const auto definition = parsed("Type=usr\nFormat=empty\n");
    ASSERT_TRUE(definition);
    EXPECT_EQ(definition->format, "");
    EXPECT_EQ(definition->label, "_empty");
    EXPECT_EQ(definition->flags & (1ULL << 63U), 1ULL << 63U);
}
