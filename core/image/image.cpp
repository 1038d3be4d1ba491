// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/image/image.h"

#include "core/base/format.h"
#include "core/base/version.h"

#include <algorithm>
#include <cctype>
#include <iterator>

#include <nlohmann/json.hpp>

namespace Preon::Image
{

namespace
{

constexpr std::size_t largestSignature = 1U << 20U;
constexpr std::string_view emptyLabel = "_empty";

std::vector<Disk::Partition> ofRole(const Disk::Table &table, Disk::Designator role)
{
    std::vector<Disk::Partition> partitions;
    std::ranges::copy_if(table.partitions, std::back_inserter(partitions),
                         [role](const Disk::Partition &partition) { return Disk::designator(partition.type) == role; });
    return partitions;
}

std::string rootHashOf(const Disk::Partition &usr, const Disk::Partition &verity)
{
    return usr.uuid.hex() + verity.uuid.hex();
}

Result<void> readKernels(const Disk::Device &device, const Disk::Partition &place, std::vector<Kernel> &kernels, std::vector<std::string> &warnings)
{
    const Boot::Fat esp(device, place.start);
    const auto files = esp.list("/EFI/Linux");
    if (!files) {
        if (files.error().code == ErrorCode::NotFound)
            return {};
        return std::unexpected(files.error());
    }
    for (const Boot::FatEntry &file : *files) {
        if (file.folder || !lowerCase(file.path).ends_with(".efi"))
            continue;
        auto content = esp.read(file.path);
        auto kernel = content ? Boot::readUnifiedKernel(content->bytes()) : Result<Boot::UnifiedKernel>(std::unexpected(content.error()));
        if (!kernel) {
            warnings.push_back(kernel.error().during(file.path + " is no kernel that can be started").text());
            continue;
        }
        std::string rootHash = lowerCase(kernel->option("usrhash").value_or(""));
        kernels.push_back({file.path, place, file.size, std::move(*kernel), std::move(rootHash)});
    }
    return {};
}

// As the loader's menu has them, whatever partition they lie on.
void sortKernels(std::vector<Kernel> &kernels)
{
    const auto menuEntry = [](const Kernel &kernel) {
        return Boot::entriesOfKernel(kernel.path, kernel.kernel).front();
    };
    std::ranges::stable_sort(kernels, [&](const Kernel &a, const Kernel &b) {
        std::vector<Boot::Entry> pair{menuEntry(b), menuEntry(a)};
        Boot::sortEntries(pair);
        return pair.front().path == a.path && a.path != b.path;
    });
}

// Which data partition goes with which hash partition: those that a kernel names by its root hash, then those of equal label.
std::vector<System> pairPartitions(const Image &image)
{
    std::vector<System> systems;
    const auto known = [&](const Disk::Partition &usr) {
        return std::ranges::contains(systems, usr.number, [](const System &system) { return system.usr.number; });
    };
    const auto add = [&](const Disk::Partition &usr, const Disk::Partition &verity) {
        System system;
        system.usr = usr;
        system.verity = verity;
        system.rootHash = rootHashOf(usr, verity);
        systems.push_back(std::move(system));
    };
    const auto usrs = ofRole(image.table, Disk::Designator::Usr);
    const auto verities = ofRole(image.table, Disk::Designator::UsrVerity);
    for (const Kernel &kernel : image.kernels) {
        const auto uuids = verityUuids(kernel.rootHash);
        if (!uuids)
            continue;
        const auto usr = std::ranges::find(usrs, uuids->data, &Disk::Partition::uuid);
        const auto verity = std::ranges::find(verities, uuids->hash, &Disk::Partition::uuid);
        if (usr != usrs.end() && verity != verities.end() && !known(*usr))
            add(*usr, *verity);
    }
    for (const Disk::Partition &usr : usrs) {
        if (known(usr) || usr.label.empty() || usr.label == emptyLabel)
            continue;
        const auto verity = std::ranges::find(verities, usr.label, &Disk::Partition::label);
        if (verity != verities.end())
            add(usr, *verity);
    }
    return systems;
}

Result<void> describe(System &system, const Image &image, const Disk::Device &device)
{
    if (const auto label = parseLabel(system.usr.label)) {
        system.name = label->name;
        system.version = label->version;
    }
    for (const Kernel &kernel : image.kernels) {
        if (kernel.rootHash != system.rootHash)
            continue;
        system.kernels.push_back(kernel.path);
        system.kernelPlaces.push_back(kernel.place);
        const Boot::Entry entry = Boot::entriesOfKernel(kernel.path, kernel.kernel).front();
        const auto prettyName = kernel.kernel.osRelease.find("PRETTY_NAME");
        if (system.title.empty() && prettyName != kernel.kernel.osRelease.end())
            system.title = prettyName->second;
        if (system.name.empty())
            system.name = entry.sortKey;
        if (system.version.empty())
            system.version = entry.version;
    }
    if (system.title.empty())
        system.title = system.name;
    if (!system.version.empty() && !system.title.contains(system.version))
        system.title += ' ' + system.version;
    for (const Disk::Partition &signature : ofRole(image.table, Disk::Designator::UsrVeritySig)) {
        Bytes content(std::min<std::uint64_t>(signature.size, largestSignature));
        PREON_CHECK(readAt(device.fd(), signature.start, content));
        if (signedRootHash(content) == system.rootHash) {
            system.signature = signature;
            break;
        }
    }
    return {};
}

} // namespace

std::optional<LabelParts> parseLabel(std::string_view label)
{
    const auto line = label.rfind('_');
    if (line == std::string_view::npos || line == 0 || line + 1 == label.size())
        return std::nullopt;
    return LabelParts{std::string(label.substr(0, line)), std::string(label.substr(line + 1))};
}

std::optional<VerityUuids> verityUuids(std::string_view rootHash)
{
    constexpr std::size_t half = 32;
    if (rootHash.size() != 2 * half || rootHash.contains('-'))
        return std::nullopt;
    const auto data = Uuid::parse(rootHash.substr(0, half)), hash = Uuid::parse(rootHash.substr(half));
    if (!data || !hash)
        return std::nullopt;
    return VerityUuids{*data, *hash};
}

std::optional<std::string> signedRootHash(ByteView partition)
{
    std::string_view text(reinterpret_cast<const char *>(partition.data()), partition.size());
    text = text.substr(0, text.find('\0'));
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object())
        return std::nullopt;
    const auto rootHash = json.find("rootHash");
    if (rootHash == json.end() || !rootHash->is_string())
        return std::nullopt;
    return lowerCase(rootHash->get<std::string>());
}

