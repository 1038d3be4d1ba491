// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/boot/pe.h"

#include <algorithm>
#include <cstring>

namespace Preon::Boot
{

namespace
{

// Microsoft PE format: MS-DOS stub, COFF file header, section table.
constexpr std::size_t dosHeader = 64, peOffsetAt = 0x3C, coffHeader = 24, sectionHeader = 40;
constexpr std::size_t mostSections = 96; // the format's own limit for images
constexpr std::size_t largestText = 1U << 20U; // of one text section

std::uint64_t numberAt(ByteView bytes, std::size_t at, std::size_t length)
{
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < length; ++i)
        value |= std::to_integer<std::uint64_t>(bytes[at + i]) << 8U * i;
    return value;
}

std::string_view sectionText(ByteView file, const PeSection &section)
{
    const ByteView bytes = file.subspan(section.offset, std::min<std::uint64_t>(section.size, largestText));
    std::string_view text(reinterpret_cast<const char *>(bytes.data()), bytes.size());
    if (const auto end = text.find('\0'); end != std::string_view::npos)
        text = text.substr(0, end);
    while (!text.empty() && std::strchr(" \t\r\n", text.back()))
        text.remove_suffix(1);
    return text;
}

std::string unquoted(std::string_view value)
{
    if (value.size() >= 2 && value.front() == '\'' && value.back() == '\'')
        return std::string(value.substr(1, value.size() - 2));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
        value = value.substr(1, value.size() - 2);
    std::string text;
    for (std::size_t i = 0; i < value.size(); ++i) {
        if (value[i] == '\\' && i + 1 < value.size())
            ++i;
        text += value[i];
    }
    return text;
}

using Sections = std::span<const PeSection>;

const PeSection *find(Sections sections, std::string_view name)
{
    const auto section = std::ranges::find(sections, name, &PeSection::name);
    return section == sections.end() ? nullptr : &*section;
}

KernelProfile readProfile(ByteView file, Sections base, Sections own)
{
    KernelProfile profile;
    if (const PeSection *description = find(own, ".profile")) {
        const auto fields = parseOsRelease(sectionText(file, *description));
        if (const auto id = fields.find("ID"); id != fields.end())
            profile.id = id->second;
        if (const auto title = fields.find("TITLE"); title != fields.end())
            profile.title = title->second;
    }
    const PeSection *commandLine = find(own, ".cmdline");
    if (!commandLine)
        commandLine = find(base, ".cmdline");
    if (commandLine)
        profile.commandLine = sectionText(file, *commandLine);
    profile.hasPolicySignature = find(own, ".pcrsig") || find(base, ".pcrsig");
    return profile;
}

} // namespace

Result<std::vector<PeSection>> readPeSections(ByteView file)
{
    const auto bad = [](std::string why) {
        return fail(ErrorCode::BadFormat, "This is no EFI program", std::move(why));
    };
    if (file.size() < dosHeader || file[0] != std::byte{'M'} || file[1] != std::byte{'Z'})
        return bad("it does not start as one");
    const std::uint64_t pe = numberAt(file, peOffsetAt, 4);
    if (pe > file.size() || file.size() - pe < coffHeader || std::memcmp(file.data() + pe, "PE\0\0", 4) != 0)
        return bad("its PE header is missing");
    const std::uint64_t count = numberAt(file, pe + 6, 2);
    const std::uint64_t table = pe + coffHeader + numberAt(file, pe + 20, 2);
    if (count > mostSections)
        return bad("it claims to have " + std::to_string(count) + " sections");
    if (table > file.size() || (file.size() - table) / sectionHeader < count)
        return bad("its section table is cut off");

    std::vector<PeSection> sections;
    for (std::uint64_t i = 0; i < count; ++i) {
        const ByteView header = file.subspan(table + i * sectionHeader, sectionHeader);
        PeSection section;
        const auto *name = reinterpret_cast<const char *>(header.data());
        section.name.assign(name, ::strnlen(name, 8));
        const std::uint64_t memorySize = numberAt(header, 8, 4), fileSize = numberAt(header, 16, 4);
        section.offset = numberAt(header, 20, 4);
        section.size = std::min(memorySize, fileSize); // the file's size is padded up, the memory's may include zeros that are not in the file
        if (section.size > 0 && (section.offset > file.size() || section.size > file.size() - section.offset))
            return bad("its section \"" + section.name + "\" reaches beyond its end");
        if (section.size == 0)
            section.offset = 0;
        sections.push_back(std::move(section));
    }
    return sections;
}

