// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/repart/verity.h"

#include "core/base/process.h"

#include <array>
#include <chrono>
#include <memory>
#include <string_view>

namespace Preon::Repart
{

namespace
{
constexpr std::chrono::hours longest{2};
constexpr std::string_view rootHashLine = "Root hash:";

// veritysetup takes files and devices from their first byte on.
Result<ScratchFile> extract(const Disk::Device &data, const Disk::Range &range, const std::filesystem::path &scratch, Progress &progress)
{
    PREON_TRY(ScratchFile file, ScratchFile::create(scratch, range.length));
    PREON_TRY(const Disk::Device copy, Disk::Device::open(file.path(), Disk::Access::Write));
    PREON_CHECK(Disk::copyRange(data, range, copy, 0, progress));
    return file;
}

Result<Bytes> readRootHash(const std::string &output)
{
    const std::size_t line = output.find(rootHashLine);
    if (line == std::string::npos)
        return fail(ErrorCode::ToolFailed, "veritysetup did not say the root hash");
    const std::size_t begin = output.find_first_not_of(" \t", line + rootHashLine.size());
    const std::size_t end = output.find_first_of(" \t\r\n", begin);
    const auto hash = begin == std::string::npos ? std::nullopt : fromHex(std::string_view(output).substr(begin, end - begin));
    if (!hash || hash->size() < 32)
        return fail(ErrorCode::ToolFailed, "veritysetup said a root hash that is none");
    return *hash;
}
}

Result<HashTreeFile> makeHashTree(const Disk::Device &data, const Disk::Range &range, const VerityPart &part, const std::filesystem::path &scratch,
                                  Progress &progress)
{
    if (range.length == 0 || range.length % part.dataBlock != 0)
        return fail(ErrorCode::BadArgument, "A hash tree cannot be made over " + std::to_string(range.length) + " bytes",
                    "they are not a whole number of blocks of " + std::to_string(part.dataBlock) + " bytes");
    std::filesystem::path source = data.path();
    std::optional<ScratchFile> copy;
    if (range.offset != 0 || range.length != data.size()) {
        PREON_TRY(ScratchFile extracted, extract(data, range, scratch, progress));
        source = extracted.path();
        copy.emplace(std::move(extracted));
    }
    PREON_TRY(ScratchFile tree, ScratchFile::create(scratch, 0));
    ProcessOptions options;
    options.progress = &progress;
    options.timeout = longest;
    PREON_TRY(const ProcessOutput made,
              runTool({"veritysetup", "format", "--format=1", "--hash=sha256", "--uuid=" + part.uuid.text(), "--salt=" + toHex(part.salt),
                       "--data-block-size=" + std::to_string(part.dataBlock), "--hash-block-size=" + std::to_string(part.hashBlock), source.string(),
                       tree.path().string()},
                      options));
    PREON_TRY(Bytes rootHash, readRootHash(made.output));
    std::error_code error;
    const std::uint64_t size = std::filesystem::file_size(tree.path(), error);
    if (error)
        return failErrno(error.value(), "The size of a hash tree could not be read");
    return HashTreeFile{.file = std::move(tree), .size = size, .rootHash = std::move(rootHash)};
}

} // namespace Preon::Repart
