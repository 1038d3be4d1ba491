// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/fetch/treeframes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

using namespace Preon;
using namespace Preon::Fetch;

namespace
{

struct Collected : TreeSink {
    std::vector<TreeEntry> entries;
    std::vector<std::pair<std::uint64_t, std::string>> pieces;

    Result<void> entry(const TreeEntry &entry) override
    {
        entries.push_back(entry);
        return {};
    }
    Result<void> data(std::uint64_t offset, ByteView bytes) override
    {
        pieces.emplace_back(offset, std::string(reinterpret_cast<const char *>(bytes.data()), bytes.size()));
        return {};
    }
};

Bytes treeJoined(std::initializer_list<Bytes> parts)
{
    Bytes all;
    for (const Bytes &part : parts)
        all.insert(all.end(), part.begin(), part.end());
    return all;
}

Bytes treeContent(std::uint64_t offset, std::string_view text)
{
    Bytes bytes = treeDataHeader(offset, text.size());
    std::ranges::copy(asBytes(text), std::back_inserter(bytes));
    return bytes;
}

Result<void> treeDecoded(const Bytes &bytes, std::size_t step, Collected &into, TreeLimits limits = {})
{
    TreeDecoder decoder(limits);
    for (ByteView rest = bytes; !rest.empty(); rest = rest.subspan(std::min(step, rest.size()))) {
        if (auto added = decoder.add(rest.first(std::min(step, rest.size())), into); !added) {
            // Whatever comes, it stays so.
            EXPECT_FALSE(decoder.add({}, into));
            EXPECT_FALSE(decoder.finish());
            return added;
        }
    }
    return decoder.finish();
}

TreeEntry file(std::string path, std::uint64_t size = 0)
{
    return {.kind = EntryKind::File, .path = std::move(path), .mode = 0644, .size = size};
}

std::string refusal(const Bytes &bytes, TreeLimits limits = {})
{
    std::string why;
    for (const std::size_t step : {std::size_t(1), bytes.size() + 1}) {
        Collected collected;
        const auto decoded = treeDecoded(bytes, step, collected, limits);
        EXPECT_FALSE(decoded);
        if (decoded)
            return {};
        EXPECT_EQ(decoded.error().code, ErrorCode::BadFormat);
        why = decoded.error().why;
    }
    return why;
}

// One entry with something about it changed.
Bytes entryWith(const std::function<void(TreeEntry &)> &change, TreeEntry entry = file("a"))
{
    change(entry);
    return treeJoined({encode(entry), encode(TreeEnd{.entries = 1, .bytes = 0})});
}

TEST(TreeFrames, comeOutAsTheyWentInHoweverThePipeCutsThem)
{
    const std::vector<TreeEntry> entries{
        {.kind = EntryKind::Folder, .path = "", .mode = 0750},
        {.kind = EntryKind::Folder, .path = "usr/bin", .mode = 02755, .owner = 1, .group = 4'000'000'000},
        {.kind = EntryKind::File,
         .path = "usr/bin/x",
         .mode = 04755,
         .modified = -5,
         .modifiedNanoseconds = 999'999'999,
         .size = 1'000'000,
         .attributes = {{"user.a", Bytes(70'000, std::byte{7})}, {"security.capability", {}}}},
        {.kind = EntryKind::SymbolicLink, .path = "l", .mode = 0777, .target = "../../etc/passwd"},
        {.kind = EntryKind::HardLink, .path = "h", .target = "usr/bin/x"},
        {.kind = EntryKind::CharacterDevice, .path = "c", .mode = 0600, .major = 5, .minor = 1},
        {.kind = EntryKind::BlockDevice, .path = "b", .mode = 0600, .major = 8, .minor = 70'000},
        {.kind = EntryKind::Fifo, .path = "f", .mode = 0622},
    };
    const Bytes bytes = treeJoined({encode(entries[0]), encode(entries[1]), encode(entries[2]), treeContent(3, "abc"), treeContent(6, "d"),
                                    treeContent(999'999, "z"), encode(entries[3]), encode(entries[4]), encode(entries[5]), encode(entries[6]),
                                    encode(entries[7]), encode(TreeEnd{.entries = 8, .bytes = 5})});
    for (const std::size_t step : {std::size_t(1), std::size_t(7), std::size_t(1000), bytes.size()}) {
        Collected collected;
        const auto decoded = treeDecoded(bytes, step, collected);
        ASSERT_TRUE(decoded) << decoded.error().text();
        EXPECT_EQ(collected.entries, entries);
        const std::vector<std::pair<std::uint64_t, std::string>> pieces{{3, "abc"}, {6, "d"}, {999'999, "z"}};
        EXPECT_EQ(collected.pieces, pieces);
    }
}

TEST(TreeFrames, refuseWhatIsNoEntry)
{
    const auto path = [](std::string named) {
        return entryWith([&](TreeEntry &entry) { entry.path = std::move(named); });
    };
    for (const char *wrong : {"/a", "a/", "a//b", ".", "..", "./a", "a/..", "a/./b", "a/../b"})
        EXPECT_EQ(refusal(path(wrong)), "a path that leads elsewhere or is too long") << wrong;
    EXPECT_EQ(refusal(path(std::string("a\0b", 3))), "a path that leads elsewhere or is too long");
    EXPECT_EQ(refusal(path(std::string(256, 'a'))), "a path that leads elsewhere or is too long");
    std::string deep = "a";
    for (int i = 0; i < 255; ++i)
        deep += "/a";
    EXPECT_EQ(refusal(path(deep)), "a path that leads elsewhere or is too long");
    EXPECT_EQ(refusal(path("")), "the tree itself is no folder");
    EXPECT_EQ(refusal(entryWith([](TreeEntry &entry) { entry.kind = static_cast<EntryKind>(8); })), "there is no entry of kind 8");
    EXPECT_EQ(refusal(entryWith([](TreeEntry &entry) { entry.kind = static_cast<EntryKind>(0); })), "there is no entry of kind 0");
    EXPECT_EQ(refusal(entryWith([](TreeEntry &entry) { entry.mode = 010000; })), "mode, owner or time of an entry are none");
    EXPECT_EQ(refusal(entryWith([](TreeEntry &entry) { entry.owner = 0xffffffff; })), "mode, owner or time of an entry are none");
    EXPECT_EQ(refusal(entryWith([](TreeEntry &entry) { entry.group = 0xffffffff; })), "mode, owner or time of an entry are none");
    EXPECT_EQ(refusal(entryWith([](TreeEntry &entry) { entry.modifiedNanoseconds = 1'000'000'000; })), "mode, owner or time of an entry are none");
    EXPECT_EQ(refusal(entryWith([](TreeEntry &entry) { entry.minor = 1; })), "what is no device has the number of one");
    EXPECT_EQ(refusal(entryWith([](TreeEntry &entry) { entry.size = 1ULL << 63U; })), "an entry of 9223372036854775808 bytes");
    EXPECT_EQ(refusal(entryWith([](TreeEntry &entry) { entry.target = "x"; })), "what is no link points somewhere");
    EXPECT_EQ(refusal(entryWith([](TreeEntry &entry) { entry.kind = EntryKind::SymbolicLink; })), "a link that points nowhere");
    for (const char *wrong : {"", "/x", "../x", "x/"})
        EXPECT_EQ(refusal(entryWith([&](TreeEntry &entry) {
                      entry.kind = EntryKind::HardLink;
                      entry.target = wrong;
                  })),
                  "a link that leads elsewhere");
    EXPECT_EQ(refusal(entryWith([](TreeEntry &entry) { entry.attributes = {{std::string("user.\0", 6), {}}}; })), "the name of an attribute has a NUL in it");
    EXPECT_EQ(refusal(entryWith([](TreeEntry &entry) { entry.attributes = {{"", {}}}; })), "an attribute with a name of 0 bytes has 0 bytes");
    EXPECT_EQ(refusal(entryWith([](TreeEntry &entry) { entry.attributes.resize(attributeLimit + 1, {"user.x", {}}); })), "an entry has 129 attributes");
    EXPECT_EQ(refusal(entryWith([](TreeEntry &entry) { entry.attributes.resize(2, {"user.x", Bytes(attributesLimit / 2)}); })),
              "an entry has more than 131072 bytes of attributes");
}

TEST(TreeFrames, refuseAnotherOrder)
{
    const Bytes end = encode(TreeEnd{.entries = 1, .bytes = 3});
    EXPECT_EQ(refusal(treeContent(0, "abc")), "bytes come that belong to no file");
    EXPECT_EQ(refusal(treeJoined({encode(TreeEntry{.kind = EntryKind::Folder, .path = "a", .mode = 0755}), treeContent(0, "abc")})),
              "bytes come that belong to no file");
    EXPECT_EQ(refusal(treeJoined({encode(file("a", 2)), treeContent(0, "abc"), end})), "bytes 0 and following come where byte 0 of 2 is due");
    EXPECT_EQ(refusal(treeJoined({encode(file("a", 9)), treeContent(3, "abc"), treeContent(5, "abc")})), "bytes 5 and following come where byte 6 of 9 is due");
    EXPECT_EQ(refusal(treeJoined({encode(file("a", 9)), treeContent(0xffffffffffffffff, "abc")})),
              "bytes 18446744073709551615 and following come where byte 0 of 9 is due");
    EXPECT_EQ(refusal(treeJoined({encode(file("a", 3)), treeContent(0, "abc"), end, end})), "more comes after the end");
    EXPECT_EQ(refusal(treeJoined({encode(file("a", 3)), treeContent(0, "abc"), end, Bytes(1)})), "more comes after the end");
    EXPECT_EQ(refusal(treeJoined({encode(file("a", 3)), end})), "it ends after 1 entries and calls that 1");
    EXPECT_EQ(refusal(treeJoined({encode(file("a", 3)), treeContent(0, "abc")})), "it ends without an end");
    EXPECT_EQ(refusal({}), "it ends without an end");
    Bytes cut = treeJoined({encode(file("a", 3)), treeContent(0, "abc"), end});
    cut.pop_back();
    EXPECT_EQ(refusal(cut), "it ends without an end");
    EXPECT_EQ(refusal(Bytes(8)), "there is no frame of type 0");
    Bytes long_ = encode(file("a"));
    long_[7] = std::byte{1};
    EXPECT_TRUE(refusal(long_).contains("a frame of type 1 has"));
}

TEST(TreeFrames, keepToLimits)
{
    const Bytes two
        = treeJoined({encode(file("a", 3)), treeContent(0, "abc"), encode(file("b", 3)), treeContent(0, "abc"), encode(TreeEnd{.entries = 2, .bytes = 6})});
    Collected collected;
    EXPECT_TRUE(treeDecoded(two, 100, collected, {.entries = 2, .bytes = 6}));
    EXPECT_EQ(refusal(two, {.entries = 1, .bytes = 6}), "it has more than the 1 entries that may come");
    EXPECT_EQ(refusal(two, {.entries = 2, .bytes = 5}), "it has more than the 5 bytes that may come");
}

TEST(TreeFrames, anErrorOfTheSinkIsFinal)
{
    struct Full : Collected {
        Result<void> data(std::uint64_t, ByteView) override
        {
            return fail(ErrorCode::NoSpace, "full");
        }
    } full;
    TreeDecoder decoder;
    const auto added = decoder.add(treeJoined({encode(file("a", 3)), treeContent(0, "abc")}), full);
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().code, ErrorCode::NoSpace);
    EXPECT_FALSE(decoder.add(encode(TreeEnd{.entries = 1, .bytes = 3}), full));
}

TEST(TreePath, isMadeNormal)
{
    for (const auto &[path, normal] :
         {std::pair("", ""), {".", ""}, {"./", ""}, {"/", ""}, {"./usr//lib/", "usr/lib"}, {"/etc/x", "etc/x"}, {"a/./b", "a/b"}, {"...", "..."}})
        EXPECT_EQ(treePath(path), normal) << path;
    for (const char *path : {"..", "../x", "a/../b", "a/.."})
        EXPECT_FALSE(treePath(path)) << path;
}

}
