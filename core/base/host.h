// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The machine as a parameter: where the root, sysfs, EFI variables, devices, clock and TPM of the machine at work are. The same code then runs on
// the real machine, on an image file, and on a tree in a test. Snapshots and apply steps get it; planning never does.

#include "core/base/result.h"
#include "core/base/uuid.h"

#include <chrono>
#include <filesystem>
#include <string>

namespace Preon
{

struct Host {
    std::filesystem::path root = "/"; // of the OS whose /etc, /usr and /var are meant
    std::filesystem::path efivars = "/sys/firmware/efi/efivars";
    std::filesystem::path sysfs = "/sys";
    std::filesystem::path proc = "/proc";
    std::filesystem::path dev = "/dev";
    std::filesystem::path run = "/run";
    std::string tpm; // TCTI of the TPM ("device:/dev/tpmrm0", "swtpm:path=…"); empty: the kernel's, if there is one

    // Of root, resolved below it: path("/etc/preon") → ROOT/etc/preon. Symbolic links are not followed here.
    std::filesystem::path path(const std::filesystem::path &absolute) const;
    // Where that leads when links are followed as they are for those who have root as "/": never out of it. NotFound; Io and others as open(2).
    Result<std::filesystem::path> resolved(const std::filesystem::path &absolute) const;
    Result<Uuid> bootId() const;
    Result<Uuid> machineId() const; // of root; NotFound where it has none yet
    Result<std::string> kernelCommandLine() const;
    // The value of the last KEY=VALUE (or "" for a bare KEY) on the kernel's command line; nullopt when absent.
    Result<std::optional<std::string>> kernelOption(std::string_view key) const;
};

} // namespace Preon
