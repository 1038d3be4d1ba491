// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/unit/boot/folder.h"

#include "core/boot/efivars.h"
#include "core/boot/firmwareentries.h"

using namespace Preon;
using namespace Preon::Boot;

namespace
{

class EfiVariables : public FolderTest
{
protected:
    EfiVariables()
    {
        m_host.efivars = m_folder;
    }
    std::string fileOf(const std::string &name) const
    {
        const auto content = readFile(m_folder / name);
        return content ? toHex(*content) : "";
    }
    Host m_host;
};

const HardDriveFile loaderFile{.partition = 1,
                               .start = 2048,
                               .size = 1048576,
                               .partitionUuid = *Uuid::parse("00112233-4455-6677-8899-aabbccddeeff"),
                               .path = "\\EFI\\systemd\\systemd-bootx64.efi"};

TEST_F(EfiVariables, areFilesOfFourAttributeBytesAndTheData)
{
    ASSERT_TRUE(writeVariable(m_host, "LoaderEntryOneShot", loaderVendor(), toUtf16("ä")));
    EXPECT_EQ(fileOf("LoaderEntryOneShot-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"), "07000000e4000000");
    const auto variable = readVariable(m_host, "LoaderEntryOneShot", loaderVendor());
    ASSERT_TRUE(variable);
    EXPECT_EQ(variable->attributes, persistent);
    EXPECT_EQ(fromUtf16(variable->data), "ä");
}

TEST_F(EfiVariables, shrinkAndVanish)
{
    ASSERT_TRUE(writeVariable(m_host, "X", globalVendor(), asBytes("a long value")));
    ASSERT_TRUE(writeVariable(m_host, "X", globalVendor(), asBytes("b"), bootService));
    EXPECT_EQ(fileOf("X-8be4df61-93ca-11d2-aa0d-00e098032b8c"), "0200000062");
    ASSERT_TRUE(removeVariable(m_host, "X", globalVendor()));
    ASSERT_TRUE(removeVariable(m_host, "X", globalVendor()));
    const auto gone = readVariable(m_host, "X", globalVendor());
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().code, ErrorCode::NotFound);
}

TEST_F(EfiVariables, tooShortIsAnError)
{
    write("X-" + globalVendor().text(), "abc");
    const auto variable = readVariable(m_host, "X", globalVendor());
    ASSERT_FALSE(variable);
    EXPECT_EQ(variable.error().code, ErrorCode::BadFormat);
}

TEST_F(EfiVariables, tellWhichPartitionTheLoaderCameFrom)
{
    const auto none = loaderPartition(m_host);
    ASSERT_TRUE(none);
    EXPECT_FALSE(*none);
    ASSERT_TRUE(writeVariable(m_host, "LoaderDevicePartUUID", loaderVendor(), toUtf16("00112233-4455-6677-8899-AABBCCDDEEFF")));
    const auto partition = loaderPartition(m_host);
    ASSERT_TRUE(partition);
    EXPECT_EQ(*partition, loaderFile.partitionUuid);
    ASSERT_TRUE(writeVariable(m_host, "LoaderDevicePartUUID", loaderVendor(), toUtf16("disk 1")));
    EXPECT_FALSE(loaderPartition(m_host));
}

TEST(Utf16, goesThereAndBack)
{
    for (const std::string text : {"", "plain", "grün", "日本", "🦆 duck"})
        EXPECT_EQ(fromUtf16(toUtf16(text)), text);
    EXPECT_EQ(toHex(toUtf16("🦆")), "3ed886dd0000");
}

TEST(Utf16, replacesWhatIsNone)
{
    EXPECT_EQ(fromUtf16(*fromHex("3ed841000000")),
              "\xEF\xBF\xBD"
              "A"); // half a pair
    EXPECT_EQ(fromUtf16(*fromHex("410042")), "A\xEF\xBF\xBD"); // an odd byte
    EXPECT_EQ(fromUtf16(toUtf16("\xFF"
                                "A\xC3")),
              "\xEF\xBF\xBD"
              "A\xEF\xBF\xBD");
    EXPECT_EQ(fromUtf16(toUtf16("\xC0\x80")), "\xEF\xBF\xBD\xEF\xBF\xBD"); // overlong
}

// Put together by hand from UEFI 2.10, 3.1.3 (EFI_LOAD_OPTION), 10.3.5.1 (hard drive), 10.3.5.4 (file path).
const char *const loadOptionHex = "01000000"
                                  "1800"
                                  "4c0069006e00750078000000" // "Linux"
                                  "04040e00"
                                  "5c00610062006300"
                                  "0000"
                                  "7fff0400";

