// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command.h"
#include "apps/ctl/progress.h"

#include "core/base/format.h"
#include "core/disk/parttypes.h"
#include "core/repart/apply.h"
#include "core/repart/print.h"
#include "core/repart/sources.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <iostream>
#include <map>
#include <memory>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace Preon::Ctl
{

namespace
{
using namespace Repart;

constexpr int refusedStatus = 77; // systemd-repart's "not this disk"
constexpr unsigned defaultSignedPcr = 11;
constexpr unsigned defaultPcr = 7;

struct RepartOptions {
    std::string device, root, size, seed, json = "off", keyFile, architecture, sectorSize;
    std::string empty, dryRun = "yes", discard = "yes", pretty, split, factoryReset, offline;
    std::string tpmDevice, tpmPcrs, tpmPublicKey, tpmPublicKeyPcrs;
    std::vector<std::string> definitions, include, exclude, defer;
    std::string ignored; // values of options that only matter to what we refuse
    std::vector<std::pair<std::string, std::shared_ptr<std::string>>> unsupported;
    bool tpmPcrsGiven = false;
    bool canFactoryReset = false, noPager = false, noLegend = false;
};

// What the words on the command line mean.
struct Request {
    Host host;
    std::filesystem::path device;
    Empty empty = Empty::Refuse;
    bool dryRun = true, discard = true, pretty = true, sizeAuto = false;
    std::optional<std::uint64_t> size;
    std::optional<std::uint32_t> sectorSize;
    Uuid seed;
    std::vector<Uuid> include, exclude, defer;
    Tpm::SealPolicy tpm;
};

std::unexpected<Error> badOption(const std::string &option, const std::string &value, const std::string &todo)
{
    return fail(ErrorCode::BadArgument, option + "=" + value + " makes no sense", {}, todo);
}

Result<bool> readBoolean(const std::string &option, const std::string &value)
{
    if (const auto boolean = parseBoolean(value))
        return *boolean;
    return badOption(option, value, "Use yes or no.");
}

Result<Empty> readEmpty(const std::string &value)
{
    static const std::map<std::string, Empty> modes{{"", Empty::Refuse},         {"refuse", Empty::Refuse}, {"allow", Empty::Allow},
                                                    {"require", Empty::Require}, {"force", Empty::Force},   {"create", Empty::Create}};
    if (const auto mode = modes.find(value); mode != modes.end())
        return mode->second;
    return badOption("--empty", value, "Use refuse, allow, require, force or create.");
}

Result<std::vector<Uuid>> readTypes(const std::string &option, const std::vector<std::string> &words, const std::string &architecture)
{
    std::vector<Uuid> types;
    for (const std::string &word : words) {
        if (word.empty())
            continue;
        const auto type = Disk::partitionType(word, architecture);
        if (!type)
            return badOption(option, word, "Use types as in Type= of repart.d(5), with commas between them.");
        types.push_back(*type);
    }
    return types;
}

// "7+11" or "7,11"; banks and expected values are not taken here.
Result<Tpm::PcrMask> readPcrs(const std::string &option, const std::string &text)
{
    constexpr unsigned count = 24;
    Tpm::PcrMask mask = 0;
    for (const char *at = text.data(), *end = at + text.size(); at != end;) {
        unsigned pcr = 0;
        const auto [next, error] = std::from_chars(at, end, pcr);
        if (error != std::errc() || pcr >= count || (next != end && *next != '+' && *next != ','))
            return badOption(option, text, "Use numbers from 0 to 23 with + between them.");
        mask |= 1U << pcr;
        at = next == end ? end : next + 1;
    }
    return mask;
}

Result<Uuid> readSeed(const RepartOptions &options, const Host &host)
{
    if (options.seed == "random")
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

Result<Tpm::SealPolicy> readTpmPolicy(const RepartOptions &options, const Host &host)
{
    Tpm::SealPolicy policy;
    policy.literalPcrs = 1U << defaultPcr;
    if (options.tpmPcrsGiven) { // an empty list means none
        PREON_TRY(policy.literalPcrs, readPcrs("--tpm2-pcrs", options.tpmPcrs));
    }
    policy.signedPcrs = 1U << defaultSignedPcr;
    if (!options.tpmPublicKeyPcrs.empty()) {
        PREON_TRY(policy.signedPcrs, readPcrs("--tpm2-public-key-pcrs", options.tpmPublicKeyPcrs));
    }
    if (!options.tpmPublicKey.empty()) {
        PREON_TRY(policy.publicKeyPem, readTextFile(options.tpmPublicKey));
        return policy;
    }
    // As systemd-repart: the signer that the booted kernel brought along, where there is one.
    for (const char *folder : {"/etc/systemd", "/run/systemd", "/usr/lib/systemd"}) {
        if (auto key = readTextFile(host.path(std::filesystem::path(folder) / "tpm2-pcr-public-key.pem"))) {
            policy.publicKeyPem = std::move(*key);
            break;
        }
    }
    return policy;
}

Result<void> readSize(const RepartOptions &options, Request &request)
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

Result<void> refuseUnsupported(const RepartOptions &options)
{
    for (const auto &[name, value] : options.unsupported) {
        if (!value->empty())
            return fail(ErrorCode::Unsupported, name + " is an option of systemd-repart that preonctl does not have", {}, "Use systemd-repart for this.");
    }
    for (const auto &[name, value] : {std::pair("--split", options.split), std::pair("--factory-reset", options.factoryReset)}) {
        if (value.empty())
            continue;
        PREON_TRY(const bool wanted, readBoolean(name, value));
        if (wanted)
            return fail(ErrorCode::Unsupported, std::string(name) + "=yes is something that preonctl does not do yet", {}, "Use systemd-repart for this.");
    }
    if (options.json != "off" && options.json != "pretty" && options.json != "short")
        return badOption("--json", options.json, "Use pretty, short or off.");
    if (!options.architecture.empty() && !Disk::isArchitecture(options.architecture))
        return badOption("--architecture", options.architecture, "Use a name as in systemd's ConditionArchitecture=: x86-64, arm64 …");
    if (!options.offline.empty() && options.offline != "auto")
        PREON_CHECK(readBoolean("--offline", options.offline));
    return {};
}

Result<Request> understand(const RepartOptions &options, const Host &host)
{
    PREON_CHECK(refuseUnsupported(options));
    Request request;
    request.host = host;
    if (!options.root.empty())
        request.host.root = std::filesystem::absolute(options.root).lexically_normal();
    if (!options.tpmDevice.empty() && options.tpmDevice != "auto")
        request.host.tpm = options.tpmDevice.find(':') == std::string::npos ? "device:" + options.tpmDevice : options.tpmDevice;
    PREON_TRY(request.empty, readEmpty(options.empty));
    PREON_TRY(request.dryRun, readBoolean("--dry-run", options.dryRun));
    PREON_TRY(request.discard, readBoolean("--discard", options.discard));
    if (!options.pretty.empty()) {
        PREON_TRY(request.pretty, readBoolean("--pretty", options.pretty));
    }
    // A file that is made anew holds nothing that a dry run could spare.
    request.dryRun = (request.dryRun && request.empty != Empty::Create) || options.canFactoryReset;
    PREON_CHECK(readSize(options, request));
    PREON_TRY(request.seed, readSeed(options, request.host));
    PREON_TRY(request.include, readTypes("--include-partitions", options.include, options.architecture));
    PREON_TRY(request.exclude, readTypes("--exclude-partitions", options.exclude, options.architecture));
    PREON_TRY(request.defer, readTypes("--defer-partitions", options.defer, options.architecture));
    if (!request.include.empty() && !request.exclude.empty())
        return fail(ErrorCode::BadArgument, "--include-partitions= and --exclude-partitions= cannot be combined");
    if (options.device.empty())
        return fail(ErrorCode::BadArgument, "Which disk? preonctl repart works on a named device or image file only", {},
                    "Give its path as the last argument.");
    request.device = request.empty == Empty::Create ? std::filesystem::path(options.device) : std::filesystem::absolute(options.device).lexically_normal();
    if (request.empty == Empty::Create && !request.size && !request.sizeAuto)
        return fail(ErrorCode::BadArgument, "If --empty=create is specified, --size= must be specified, too.");
    return request;
}

// The sector size that the table in an image file was made with: its header lies in the second sector.
std::uint32_t sectorSizeOf(const std::filesystem::path &file)
{
    const auto device = Disk::Device::open(file, Disk::Access::Read);
    if (!device)
        return 512;
    for (const std::uint32_t size : {512U, 1024U, 2048U, 4096U}) {
        std::array<std::byte, 8> magic{};
        if (readAt(device->fd(), size, magic) && std::ranges::equal(magic, asBytes("EFI PART")))
            return size;
    }
    return 512;
}

Result<Disk::Device> openTarget(const Request &request)
{
    // Where partitions stay they may be in use, as on the disk of the running system; where nothing stays nothing may be.
    const bool keeps = request.empty == Empty::Refuse || request.empty == Empty::Allow;
    const Disk::Access access = request.dryRun ? Disk::Access::Read : keeps ? Disk::Access::Locked : Disk::Access::Exclusive;
    return Disk::Device::open(request.device, access, request.sectorSize.value_or(sectorSizeOf(request.device)));
}

Result<Snapshot> takeSnapshot(const Request &request, const Disk::Device &device, std::vector<Definition> definitions)
{
    Snapshot snapshot;
    snapshot.device = request.device;
    snapshot.definitions = std::move(definitions);
    snapshot.empty = request.empty;
    snapshot.seed = request.seed;
    snapshot.deferred = request.defer;
    auto table = Disk::readTable(device);
    if (table) {
        snapshot.table = std::move(*table);
    } else if (request.empty == Empty::Force || request.empty == Empty::Create) {
        // What is broken there is about to be forgotten.
        snapshot.table.kind = Disk::LabelKind::Other;
        snapshot.table.deviceSize = device.size();
        snapshot.table.sectorSize = device.sectorSize();
    } else {
        return std::unexpected(table.error());
    }
    // Nothing there is matched or kept then.
    if (request.empty == Empty::Force || request.empty == Empty::Create)
        snapshot.table.partitions.clear();
    return snapshot;
}

// systemd-repart says the same when it is asked whether there is something that a factory reset would remove.
bool hasFactoryReset(const Plan &plan, const std::vector<Definition> &definitions)
{
    return std::ranges::any_of(
        plan.partitions, [&](const PlannedPartition &p) { return p.definition && p.activity != Activity::Create && definitions[*p.definition].factoryReset; });
}

Result<void> carryOut(const RepartOptions &options, const Request &request, const Plan &plan, const Disk::Device &device)
{
    if (!plan.changed) {
        std::cerr << "No changes.\n";
        return {};
    }
    if (request.dryRun) {
        std::cerr << "Refusing to repartition, please re-run with --dry-run=no.\n";
        return {};
    }
    ApplyOptions how;
    how.discard = request.discard;
    if (!options.keyFile.empty()) {
        PREON_TRY(const Bytes key, readFile(options.keyFile, 16U << 20U));
        how.key = Secret::copyOf(key);
    }
    PREON_TRY(how.tpm, readTpmPolicy(options, request.host));
    std::cerr << "Applying changes to " << request.device.string() << ".\n";
    TerminalProgress progress;
    PREON_CHECK(apply(plan, how, request.host, device, progress));
    std::cerr << "All done.\n";
    return {};
}

// A file that we made goes again when we cannot fill it.
struct CreatedFile {
    std::filesystem::path path;
    bool keep = true;
    ~CreatedFile()
    {
        if (!keep)
            unlink(path.c_str());
    }
};

// The new file, empty; its size comes with the plan's.
Result<void> createFile(const Request &request, CreatedFile &created)
{
    PREON_TRY(const Fd fd, openFile(request.device, O_RDWR | O_CREAT | O_EXCL, 0666));
    created.path = request.device;
    created.keep = false;
    return {};
}

// How large the file will be; devices keep their size.
Result<std::uint64_t> targetSize(const Request &request, const Snapshot &snapshot, const Disk::Device &device)
{
    const std::uint64_t wanted = request.sizeAuto ? minimalDiskSize(snapshot) : request.size.value_or(0);
    if (device.isBlockDevice() || wanted <= device.size())
        return device.size();
    if (wanted > INT64_MAX)
        return fail(ErrorCode::NoSpace, request.device.string() + " cannot be made " + formatBinarySize(wanted) + " large");
    return wanted;
}

Result<void> repart(const RepartOptions &options, Invocation &invocation)
{
    PREON_TRY(const Request request, understand(options, invocation.host));
    const DefinitionOptions how{
        .architecture = options.architecture, .specifiers = readSpecifiers(request.host), .included = request.include, .excluded = request.exclude};
    std::vector<std::filesystem::path> folders(options.definitions.begin(), options.definitions.end());
    for (auto &folder : folders)
        folder = std::filesystem::absolute(folder).lexically_normal();
    PREON_TRY(const auto definitions, loadDefinitions(folders.empty() ? definitionFolders(request.host) : folders, how));
    for (const Definition &definition : definitions) {
        for (const std::string &warning : definition.warnings)
            std::cerr << warning << '\n';
    }
    CreatedFile created;
    if (request.empty == Empty::Create) {
        PREON_CHECK(createFile(request, created));
    }
    PREON_TRY(Disk::Device device, openTarget(request));
    PREON_TRY(Snapshot snapshot, takeSnapshot(request, device, definitions));
    if (auto accepted = accepts(request.device, snapshot.table.kind, request.empty); !accepted) {
        invocation.finish(accepted, refusedStatus);
        return {};
    }
    PREON_CHECK(resolveSources(snapshot, request.host));
    PREON_TRY(const std::uint64_t size, targetSize(request, snapshot, device));
    snapshot.table = Disk::grownTable(std::move(snapshot.table), size); // the file itself grows only once the plan is known to fit
    PREON_TRY(const Plan plan, Repart::plan(snapshot));
    if (options.canFactoryReset) {
        invocation.status = hasFactoryReset(plan, definitions) ? 0 : 1;
        return {};
    }
    for (const Dropped &dropped : plan.dropped)
        std::cerr << dropped.text << '\n';
    if (options.json == "off" && request.pretty)
        std::cout << toTable(plan, !options.noLegend) << std::flush;
    if (size > device.size() && !request.dryRun) {
        PREON_CHECK(device.grow(size));
    }
    PREON_CHECK(carryOut(options, request, plan, device));
    created.keep = true;
    if (options.json != "off")
        std::cout << toJson(plan, options.json == "pretty");
    return {};
}

constexpr auto footer
    = "Definitions are files of repart.d(5): the n-th definition of a type takes the n-th existing partition of that type; what is missing is made in\n"
      "free space, what is too small is grown. Nothing is moved, shrunk or removed. Without --dry-run=no only the plan is shown.\n"
      "Options, output of --json= and exit status are those of systemd-repart(8): 0 done (also: nothing to do), 77 the disk has no GPT, or another\n"
      "table than --empty= accepts, 1 anything else.\n\n"
      "  preonctl repart --definitions=repart.d disk.img                            show what would be done\n"
      "  preonctl repart --definitions=repart.d --empty=create --size=8G --dry-run=no disk.img\n"
      "  preonctl repart --defer-partitions=swap,home --key-file=key --dry-run=no /dev/vda";

void addRefused(CLI::App &command, RepartOptions &options, const std::string &name)
{
    options.unsupported.emplace_back(name.substr(name.rfind("--")), std::make_shared<std::string>());
    command.add_option(name, *options.unsupported.back().second, "Not supported here")->group("");
}
}

void addRepart(CLI::App &app, Invocation &invocation)
{
    auto options = std::make_shared<RepartOptions>();
    auto *command = app.add_subcommand("repart", "Lay out partitions as definitions say, like systemd-repart");
    command->footer(footer);
    command->add_option("DEVICE", options->device, "The disk or image file");
    command->add_option("--dry-run", options->dryRun, "Only show the plan (default: yes)");
    command->add_option("--empty", options->empty, "A disk without a table: refuse, allow, require, force, create");
    command->add_option("--size", options->size, "Size of a file to make or grow, or auto");
    command->add_option("--seed", options->seed, "UUID that all identities derive from, or random (default: the machine's ID)");
    command->add_option("--definitions", options->definitions, "Folder of definitions instead of repart.d; may be repeated")->allow_extra_args(false);
    command->add_option("--root", options->root, "Take definitions and specifiers from the system in this folder");
    command->add_option("--json", options->json, "Print the plan as JSON: pretty, short, off");
    command->add_option("--pretty", options->pretty, "Print the plan as a table (default: yes)");
    command->add_option("--key-file", options->keyFile, "Key for Encrypt=key-file");
    command->add_option("--tpm2-device", options->tpmDevice, "TPM for Encrypt=tpm2: auto, a device, or a TCTI");
    command->add_option("--tpm2-pcrs", options->tpmPcrs, "PCRs whose values now are bound to, such as 7+11; empty for none")->expected(0, 1);
    command->add_option("--tpm2-public-key", options->tpmPublicKey, "PEM key whose signature over PCRs unlocks");
    command->add_option("--tpm2-public-key-pcrs", options->tpmPublicKeyPcrs, "Which PCRs it signs (default: 11)");
    command->add_option("--include-partitions", options->include, "Only definitions of these types")->delimiter(',')->allow_extra_args(false);
    command->add_option("--exclude-partitions", options->exclude, "Not definitions of these types")->delimiter(',')->allow_extra_args(false);
    command->add_option("--defer-partitions", options->defer, "Plan these types, but make them later")->delimiter(',')->allow_extra_args(false);
    command->add_option("--discard", options->discard, "Discard the space of new partitions (default: yes)");
    command->add_option("--sector-size", options->sectorSize, "Sector size of a file (default: that of its table, else 512)");
    command->add_option("--architecture", options->architecture, "What types without an architecture mean");
    command->add_flag("--can-factory-reset", options->canFactoryReset, "Exit status 0 if there is a partition that a factory reset would remove");
    command->add_option("--offline", options->offline, "Accepted: volumes are always made without the kernel's help");
    command->add_flag("--no-pager", options->noPager, "Accepted: there is no pager");
    command->add_flag("--no-legend", options->noLegend, "Leave out titles and sums");
    command->add_option("--split", options->split, "Only no")->group("");
    command->add_option("--factory-reset", options->factoryReset, "Only no")->group("");
    // They speak of settings whose definitions are refused by themselves.
    for (const char *name : {"--private-key", "--private-key-source", "--certificate", "--certificate-source", "-s,--copy-source"})
        command->add_option(name, options->ignored)->group("");
    for (const char *name : {"--image", "--image-policy", "--copy-from", "-S,-C,-P,--make-ddi", "--generate-fstab", "--generate-crypttab", "--tpm2-device-key",
                             "--tpm2-seal-key-handle", "--tpm2-pcrlock"})
        addRefused(*command, *options, name);
    command->callback([options, &invocation, command] {
        options->tpmPcrsGiven = command->count("--tpm2-pcrs") > 0;
        for (std::string *value : {&options->root, &options->size, &options->seed, &options->json, &options->keyFile, &options->architecture,
                                   &options->sectorSize, &options->tpmDevice, &options->tpmPcrs, &options->tpmPublicKey, &options->tpmPublicKeyPcrs}) {
            if (*value == std::string(1, emptyValue))
                value->clear();
        }
        invocation.finish(repart(*options, invocation));
    });
}

} // namespace Preon::Ctl
