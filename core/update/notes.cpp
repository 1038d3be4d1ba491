// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/notes.h"

#include "core/base/text.h"
#include "core/update/online.h"
#include "core/update/print.h"

#include <algorithm>

namespace Preon::Update
{

namespace
{

constexpr std::size_t longestAddress = 2048;

// What the list beside that address says of it; nullptr: it is none of ours, or not listed.
const ManifestEntry *listed(const std::string &url, const std::vector<Seen> &seen)
{
    const std::size_t slash = url.rfind('/');
    for (const Seen &one : seen) {
        if (!isUrl(one.transfer->source.type) || one.transfer->source.path != url.substr(0, slash))
            continue;
        const auto found = std::ranges::find(one.source.documents, std::string_view(url).substr(slash + 1), &ManifestEntry::name);
        if (found != one.source.documents.end())
            return &*found;
    }
    return nullptr;
}

Result<std::string> fetchText(const std::string &url, const Sha256Digest &hash, const Fetching &fetching, Progress &progress)
{
    PREON_TRY(const Bytes bytes, fetchSmall(url, fetching, longestNotes, progress));
    if (sha256(bytes) != hash)
        return fail(ErrorCode::Corrupt, url + " is not the file that it should be", "its SHA-256 hash is another one than the list of files says");
    return readableText({reinterpret_cast<const char *>(bytes.data()), bytes.size()});
}

} // namespace

Notes notesOf(const UpdateSet &set, const std::vector<Seen> &seen, const Fetching &fetching, Progress &progress)
{
    Notes notes;
    for (const std::string &url : changeLogs(set, seen)) {
        if (url.size() > longestAddress)
            continue;
        if (const ManifestEntry *entry = listed(url, seen)) {
            auto text = notes.text.empty() ? fetchText(url, entry->sha256, fetching, progress) : Result<std::string>(notes.text);
            if (text)
                notes.text = std::move(*text);
            else
                progress.log(text.error().text());
        } else if (notes.page.empty() && url.starts_with("https://")) {
            notes.page = url;
        }
    }
    return notes;
}

} // namespace Preon::Update