TEST(LoadOption, hasTheFirmwaresBytes)
{
    FirmwareEntry entry;
    entry.number = 3;
    entry.title = "Linux";
    entry.file = loaderFile;
    entry.file->path = "\\abc";
    // Title, hard drive node (42 bytes), file node, end.
    const std::string expected = std::string("01000000"
                                             "3c00"
                                             "4c0069006e00750078000000"
                                             "04012a00"
                                             "01000000"
                                             "0008000000000000"
                                             "0000100000000000"
                                             "33221100554477668899aabbccddeeff"
                                             "0202"
                                             "04040e00"
                                             "5c006100620063000000"
                                             "7fff0400");
    EXPECT_EQ(toHex(encodeLoadOption(entry)), expected);
    const auto parsed = parseLoadOption(3, encodeLoadOption(entry));
    ASSERT_TRUE(parsed) << parsed.error().text();
    EXPECT_EQ(*parsed, entry);
}

TEST(LoadOption, otherDevicePathsAreNoFileOfOurs)
{
    const auto entry = parseLoadOption(0, *fromHex(loadOptionHex));
    ASSERT_FALSE(entry) << "its path is shorter than it says";
    auto bytes = *fromHex(loadOptionHex);
    bytes[4] = std::byte{0x12};
    const auto onlyPath = parseLoadOption(0, bytes);
    ASSERT_TRUE(onlyPath) << onlyPath.error().text();
    EXPECT_EQ(onlyPath->title, "Linux");
    EXPECT_FALSE(onlyPath->file);
}

TEST(LoadOption, everyTruncationIsAnErrorOrHarmless)
{
    FirmwareEntry entry;
    entry.title = "Linux";
    entry.file = loaderFile;
    const Bytes whole = encodeLoadOption(entry);
    for (std::size_t length = 0; length < whole.size(); ++length)
        EXPECT_FALSE(parseLoadOption(0, ByteView(whole).first(length))) << length;
}

TEST_F(EfiVariables, newEntryComesFirstAndKeepsTheOthers)
{
    FirmwareEntry other;
    other.title = "Another system";
    other.file = loaderFile;
    other.file->path = "\\EFI\\other\\other.efi";
    ASSERT_TRUE(writeVariable(m_host, "Boot0000", globalVendor(), encodeLoadOption(other)));
    ASSERT_TRUE(writeVariable(m_host, "Boot0002", globalVendor(), *fromHex("0102")));
    ASSERT_TRUE(writeVariable(m_host, "BootOrder", globalVendor(), *fromHex("02000000")));

    const auto number = placeFirst(m_host, "Particle", loaderFile);
    ASSERT_TRUE(number) << number.error().text();
    EXPECT_EQ(*number, 1) << "0 and 2 are taken, also by what we cannot read";
    EXPECT_EQ(*bootOrder(m_host), (std::vector<std::uint16_t>{1, 2, 0}));
    const auto entries = firmwareEntries(m_host);
    ASSERT_EQ(entries->size(), 2U);
    EXPECT_EQ((*entries)[0].title, "Another system");
    EXPECT_EQ((*entries)[1].title, "Particle");
    EXPECT_EQ((*entries)[1].file, loaderFile);
}

TEST_F(EfiVariables, theSameEntryIsNeverThereTwice)
{
    FirmwareEntry old;
    old.title = "Particle of last year";
    old.file = loaderFile;
    old.file->path = "\\efi\\SYSTEMD\\systemd-bootx64.efi";
    ASSERT_TRUE(writeVariable(m_host, "Boot0004", globalVendor(), encodeLoadOption(old)));
    ASSERT_TRUE(writeVariable(m_host, "Boot0007", globalVendor(), encodeLoadOption(old)));
    ASSERT_TRUE(writeVariable(m_host, "BootOrder", globalVendor(), *fromHex("010007000400")));

    const auto number = placeFirst(m_host, "Particle", loaderFile);
    ASSERT_TRUE(number) << number.error().text();
    EXPECT_EQ(*number, 4);
    EXPECT_EQ(*bootOrder(m_host), (std::vector<std::uint16_t>{4, 1}));
    const auto entries = firmwareEntries(m_host);
    ASSERT_EQ(entries->size(), 1U);
    EXPECT_EQ(entries->front().title, "Particle");
}

} // namespace
