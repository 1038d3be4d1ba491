// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command_repart.h"

#include "apps/ctl/progress.h"

#include "core/base/format.h"
#include "core/repart/copyfrom.h"
#include "core/repart/filling.h"
#include "core/repart/mounttables.h"
#include "core/repart/print.h"
#include "core/repart/sources.h"
#include "core/repart/split.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>

#include <fcntl.h>
#include <unistd.h>

namespace Preon::Ctl
{

namespace
{
using namespace Repart;

constexpr int refusedStatus = 77; // systemd-repart's "not this disk"
constexpr int noDiskStatus = 76; // "no disk at all"
constexpr std::uint32_t imageFileSystemSector = 4096; // of file systems in image files: right on any disk that they may be written to

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

// One call, from its words to its end.
struct Run {
    const RepartOptions &options;
    Invocation &invocation;
    RepartRequest request;
    CreatedFile created;
    TerminalProgress progress;
    Specifiers specifiers;
    Snapshot snapshot;

    Result<void> go();
    Result<bool> findDisk();
    Result<void> loadAll();
    Result<Disk::Device> openTarget() const;
    Result<void> readDisk(const Disk::Device &device);
    Result<void> writeMountTables() const;
    Result<std::uint64_t> targetSize(const Disk::Device &device) const;
    Result<void> growTo(std::uint64_t size, Disk::Device &device) const;
    Result<Plan> carryOut(const Plan &plan, const Disk::Device &device);
    Result<ApplyOptions> howToApply(const Plan &plan) const;
    void printTable(const Plan &plan) const;
    void printEnd(const Plan &plan, bool applied) const;
};

bool startsAnew(Empty empty)
{
    return empty == Empty::Force || empty == Empty::Create;
}

// False when there is no disk to work on, which is no error at boot.
Result<bool> Run::findDisk()
{
    if (request.empty == Empty::Create) {
        PREON_TRY(const Fd fd, openFile(request.device, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0666));
        created.path = request.device;
        created.keep = false;
        return true;
    }
    if (!request.device.empty())
        return true;
    auto disk = rootDisk(request.host);
    if (!disk && disk.error().code == ErrorCode::NotFound) {
        invocation.finish(std::unexpected(disk.error()), noDiskStatus);
        return false;
    }
    if (!disk)
        return std::unexpected(disk.error());
    request.device = std::move(*disk);
    return true;
}

Result<void> Run::loadAll()
{
    specifiers = readSpecifiers(request.host);
    const DefinitionOptions how{.architecture = options.architecture,
                                .specifiers = specifiers,
                                .included = request.include,
                                .excluded = request.exclude,
                                .privateKey = !options.privateKey.empty(),
                                .certificate = !options.certificate.empty(),
                                .formatOverrides = readFormatOverrides()};
    PREON_TRY(snapshot.definitions,
              request.definitions.empty() ? loadDefinitions(definitionFolders(request.host), how, request.host.root)
                                          : loadDefinitions(request.definitions, how));
    for (const Definition &definition : snapshot.definitions) {
        for (const std::string &warning : definition.warnings)
            std::cerr << warning << '\n';
    }
    return copyFrom(snapshot, request.copyFrom, how);
}

Result<Disk::Device> Run::openTarget() const
{
    std::uint32_t sector = request.sectorSize.value_or(512);
    // Where nothing of the old table is kept its sectors do not matter.
    if (!request.sectorSize && (request.empty == Empty::Refuse || request.empty == Empty::Allow)) {
        PREON_TRY(sector, sectorSizeOf(request.device));
    }
    // Where partitions stay they may be in use, as on the disk of the running system; where nothing stays nothing may be.
    const bool keeps = request.empty == Empty::Refuse || request.empty == Empty::Allow;
    const Disk::Access access = request.dryRun ? Disk::Access::Read : keeps ? Disk::Access::Locked : Disk::Access::Exclusive;
    return Disk::Device::open(request.device, access, sector);
}

Result<void> Run::readDisk(const Disk::Device &device)
{
    snapshot.device = request.device;
    snapshot.empty = request.empty;
    snapshot.seed = request.seed;
    snapshot.deferred = request.defer;
    snapshot.fileSystemSector = request.sectorSize.value_or(device.isBlockDevice() ? device.sectorSize() : imageFileSystemSector);
    auto table = Disk::readTable(device);
    if (table) {
        snapshot.table = std::move(*table);
    } else if (startsAnew(request.empty)) {
        // What is broken there is about to be forgotten.
        snapshot.table.kind = Disk::LabelKind::Other;
        snapshot.table.deviceSize = device.size();
        snapshot.table.sectorSize = device.sectorSize();
    } else {
        return std::unexpected(table.error());
    }
    // Nothing there is matched or kept then.
    if (startsAnew(request.empty))
        snapshot.table.partitions.clear();
    if (request.factoryReset && request.dryRun)
        std::cerr << "Refusing to factory reset, please re-run with --dry-run=no.\n";
    snapshot.factoryReset = request.factoryReset && !request.dryRun;
    const bool asksTpm = std::ranges::any_of(snapshot.definitions, [](const Definition &definition) {
        return definition.encrypt == Encrypt::Tpm2OrPassphrase || definition.encrypt == Encrypt::Tpm2OrRecoveryKey;
    });
    snapshot.tpm = asksTpm && Tpm::Context::open(request.host).has_value();
    return {};
}

// They may be among the files that are copied: made first, and only where they are not there yet.
Result<void> Run::writeMountTables() const
{
    const auto write = [this](const std::string &file, const Result<std::optional<std::string>> &text, const char *key) -> Result<void> {
        if (file.empty())
            return {};
        if (!text)
            return std::unexpected(text.error());
        if (!*text) {
            std::cerr << key << "= is not specified for any eligible partitions, not generating " << file << '\n';
            return {};
        }
        if (request.dryRun)
            return {};
        const bool hasSource = !options.copySource.empty() || request.host.root != "/";
        const auto path = hasSource ? request.copySource / std::filesystem::absolute(file).relative_path() : std::filesystem::absolute(file);
        PREON_TRY(const Fd fd, openFile(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0640));
        PREON_CHECK(writeAt(fd, 0, asBytes(**text)));
        std::cerr << path.string() << " written.\n";
        return {};
    };
    PREON_CHECK(write(options.fstab, fstabOf(snapshot), "MountPoint"));
    return write(options.crypttab, crypttabOf(snapshot), "EncryptedVolume");
}

// How large the file will be; devices keep their size.
Result<std::uint64_t> Run::targetSize(const Disk::Device &device) const
{
    const std::uint64_t wanted = request.sizeAuto ? minimalDiskSize(snapshot) : request.size.value_or(0);
    if (device.isBlockDevice() && request.size)
        return fail(ErrorCode::Unsupported, "Cannot resize block device '" + request.device.string() + "'.");
    if (device.isBlockDevice() || wanted <= device.size())
        return device.size();
    if (wanted > INT64_MAX)
        return fail(ErrorCode::NoSpace, request.device.string() + " cannot be made " + formatBinarySize(wanted) + " large");
    return wanted;
}

Result<void> Run::growTo(std::uint64_t size, Disk::Device &device) const
{
    if (size <= device.size())
        return {};
    if (!request.dryRun) {
        PREON_CHECK(device.grow(size));
        if (!request.discard && fallocate(device.fd().get(), 0, 0, static_cast<off_t>(size)) < 0 && errno != EOPNOTSUPP)
            return failErrno("Space for " + request.device.string() + " could not be had");
        return {};
    }
    // systemd-repart grows the file at once, whatever else it is asked: who calls us by its name may count on that.
    if (!options.standIn)
        return {};
    PREON_TRY(Disk::Device writable, Disk::Device::open(request.device, Disk::Access::Write, device.sectorSize()));
    PREON_CHECK(writable.grow(size));
    PREON_TRY(const Disk::Table table, Disk::readTable(writable));
    return table.kind == Disk::LabelKind::Gpt ? Disk::writeTable(writable, table) : Result<void>();
}

Result<ApplyOptions> Run::howToApply(const Plan &plan) const
{
    ApplyOptions how;
    how.discard = request.discard && request.empty != Empty::Create; // a new file holds nothing
    how.copySource = request.copySource;
    how.fileSystemSector = snapshot.fileSystemSector;
    how.signer = request.signer;
    for (const auto &[from, to] :
         {std::pair(&request.key, &how.key), std::pair(&request.passphrase, &how.passphrase), std::pair(&request.recoveryKey, &how.recoveryKey)})
        *to = Secret::copyOf(from->bytes());
    const bool seals = std::ranges::any_of(plan.partitions, [](const PlannedPartition &planned) {
        return planned.activity == Activity::Create && (planned.encrypt == Encrypt::Tpm2 || planned.encrypt == Encrypt::KeyFileAndTpm2);
    });
    if (seals) {
        PREON_TRY(how.tpm, repartTpmPolicy(options, request.host));
    }
    return how;
}

Result<Plan> Run::carryOut(const Plan &plan, const Disk::Device &device)
{
    if (!plan.changed) {
        std::cerr << "No changes.\n";
        return plan;
    }
    if (request.dryRun) {
        std::cerr << "Refusing to repartition, please re-run with --dry-run=no.\n";
        return plan;
    }
    PREON_TRY(const ApplyOptions how, howToApply(plan));
    std::cerr << "Applying changes to " << request.device.string() << ".\n";
    PREON_TRY(Plan done, apply(plan, how, request.host, device, progress));
    if (!plan.removed.empty()) {
        std::cerr << "Successfully deleted " << plan.removed.size() << " partitions.\n";
        forgetFactoryReset(request.host);
    }
    std::cerr << "All done.\n";
    return done;
}

void Run::printTable(const Plan &plan) const
{
    if (plan.partitions.empty()) {
        std::cerr << "Empty partition table.\n";
        return;
    }
    const char *columns = std::getenv("COLUMNS");
    const long width = columns ? std::strtol(columns, nullptr, 10) : 0;
    std::cout << toTable(plan, !options.noLegend) << '\n'
              << toBar(plan, width > 0 && width < 10000 ? static_cast<std::size_t>(width) : 80) << '\n'
              << std::flush;
}

void Run::printEnd(const Plan &plan, bool applied) const
{
    if (request.output != Output::Table) {
        std::cout << toJson(plan, request.output == Output::JsonPretty) << std::flush;
        return;
    }
    // Once more where only now the root hashes are known.
    const bool learned = std::ranges::any_of(plan.partitions, [](const PlannedPartition &planned) { return planned.verity && planned.verity->rootHash; });
    if (request.pretty && applied && learned)
        std::cout << toTable(plan, !options.noLegend) << std::flush;
}

Result<void> Run::go()
{
    PREON_CHECK(loadAll());
    PREON_TRY(const bool found, findDisk());
    if (!found)
        return {};
    PREON_TRY(Disk::Device device, openTarget());
    PREON_CHECK(readDisk(device));
    // --size= holds for what follows, whether that is done or only shown.
    const std::uint64_t asked = request.sizeAuto ? 0 : request.size.value_or(0);
    snapshot.table = Disk::grownTable(std::move(snapshot.table), device.isBlockDevice() ? 0 : asked);
    if (auto accepted = accepts(request.device, snapshot.table.kind, request.empty); !accepted) {
        invocation.finish(accepted, refusedStatus);
        return {};
    }
    if (options.canFactoryReset) {
        PREON_TRY(const auto identities, identitiesOf(snapshot));
        for (std::size_t i = 0; i < identities.size(); ++i) {
            if (identities[i].existing && snapshot.definitions[i].factoryReset)
                return {};
        }
        invocation.status = EXIT_FAILURE;
        return {};
    }
    PREON_CHECK(resolveSources(snapshot, request.host, request.confined));
    PREON_CHECK(writeMountTables());
    PREON_TRY(const Prepared prepared, prepareMinimized(snapshot, {.source = request.copySource, .scratch = scratchFolder(request.host)}, progress));
    PREON_TRY(const std::uint64_t size, targetSize(device));
    snapshot.table = Disk::grownTable(std::move(snapshot.table), size); // the file itself grows only once the plan is known to fit
    PREON_TRY(Plan planned, Repart::plan(snapshot));
    for (const Dropped &dropped : planned.dropped)
        std::cerr << dropped.text << '\n';
    for (const std::string &note : planned.notes)
        std::cerr << note << '\n';
    if (request.output == Output::Table && request.pretty)
        printTable(planned);
    PREON_CHECK(growTo(size, device));
    PREON_TRY(Plan done, carryOut(planned, device));
    if (request.split) {
        PREON_CHECK(nameSplits(done, specifiers));
        if (!request.dryRun)
            PREON_CHECK(writeSplits(done, device, progress));
    }
    created.keep = true;
    printEnd(done, planned.changed && !request.dryRun);
    return {};
}

// Programs that build images ask for the version, and use what it has.
void printVersion()
{
    std::cout << "systemd 257 (257)\npreonctl " << PREON_VERSION << " in place of systemd-repart\n";
}

Result<void> repart(const RepartOptions &options, Invocation &invocation)
{
    if (options.version) {
        printVersion();
        return {};
    }
    if (options.listDevices) {
        std::cout << listRepartDevices(invocation.host);
        return {};
    }
    PREON_TRY(RepartRequest request, understandRepart(options, invocation.host));
    Run run{.options = options, .invocation = invocation, .request = std::move(request), .created = {}, .progress = {}, .specifiers = {}, .snapshot = {}};
    return run.go();
}

constexpr auto footer
    = "Definitions are files of repart.d(5): the n-th definition of a type takes the n-th existing partition of that type; what is missing is made in\n"
      "free space, what is too small is grown. Nothing is moved, shrunk or removed. Without --dry-run=no only the plan is shown.\n"
      "Options, output of --json= and exit status are those of systemd-repart(8): 0 done (also: nothing to do), 77 the disk has no GPT, or another\n"
      "table than --empty= accepts, 76 no disk was named and root is on none, 1 anything else.\n\n"
      "  preonctl repart --definitions=repart.d disk.img                            show what would be done\n"
      "  preonctl repart --definitions=repart.d --empty=create --size=auto disk.img\n"
      "  preonctl repart --defer-partitions=swap,home --key-file=key --dry-run=no /dev/vda";

void addDiskOptions(CLI::App &command, RepartOptions &options)
{
    command.add_option("DEVICE", options.device, "The disk or image file (default: the disk that the system is on)");
    command.add_option("--dry-run", options.dryRun, "Only show the plan (default: yes)");
    command.add_option("--empty", options.empty, "A disk without a table: refuse, allow, require, force, create");
    command.add_option("--size", options.size, "Size of a file to make or grow, or auto");
    command.add_option("--sector-size", options.sectorSize, "Sector size of a file (default: that of its table, else 512)");
    command.add_option("--discard", options.discard, "Discard the space of new partitions (default: yes)");
    command.add_option("--seed", options.seed, "UUID that all identities derive from, or random (default: the machine's ID)");
    command.add_option("--split", options.split, "Also write each partition as a file of its own");
    command.add_option("--factory-reset", options.factoryReset, "First remove the partitions that a factory reset removes");
    command.add_flag("--can-factory-reset", options.canFactoryReset, "Exit status 0 if there is a partition that a factory reset would remove");
    command.add_flag("--list-devices", options.listDevices, "List the disks there are");
    command.add_option("--offline", options.offline, "Accepted: volumes are always made without the kernel's help");
}

void addSourceOptions(CLI::App &command, RepartOptions &options)
{
    command.add_option("--definitions", options.definitions, "Folder of definitions instead of repart.d; may be repeated")->allow_extra_args(false);
    command.add_option("--root", options.root, "Take definitions, specifiers and files from the system in this folder");
    command.add_option("--image", options.image, "Take them from the system in this image, and work on the image unless DEVICE is given");
    command.add_option("--image-policy", options.imagePolicy)->group("");
    command.add_option("-s,--copy-source", options.copySource, "What CopyFiles= copies from (default: the root)");
    command.add_option("--copy-from", options.copyFrom, "Also make the partitions of this image; may be repeated")->allow_extra_args(false);
    command.add_option("--architecture", options.architecture, "What types without an architecture mean");
    command.add_option("--include-partitions", options.include, "Only definitions of these types")->allow_extra_args(false);
    command.add_option("--exclude-partitions", options.exclude, "Not definitions of these types")->allow_extra_args(false);
    command.add_option("--defer-partitions", options.defer, "Plan these types, but make them later")->allow_extra_args(false);
    command.add_option("--make-ddi", options.makeDdi, "Make an extension image: sysext, confext, portable");
    command.add_flag("-S", options.sysext, "--make-ddi=sysext");
    command.add_flag("-C", options.confext, "--make-ddi=confext");
    command.add_flag("-P", options.portable, "--make-ddi=portable");
    command.add_option("--generate-fstab", options.fstab, "Write an fstab for MountPoint= into the copy source");
    command.add_option("--generate-crypttab", options.crypttab, "Write a crypttab for EncryptedVolume= into the copy source");
}

void addKeyOptions(CLI::App &command, RepartOptions &options)
{
    command.add_option("--key-file", options.keyFile, "Key for Encrypt=key-file");
    command.add_option("--passphrase-file", options.passphraseFile, "For X-PreonEncrypt=tpm2-or-passphrase without a TPM");
    command.add_option("--recovery-key-file", options.recoveryKeyFile, "For X-PreonEncrypt=tpm2-or-recovery-key without a TPM");
    command.add_option("--private-key", options.privateKey, "PEM key that signs root hashes");
    command.add_option("--private-key-source", options.privateKeySource, "How --private-key= names it: file, provider:NAME");
    command.add_option("--certificate", options.certificate, "PEM certificate of that key");
    command.add_option("--certificate-source", options.certificateSource)->group("");
    command.add_option("--tpm2-device", options.tpmDevice, "TPM for Encrypt=tpm2: auto, a device, or a TCTI");
    command.add_option("--tpm2-device-key", options.tpmDeviceKey)->group("");
    command.add_option("--tpm2-seal-key-handle", options.tpmSealKeyHandle)->group("");
    command.add_option("--tpm2-pcrs", options.tpmPcrs, "PCRs to bind to, such as 7+11 or 12:sha256=0…; empty for none")->allow_extra_args(false);
    command.add_option("--tpm2-public-key", options.tpmPublicKey, "PEM key whose signature over PCRs unlocks");
    command.add_option("--tpm2-public-key-pcrs", options.tpmPublicKeyPcrs, "Which PCRs it signs (default: 11)");
    command.add_option("--tpm2-pcrlock", options.tpmPcrlock)->group("");
}

// What stands for an empty value on its way through the parser.
void restoreEmptyValues(RepartOptions &options)
{
    const std::string mark(1, emptyValue);
    for (std::string *value : {&options.root,
                               &options.image,
                               &options.imagePolicy,
                               &options.copySource,
                               &options.size,
                               &options.seed,
                               &options.json,
                               &options.architecture,
                               &options.sectorSize,
                               &options.empty,
                               &options.dryRun,
                               &options.discard,
                               &options.pretty,
                               &options.split,
                               &options.factoryReset,
                               &options.offline,
                               &options.makeDdi,
                               &options.keyFile,
                               &options.passphraseFile,
                               &options.recoveryKeyFile,
                               &options.privateKey,
                               &options.privateKeySource,
                               &options.certificate,
                               &options.certificateSource,
                               &options.tpmDevice,
                               &options.tpmDeviceKey,
                               &options.tpmSealKeyHandle,
                               &options.tpmPublicKey,
                               &options.tpmPublicKeyPcrs,
                               &options.tpmPcrlock,
                               &options.fstab,
                               &options.crypttab}) {
        if (*value == mark)
            value->clear();
    }
    for (auto *values : {&options.definitions, &options.copyFrom, &options.include, &options.exclude, &options.defer, &options.tpmPcrs}) {
        for (std::string &value : *values) {
            if (value == mark)
                value.clear();
        }
    }
}
}

void addRepart(CLI::App &app, Invocation &invocation)
{
    auto options = std::make_shared<RepartOptions>();
    auto *command = app.add_subcommand("repart", "Lay out partitions as definitions say, like systemd-repart");
    command->footer(footer);
    addDiskOptions(*command, *options);
    addSourceOptions(*command, *options);
    addKeyOptions(*command, *options);
    command->add_option("--json", options->json, "Print the plan as JSON: pretty, short, off");
    command->add_option("--pretty", options->pretty, "Print the plan as a table (default: yes)");
    command->add_flag("--no-pager", options->noPager, "Accepted: there is no pager");
    command->add_flag("--no-legend", options->noLegend, "Leave out titles and sums");
    command->add_flag("--version", options->version, "Print which version of systemd-repart this stands for");
    command->add_flag("--stand-in", options->standIn)->group("");
    // The last word counts, as with systemd-repart.
    for (CLI::Option *option : command->get_options()) {
        if (option->get_items_expected_max() == 1 && option->get_type_size() > 0)
            option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    }
    command->callback([options, &invocation, command] {
        options->tpmPublicKeyPcrsGiven = command->count("--tpm2-public-key-pcrs") > 0;
        restoreEmptyValues(*options);
        if (options->sysext || options->confext || options->portable)
            options->makeDdi = options->sysext ? "sysext" : options->confext ? "confext" : "portable";
        invocation.finish(repart(*options, invocation));
    });
}

} // namespace Preon::Ctl
