// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/verityoptions.h"

#include "apps/ctl/command.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace Preon::Ctl
{

namespace
{

Result<std::uint64_t> number(const std::string &option, const std::string &text, std::uint64_t largest = std::numeric_limits<std::uint64_t>::max())
{
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value > largest)
        return fail(ErrorCode::BadArgument, option + "=" + text + " makes no sense", "it must be a number of at most " + std::to_string(largest));
    return value;
}

} // namespace

void VerityOptions::addTo(CLI::App &command)
{
    command.add_option("DATA", data, "The data: a device or a file")->required();
    command.add_option("HASH", hash, "The hash tree: a device or a file")->required();
    saltGiven = command.add_option("-s,--salt", salt, "The salt, hexadecimal; - for none")->take_last()->type_name("HEX");
    command.add_option("--hash", algorithm, "sha256 (the default), sha512, sha384 or sha1")->take_last()->type_name("NAME");
    command.add_option("--data-block-size", dataBlockSize, "Bytes of a data block (4096)")->take_last()->type_name("BYTES");
    command.add_option("--hash-block-size", hashBlockSize, "Bytes of a hash block (4096)")->take_last()->type_name("BYTES");
    command.add_option("--data-blocks", dataBlocks, "How many blocks of DATA the tree covers (all)")->take_last()->type_name("N");
    command.add_option("--hash-offset", hashOffset, "Where on HASH the superblock is (0)")->take_last()->type_name("BYTES");
    command.add_option("--format", format, "1 (the default), or 0 for ChromeOS's old trees")->take_last()->type_name("N");
    command.add_flag("--no-superblock", noSuperblock, "The tree alone, without what it was made with");
}

Result<Verity::Superblock> VerityOptions::parameters() const
{
    constexpr std::uint64_t largest32 = std::numeric_limits<std::uint32_t>::max();
    Verity::Superblock superblock;
    PREON_TRY(const std::uint64_t hashType, number("--format", format, largest32));
    PREON_TRY(const std::uint64_t dataBlock, number("--data-block-size", dataBlockSize, largest32));
    PREON_TRY(const std::uint64_t hashBlock, number("--hash-block-size", hashBlockSize, largest32));
    PREON_TRY(superblock.dataBlocks, number("--data-blocks", dataBlocks));
    superblock.hashType = static_cast<std::uint32_t>(hashType);
    superblock.dataBlockSize = static_cast<std::uint32_t>(dataBlock);
    superblock.hashBlockSize = static_cast<std::uint32_t>(hashBlock);
    superblock.algorithm = algorithm;
    // The kernel knows lower case only.
    std::ranges::transform(algorithm, superblock.algorithm.begin(),
                           [](char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter; });
    if (salt != "-" && salt != std::string(1, emptyValue)) {
        const auto bytes = fromHex(salt);
        if (!bytes)
            return fail(ErrorCode::BadArgument, "\"" + salt + "\" is no salt", "it must be an even number of hexadecimal digits");
        superblock.salt = *bytes;
    }
    return superblock;
}

Result<Verity::Placement> VerityOptions::placement() const
{
    Verity::Placement placement;
    PREON_TRY(placement.offset, number("--hash-offset", hashOffset));
    placement.superblock = !noSuperblock;
    return placement;
}

Result<Disk::Device> openVerityDevice(const std::string &path, Disk::Access access, int &status)
{
    auto device = Disk::Device::open(path, access);
    if (!device)
        status = device.error().code == ErrorCode::Busy ? VerityBusy : VerityNoDevice;
    return device;
}

nlohmann::ordered_json verityJson(const Verity::Superblock &superblock, ByteView rootHash)
{
    return {{"dataBlocks", superblock.dataBlocks},
            {"dataBlockSize", superblock.dataBlockSize},
            {"hashBlockSize", superblock.hashBlockSize},
            {"hashType", superblock.hashType},
            {"algorithm", superblock.algorithm},
            {"salt", toHex(superblock.salt)},
            {"uuid", superblock.uuid.text()},
            {"rootHash", toHex(rootHash)}};
}

} // namespace Preon::Ctl
