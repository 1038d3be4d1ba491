// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/localsource.h"

#include "core/base/format.h"

#include <algorithm>
#include <charconv>

#include <fcntl.h>
#include <sys/stat.h>

namespace Preon::Update
{

namespace
{

std::optional<std::string> decoded(std::string_view text)
{
    std::string path;
    while (!text.empty()) {
        auto octet = static_cast<unsigned char>(text.front());
        std::size_t used = 1;
        if (octet == '%') {
            used = 3;
            if (text.size() < used)
                return std::nullopt;
            const auto [end, error] = std::from_chars(text.data() + 1, text.data() + used, octet, 16);
            if (error != std::errc() || end != text.data() + used)
                return std::nullopt;
        }
        if (octet == 0)
            return std::nullopt;
        path += static_cast<char>(octet);
        text.remove_prefix(used);
    }
    return path;
}

}

std::optional<std::filesystem::path> pathOfFileUrl(std::string_view url)
{
    constexpr std::string_view scheme = "file:", here = "//localhost/";
    if (lowerCase(url.substr(0, scheme.size())) != scheme)
        return std::nullopt;
    url.remove_prefix(scheme.size());
    if (lowerCase(url.substr(0, here.size())) == here)
        url.remove_prefix(here.size() - 1);
    else if (url.starts_with("//"))
        url.remove_prefix(2);
    if (!url.starts_with('/'))
        return std::nullopt;
    return decoded(url);
}

Result<LocalFile> openLocal(const std::string &source)
{
    const auto named = pathOfFileUrl(source);
    const auto path = named.value_or(source);
    PREON_TRY(Fd fd, openFile(path, O_RDONLY | O_NONBLOCK | (named ? 0 : O_NOFOLLOW)));
    struct stat status{};
    if (fstat(fd.get(), &status) < 0 || !S_ISREG(status.st_mode))
        return fail(ErrorCode::Changed, path.string() + " is no longer the file that it was");
    return LocalFile{.fd = std::move(fd), .size = static_cast<std::uint64_t>(status.st_size)};
}

Result<Sha256Digest> readThrough(const Fd &file, std::uint64_t size, const TakePart &take, Progress &progress)
{
    constexpr std::uint64_t atOnce = 1U << 20U;
    Sha256 hash;
    Bytes chunk(std::min(size, atOnce));
    for (std::uint64_t offset = 0; offset < size;) {
        PREON_CHECK(progress.check());
        const auto part = std::span(chunk).first(std::min<std::uint64_t>(chunk.size(), size - offset));
        PREON_CHECK(readAt(file, offset, part));
        hash.add(part);
        PREON_CHECK(take(offset, part));
        offset += part.size();
        progress.advance(part.size());
    }
    return hash.finish();
}

Result<Bytes> readLocal(const std::string &url, std::size_t limit)
{
    PREON_TRY(const LocalFile file, openLocal(url));
    if (file.size > limit)
        return fail(ErrorCode::BadFormat, url + " is too large", "it has more than " + std::to_string(limit) + " bytes");
    Bytes content(file.size);
    PREON_CHECK(readAt(file.fd, 0, content));
    return content;
}

} // namespace Preon::Update
