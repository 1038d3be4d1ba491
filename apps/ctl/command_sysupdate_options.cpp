// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "apps/ctl/command_repart.h"
#include "apps/ctl/command_sysupdate.h"

#include "core/base/format.h"
#include "core/repart/copyfrom.h"
#include "core/repart/sources.h"
#include "core/repart/specifiers.h"
#include "core/update/numbers.h"

#include <cstdlib>

#include <linux/magic.h>
#include <sys/vfs.h>

namespace Preon::Ctl
{

namespace
{
using namespace Update;

Result<void> readNumbers(const SysupdateOptions &options, SysupdateRequest &request)
{
    if (options.instancesMax.empty())
        return {};
    request.instancesMax = parseUnsigned(options.instancesMax);
    if (!request.instancesMax)
        return fail(ErrorCode::BadArgument, "Failed to parse --instances-max= parameter: " + options.instancesMax);
    return {};
}

Result<std::optional<bool>> readBoolean(const char *option, const std::string &value)
{
    if (value.empty())
        return std::nullopt;
    const auto boolean = parseBoolean(value);
    if (!boolean)
        return fail(ErrorCode::BadArgument, std::string("Failed to parse boolean argument to ") + option + "=: " + value);
    return boolean;
}

Result<void> readJson(const SysupdateOptions &options, SysupdateRequest &request)
{
    if (options.json == "pretty")
        request.json = JsonStyle::Pretty;
    else if (options.json == "short")
        request.json = JsonStyle::Short;
    else if (!options.json.empty() && options.json != "off")
        return fail(ErrorCode::BadArgument, "Unknown argument to --json= switch: " + options.json);
    return {};
}

Result<void> checkCombinations(const SysupdateOptions &options)
{
    const bool elsewhere = !options.root.empty() || !options.image.empty();
    if (!options.root.empty() && !options.image.empty())
        return fail(ErrorCode::BadArgument, "Please specify either --root= or --image=, the combination of both is not supported.");
    if (elsewhere && options.reboot)
        return fail(ErrorCode::BadArgument, "The --reboot switch may not be combined with --root= or --image=.");
    if (!options.definitions.empty() && !options.component.empty())
        return fail(ErrorCode::BadArgument, "The --definitions= and --component= switches may not be combined.");
    if (!options.component.empty() && !isComponentName(options.component))
        return fail(ErrorCode::BadArgument, "Component name invalid: " + options.component);
    if (!options.imagePolicy.empty() && options.imagePolicy != "*")
        return fail(ErrorCode::Unsupported, "--image-policy= is something that preonctl does not do");
    return {};
}

// The disk that Path=auto means is looked for only where something asks for it.
Result<void> readRoots(const SysupdateOptions &options, SysupdateRequest &request)
{
    Places &places = request.places;
    if (!options.root.empty()) {
        places.host.root = std::filesystem::absolute(options.root).lexically_normal();
        if (!places.host.root.has_filename() && places.host.root.has_relative_path())
            places.host.root = places.host.root.parent_path();
        places.mayUseDevices = false;
    } else if (!options.image.empty()) {
        places.disk = std::filesystem::absolute(options.image);
        places.mayUseDevices = false;
        PREON_TRY(places.sectorSize, Repart::sectorSizeOf(places.disk));
        PREON_TRY(places.host.root, mountRootOf(places.disk, {}));
    } else {
        if (auto disk = Repart::rootDisk(places.host))
            places.disk = std::move(*disk);
        if (const std::string booted = bootedVersion(places.host); !booted.empty())
            request.kept.insert(booted);
    }
    return {};
}

bool isFat(const std::filesystem::path &folder)
{
    struct statfs fileSystem{};
    return statfs(folder.c_str(), &fileSystem) == 0 && fileSystem.f_type == MSDOS_SUPER_MAGIC;
}
}

void findBootPlaces(Places &places)
{
    const auto find = [&](const char *variable, std::initializer_list<const char *> folders) -> std::filesystem::path {
        if (const char *named = secure_getenv(variable); named && *named == '/')
            return places.host.resolved(named).value_or(std::filesystem::path());
        for (const char *folder : folders) {
            const auto there = places.host.resolved(folder);
            if (there && isFat(*there))
                return *there;
        }
        return {};
    };
    places.esp = find("SYSTEMD_ESP_PATH", {"/efi", "/boot", "/boot/efi"});
    places.xbootldr = find("SYSTEMD_XBOOTLDR_PATH", {"/boot"});
    if (places.xbootldr == places.esp)
        places.xbootldr.clear();
}

std::string bootedVersion(const Host &host)
{
    const auto specifiers = Repart::readSpecifiers(host);
    const auto version = specifiers.values.find('A');
    return version == specifiers.values.end() ? std::string() : version->second;
}

Result<SysupdateRequest> understandSysupdate(const SysupdateOptions &options, const Host &host)
{
    SysupdateRequest request;
    request.places.host = host;
    PREON_CHECK(readNumbers(options, request));
    PREON_TRY(request.verify, readBoolean("--verify", options.verify));
    PREON_CHECK(readBoolean("--sync", options.sync)); // what is published is always flushed first
    PREON_CHECK(readJson(options, request));
    PREON_CHECK(checkCombinations(options));
    PREON_CHECK(readRoots(options, request));
    request.elsewhere = !options.root.empty() || !options.image.empty();
    request.legend = !options.noLegend;
    request.places.offline = options.offline;
    // The switch of systemd 258 and newer.
    const char *freshness = secure_getenv("SYSTEMD_SYSUPDATE_VERIFY_FRESHNESS");
    if (!freshness || parseBoolean(freshness).value_or(true))
        request.places.now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    // No store: like systemd-sysupdate's, an attempt leaves nothing outside the places that the transfers name.
    request.fetching.program = options.fetcher;
    if (!options.transferSource.empty())
        request.places.explicitSource = std::filesystem::absolute(options.transferSource).lexically_normal();
    if (!options.definitions.empty())
        request.folders = {std::filesystem::absolute(options.definitions)};
    else
        request.folders = definitionFolders(request.places.host, options.component);
    findBootPlaces(request.places);
    return request;
}

} // namespace Preon::Ctl