Result<std::vector<ByteView>> readPeSignatures(ByteView file)
{
    PREON_CHECK(readPeSections(file)); // the headers are there
    const std::uint64_t optional = numberAt(file, peOffsetAt, 4) + coffHeader, size = numberAt(file, optional - 4, 2);
    const std::uint64_t magic = size >= 2 ? numberAt(file, optional, 2) : 0;
    // The fifth of the data directories, which come after 92 or 108 bytes and their count.
    const std::uint64_t count = magic == 0x10B ? 92 : magic == 0x20B ? 108 : 0, entry = count + 4 + 4 * 8ULL;
    if (count == 0 || entry + 8 > size || numberAt(file, optional + count, 4) < 5)
        return std::vector<ByteView>();
    std::uint64_t at = numberAt(file, optional + entry, 4);
    const std::uint64_t length = numberAt(file, optional + entry + 4, 4);
    if (at > file.size() || length > file.size() - at)
        return fail(ErrorCode::BadFormat, "Its signatures reach beyond its end");
    constexpr std::uint64_t header = 8, pkcs7 = 2, alignment = 8;
    std::vector<ByteView> signatures;
    for (const std::uint64_t end = at + length; end - at >= header;) {
        const std::uint64_t own = numberAt(file, at, 4);
        if (own < header || own > end - at)
            return fail(ErrorCode::BadFormat, "One of its signatures is cut off");
        if (numberAt(file, at + 6, 2) == pkcs7)
            signatures.push_back(file.subspan(at + header, own - header));
        at += std::min(end - at, (own + alignment - 1) / alignment * alignment);
    }
    return signatures;
}

Result<UnifiedKernel> readUnifiedKernel(ByteView file)
{
    UnifiedKernel kernel;
    PREON_TRY(kernel.sections, readPeSections(file));
    const Sections all = kernel.sections;
    const auto isProfile = [](const PeSection &section) {
        return section.name == ".profile";
    };
    // What stands before the first .profile is the base that all profiles share; each .profile begins one.
    auto begin = std::ranges::find_if(all, isProfile);
    const Sections base = all.first(static_cast<std::size_t>(begin - all.begin()));
    const PeSection *osRelease = find(base, ".osrel");
    if (!osRelease || !find(base, ".linux"))
        return fail(ErrorCode::BadFormat, "This is no unified kernel", "it has no os-release or no kernel in it");
    kernel.osRelease = parseOsRelease(sectionText(file, *osRelease));
    if (const PeSection *uname = find(base, ".uname"))
        kernel.uname = sectionText(file, *uname);
    while (begin != all.end()) {
        const auto end = std::find_if(begin + 1, all.end(), isProfile);
        kernel.profiles.push_back(readProfile(file, base, Sections(begin, end)));
        begin = end;
    }
    if (kernel.profiles.empty())
        kernel.profiles.push_back(readProfile(file, base, {}));
    return kernel;
}

std::optional<std::string> UnifiedKernel::option(std::string_view key, std::size_t profile) const
{
    if (profile >= profiles.size())
        return std::nullopt;
    return commandLineOption(profiles[profile].commandLine, key);
}

std::map<std::string, std::string, std::less<>> parseOsRelease(std::string_view text)
{
    std::map<std::string, std::string, std::less<>> fields;
    while (!text.empty()) {
        const auto end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
        while (!line.empty() && std::strchr(" \t\r", line.back()))
            line.remove_suffix(1);
        while (!line.empty() && std::strchr(" \t", line.front()))
            line.remove_prefix(1);
        const auto equals = line.find('=');
        if (line.empty() || line.front() == '#' || equals == 0 || equals == std::string_view::npos)
            continue;
        fields[std::string(line.substr(0, equals))] = unquoted(line.substr(equals + 1));
    }
    return fields;
}

std::optional<std::string> commandLineOption(std::string_view line, std::string_view key)
{
    std::optional<std::string> value;
    std::string word;
    bool quoted = false;
    const auto finish = [&] {
        if (word == key)
            value = "";
        else if (word.starts_with(key) && word[key.size()] == '=')
            value = word.substr(key.size() + 1);
        word.clear();
    };
    for (const char c : line) {
        if (c == '"')
            quoted = !quoted;
        else if (!quoted && std::strchr(" \t\n", c))
            finish();
        else
            word += c;
    }
    finish();
    return value;
}

} // namespace Preon::Boot