Result<Image> inspect(const Disk::Device &device, std::optional<Uuid> espUuid)
{
    Image image;
    PREON_TRY(image.table, Disk::readTable(device));
    if (image.table.kind != Disk::LabelKind::Gpt)
        return fail(ErrorCode::BadFormat, device.path().string() + " holds no image of an operating system", "it has no GUID partition table");
    for (const Disk::Partition &partition : ofRole(image.table, Disk::Designator::Esp)) {
        if (!image.esp && (!espUuid || partition.uuid == *espUuid))
            image.esp = partition;
    }
    if (const auto extended = ofRole(image.table, Disk::Designator::Xbootldr); image.esp && !extended.empty())
        image.xbootldr = extended.front(); // a loader looks at the first one only
    for (const auto &place : {image.esp, image.xbootldr}) {
        if (!place)
            continue;
        if (const auto read = readKernels(device, *place, image.kernels, image.warnings); !read)
            image.warnings.push_back(read.error().during("Partition " + std::to_string(place->number) + " with kernels could not be read").text());
    }
    sortKernels(image.kernels);
    image.systems = pairPartitions(image);
    for (System &system : image.systems)
        PREON_CHECK(describe(system, image, device));
    std::ranges::stable_sort(image.systems, [](const System &a, const System &b) { return compareVersions(a.version, b.version) > 0; });
    for (const Kernel &kernel : image.kernels) {
        if (!std::ranges::contains(image.systems, kernel.rootHash, &System::rootHash))
            image.warnings.push_back(kernel.path + (kernel.rootHash.empty() ? " names no /usr to start." : " starts a /usr that is not here."));
    }
    return image;
}

} // namespace Preon::Image
