// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/boot/liveroot.h"

#include "core/base/units.h"
#include "core/base/format.h"
#include "core/base/process.h"
#include "core/tpm/tpm.h"

#include <fcntl.h>

namespace Preon::Boot
{

namespace
{
constexpr unsigned kernelPcr = 11;
constexpr std::string_view liveWord = "preon-live";

Result<std::uint64_t> totalMemory(const Host &host)
{
    PREON_TRY(const std::string text, readTextFile(host.proc / "meminfo"));
    constexpr std::string_view key = "MemTotal:";
    const std::size_t begin = text.find(key);
    if (begin == std::string::npos)
        return fail(ErrorCode::BadFormat, "The kernel does not say how much memory there is");
    const std::string_view rest = std::string_view(text).substr(begin + key.size());
    const std::string_view number = trimmed(rest.substr(0, rest.find("kB")));
    return parseSize(std::string(number) + "K").value_or(0);
}

Result<void> writeAttribute(const std::filesystem::path &path, const std::string &value)
{
    PREON_TRY(const Fd fd, openFile(path, O_WRONLY));
    return writeAt(fd, 0, asBytes(value));
}

// A new compressed RAM disk; its node's path.
Result<std::filesystem::path> makeRamDisk(const Host &host, const LiveRootSize &size)
{
    PREON_TRY(const std::string number, readTextFile(host.sysfs / "class/zram-control/hot_add"));
    const std::string name = "zram" + std::string(trimmed(number));
    const std::filesystem::path folder = host.sysfs / "block" / name;
    PREON_CHECK(writeAttribute(folder / "disksize", std::to_string(size.disk)));
    PREON_CHECK(writeAttribute(folder / "mem_limit", std::to_string(size.memory)));
    return host.dev / name;
}
}

Result<LiveRootSize> planLiveRoot(std::uint64_t memory)
{
    constexpr std::uint64_t least = 768 * mebibyte;
    if (memory < least)
        return fail(ErrorCode::NoSpace, "This computer has too little memory to run from a stick",
                    "it has " + formatSize(memory) + ", " + formatSize(least) + " are needed");
    // Programs' data compresses to about a third; half of the memory stays for running them in any case.
    return LiveRootSize{memory / mebibyte * mebibyte, memory / 2 / mebibyte * mebibyte};
}

Result<void> makeLiveRoot(const Host &host, Progress &progress)
{
    if (Tpm::isPresent(host)) {
        PREON_TRY(Tpm::Context tpm, Tpm::Context::open(host));
        if (auto extended = tpm.extendPcr(kernelPcr, asBytes(liveWord)); !extended)
            return std::unexpected(extended.error().during("The TPM was not told that this is a live system"));
    }
    PREON_TRY(const std::uint64_t memory, totalMemory(host));
    PREON_TRY(const LiveRootSize size, planLiveRoot(memory));
    PREON_TRY(const std::filesystem::path disk, makeRamDisk(host, size));
    PREON_CHECK(runTool({"mkfs.btrfs", "--quiet", "--nodiscard", "--label", "live", disk.string()}));
    PREON_CHECK(runTool({"dmsetup", "create", "root", "--table", "0 " + std::to_string(size.disk / 512) + " linear " + disk.string() + " 0"}));
    progress.log("The root of this system is in memory (at most " + formatSize(size.memory) + " of it)");
    return {};
}

} // namespace Preon::Boot
