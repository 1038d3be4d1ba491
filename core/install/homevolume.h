// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The home partition: integrity protected, not encrypted (luks/integrity.h, docs/boot.md). Made at the first start, opened at each, adopted by a system whose
// root was made anew. Whoever has no key that opens it gets it shut, and nothing on it is ever given new tags.

#include "core/base/host.h"
#include "core/base/progress.h"
#include "core/luks/integrity.h"

namespace Preon::Install
{

constexpr const char *homeMapping = "home"; // /dev/mapper/home
constexpr const char *uncheckedHomeMapping = "home-unchecked";
constexpr std::size_t volumeKeyFileSize = 32;
constexpr const char *keyFolder = "var/lib/preon/keys"; // below a root

// Makes it, for root only; it survives a power cut once this returns.
Result<void> makeKeyFolder(const std::filesystem::path &root);

// Names below that folder. While the home is being made its key has the second one: what that key opens was made by this root and holds nothing yet.
constexpr const char *homeKey = "home.key";
constexpr const char *unfinishedHomeKey = "home.key.new";
// The key that lies in that file already (a start was cut off before its partition was published), else a new one.
Result<Secret> volumeKey(const std::filesystem::path &file);
// The key for a home that is about to be made, as home.key.new in that folder. A home.key there belongs to a partition that is no more: it is kept as home.key.old
// and never used again, so that the home which a repaired table may bring back cannot be taken for one that holds nothing.
Result<Secret> keyForNewHome(const std::filesystem::path &keys);
// Survives a power cut once this returns.
Result<void> renameKey(const std::filesystem::path &from, const std::filesystem::path &to);

struct HomeToMake {
    std::filesystem::path partition; // its LUKS2 header is there
    Uuid fileSystem;
    std::string label;
    std::filesystem::path scratch; // folder for the file system being made
};
// An empty btrfs behind a header that the key opens; whatever was made before behind that header is gone. Permission when the key does not open it: then nothing
// was written. Flushed when it returns; not left open.
Result<void> makeHome(const HomeToMake &home, const Secret &key, Progress &progress);

// Loads the header and unlocks it: with a key file's content or a recovery key as typed. BadFormat when the partition is no home of this kind.
Result<Luks::Volume> unlockHome(const std::filesystem::path &partition, const Secret &key);
// Opens /dev/mapper/home. Where the partition has grown, the file system grows too; that failing is told to the log only.
Result<void> openHome(const std::filesystem::path &partition, const Luks::Volume &volume, Progress &progress);

// A home that another root's key file opened becomes this root's: a new key file below root and a slot for it, then the slots of lost key files go. volume:
// unlocked, by its recovery key. Cut off anywhere it can be done again. Returns the number of slots that went.
Result<std::size_t> adoptHome(Luks::Volume &volume, const std::filesystem::path &partition, const std::filesystem::path &root);

// For copying out what can still be read: /dev/mapper/home-unchecked, read-only, nothing is checked. volume: unlocked, where there is a key; then what the
// journal holds is written to its place first.
Result<void> openHomeUnchecked(const std::filesystem::path &partition, const Luks::Volume *volume, Progress &progress);

// The size (bytes) that a btrfs of one device takes itself to have, from its superblock (4096 bytes at offset 65536). BadFormat when it is none.
Result<std::uint64_t> btrfsSize(ByteView superblock);

} // namespace Preon::Install
