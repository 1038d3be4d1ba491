// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command.h"
#include "apps/ctl/progress.h"

#include "core/base/format.h"
#include "core/verity/hashtree.h"

#include <iostream>
#include <memory>

#include <nlohmann/json.hpp>

namespace Preon::Ctl
{

namespace
{

struct VerifyOptions {
    std::string data, hash, rootHash;
    bool json = false;
};

Result<void> verifyWith(const VerifyOptions &options)
{
    const auto rootHash = fromHex(options.rootHash);
    if (!rootHash || rootHash->empty())
        return fail(ErrorCode::BadArgument, "\"" + options.rootHash + "\" is no root hash", "it must be hexadecimal digits");
    PREON_TRY(const auto data, Disk::Device::open(options.data, Disk::Access::Read));
    PREON_TRY(const auto hash, Disk::Device::open(options.hash, Disk::Access::Read));
    TerminalProgress progress;
    progress.phase("Checking the hash tree", 0);
    PREON_TRY(const auto tree, Verity::HashTree::load(hash, {0, hash.size()}, *rootHash, progress));
    progress.phase("Checking the data", tree.dataSize());
    PREON_CHECK(Verity::verifyData(data, {0, data.size()}, tree, progress));
    if (options.json) {
        const Verity::Superblock &superblock = tree.superblock();
        const nlohmann::ordered_json json = {{"verified", true},
                                             {"dataBlocks", superblock.dataBlocks},
                                             {"dataBlockSize", superblock.dataBlockSize},
                                             {"hashBlockSize", superblock.hashBlockSize},
                                             {"algorithm", superblock.algorithm},
                                             {"salt", toHex(superblock.salt)},
                                             {"uuid", superblock.uuid.text()},
                                             {"rootHash", toHex(*rootHash)}};
        std::cout << json.dump(2) << '\n';
    }
    return {};
}

} // namespace

void addVerity(CLI::App &app, Invocation &invocation)
{
    auto *verity = app.add_subcommand("verity", "Check data against its hash tree")->require_subcommand(1);
    auto *verify = verity->add_subcommand("verify", "Check every block of DATA against the hash tree on HASH and the root hash");
    verify->footer("DATA and HASH are devices or files; the tree has dm-verity's format, as veritysetup and systemd-repart write it. Says nothing and exits "
                   "with 0 when all\n"
                   "blocks match; otherwise names the first that does not and exits with 1. Uses all cores; writes nothing.\n\n"
                   "  preonctl verity verify usr.raw usr-verity.raw 8d5f…\n"
                   "  preonctl verity verify /dev/disk/by-preon/usr /dev/disk/by-preon/usr-verity \\\n"
                   "      $(sed 's/.*usrhash=\\([0-9a-f]*\\).*/\\1/' /proc/cmdline)               the running system, past dm-verity");
    auto options = std::make_shared<VerifyOptions>();
    verify->add_option("DATA", options->data, "The data: a device or a file")->required();
    verify->add_option("HASH", options->hash, "The hash tree, with its superblock at the start")->required();
    verify->add_option("ROOTHASH", options->rootHash, "The root hash, hexadecimal")->required();
    verify->add_flag("--json", options->json, "Print an object with what the tree was made with");
    verify->callback([options, &invocation] {
        invocation.json = options->json;
        invocation.finish(verifyWith(*options));
    });
}

} // namespace Preon::Ctl
