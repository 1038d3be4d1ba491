// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What makes an EFI partition start something: systemd-boot, its settings, Secure Boot's enrolment files, and a unified kernel. Collects these files from
// a source and writes them in an order that is safe. Copies no random seed (each machine makes its own) and knows nothing of the partition table.

#include "core/base/host.h"
#include "core/boot/fat.h"

#include <optional>
#include <string>
#include <vector>

namespace Preon::Boot
{

// What the firmware starts: systemd-boot, or shim, which Microsoft's keys vouch for and which starts a systemd-boot that its distribution signed. The kernel is ours either way.
enum class Start { Own, Shim };

struct BootFile {
    std::string path; // on the EFI partition
    MemoryFile content;
    std::optional<Start> only = {}; // needed for that start alone
};

// The loader's file on an EFI partition of its own: "/EFI/systemd/systemd-bootx64.efi".
std::string loaderPath();
// shim's: "/EFI/systemd/shimx64.efi".
std::string shimPath();
// How the firmware names a file: "\\EFI\\systemd\\systemd-bootx64.efi".
std::string firmwarePath(std::string path);
// The version that systemd-boot says it has ("257.9-1"); empty when the file is something else.
std::string loaderVersion(ByteView loader);

// The loader under both its paths. From the running system's /usr, which verity vouches for: the signed binary where there is one.
Result<std::vector<BootFile>> loaderFromSystem(const Host &host);
// From an image's EFI partition. NotFound when it has no systemd-boot.
Result<std::vector<BootFile>> loaderFromEsp(const Fat &esp);

// shim, its MokManager and the loader that it starts (under the name that it looks for, grubx64.efi), beside our own loader and where firmware looks by itself; all for Start::Shim.
// From /usr/lib/preon/shim, or from EFI/BOOT of an image. Empty where they are not all there.
Result<std::vector<BootFile>> shimFromSystem(const Host &host);
Result<std::vector<BootFile>> shimFromEsp(const Fat &esp);

// loader/loader.conf, loader/entries.srel and loader/keys/auto/*.auth, as far as the source has them; entries.srel is made where it is missing.
Result<std::vector<BootFile>> loaderSettings(const Fat &esp);

// Writes the files in the given order: put the kernel last, so that nothing is started that is not whole. Reports bytes.
Result<void> writeBootFiles(const Fat &esp, const std::vector<BootFile> &files, Progress &progress);
// Reads all of them back and compares. Corrupt names the first that differs. Drop the device's cache before.
Result<void> compareBootFiles(const Fat &esp, const std::vector<BootFile> &files, Progress &progress);
std::uint64_t sizeOf(const std::vector<BootFile> &files); // bytes

} // namespace Preon::Boot
