// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The loader's menu as systemd-boot makes it from an EFI partition: entries of type #1 (loader/entries/*.conf) and type #2 (unified kernels), their ids,
// boot counters, and order (Boot Loader Specification, UAPI.1; Boot Loader Interface). Reads only.

#include "core/boot/fat.h"
#include "core/boot/pe.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace Preon::Boot
{

// The counter in a file name: "particle_2+3-1.efi" has 3 tries left and 1 done.
struct BootCount {
    unsigned left = 0, done = 0;
    bool operator==(const BootCount &) const = default;
};

struct CountedName {
    std::string name; // without the counter: "particle_2.efi"
    std::optional<BootCount> count;
    bool operator==(const CountedName &) const = default;
};
// A name whose suffix is no well-formed counter is left as it is.
CountedName parseCountedName(std::string_view fileName);

enum class EntryType { Type1, Type2 };

struct Entry {
    EntryType type = EntryType::Type2;
    std::string id; // lower case, without counter: "particle_1.efi", "particle_1.efi@live"
    std::string path; // of the file on the partition
    std::string title, version, sortKey, machineId;
    std::string commandLine;
    std::string profile; // id of the profile, for those after the first
    std::size_t profileIndex = 0;
    std::optional<BootCount> count;
    bool extended = false; // on the extended boot partition (XBOOTLDR)
    bool operator==(const Entry &) const = default;
};

// One entry a profile.
std::vector<Entry> entriesOfKernel(const std::string &path, const UnifiedKernel &kernel);
// A loader/entries/*.conf; BadFormat when it names nothing to start.
Result<Entry> parseType1(const std::string &path, std::string_view text);
// As the loader shows them: entries without tries left last, then by sort key, newest version first.
void sortEntries(std::vector<Entry> &entries);

struct EntryList {
    std::vector<Entry> entries; // sorted
    std::vector<std::string> warnings; // files that are no entries, and why
};
// xbootldr: the disk's extended boot partition, where there is one.
Result<EntryList> listEntries(const Fat &esp, const Fat *xbootldr = nullptr);

} // namespace Preon::Boot
