// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/boot/loader.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace Preon::Boot
{

namespace
{

#if defined(__x86_64__)
constexpr std::string_view loaderName = "systemd-bootx64.efi", fallbackName = "BOOTX64.EFI", architecture = "x64";
#elif defined(__aarch64__)
constexpr std::string_view loaderName = "systemd-bootaa64.efi", fallbackName = "BOOTAA64.EFI", architecture = "aa64";
#elif defined(__riscv)
constexpr std::string_view loaderName = "systemd-bootriscv64.efi", fallbackName = "BOOTRISCV64.EFI", architecture = "riscv64";
#else
#error "Which EFI architecture is this?"
#endif

constexpr std::size_t largestLoader = 16U << 20U, largestSettings = 1U << 20U;

std::string fallbackPath()
{
    return "/EFI/BOOT/" + std::string(fallbackName);
}

Result<std::vector<BootFile>> underBothPaths(ByteView loader)
{
    std::vector<BootFile> files;
    for (const std::string &path : {loaderPath(), fallbackPath()}) {
        PREON_TRY(MemoryFile content, MemoryFile::copyOf(loader));
        files.push_back({path, std::move(content)});
    }
    files.back().only = Start::Own;
    return files;
}

std::string shimFile(std::string_view name)
{
    return std::string(name) + std::string(architecture) + ".efi";
}

// read: a file of that name, or NotFound.
template<typename Read>
Result<std::vector<BootFile>> shimThrough(Read read)
{
    std::vector<BootFile> files;
    for (const std::string_view name : {"shim", "mm", "grub"}) {
        auto content = read(shimFile(name));
        if (!content && content.error().code == ErrorCode::NotFound)
            return std::vector<BootFile>();
        if (!content)
            return std::unexpected(content.error());
        if (name == "grub" && loaderVersion(content->bytes()).empty())
            return std::vector<BootFile>(); // the real one: it finds no kernel of ours
        PREON_TRY(MemoryFile again, MemoryFile::copyOf(content->bytes()));
        files.push_back({name == "shim" ? fallbackPath() : "/EFI/BOOT/" + shimFile(name), std::move(again), Start::Shim});
        files.push_back({"/EFI/systemd/" + shimFile(name), std::move(*content), Start::Shim});
    }
    return files;
}

// Nothing when the source has no such file.
Result<void> takeOver(const Fat &esp, const std::string &path, std::vector<BootFile> &files, std::optional<Start> only = {})
{
    auto content = esp.read(path, largestSettings);
    if (content)
        files.push_back({path, std::move(*content), only});
    else if (content.error().code != ErrorCode::NotFound)
        return std::unexpected(content.error());
    return {};
}

} // namespace

std::string loaderPath()
{
    return "/EFI/systemd/" + std::string(loaderName);
}

std::string shimPath()
{
    return "/EFI/systemd/" + shimFile("shim");
}

std::string firmwarePath(std::string path)
{
    std::ranges::replace(path, '/', '\\');
    return path;
}

std::string loaderVersion(ByteView loader)
{
    constexpr std::string_view mark = "#### LoaderInfo: systemd-boot ", end = " ####";
    const std::string_view text(reinterpret_cast<const char *>(loader.data()), loader.size());
    const auto at = text.find(mark);
    if (at == std::string_view::npos)
        return {};
    const std::string_view rest = text.substr(at + mark.size(), 64);
    const auto length = rest.find(end);
    return length == std::string_view::npos ? std::string() : std::string(rest.substr(0, length));
}

Result<std::vector<BootFile>> loaderFromSystem(const Host &host)
{
    const std::filesystem::path base = host.path("/usr/lib/systemd/boot/efi") / loaderName;
    for (const char *suffix : {".signed", ""}) {
        auto content = readFile(base.string() + suffix, largestLoader);
        if (content)
            return underBothPaths(*content);
        if (content.error().code != ErrorCode::NotFound)
            return std::unexpected(content.error());
    }
    return fail(ErrorCode::NotFound, "This system carries no boot loader to install", base.string() + " is missing");
}

Result<std::vector<BootFile>> loaderFromEsp(const Fat &esp)
{
    std::vector<std::string> paths{loaderPath(), fallbackPath()};
    // Beside other systems it lies in a folder of its own.
    for (const FatEntry &entry : esp.list("/EFI").value_or(std::vector<FatEntry>())) {
        if (entry.folder)
            paths.push_back(entry.path + "/" + std::string(loaderName));
    }
    for (const std::string &path : paths) {
        auto content = esp.read(path, largestLoader);
        if (content && !loaderVersion(content->bytes()).empty())
            return underBothPaths(content->bytes());
        if (!content && content.error().code != ErrorCode::NotFound)
            return std::unexpected(content.error());
    }
    return fail(ErrorCode::NotFound, "The image carries no boot loader", loaderPath() + " is missing on its EFI partition");
}

Result<std::vector<BootFile>> shimFromSystem(const Host &host)
{
    return shimThrough([&](const std::string &name) -> Result<MemoryFile> {
        PREON_TRY(const Bytes content, readFile(host.path("/usr/lib/preon/shim") / name, largestLoader));
        return MemoryFile::copyOf(content);
    });
}

Result<std::vector<BootFile>> shimFromEsp(const Fat &esp)
{
    return shimThrough([&](const std::string &name) { return esp.read("/EFI/BOOT/" + name, largestLoader); });
}

Result<std::vector<BootFile>> loaderSettings(const Fat &esp)
{
    std::vector<BootFile> files;
    PREON_CHECK(takeOver(esp, "/loader/loader.conf", files));
    PREON_TRY(MemoryFile srel, MemoryFile::copyOf(asBytes("type1\n")));
    files.push_back({"/loader/entries.srel", std::move(srel)});
    for (const std::string_view name : {"PK", "KEK", "db", "dbx"})
        PREON_CHECK(takeOver(esp, "/loader/keys/auto/" + std::string(name) + ".auth", files, Start::Own));
    return files;
}

Result<void> writeBootFiles(const Fat &esp, const std::vector<BootFile> &files, Progress &progress)
{
    for (const BootFile &file : files) {
        PREON_CHECK(progress.check());
        PREON_CHECK(esp.write(file.path, file.content, &progress));
        progress.advance(file.content.bytes().size());
    }
    return {};
}

Result<void> compareBootFiles(const Fat &esp, const std::vector<BootFile> &files, Progress &progress)
{
    for (const BootFile &file : files) {
        PREON_CHECK(progress.check());
        PREON_TRY(const MemoryFile found, esp.read(file.path));
        if (!std::ranges::equal(found.bytes(), file.content.bytes()))
            return fail(ErrorCode::Corrupt, file.path + " came back different from what was written");
        progress.advance(file.content.bytes().size());
    }
    return {};
}

std::uint64_t sizeOf(const std::vector<BootFile> &files)
{
    std::uint64_t size = 0;
    for (const BootFile &file : files)
        size += file.content.bytes().size();
    return size;
}

} // namespace Preon::Boot
