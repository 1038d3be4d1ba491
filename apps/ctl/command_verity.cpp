// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command.h"
#include "apps/ctl/progress.h"
#include "apps/ctl/verityoptions.h"

#include "core/base/format.h"
#include "core/verity/build.h"
#include "core/verity/hashtree.h"

#include <iostream>
#include <memory>

namespace Preon::Ctl
{

namespace
{

Result<Bytes> rootHashOf(const VerityOptions &options)
{
    if (options.rootHash.empty() == options.rootHashFile.empty())
        return fail(ErrorCode::BadArgument, "One root hash is needed", {}, "Give it as the third word, or the file with it as --root-hash-file=.");
    std::string text = options.rootHash;
    if (!options.rootHashFile.empty()) {
        PREON_TRY(const std::string content, readTextFile(options.rootHashFile));
        text = content.substr(0, content.find_first_of(" \t\r\n"));
    }
    const auto rootHash = fromHex(text);
    if (!rootHash || rootHash->empty())
        return fail(ErrorCode::BadArgument, "\"" + text + "\" is no root hash", "it must be hexadecimal digits");
    return *rootHash;
}

Result<Verity::TreeSource> sourceOf(const VerityOptions &options, const Disk::Device &data)
{
    PREON_TRY(const Verity::Placement placement, options.placement());
    Verity::TreeSource source{.offset = placement.offset, .parameters = std::nullopt};
    if (placement.superblock)
        return source;
    PREON_TRY(source.parameters, options.parameters());
    if (source.parameters->dataBlocks == 0 && source.parameters->dataBlockSize != 0)
        source.parameters->dataBlocks = data.size() / source.parameters->dataBlockSize;
    return source;
}

// The hash tree does not lead to the root hash. veritysetup's status tells a damaged tree from one that fits the data and has another root hash.
Result<int> mismatchStatus(const Disk::Device &data, const Disk::Device &hash, const Verity::TreeSource &source, Progress &progress)
{
    PREON_TRY(const Verity::Superblock parameters,
              source.parameters ? Result<Verity::Superblock>(*source.parameters) : Verity::readSuperblock(hash, {0, hash.size()}, source.offset));
    progress.phase("Comparing the data with the hash tree", parameters.dataSize());
    PREON_TRY(const auto tree, Verity::buildTree(data, {0, data.size()}, parameters, progress, {.offset = source.offset, .superblock = !source.parameters}));
    PREON_TRY(const bool whole, tree.isOn(hash, {0, hash.size()}));
    return whole ? VerityFailed : VerityMismatch;
}

Result<void> verifyWith(const VerityOptions &options, int &status)
{
    PREON_TRY(const Bytes rootHash, rootHashOf(options));
    PREON_TRY(const auto data, openVerityDevice(options.data, Disk::Access::Read, status));
    PREON_TRY(const auto hash, openVerityDevice(options.hash, Disk::Access::Read, status));
    PREON_TRY(const Verity::TreeSource source, sourceOf(options, data));
    TerminalProgress progress;
    progress.phase("Checking the hash tree", 0);
    const auto tree = Verity::HashTree::load(hash, {0, hash.size()}, rootHash, progress, source);
    if (!tree) {
        if (tree.error().code == ErrorCode::Corrupt)
            status = mismatchStatus(data, hash, source, progress).value_or(VerityFailed);
        return std::unexpected(tree.error());
    }
    progress.phase("Checking the data", tree->dataSize());
    if (auto verified = Verity::verifyData(data, {0, data.size()}, *tree, progress); !verified) {
        // Of a single block there is no tree: its digest is the root hash.
        if (verified.error().code == ErrorCode::Corrupt && tree->superblock().dataBlocks > 1)
            status = VerityMismatch;
        return verified;
    }
    if (options.json) {
        nlohmann::ordered_json json = {{"verified", true}};
        json.update(verityJson(tree->superblock(), rootHash));
        std::cout << json.dump(2) << '\n';
    }
    return {};
}

void addVerityVerify(CLI::App &verity, Invocation &invocation)
{
    auto *verify = verity.add_subcommand("verify", "Check every block of DATA against the hash tree on HASH and the root hash");
    verify->footer(
        "DATA and HASH are devices or files; the tree has dm-verity's format, as veritysetup and systemd-repart write it. Says nothing and exits "
        "with 0 when all\n"
        "blocks match. Otherwise names the first that does not and exits as veritysetup: 2 where data and tree do not match each other, 1 where they do\n"
        "but the root hash is another, 4 where a device is missing. Uses all cores; writes nothing. Without a superblock the tree must be described by the\n"
        "options it was made with; otherwise only --hash-offset matters.\n\n"
        "  preonctl verity verify usr.raw usr-verity.raw 8d5f…\n"
        "  preonctl verity verify /dev/disk/by-preon/usr /dev/disk/by-preon/usr-verity \\\n"
        "      $(sed 's/.*usrhash=\\([0-9a-f]*\\).*/\\1/' /proc/cmdline)               the running system, past dm-verity");
    auto options = std::make_shared<VerityOptions>();
    options->addTo(*verify);
    verify->add_option("ROOTHASH", options->rootHash, "The root hash, hexadecimal");
    verify->add_option("--root-hash-file", options->rootHashFile, "Take the root hash from this file")->type_name("FILE");
    verify->add_option("--uuid", options->uuid, "Not looked at")->group("");
    verify->add_flag("--json", options->json, "Print an object with what the tree was made with");
    verify->callback([options, &invocation] {
        invocation.json = options->json;
        int status = VerityFailed;
        const auto done = verifyWith(*options, status);
        invocation.finish(done, status);
    });
}

} // namespace

void addVerity(CLI::App &app, Invocation &invocation)
{
    auto *verity = app.add_subcommand("verity", "Make and check hash trees, sign their root hashes")->require_subcommand(1);
    addVerityFormat(*verity, invocation);
    addVerityVerify(*verity, invocation);
    addVeritySign(*verity, invocation);
}

} // namespace Preon::Ctl
