// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What `preon-fetch untar` says to root: the files of an archive, one after the other, in frames of the same form as those of frames.h (type, length,
// content; all numbers little-endian). The decoder trusts nothing: paths lead nowhere but down, every length is bounded, and what comes in another order than
// this is refused: an entry; of a file its bytes, from its beginning to its end, with holes where nothing comes; at last the end, which says how much there
// was. What is made of the entries is the matter of whoever takes them.

#include "core/base/fd.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace Preon::Fetch
{

// The numbers are part of the form.
enum class EntryKind : std::uint16_t {
    Folder = 1,
    File = 2,
    SymbolicLink = 3,
    HardLink = 4, // to an entry that came before
    CharacterDevice = 5,
    BlockDevice = 6,
    Fifo = 7,
};

constexpr std::size_t pathLimit = 4095; // bytes
constexpr std::size_t nameLimit = 255; // bytes of one part of a path, and of the name of an attribute
constexpr std::size_t depthLimit = 255; // parts of a path
constexpr std::size_t attributeLimit = 128; // extended attributes of one entry
constexpr std::size_t attributesLimit = 128U << 10U; // bytes of all of their names and values together
constexpr std::size_t treeDataLimit = 256U << 10U; // bytes of a file in one frame

struct TreeEntry {
    EntryKind kind = EntryKind::File;
    std::string path{}; // "usr/lib/x", below the tree: no empty part, no "." or ".."; empty for the tree's own folder
    std::uint32_t mode = 0; // of access, at most 07777
    std::uint32_t owner = 0, group = 0;
    std::int64_t modified = 0; // seconds since 1970
    std::uint32_t modifiedNanoseconds = 0; // below 10^9
    std::uint32_t major = 0, minor = 0; // of devices
    std::uint64_t size = 0; // bytes of a file, its holes too
    std::string target{}; // of a symbolic link any text; of a hard link a path as above, not empty
    std::vector<std::pair<std::string, Bytes>> attributes{}; // extended: "user.x", "security.capability"
    bool operator==(const TreeEntry &) const = default;
};

// Bytes of the file that came last. They stay where they are until the sink returns.
struct TreeData {
    std::uint64_t offset = 0; // not before the end of what came before
    ByteView bytes;
};

struct TreeEnd {
    std::uint64_t entries = 0; // that came
    std::uint64_t bytes = 0; // of files, without holes
    bool operator==(const TreeEnd &) const = default;
};

// What is normal: "./usr//lib/" → "usr/lib", "/etc/x" → "etc/x", "." → "". BadFormat for "..", NUL, and what is longer or deeper than the limits. For those
// who send.
Result<std::string> treePath(std::string_view path);

// The entry has to keep the limits.
Bytes encode(const TreeEntry &entry);
// What stands before `size` bytes of a file, at most treeDataLimit.
Bytes treeDataHeader(std::uint64_t offset, std::size_t size);
Bytes encode(const TreeEnd &end);

struct TreeLimits {
    std::uint64_t entries = 4'000'000;
    std::uint64_t bytes = 1ULL << 40U; // of all files, without holes
};

class TreeSink
{
public:
    virtual ~TreeSink() = default;
    virtual Result<void> entry(const TreeEntry &entry) = 0;
    virtual Result<void> data(std::uint64_t offset, ByteView bytes) = 0;
};

class TreeDecoder
{
public:
    explicit TreeDecoder(TreeLimits limits = {});

    // Bytes of the pipe as they come. BadFormat, which is final, for all that is not as it should be; the sink's own errors are handed on, and are final too.
    Result<void> add(ByteView bytes, TreeSink &sink);
    // No more bytes come: BadFormat where the end did not.
    Result<void> finish();

    const TreeEnd &seen() const
    {
        return m_seen;
    }

private:
    Result<std::size_t> step(ByteView bytes, TreeSink &sink);
    Result<void> content(std::uint32_t type, ByteView content, TreeSink &sink);
    Result<void> decodeEntry(ByteView content, TreeSink &sink);
    Result<void> decodeData(ByteView content, TreeSink &sink);
    Result<void> decodeEnd(ByteView content);

    TreeLimits m_limits;
    Bytes m_rest; // the beginning of a frame that is not whole yet
    TreeEnd m_seen;
    bool m_inFile = false;
    std::uint64_t m_size = 0, m_position = 0; // of the file that bytes may come of
    bool m_over = false, m_broken = false;
};

} // namespace Preon::Fetch
