// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/install/source.h"

#include "core/base/format.h"
#include "core/boot/efivars.h"

#include <algorithm>

namespace Preon::Install
{

namespace
{

std::string withoutCounter(const std::string &path)
{
    const auto name = path.rfind('/') + 1;
    return path.substr(0, name) + Boot::parseCountedName(path.substr(name)).name;
}

// The running system is the one that its kernel's command line names: verity holds it to that.
Result<std::size_t> runningSystem(const Host &host, const Image::Image &image, const std::filesystem::path &path)
{
    PREON_TRY(const auto usrhash, host.kernelOption("usrhash"));
    if (!usrhash)
        return fail(ErrorCode::Unsupported, "The running system cannot install itself",
                    "its kernel was started without usrhash=", "Give an image file with --source=.");
    const auto system = std::ranges::find(image.systems, lowerCase(*usrhash), &Image::System::rootHash);
    if (system == image.systems.end())
        return fail(ErrorCode::Untrusted, "The running system was not found on " + path.string(), "no partitions there have the root hash " + *usrhash);
    return static_cast<std::size_t>(system - image.systems.begin());
}

Result<std::size_t> newestSystem(const Image::Image &image, const std::filesystem::path &path)
{
    const auto system = std::ranges::find_if(image.systems, [](const Image::System &candidate) { return !candidate.kernels.empty(); });
    if (system == image.systems.end()) {
        std::string why = image.systems.empty() ? "no partitions for /usr and its hash tree belong together"
                                                : "no kernel there names the root hash of a /usr that is there";
        return fail(ErrorCode::NotFound, path.string() + " holds no system that could be installed", std::move(why));
    }
    return static_cast<std::size_t>(system - image.systems.begin());
}

Result<std::filesystem::path> bootDisk(const Host &host)
{
    const std::filesystem::path link = host.dev / "disk/by-preon/disk";
    std::error_code error;
    std::filesystem::path disk = std::filesystem::canonical(link, error);
    if (error)
        return fail(ErrorCode::NotFound, "The disk that this system was started from is not known", link.string() + " does not exist",
                    "Give an image file with --source=.");
    return disk;
}

Result<std::vector<Boot::BootFile>> collectBootFiles(const Host &host, const Source &source)
{
    const Boot::Fat esp(source.device, source.facts.esp.start);
    PREON_TRY(auto files, source.facts.kind == SourceKind::Booted ? Boot::loaderFromSystem(host) : Boot::loaderFromEsp(esp));
    PREON_TRY(auto shim, source.facts.kind == SourceKind::Booted ? Boot::shimFromSystem(host) : Boot::shimFromEsp(esp));
    PREON_TRY(auto settings, Boot::loaderSettings(esp));
    std::ranges::move(shim, std::back_inserter(files));
    std::ranges::move(settings, std::back_inserter(files));
    PREON_TRY(Boot::MemoryFile kernel, Boot::Fat(source.device, source.facts.kernelPlace.start).read(source.facts.kernelPath));
    // Read again: what is installed must be what says this root hash, not what said so a moment ago.
    const auto parsed = Boot::readUnifiedKernel(kernel.bytes());
    if (!parsed || lowerCase(parsed->option("usrhash").value_or("")) != source.facts.system.rootHash)
        return fail(ErrorCode::Untrusted, source.facts.kernelPath + " does not start the system that is to be installed", "its usrhash= names another one");
    files.push_back({source.facts.installedKernelPath, std::move(kernel)});
    return files;
}

} // namespace

std::uint64_t SourceFacts::bootFilesSize(Boot::Start start) const
{
    std::uint64_t size = 0;
    for (const File &file : bootFiles)
        size += !file.only || *file.only == start ? file.size : 0;
    return size;
}

bool SourceFacts::hasShim() const
{
    return std::ranges::contains(bootFiles, Boot::Start::Shim, &File::only);
}

const Boot::BootFile *Source::find(const std::string &path, Boot::Start start) const
{
    const auto found = std::ranges::find_if(bootFiles, [&](const Boot::BootFile &file) { return file.path == path && (!file.only || *file.only == start); });
    return found == bootFiles.end() ? nullptr : &*found;
}

Result<Source> openSource(const Host &host, const std::string &name)
{
    const bool booted = name == "booted";
    std::filesystem::path path = name;
    std::optional<Uuid> espUuid;
    if (booted) {
        PREON_TRY(path, bootDisk(host));
        PREON_TRY(espUuid, Boot::loaderPartition(host));
        if (!espUuid)
            return fail(ErrorCode::NotFound, "The boot loader did not say which EFI partition it came from", {}, "Give an image file with --source=.");
    }
    auto device = Disk::Device::open(path, Disk::Access::Read);
    if (!device)
        return std::unexpected(device.error().during("The source " + path.string() + " could not be opened"));
    PREON_TRY(Image::Image image, Image::inspect(*device, espUuid));
    if (!image.esp)
        return fail(ErrorCode::NotFound, path.string() + " has no EFI partition to take the kernel from");
    PREON_TRY(const std::size_t index, booted ? runningSystem(host, image, path) : newestSystem(image, path));

    Source source{std::move(*device), {}, {}};
    SourceFacts &facts = source.facts;
    facts.kind = booted ? SourceKind::Booted : SourceKind::File;
    facts.path = path;
    facts.diskUuid = image.table.diskUuid;
    facts.esp = *image.esp;
    facts.system = std::move(image.systems[index]);
    if (facts.system.kernels.empty())
        return fail(ErrorCode::NotFound, "The kernel of the running system is not on " + path.string(),
                    "none there names the root hash " + facts.system.rootHash);
    facts.kernelPath = facts.system.kernels.front();
    facts.kernelPlace = facts.system.kernelPlaces.front();
    facts.installedKernelPath = withoutCounter(facts.kernelPath);
    PREON_TRY(source.bootFiles, collectBootFiles(host, source));
    for (const Boot::BootFile &file : source.bootFiles) {
        facts.bootFiles.push_back({file.path, file.content.bytes().size(), file.only});
        if (file.path == Boot::loaderPath())
            facts.loaderVersion = Boot::loaderVersion(file.content.bytes());
    }
    return source;
}

} // namespace Preon::Install
