// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/command.h"
#include "apps/ctl/progress.h"
#include "apps/ctl/verityoptions.h"

#include "core/base/secret.h"
#include "core/verity/build.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace Preon::Ctl
{

namespace
{

constexpr std::size_t saltSize = 32; // veritysetup's default

// A file that was made here goes again unless it was finished.
class NewFile
{
public:
    static Result<NewFile> makeIfMissing(const std::string &path)
    {
        auto made = openFile(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
        if (!made && made.error().code != ErrorCode::Exists)
            return std::unexpected(made.error());
        return NewFile(made ? path : std::string());
    }
    NewFile(NewFile &&other) noexcept
        : m_path(std::exchange(other.m_path, {}))
    {
    }
    NewFile &operator=(NewFile &&) = delete;
    ~NewFile()
    {
        if (!m_path.empty())
            ::unlink(m_path.c_str());
    }
    void keep()
    {
        m_path.clear();
    }

private:
    explicit NewFile(std::string path)
        : m_path(std::move(path))
    {
    }
    std::string m_path;
};

Result<bool> isSame(const Disk::Device &a, const Disk::Device &b)
{
    struct stat first{}, second{};
    if (::fstat(a.fd().get(), &first) < 0 || ::fstat(b.fd().get(), &second) < 0)
        return failErrno("The devices could not be told apart");
    if (a.isBlockDevice() || b.isBlockDevice())
        return a.isBlockDevice() && b.isBlockDevice() && first.st_rdev == second.st_rdev;
    return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

// A hash file ends where veritysetup ends it: with the tree, or, where there is none, with the superblock's block or page.
Result<void> makeRoom(Disk::Device &device, const Verity::BuiltTree &tree)
{
    std::uint64_t needed = tree.layout.bytesUsed(tree.placement);
    if (tree.placement.superblock) {
        const std::uint64_t page = std::min<std::uint64_t>(4096, tree.superblock.hashBlockSize);
        needed = std::max(needed, (tree.placement.offset + Verity::superblockSize + page - 1) / page * page);
    }
    if (device.isBlockDevice() || needed <= device.size())
        return {};
    return device.grow(needed);
}

Result<void> writeRootHash(const std::string &path, const std::string &text)
{
    const std::string what = "The root hash could not be written to " + path;
    PREON_TRY(const Fd fd, openFile(path, O_WRONLY | O_TRUNC | O_CREAT, 0600));
    const ssize_t put = ::write(fd.get(), text.data(), text.size());
    if (put < 0)
        return failErrno(what);
    if (static_cast<std::size_t>(put) != text.size())
        return fail(ErrorCode::NoSpace, what, "only " + std::to_string(put) + " of " + std::to_string(text.size()) + " bytes fit");
    return {};
}

// To the letter what veritysetup says.
void print(const VerityOptions &options, const Verity::BuiltTree &tree)
{
    const Verity::Superblock &superblock = tree.superblock;
    const std::string uuid = options.noSuperblock ? "" : *options.uuidGiven ? options.uuid : superblock.uuid.text();
    std::cout << "VERITY header information for " << options.hash << "\nUUID:            \t" << uuid << "\nHash type:       \t" << superblock.hashType
              << "\nData blocks:     \t" << superblock.dataBlocks << "\nData block size: \t" << superblock.dataBlockSize << "\nHash blocks:     \t"
              << tree.layout.hashBlocks << "\nHash block size: \t" << superblock.hashBlockSize << "\nHash algorithm:  \t" << options.algorithm
              << "\nSalt:            \t" << (superblock.salt.empty() ? "-" : toHex(superblock.salt)) << "\nRoot hash:      \t" << toHex(tree.rootHash) << '\n';
    if (tree.placement.offset == 0)
        std::cout << "Hash device size: \t" << tree.layout.size << " [bytes]\n";
}

Result<void> formatWith(const VerityOptions &options, int &status)
{
    PREON_TRY(Verity::Superblock parameters, options.parameters());
    PREON_TRY(const Verity::Placement placement, options.placement());
    if (!*options.saltGiven) {
        PREON_TRY(const Secret salt, Secret::random(saltSize));
        parameters.salt.assign(salt.bytes().begin(), salt.bytes().end());
    }
    if (*options.uuidGiven && placement.superblock) {
        const auto uuid = options.uuid.size() == 36 ? Uuid::parse(options.uuid) : std::nullopt;
        if (!uuid)
            return fail(ErrorCode::BadArgument, "\"" + options.uuid + "\" is no UUID", "it must look like 12345678-1234-1234-1234-123456789abc");
        parameters.uuid = *uuid;
    } else if (placement.superblock) {
        PREON_TRY(parameters.uuid, Uuid::random());
    }

    PREON_TRY(const auto data, openVerityDevice(options.data, Disk::Access::Read, status));
    PREON_TRY(NewFile file, NewFile::makeIfMissing(options.hash));
    PREON_TRY(auto hash, openVerityDevice(options.hash, Disk::Access::Exclusive, status));
    PREON_TRY(const bool same, isSame(data, hash));
    const std::uint64_t blocks = parameters.dataBlocks == 0 ? data.size() / std::max(parameters.dataBlockSize, 1U) : parameters.dataBlocks;
    if (same && blocks > placement.offset / std::max(parameters.dataBlockSize, 1U)) {
        return fail(ErrorCode::BadArgument, "The hash tree would overwrite the data",
                    "the data takes " + std::to_string(blocks) + " blocks of " + std::to_string(parameters.dataBlockSize) + " bytes, the tree begins at byte "
                        + std::to_string(placement.offset),
                    "Say with --data-blocks= and --hash-offset= where the data ends and the tree begins.");
    }

    TerminalProgress progress;
    if (parameters.dataBlockSize > static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)))
        progress.log("Note: the kernel takes no data blocks larger than a page; this tree serves only to verify.");
    progress.phase("Hashing", blocks * parameters.dataBlockSize);
    PREON_TRY(const Verity::BuiltTree tree, Verity::buildTree(data, {0, data.size()}, parameters, progress, placement));
    PREON_CHECK(makeRoom(hash, tree));
    PREON_CHECK(tree.write(hash, {0, hash.size()}));
    PREON_CHECK(hash.flush());
    file.keep();
    if (options.json)
        std::cout << verityJson(tree.superblock, tree.rootHash).dump(2) << '\n';
    else
        print(options, tree);
    if (!options.rootHashFile.empty())
        PREON_CHECK(writeRootHash(options.rootHashFile, toHex(tree.rootHash)));
    return {};
}

} // namespace

void addVerityFormat(CLI::App &verity, Invocation &invocation)
{
    auto *format = verity.add_subcommand("format", "Make the hash tree of DATA, write it to HASH and print the root hash");
    format->footer(
        "Options, output, exit statuses and every byte written are those of veritysetup format. A HASH that does not exist is made. DATA and HASH may be\n"
        "the same: then --data-blocks and --hash-offset say what lies where. Uses all cores; what fails leaves HASH as it was or away.\n\n"
        "  preonctl verity format usr.raw usr-verity.raw\n"
        "  preonctl verity format usr.raw usr-verity.raw --salt=0123… --uuid=12345678-1234-1234-1234-123456789abc --root-hash-file=usr.roothash");
    auto options = std::make_shared<VerityOptions>();
    options->addTo(*format);
    options->uuidGiven = format->add_option("--uuid", options->uuid, "The tree's UUID (a random one)")->type_name("UUID");
    format->add_option("--root-hash-file", options->rootHashFile, "Also write the root hash there, as text without a line end")->type_name("FILE");
    format->add_flag("--json", options->json, "Print an object instead of lines");
    format->callback([options, &invocation] {
        invocation.json = options->json;
        int status = VerityFailed;
        const auto done = formatWith(*options, status);
        invocation.finish(done, status);
    });
}

} // namespace Preon::Ctl
