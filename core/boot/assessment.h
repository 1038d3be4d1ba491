// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Whether the version that was started came up: the counter that the loader keeps in the kernel's file name (Boot Loader Specification, UAPI.1, "Boot counting"; what
// systemd-bless-boot(8) does with it). Says and sets the verdict; what the verdict rests on, and who remembers it, is elsewhere (starts.h).

#include "core/base/host.h"
#include "core/boot/entries.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace Preon::Boot
{

// What the loader counted down for this start (LoaderBootCountPath).
struct CountedStart {
    std::string path; // on its partition, with '/', without a first one: "EFI/Linux/Particle_2+2-1.efi"
    std::string good; // the same without a counter: it is not counted any more
    std::string bad; // the same with no tries left: the loader takes it last
    BootCount count; // as the loader left it: this try is among those done
    bool operator==(const CountedStart &) const = default;
};

// nullopt: this start is not counted. BadFormat: the variable names a file without a counter, or one outside of its partition.
Result<std::optional<CountedStart>> countedStart(const Host &host);
// What such a variable's text says; pure.
Result<CountedStart> parseCountedStart(std::string_view variable);

enum class Verdict {
    NotCounted, // "clean" in systemd's words
    Undecided, // "indeterminate": the file has the name that the loader gave it
    Good,
    Bad,
    Unknown, // "dirty": none of the three names is there
};
std::string_view verdictName(Verdict verdict); // systemd-bless-boot's words

// Where the partitions with kernels are mounted: /efi or /boot/efi (the EFI partition) and /boot (XBOOTLDR), those that are there.
std::vector<std::filesystem::path> bootFolders(const Host &host);

Result<Verdict> readVerdict(const Host &host, const std::vector<std::filesystem::path> &folders);
// Good, Bad or Undecided (which takes a verdict back), by one rename, flushed. NotFound when none of the three names is there, or this start is not counted. What has the name already is fine.
Result<void> setVerdict(const Host &host, const std::vector<std::filesystem::path> &folders, Verdict verdict);

} // namespace Preon::Boot
