// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What an attempt to fetch a file leaves for the next one, by the file's hash: HASH.json, how much of it is certainly there, and HASH.part, the bytes themselves where they cannot be read
// back from where they were written (packed files). None of it is believed: all bytes are hashed again.

#include "core/base/fd.h"
#include "core/base/hash.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace Preon::Update
{

struct KeptNote {
    std::uint64_t bytes = 0; // of the file as it lies on the server, flushed
    bool complete = false; // that is all of it
    bool packed = false; // they lie in HASH.part; else in the place itself
    std::string place = {}; // of those that lie there; another place has none of them
    bool operator==(const KeptNote &) const = default;
};
std::string keptNoteText(const KeptNote &note);
std::optional<KeptNote> parseKeptNote(std::string_view text);

class KeptFile
{
public:
    // An empty folder: nothing is kept, and all calls do nothing.
    KeptFile(std::filesystem::path folder, const Sha256Digest &hash);

    std::optional<KeptNote> note() const;
    // Of a packed file: open for reading and writing, its content at least note().bytes; made empty where `anew`.
    Result<Fd> bytes(bool anew) const;
    Result<void> write(const KeptNote &note) const;
    Result<void> forget() const;
    bool isUsed() const
    {
        return !m_folder.empty();
    }

private:
    std::filesystem::path m_folder, m_name;
};

} // namespace Preon::Update
