// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/fetch/treeframes.h"

#include "core/fetch/numbers.h"

#include <algorithm>
#include <cassert>
#include <limits>

namespace Preon::Fetch
{

namespace
{
constexpr std::uint32_t treeType = 0x50545200; // "PTR" and a number
constexpr std::uint32_t treeEntryType = treeType + 1;
constexpr std::uint32_t treeDataType = treeType + 2;
constexpr std::uint32_t treeEndType = treeType + 3;

constexpr std::size_t treeHeaderSize = 8;
constexpr std::size_t entrySize = 2 + 2 + 4 + 4 + 4 + 8 + 4 + 4 + 4 + 8 + 2 + 2; // and the texts
constexpr std::size_t attributeSize = 2 + 4; // and name and value
constexpr std::size_t entryLimit = entrySize + 2 * pathLimit + attributeLimit * attributeSize + attributesLimit;
constexpr std::size_t treeEndSize = 8 + 8;
constexpr std::uint64_t largestEntry = std::numeric_limits<std::int64_t>::max();
constexpr std::uint32_t everyMode = 07777;
constexpr std::uint32_t nobodyAtAll = std::numeric_limits<std::uint32_t>::max(); // means "as it is" where owners are set
constexpr std::uint32_t second = 1'000'000'000;

std::unexpected<Error> treeNonsense(std::string why)
{
    return fail(ErrorCode::BadFormat, "What unpacks the archive says what makes no sense", std::move(why));
}

// How long the content of a frame of this type may be.
std::pair<std::size_t, std::size_t> treeSizes(std::uint32_t type)
{
    switch (type) {
    case treeEntryType:
        return {entrySize, entryLimit};
    case treeDataType:
        return {8 + 1, 8 + treeDataLimit};
    case treeEndType:
        return {treeEndSize, treeEndSize};
    default:
        return {1, 0};
    }
}

Bytes treeHeader(std::uint32_t type, std::size_t size)
{
    Bytes bytes;
    bytes.reserve(treeHeaderSize + size);
    put(bytes, type);
    put(bytes, static_cast<std::uint32_t>(size));
    return bytes;
}

bool isTreePath(std::string_view path)
{
    const auto normal = treePath(path);
    return normal && *normal == path;
}

std::string takeTreeText(ByteView &from, std::size_t size)
{
    std::string text(reinterpret_cast<const char *>(from.data()), size);
    from = from.subspan(size);
    return text;
}

bool hasNul(std::string_view text)
{
    return text.contains('\0');
}

bool isDevice(EntryKind kind)
{
    return kind == EntryKind::CharacterDevice || kind == EntryKind::BlockDevice;
}

Result<void> takeAttributes(ByteView &content, std::size_t count, TreeEntry &entry)
{
    std::size_t total = 0;
    if (count > attributeLimit)
        return treeNonsense("an entry has " + std::to_string(count) + " attributes");
    for (std::size_t i = 0; i < count; ++i) {
        if (content.size() < attributeSize)
            return treeNonsense("an entry ends in the middle");
        const auto nameSize = take<std::uint16_t>(content);
        const auto valueSize = take<std::uint32_t>(content);
        if (nameSize == 0 || nameSize > nameLimit || valueSize > attributesLimit)
            return treeNonsense("an attribute with a name of " + std::to_string(nameSize) + " bytes has " + std::to_string(valueSize) + " bytes");
        if (content.size() < std::size_t{nameSize} + valueSize)
            return treeNonsense("an entry ends in the middle");
        total += nameSize + std::size_t{valueSize};
        if (total > attributesLimit)
            return treeNonsense("an entry has more than " + std::to_string(attributesLimit) + " bytes of attributes");
        std::string name = takeTreeText(content, nameSize);
        if (hasNul(name))
            return treeNonsense("the name of an attribute has a NUL in it");
        const ByteView value = content.first(valueSize);
        content = content.subspan(valueSize);
        entry.attributes.emplace_back(std::move(name), Bytes(value.begin(), value.end()));
    }
    return {};
}

// What belongs to which kind, and to no other.
Result<void> checkEntry(const TreeEntry &entry)
{
    if (!isTreePath(entry.path))
        return treeNonsense("a path that leads elsewhere or is too long");
    if (entry.path.empty() && entry.kind != EntryKind::Folder)
        return treeNonsense("the tree itself is no folder");
    if (entry.mode > everyMode || entry.modifiedNanoseconds >= second || entry.owner == nobodyAtAll || entry.group == nobodyAtAll)
        return treeNonsense("mode, owner or time of an entry are none");
    if (!isDevice(entry.kind) && (entry.major != 0 || entry.minor != 0))
        return treeNonsense("what is no device has the number of one");
    if (entry.size > largestEntry || (entry.kind != EntryKind::File && entry.size != 0))
        return treeNonsense("an entry of " + std::to_string(entry.size) + " bytes");
    switch (entry.kind) {
    case EntryKind::SymbolicLink:
        if (entry.target.empty() || hasNul(entry.target))
            return treeNonsense("a link that points nowhere");
        return {};
    case EntryKind::HardLink:
        if (entry.target.empty() || !isTreePath(entry.target))
            return treeNonsense("a link that leads elsewhere");
        return {};
    default:
        return entry.target.empty() ? Result<void>() : treeNonsense("what is no link points somewhere");
    }
}
}

Result<std::string> treePath(std::string_view path)
{
    const auto refused = [](std::string why) {
        return fail(ErrorCode::BadFormat, "A path of the archive is none", std::move(why));
    };
    std::string normal;
    std::size_t depth = 0;
    if (hasNul(path))
        return refused("it has a NUL in it");
    while (!path.empty()) {
        const std::size_t end = std::min(path.find('/'), path.size());
        const std::string_view part = path.substr(0, end);
        path.remove_prefix(std::min(end + 1, path.size()));
        if (part.empty() || part == ".")
            continue;
        if (part == "..")
            return refused("it leads out of the archive by \"..\"");
        if (part.size() > nameLimit)
            return refused("a name in it has " + std::to_string(part.size()) + " bytes, and " + std::to_string(nameLimit) + " at most are possible");
        if (++depth > depthLimit)
            return refused("it has more than " + std::to_string(depthLimit) + " folders in each other");
        if (!normal.empty())
            normal += '/';
        normal += part;
        if (normal.size() > pathLimit)
            return refused("it is longer than " + std::to_string(pathLimit) + " bytes");
    }
    return normal;
}

Bytes encode(const TreeEntry &entry)
{
    std::size_t size = entrySize + entry.path.size() + entry.target.size();
    for (const auto &[name, value] : entry.attributes)
        size += attributeSize + name.size() + value.size();
    assert(size <= entryLimit);
    Bytes bytes = treeHeader(treeEntryType, size);
    put(bytes, static_cast<std::uint16_t>(entry.kind));
    put(bytes, static_cast<std::uint16_t>(entry.attributes.size()));
    put(bytes, entry.mode);
    put(bytes, entry.owner);
    put(bytes, entry.group);
    put(bytes, entry.modified);
    put(bytes, entry.modifiedNanoseconds);
    put(bytes, entry.major);
    put(bytes, entry.minor);
    put(bytes, entry.size);
    put(bytes, static_cast<std::uint16_t>(entry.path.size()));
    put(bytes, static_cast<std::uint16_t>(entry.target.size()));
    std::ranges::copy(asBytes(entry.path), std::back_inserter(bytes));
    std::ranges::copy(asBytes(entry.target), std::back_inserter(bytes));
    for (const auto &[name, value] : entry.attributes) {
        put(bytes, static_cast<std::uint16_t>(name.size()));
        put(bytes, static_cast<std::uint32_t>(value.size()));
        std::ranges::copy(asBytes(name), std::back_inserter(bytes));
        std::ranges::copy(value, std::back_inserter(bytes));
    }
    return bytes;
}

Bytes treeDataHeader(std::uint64_t offset, std::size_t size)
{
    assert(size > 0 && size <= treeDataLimit);
    Bytes bytes = treeHeader(treeDataType, 8 + size);
    put(bytes, offset);
    return bytes;
}

Bytes encode(const TreeEnd &end)
{
    Bytes bytes = treeHeader(treeEndType, treeEndSize);
    put(bytes, end.entries);
    put(bytes, end.bytes);
    return bytes;
}

TreeDecoder::TreeDecoder(TreeLimits limits)
    : m_limits(limits)
{
}

Result<void> TreeDecoder::decodeEntry(ByteView content, TreeSink &sink)
{
    TreeEntry entry;
    const auto kind = take<std::uint16_t>(content);
    if (kind < static_cast<std::uint16_t>(EntryKind::Folder) || kind > static_cast<std::uint16_t>(EntryKind::Fifo))
        return treeNonsense("there is no entry of kind " + std::to_string(kind));
    entry.kind = static_cast<EntryKind>(kind);
    const auto count = take<std::uint16_t>(content);
    entry.mode = take<std::uint32_t>(content);
    entry.owner = take<std::uint32_t>(content);
    entry.group = take<std::uint32_t>(content);
    entry.modified = take<std::int64_t>(content);
    entry.modifiedNanoseconds = take<std::uint32_t>(content);
    entry.major = take<std::uint32_t>(content);
    entry.minor = take<std::uint32_t>(content);
    entry.size = take<std::uint64_t>(content);
    const auto pathSize = take<std::uint16_t>(content);
    const auto targetSize = take<std::uint16_t>(content);
    if (pathSize > pathLimit || targetSize > pathLimit || content.size() < std::size_t{pathSize} + targetSize)
        return treeNonsense("an entry ends in the middle");
    entry.path = takeTreeText(content, pathSize);
    entry.target = takeTreeText(content, targetSize);
    PREON_CHECK(takeAttributes(content, count, entry));
    if (!content.empty())
        return treeNonsense("more stands behind an entry");
    PREON_CHECK(checkEntry(entry));
    if (++m_seen.entries > m_limits.entries)
        return fail(ErrorCode::BadFormat, "The archive is too large", "it has more than the " + std::to_string(m_limits.entries) + " entries that may come");
    m_inFile = entry.kind == EntryKind::File;
    m_size = entry.size;
    m_position = 0;
    return sink.entry(entry);
}

Result<void> TreeDecoder::decodeData(ByteView content, TreeSink &sink)
{
    const auto offset = take<std::uint64_t>(content);
    if (!m_inFile)
        return treeNonsense("bytes come that belong to no file");
    if (offset < m_position || offset > m_size || content.size() > m_size - offset)
        return treeNonsense("bytes " + std::to_string(offset) + " and following come where byte " + std::to_string(m_position) + " of " + std::to_string(m_size)
                            + " is due");
    m_position = offset + content.size();
    m_seen.bytes += content.size();
    if (m_seen.bytes > m_limits.bytes)
        return fail(ErrorCode::BadFormat, "The archive is too large", "it has more than the " + std::to_string(m_limits.bytes) + " bytes that may come");
    return sink.data(offset, content);
}

Result<void> TreeDecoder::decodeEnd(ByteView content)
{
    const TreeEnd end{.entries = take<std::uint64_t>(content), .bytes = take<std::uint64_t>(content)};
    if (end != m_seen)
        return treeNonsense("it ends after " + std::to_string(m_seen.entries) + " entries and calls that " + std::to_string(end.entries));
    m_over = true;
    return {};
}

Result<void> TreeDecoder::content(std::uint32_t type, ByteView content, TreeSink &sink)
{
    switch (type) {
    case treeEntryType:
        return decodeEntry(content, sink);
    case treeDataType:
        return decodeData(content, sink);
    default:
        return decodeEnd(content);
    }
}

// How many of the bytes one frame was; 0: more are needed.
Result<std::size_t> TreeDecoder::step(ByteView bytes, TreeSink &sink)
{
    if (m_over)
        return treeNonsense("more comes after the end");
    if (bytes.size() < treeHeaderSize)
        return 0;
    ByteView rest = bytes;
    const auto type = take<std::uint32_t>(rest);
    const auto size = take<std::uint32_t>(rest);
    const auto [least, most] = treeSizes(type);
    if (least > most)
        return treeNonsense("there is no frame of type " + std::to_string(type));
    if (size < least || size > most)
        return treeNonsense("a frame of type " + std::to_string(type - treeType) + " has " + std::to_string(size) + " bytes");
    if (rest.size() < size)
        return 0;
    PREON_CHECK(content(type, rest.first(size), sink));
    return treeHeaderSize + size;
}

Result<void> TreeDecoder::add(ByteView bytes, TreeSink &sink)
{
    if (m_broken)
        return treeNonsense("it did so before");
    m_broken = true; // until this went well
    // What is whole is taken from where it lies; only the one frame that a piece ends in is put together.
    while (!bytes.empty()) {
        if (m_rest.empty()) {
            PREON_TRY(const std::size_t used, step(bytes, sink));
            if (used == 0)
                m_rest.assign(bytes.begin(), bytes.end());
            bytes = bytes.subspan(used == 0 ? bytes.size() : used);
            continue;
        }
        std::size_t missing = treeHeaderSize - std::min(treeHeaderSize, m_rest.size());
        if (missing == 0) {
            ByteView head = ByteView(m_rest).first(treeHeaderSize);
            take<std::uint32_t>(head);
            missing = treeHeaderSize + take<std::uint32_t>(head) - m_rest.size();
        }
        const std::size_t part = std::min(missing, bytes.size());
        m_rest.insert(m_rest.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(part));
        bytes = bytes.subspan(part);
        PREON_TRY(const std::size_t used, step(m_rest, sink));
        if (used > 0)
            m_rest.clear();
    }
    m_broken = false;
    return {};
}

Result<void> TreeDecoder::finish()
{
    if (m_broken || !m_over || !m_rest.empty())
        return treeNonsense("it ends without an end");
    return {};
}

} // namespace Preon::Fetch
