// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command.h"

#include "core/base/format.h"
#include "core/image/image.h"

#include <format>
#include <iostream>
#include <memory>

#include <nlohmann/json.hpp>

namespace Preon::Ctl
{

namespace
{

using Json = nlohmann::ordered_json;

Json imagePartitionJson(const Disk::Partition &partition)
{
    return {{"number", partition.number},    {"start", partition.start}, {"size", partition.size},  {"type", Disk::partitionTypeName(partition.type)},
            {"uuid", partition.uuid.text()}, {"label", partition.label}, {"flags", partition.flags}};
}

Json imageJson(const Image::Image &image)
{
    Json json = {{"diskUuid", image.table.diskUuid.text()}, {"size", image.table.deviceSize}, {"sectorSize", image.table.sectorSize}};
    json["partitions"] = Json::array();
    for (const Disk::Partition &partition : image.table.partitions)
        json["partitions"].push_back(imagePartitionJson(partition));
    json["systems"] = Json::array();
    for (const Image::System &system : image.systems) {
        Json object = {{"name", system.name},         {"version", system.version}, {"title", system.title},
                       {"rootHash", system.rootHash}, {"usr", system.usr.number},  {"usrVerity", system.verity.number}};
        object["usrVeritySig"] = system.signature ? Json(system.signature->number) : Json();
        object["kernels"] = system.kernels;
        json["systems"].push_back(std::move(object));
    }
    json["kernels"] = Json::array();
    for (const Image::Kernel &kernel : image.kernels) {
        Json profiles = Json::array();
        for (const Boot::KernelProfile &profile : kernel.kernel.profiles)
            profiles.push_back(
                {{"id", profile.id}, {"title", profile.title}, {"commandLine", profile.commandLine}, {"policySignature", profile.hasPolicySignature}});
        json["kernels"].push_back({{"path", kernel.path},
                                   {"size", kernel.size},
                                   {"uname", kernel.kernel.uname},
                                   {"rootHash", kernel.rootHash},
                                   {"osRelease", kernel.kernel.osRelease},
                                   {"profiles", std::move(profiles)}});
    }
    json["warnings"] = image.warnings;
    return json;
}

void printImage(const Image::Image &image)
{
    for (const Image::System &system : image.systems) {
        std::cout << system.title << "\n  root hash   " << system.rootHash << "\n  partitions  " << system.usr.number << " (/usr), " << system.verity.number
                  << " (hash tree)";
        if (system.signature)
            std::cout << ", " << system.signature->number << " (signature)";
        std::cout << '\n';
        for (const std::string &path : system.kernels)
            std::cout << "  kernel      " << path << '\n';
        if (system.kernels.empty())
            std::cout << "  kernel      none: this version cannot be started\n";
    }
    if (image.systems.empty())
        std::cout << "No system: no partitions for /usr and its hash tree belong together.\n";
    std::cout << '\n';
    for (const Disk::Partition &partition : image.table.partitions)
        std::cout << std::format("{:>3}  {:>9}  {:<22} {:<20} {}\n", partition.number, formatSize(partition.size), Disk::partitionTypeName(partition.type),
                                 partition.label, partition.uuid.text());
    for (const Image::Kernel &kernel : image.kernels) {
        std::cout << '\n' << kernel.path << "  " << formatSize(kernel.size) << "  Linux " << kernel.kernel.uname << '\n';
        for (const Boot::KernelProfile &profile : kernel.kernel.profiles)
            std::cout << "  " << (profile.id.empty() ? "main" : profile.id) << (profile.title.empty() ? "" : " \"" + profile.title + '"')
                      << (profile.hasPolicySignature ? ", may unlock the volumes" : "") << '\n';
    }
    for (const std::string &warning : image.warnings)
        std::cout << "\nNote: " << warning << '\n';
}

} // namespace

void addImage(CLI::App &app, Invocation &invocation)
{
    struct Options {
        std::string file;
        bool json = false;
    };
    auto *image = app.add_subcommand("image", "Look into operating system images")->require_subcommand(1);
    auto *inspect = image->add_subcommand("inspect", "Say what is in an image, and what belongs together");
    inspect->footer("Lists the systems (a /usr, its hash tree, its signature and the kernels whose usrhash= names it), newest first, all partitions, and the "
                    "kernels with their\n"
                    "profiles. FILE may be a disk too. Checks no data: for that there is preonctl verity verify. Nothing is written, nothing is mounted.\n\n"
                    "  preonctl image inspect Particle_1.raw\n"
                    "  preonctl image inspect --json Particle_1.raw | jq -r '.systems[0].version'");
    auto options = std::make_shared<Options>();
    inspect->add_option("FILE", options->file, "An image file, or a disk")->required();
    inspect->add_flag("--json", options->json, "Print an object");
    inspect->callback([options, &invocation] {
        invocation.json = options->json;
        const auto device = Disk::Device::open(options->file, Disk::Access::Read);
        const auto found = device ? Image::inspect(*device) : Result<Image::Image>(std::unexpected(device.error()));
        if (!found)
            invocation.finish(std::unexpected(found.error()));
        else if (options->json)
            std::cout << imageJson(*found).dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
        else
            printImage(*found);
    });
}

} // namespace Preon::Ctl
