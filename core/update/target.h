// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Where the bytes of one new instance go, and how it becomes visible: a slot of a partition table, a file, a folder. In three steps, each of which a power cut may
// follow: partial (bytes arrive), pending (all bytes are there and flushed), installed (it has its name). Who calls brings the bytes and has checked them;
// nothing here decides what goes where: that is the plan's matter.

#include "core/base/host.h"
#include "core/disk/gpt.h"

#include <memory>
#include <optional>
#include <string>

namespace Preon::Update
{

// What a slot that is being filled looks like in the table.
enum class SlotMarks {
    // As before: free, until label, UUID and attributes are set in one write of the table. Whoever finds it after a cut, of whatever version, sees a free slot.
    None,
    // As systemd 259 and newer do: with its new label, and a type that says partial or pending (partialType()). systemd 257 sees no slot at all then.
    Types,
};

// The type UUIDs of a slot of that type while it is partial or pending (systemd 259): derived from it, and back.
Uuid partialType(const Uuid &type);
Uuid pendingType(const Uuid &type);

struct SlotTarget {
    std::filesystem::path device; // the whole disk, or an image file
    std::uint32_t sectorSize = 512; // of an image file
    Disk::Partition before, after; // before: as it has to be in the table when begun; after: as it will be
    SlotMarks marks = SlotMarks::None;
};

struct FileTarget {
    std::filesystem::path folder; // that the name is relative to; it has to exist
    std::string name; // may have folders, which are made
    std::uint32_t mode = 0644; // without write permission when readOnly
    std::optional<std::uint64_t> modified; // microseconds since 1970
    bool readOnly = false;
};

struct FolderTarget {
    std::filesystem::path folder;
    std::string name;
    bool subvolume = false; // a btrfs subvolume where the file system has them, else a folder
    bool readOnly = false; // the subvolume read-only, the folder immutable (chattr +i) where the file system can
};

// The names under which a file or folder is partial or pending, beside its later one (systemd 259): "d/x.raw" → "d/.sysupdate.partial.x.raw".
std::string partialName(const std::string &name);
std::string pendingName(const std::string &name);

enum class Begin {
    Anew, // what is left of an earlier attempt counts for nothing
    Resume, // it stays: bytes may be read, and only the rest be written. A pending one becomes partial again
};

class TargetWriter
{
public:
    virtual ~TargetWriter() = default;

    // Makes the place ready. Changed when it is no longer what the plan was made from; NotFound when there is nothing to resume.
    virtual Result<void> begin(Begin how) = 0;
    // Bytes of a slot or file, in any order. NoSpace behind the end of a slot. Unsupported for a folder.
    virtual Result<void> write(std::uint64_t offset, ByteView data) = 0;
    // What was written, from the medium or the cache: to check what an earlier attempt left.
    virtual Result<void> read(std::uint64_t offset, std::span<std::byte> buffer) const = 0;
    // How many bytes a resumed file has, how many a slot holds.
    virtual Result<std::uint64_t> size() const = 0;
    // Where the tree of a folder is made; empty for slots and files.
    virtual std::filesystem::path tree() const = 0;
    // What was written is on the medium: from here a resume may go on.
    virtual Result<void> flush() = 0;
    // All of it is there. size: of the whole, in bytes; a file becomes that long. Flushes, then marks it as pending.
    virtual Result<void> finish(std::uint64_t size) = 0;
    // Gives it its name; after finish(), also in a later process that called neither begin() nor finish().
    virtual Result<void> install() = 0;
    // Removes what is there of it; a slot becomes free.
    virtual Result<void> abandon() = 0;
};

std::unique_ptr<TargetWriter> makeTarget(SlotTarget target);
std::unique_ptr<TargetWriter> makeTarget(FileTarget target);
std::unique_ptr<TargetWriter> makeTarget(FolderTarget target);

// Points a link at what was installed, by one rename: CurrentSymlink=. Its text is relative where that can be. A file of that name is replaced, as systemd does; a folder is Exists.
Result<void> pointLink(const std::filesystem::path &link, const std::filesystem::path &at);

// Folders below one that exists, each flushed into the one above it.
Result<void> makeFolders(const std::filesystem::path &folder, const std::filesystem::path &below);
// Takes away what would keep a tree from being removed: immutable, a read-only subvolume. Best effort.
void makeMutable(const std::filesystem::path &folder);
// Removes an instance: the file or tree, and folders above it (up to `folder`) that became empty.
Result<void> removeInstance(const std::filesystem::path &folder, const std::filesystem::path &path);
// Sets one entry of the table, under the disk's lock. Changed when it is not `before`.
Result<void> changeSlot(const std::filesystem::path &device, std::uint32_t sectorSize, const Disk::Partition &before, const Disk::Partition &after);

} // namespace Preon::Update
