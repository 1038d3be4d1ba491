// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/image/imagefiles.h"

#include "core/base/process.h"

#include <algorithm>
#include <array>

namespace Preon::Image
{

namespace
{
constexpr int deviceNumber = 7; // under which the program gets our descriptor
constexpr std::size_t mostFiles = 1000;

Result<std::string> dump(const Disk::Device &device, const Disk::Range &place, const std::filesystem::path &path, const char *what)
{
    ProcessOptions options;
    options.files = {{&device.fd(), deviceNumber}};
    options.timeout = std::chrono::seconds(60);
    PREON_TRY(
        const ProcessOutput done,
        runTool({"dump.erofs", "--offset=" + std::to_string(place.offset), "--path=" + path.string(), what, "/proc/self/fd/" + std::to_string(deviceNumber)},
                options));
    // It says that there is no such path, and that all went well.
    if (done.errors.contains("<E> erofs"))
        return fail(ErrorCode::NotFound, path.string() + " could not be read from " + device.path().string(), "there is no such file");
    return done.output;
}

bool isErofs(const Disk::Device &device, const Disk::Range &place)
{
    constexpr std::array magic{std::byte{0xe2}, std::byte{0xe1}, std::byte{0xf5}, std::byte{0xe0}};
    std::array<std::byte, magic.size()> found{};
    return place.length > 1028 && readAt(device.fd(), place.offset + 1024, found) && found == magic;
}

Result<void> copyFolder(const Disk::Device &device, const Disk::Range &place, const std::filesystem::path &path, const std::filesystem::path &to,
                        bool withDropIns)
{
    PREON_TRY(const std::string listing, dump(device, place, path, "--ls"));
    const FolderListing listed = parseFolderListing(listing);
    if (listed.files.size() > mostFiles || listed.others.size() > mostFiles)
        return fail(ErrorCode::BadFormat, path.string() + " could not be read from " + device.path().string(), "it holds too many files");
    std::error_code error;
    std::filesystem::create_directories(to, error);
    for (const std::string &name : listed.files) {
        if (!name.ends_with(".conf"))
            continue;
        PREON_TRY(const std::string text, dump(device, place, path / name, "--cat"));
        PREON_CHECK(replaceFile(to / name, asBytes(text)));
    }
    for (const std::string &name : listed.others) {
        if (withDropIns && name.ends_with(".conf.d"))
            PREON_CHECK(copyFolder(device, place, path / name, to / name, false));
    }
    return {};
}
}

// Behind the table's head ("NID TYPE  FILENAME"): number, type (1: file, 2: folder), name.
FolderListing parseFolderListing(std::string_view text)
{
    FolderListing listed;
    bool begun = false;
    for (std::size_t at = 0; at < text.size();) {
        const std::string_view line = text.substr(at, text.find('\n', at) - at);
        at += line.size() + 1;
        const auto word = [&line](std::size_t from) {
            const auto begin = line.find_first_not_of(' ', from);
            return begin == std::string_view::npos ? std::pair(line.size(), line.size()) : std::pair(begin, std::min(line.find(' ', begin), line.size()));
        };
        const auto number = word(0), kind = word(number.second), last = word(kind.second);
        const std::string_view type = line.substr(kind.first, kind.second - kind.first), name = line.substr(last.first);
        if (begun && !name.empty() && name != "." && name != ".." && name.size() < 256 && !name.contains('/') && !name.contains('\0'))
            (type == "1" ? listed.files : listed.others).emplace_back(name);
        begun = begun || name == "FILENAME";
    }
    return listed;
}

Result<void> copySettings(const Disk::Device &device, const Disk::Range &place, const std::filesystem::path &root)
{
    const std::filesystem::path lib = root / "usr/lib";
    std::error_code error;
    std::filesystem::create_directories(lib, error);
    if (!isErofs(device, place))
        return fail(ErrorCode::Unsupported, "The settings of " + device.path().string() + " could not be read", "its file system is no erofs");
    const auto release = dump(device, place, "/lib/os-release", "--cat");
    if (!release)
        return std::unexpected(release.error());
    PREON_CHECK(replaceFile(lib / "os-release", asBytes(*release)));
    for (const char *folder : {"repart.d", "preon/install.repart.d", "preon/install.xbootldr.repart.d"}) {
        const auto copied = copyFolder(device, place, std::filesystem::path("/lib") / folder, lib / folder, true);
        if (!copied && copied.error().code != ErrorCode::NotFound)
            return copied;
    }
    return {};
}

} // namespace Preon::Image
