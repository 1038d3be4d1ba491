// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "apps/ctl/command_repart.h"

#include "core/base/format.h"
#include "core/disk/parttypes.h"
#include "core/repart/words.h"

#include <iostream>
#include <map>

#include <unistd.h>

namespace Preon::Ctl
{

using namespace Repart;

std::unexpected<Error> badOption(const std::string &option, const std::string &value, const std::string &todo)
{
    return fail(ErrorCode::BadArgument, option + "=" + value + " makes no sense", {}, todo);
}

Result<bool> readBooleanOption(const std::string &option, const std::string &value)
{
    if (const auto boolean = parseBoolean(value))
        return *boolean;
    return badOption(option, value, "Use yes or no.");
}

namespace
{
// An option that is not given keeps what stands there.
Result<void> readFlag(const char *option, const std::string &value, bool &into)
{
    if (value.empty())
        return {};
    PREON_TRY(into, readBooleanOption(option, value));
    return {};
}

std::filesystem::path absolutePath(const std::string &path)
{
    std::filesystem::path absolute = std::filesystem::absolute(path).lexically_normal();
    return absolute.has_filename() || absolute == "/" ? absolute : absolute.parent_path();
}

Result<std::optional<Empty>> readEmpty(const std::string &value)
{
    static const std::map<std::string, Empty> modes{
        {"refuse", Empty::Refuse}, {"allow", Empty::Allow}, {"require", Empty::Require}, {"force", Empty::Force}, {"create", Empty::Create}};
    if (value.empty() || value == "unset")
        return std::nullopt;
    if (const auto mode = modes.find(value); mode != modes.end())
        return mode->second;
    return badOption("--empty", value, "Use refuse, allow, require, force or create.");
}

// Types without an architecture are of the one asked for; types of this machine's architecture too, as systemd-repart takes them.
Result<std::vector<Uuid>> readTypes(const std::string &option, const std::vector<std::string> &lists, const std::string &architecture)
{
    std::vector<Uuid> types;
    for (const std::string &list : lists) {
        if (list.empty())
            continue;
        const auto words = allWords(Words::bySeparator(list, ',', Escapes::C, false));
        if (!words)
            return badOption(option, list, "Use types as in Type= of repart.d(5), with commas between them.");
        for (const std::string &word : *words) {
            const auto type = Disk::partitionType(word, architecture);
            if (!type)
                return fail(ErrorCode::BadArgument, "'" + word + "' is not a valid partition type identifier or GUID", {},
                            "Use types as in Type= of repart.d(5), with commas between them.");
            types.push_back(*type);
        }
    }
    return types;
}

Result<Uuid> readSeed(const RepartOptions &options, const Host &host)
{
    // Nothing of this machine must be found in an extension image.
    if (options.seed == "random" || (options.seed.empty() && !options.makeDdi.empty()))
        return Uuid::random();
    if (!options.seed.empty()) {
        if (const auto seed = Uuid::parse(options.seed))
            return *seed;
        return badOption("--seed", options.seed, "Use a UUID, or random.");
    }
    if (const auto machine = host.machineId())
        return *machine;
    return Uuid::random();
}

Result<void> readSizes(const RepartOptions &options, RepartRequest &request)
{
    if (options.size == "auto") {
        request.sizeAuto = true;
    } else if (!options.size.empty()) {
        const auto size = parseSize(options.size);
        if (!size || *size == 0 || *size > UINT64_MAX - 4096)
            return badOption("--size", options.size, "Use bytes, a number with K, M, G or T, or auto.");
        request.size = (*size + 4095) / 4096 * 4096;
    }
    if (!options.sectorSize.empty()) {
        const auto sector = parseSize(options.sectorSize);
        if (!sector || *sector < 512 || *sector > 4096 || (*sector & (*sector - 1)) != 0)
            return badOption("--sector-size", options.sectorSize, "Use 512, 1024, 2048 or 4096.");
        request.sectorSize = static_cast<std::uint32_t>(*sector);
    }
    return {};
}

Result<void> readOutput(const RepartOptions &options, RepartRequest &request)
{
    if (options.json.empty() || options.json == "off")
        request.output = Output::Table;
    else if (options.json == "pretty")
        request.output = Output::JsonPretty;
    else if (options.json == "short")
        request.output = Output::JsonShort;
    else
        return badOption("--json", options.json, "Use pretty, short or off.");
    return readFlag("--pretty", options.pretty, request.pretty);
}

Result<void> readDdi(const RepartOptions &options, RepartRequest &request, const std::optional<Empty> &empty)
{
    if (!isFileName(options.makeDdi))
        return badOption("--make-ddi", options.makeDdi, "Use sysext, confext or portable.");
    if (!options.definitions.empty())
        return fail(ErrorCode::BadArgument, "Combination of --make-ddi= and --definitions= is not supported.");
    if (empty && *empty != Empty::Create)
        return fail(ErrorCode::BadArgument, "Combination of --make-ddi= and --empty=" + options.empty + " is not supported.");
    if (options.copySource.empty())
        return fail(ErrorCode::BadArgument, "No --copy-source= specified, refusing.");
    std::error_code error;
    const bool nothing = std::filesystem::is_empty(options.copySource, error);
    if (error)
        return failErrno(error.value(), options.copySource + " could not be read");
    if (nothing)
        return fail(ErrorCode::NotFound, "Source directory '" + options.copySource + "' is empty, refusing to create empty image.");
    request.empty = Empty::Create;
    request.sizeAuto = !request.size;
    for (const char *folder : {"/etc", "/run", "/usr/local/lib", "/usr/lib"}) {
        const auto path = std::filesystem::path(folder) / "systemd/repart/definitions" / (options.makeDdi + ".repart.d");
        if (std::filesystem::exists(path, error)) {
            request.definitions = {path};
            return {};
        }
    }
    return fail(ErrorCode::NotFound, "DDI type '" + options.makeDdi + "' is not defined");
}

Result<void> readSigner(const RepartOptions &options, RepartRequest &request)
{
    const std::string &source = options.privateKeySource;
    if (!options.certificateSource.empty() && options.certificateSource != "file")
        return fail(ErrorCode::Unsupported, "--certificate-source=" + options.certificateSource + " is something that preonctl does not do", {},
                    "Use a PEM file.");
    if (!source.empty() && source != "file" && !source.starts_with("provider:"))
        return fail(ErrorCode::Unsupported, "--private-key-source=" + source + " is something that preonctl does not do", {}, "Use file or provider:NAME.");
    const bool fromFile = !source.starts_with("provider:");
    if (options.certificate.empty())
        return options.privateKey.empty() || !fromFile ? Result<void>() : checkPrivateKey(absolutePath(options.privateKey));
    if (options.privateKey.empty())
        return checkCertificate(absolutePath(options.certificate));
    const auto certificate = absolutePath(options.certificate);
    auto signer = fromFile ? signerFrom(absolutePath(options.privateKey), certificate)
                           : signerFromProvider(source.substr(std::string_view("provider:").size()), options.privateKey, certificate);
    if (!signer)
        return std::unexpected(signer.error());
    request.signer = std::move(*signer);
    return {};
}

Result<void> readKeys(const RepartOptions &options, RepartRequest &request)
{
    constexpr std::size_t limit = 16U << 20U;
    for (const auto &[file, secret] : {std::pair(&options.keyFile, &request.key), std::pair(&options.passphraseFile, &request.passphrase),
                                       std::pair(&options.recoveryKeyFile, &request.recoveryKey)}) {
        if (file->empty())
            continue;
        PREON_TRY(const Bytes key, readFile(*file, limit));
        *secret = Secret::copyOf(key);
    }
    return {};
}

bool inInitrd()
{
    return access("/etc/initrd-release", F_OK) == 0;
}

// In an initrd the system is what it is about to start: /sysusr where only /usr is there yet, else /sysroot.
Result<void> readRoots(const RepartOptions &options, RepartRequest &request)
{
    if (!options.root.empty() && !options.image.empty())
        return fail(ErrorCode::BadArgument, "Please specify either --root= or --image=, the combination of both is not supported.");
    if (!options.imagePolicy.empty() && options.imagePolicy != "*")
        return fail(ErrorCode::Unsupported, "--image-policy= is something that preonctl does not do");
    if (!options.root.empty()) {
        request.host.root = absolutePath(options.root);
        // One that is not there is an empty one, as systemd-repart has it.
        std::error_code failed;
        if (const auto kind = std::filesystem::status(request.host.root, failed).type();
            kind != std::filesystem::file_type::directory && kind != std::filesystem::file_type::not_found)
            return failErrno(failed ? failed.value() : ENOTDIR, options.root + " cannot be taken as a root");
    } else if (!options.image.empty()) {
        const auto image = absolutePath(options.image);
        if (request.device.empty())
            request.device = image;
        PREON_TRY(request.host.root, mountRootOf(image, options.architecture));
    } else if (inInitrd()) {
        std::error_code error;
        request.host.root = std::filesystem::exists("/sysusr/usr/lib", error) ? "/sysusr" : "/sysroot";
    }
    request.confined = !options.root.empty() || !options.image.empty();
    // Without a root of its own CopyFiles= takes from this machine.
    request.copySource = options.copySource.empty() ? request.host.root : absolutePath(options.copySource);
    return {};
}

Result<void> readTarget(const RepartOptions &options, RepartRequest &request)
{
    const bool fresh = request.empty == Empty::Force || request.empty == Empty::Require || request.empty == Empty::Create;
    if (!options.device.empty())
        request.device = request.empty == Empty::Create ? std::filesystem::path(options.device) : std::filesystem::path(absolutePath(options.device));
    if (fresh && options.device.empty() && options.image.empty())
        return fail(ErrorCode::BadArgument,
                    "A path to a device node or image file must be specified when --make-ddi=, --empty=force, --empty=require or --empty=create are used.");
    if (request.split && options.device.empty())
        return fail(ErrorCode::BadArgument, "A path to an image file must be specified when --split is used.");
    if (request.factoryReset && fresh)
        return fail(ErrorCode::BadArgument, "Combination of --factory-reset=yes and --empty=force/--empty=require/--empty=create is invalid.");
    if (request.empty == Empty::Create && !request.size && !request.sizeAuto)
        return fail(ErrorCode::BadArgument, "If --empty=create is specified, --size= must be specified, too.");
    return {};
}
}

Result<RepartRequest> understandRepart(const RepartOptions &options, const Host &host)
{
    RepartRequest request;
    request.host = host;
    if (!options.tpmDevice.empty() && options.tpmDevice != "auto")
        request.host.tpm = options.tpmDevice.find(':') == std::string::npos ? "device:" + options.tpmDevice : options.tpmDevice;
    if (!options.architecture.empty() && !Disk::isArchitecture(options.architecture))
        return badOption("--architecture", options.architecture, "Use a name as in systemd's ConditionArchitecture=: x86-64, arm64 …");
    if (!options.offline.empty() && options.offline != "auto")
        PREON_CHECK(readBooleanOption("--offline", options.offline));
    PREON_TRY(const std::optional<Empty> empty, readEmpty(options.empty));
    request.empty = empty.value_or(Empty::Refuse);
    PREON_CHECK(readFlag("--dry-run", options.dryRun, request.dryRun));
    PREON_CHECK(readFlag("--discard", options.discard, request.discard));
    PREON_CHECK(readFlag("--split", options.split, request.split));
    PREON_CHECK(readFlag("--factory-reset", options.factoryReset, request.factoryReset));
    PREON_CHECK(readOutput(options, request));
    PREON_CHECK(readSizes(options, request));
    for (const std::string &folder : options.definitions) {
        const auto path = absolutePath(folder);
        if (!std::ranges::contains(request.definitions, path))
            request.definitions.push_back(path);
    }
    for (const std::string &image : options.copyFrom)
        request.copyFrom.push_back(absolutePath(image));
    if (!options.makeDdi.empty())
        PREON_CHECK(readDdi(options, request, empty));
    PREON_CHECK(readTarget(options, request));
    // A file that is made anew holds nothing that a dry run could spare.
    request.dryRun = (request.dryRun && request.empty != Empty::Create) || options.canFactoryReset;
    PREON_TRY(request.include, readTypes("--include-partitions", options.include, options.architecture));
    PREON_TRY(request.exclude, readTypes("--exclude-partitions", options.exclude, options.architecture));
    PREON_TRY(request.defer, readTypes("--defer-partitions", options.defer, options.architecture));
    if (!options.include.empty() && !options.exclude.empty())
        return fail(ErrorCode::BadArgument, "Combination of --include-partitions= and --exclude-partitions= is invalid.");
    PREON_CHECK(checkRepartTpm(options));
    PREON_CHECK(readKeys(options, request));
    PREON_CHECK(readSigner(options, request));
    PREON_CHECK(readRoots(options, request));
    if (options.factoryReset.empty())
        request.factoryReset = factoryResetRequested(request.host);
    PREON_TRY(request.seed, readSeed(options, request.host));
    return request;
}

} // namespace Preon::Ctl
