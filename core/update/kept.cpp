// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/update/kept.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace Preon::Update
{

namespace
{

using Json = nlohmann::ordered_json;

constexpr std::size_t longestNote = 8192;

Result<void> removeFile(const std::filesystem::path &path)
{
    if (::unlink(path.c_str()) < 0 && errno != ENOENT)
        return failErrno("Could not remove " + path.string());
    return {};
}

} // namespace

std::string keptNoteText(const KeptNote &note)
{
    const Json json{{"bytes", note.bytes}, {"complete", note.complete}, {"packed", note.packed}, {"place", note.place}};
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::optional<KeptNote> parseKeptNote(std::string_view text)
{
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object())
        return std::nullopt;
    const auto bytes = json.find("bytes"), complete = json.find("complete"), packed = json.find("packed"), place = json.find("place");
    const bool whole = bytes != json.end() && bytes->is_number_unsigned() && complete != json.end() && complete->is_boolean() && packed != json.end()
        && packed->is_boolean() && place != json.end() && place->is_string();
    if (!whole)
        return std::nullopt;
    return KeptNote{.bytes = bytes->get<std::uint64_t>(), .complete = complete->get<bool>(), .packed = packed->get<bool>(), .place = place->get<std::string>()};
}

KeptFile::KeptFile(std::filesystem::path folder, const Sha256Digest &hash)
    : m_folder(std::move(folder))
    , m_name(m_folder / toHex(hash))
{
}

std::optional<KeptNote> KeptFile::note() const
{
    if (!isUsed())
        return std::nullopt;
    const auto text = readTextFile(m_name.string() + ".json", longestNote);
    return text ? parseKeptNote(*text) : std::nullopt;
}

Result<Fd> KeptFile::bytes(bool anew) const
{
    std::error_code error;
    std::filesystem::create_directories(m_folder, error);
    if (error)
        return failErrno(error.value(), "Could not make " + m_folder.string());
    std::filesystem::permissions(m_folder, std::filesystem::perms::owner_all, error);
    return openFile(m_name.string() + ".part", O_RDWR | O_CREAT | O_NOFOLLOW | (anew ? O_TRUNC : 0), 0600);
}

Result<void> KeptFile::write(const KeptNote &note) const
{
    if (!isUsed())
        return {};
    std::error_code error;
    std::filesystem::create_directories(m_folder, error);
    if (error)
        return failErrno(error.value(), "Could not make " + m_folder.string());
    std::filesystem::permissions(m_folder, std::filesystem::perms::owner_all, error);
    return replaceFile(m_name.string() + ".json", asBytes(keptNoteText(note)), 0600);
}

Result<void> KeptFile::forget() const
{
    if (!isUsed())
        return {};
    // The note first: bytes without one are nothing.
    PREON_CHECK(removeFile(m_name.string() + ".json"));
    return removeFile(m_name.string() + ".part");
}

} // namespace Preon::Update
