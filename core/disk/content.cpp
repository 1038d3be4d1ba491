// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/disk/content.h"

#include <algorithm>
#include <cerrno>

#include <blkid.h>
#include <string.h>

namespace Preon::Disk
{

namespace
{
constexpr std::uint64_t chunkSize = 4U << 20U;

struct ReleaseProbe {
    void operator()(blkid_struct_probe *probe) const
    {
        blkid_free_probe(probe);
    }
};

std::string valueOf(blkid_probe probe, const char *name)
{
    const char *data = nullptr;
    std::size_t length = 0;
    if (blkid_probe_lookup_value(probe, name, &data, &length) < 0 || !data)
        return {};
    return std::string(data, ::strnlen(data, length));
}

Result<void> checkRange(const Device &device, const Range &range)
{
    if (range.offset > device.size() || range.length > device.size() - range.offset)
        return fail(ErrorCode::BadArgument,
                    "Bytes " + std::to_string(range.offset) + " to " + std::to_string(range.offset + range.length) + " of " + device.path().string()
                        + " were asked for",
                    "it has only " + std::to_string(device.size()));
    return {};
}
}

Result<Content> probe(const Device &device, std::uint64_t offset, std::uint64_t length)
{
    PREON_CHECK(checkRange(device, {offset, length}));
    const std::string what = "The content of " + device.path().string() + " could not be recognised";
    std::unique_ptr<blkid_struct_probe, ReleaseProbe> handle(blkid_new_probe());
    if (!handle)
        return fail(ErrorCode::Io, what, "out of memory");
    if (length == 0)
        return Content();
    if (blkid_probe_set_device(handle.get(), device.fd().get(), static_cast<blkid_loff_t>(offset), static_cast<blkid_loff_t>(length)) < 0)
        return failErrno(what);
    blkid_probe_enable_superblocks(handle.get(), 1);
    blkid_probe_set_superblocks_flags(handle.get(), BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID | BLKID_SUBLKS_VERSION);
    errno = 0;
    switch (blkid_do_safeprobe(handle.get())) {
    case 1:
        return Content();
    case -2: // several signatures: whoever guesses here may mount the wrong one
        return Content{.type = "ambiguous", .label = {}, .uuid = {}, .version = {}};
    case 0:
        return Content{.type = valueOf(handle.get(), "TYPE"),
                       .label = valueOf(handle.get(), "LABEL"),
                       .uuid = valueOf(handle.get(), "UUID"),
                       .version = valueOf(handle.get(), "VERSION")};
    default:
        return failErrno(errno ? errno : EIO, what);
    }
}

Result<Sha256Digest> copyRange(const Device &source, const Range &from, const Device &target, std::uint64_t toOffset, Progress &progress)
{
    PREON_CHECK(checkRange(source, from));
    PREON_CHECK(checkRange(target, {toOffset, from.length}));
    Sha256 hash;
    Bytes buffer(std::min(chunkSize, std::max<std::uint64_t>(from.length, 1)));
    for (std::uint64_t done = 0; done < from.length;) {
        PREON_CHECK(progress.check());
        const std::span chunk(buffer.data(), std::min<std::uint64_t>(buffer.size(), from.length - done));
        if (auto read = readAt(source.fd(), from.offset + done, chunk); !read)
            return std::unexpected(read.error().during("Reading from " + source.path().string()));
        hash.add(chunk);
        if (auto written = writeAt(target.fd(), toOffset + done, chunk); !written)
            return std::unexpected(written.error().during("Writing to " + target.path().string()));
        done += chunk.size();
        progress.advance(chunk.size());
    }
    return hash.finish();
}

Result<Sha256Digest> hashRange(const Device &source, const Range &range, Progress &progress)
{
    PREON_CHECK(checkRange(source, range));
    Sha256 hash;
    Bytes buffer(std::min(chunkSize, std::max<std::uint64_t>(range.length, 1)));
    for (std::uint64_t done = 0; done < range.length;) {
        PREON_CHECK(progress.check());
        const std::span chunk(buffer.data(), std::min<std::uint64_t>(buffer.size(), range.length - done));
        if (auto read = readAt(source.fd(), range.offset + done, chunk); !read)
            return std::unexpected(read.error().during("Reading from " + source.path().string()));
        hash.add(chunk);
        done += chunk.size();
        progress.advance(chunk.size());
    }
    return hash.finish();
}

} // namespace Preon::Disk
