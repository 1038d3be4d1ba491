// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/boot/efivars.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace Preon::Boot
{

namespace
{

constexpr std::size_t attributeSize = 4;
constexpr std::size_t largestVariable = 1U << 20U; // firmware stores hold far less; a bound against nonsense

std::filesystem::path variablePath(const Host &host, std::string_view name, const Uuid &vendor)
{
    return host.efivars / (std::string(name) + '-' + vendor.text());
}

std::string variableTitle(std::string_view name)
{
    return "The EFI variable " + std::string(name);
}

// The kernel marks variables that it does not know as immutable, against "rm -rf". A folder that is no efivarfs may know no such flag.
Result<void> clearImmutable(const std::filesystem::path &path)
{
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd.isOpen()) {
        if (errno == ENOENT)
            return {};
        return failErrno("Could not open " + path.string());
    }
    int flags = 0;
    if (ioctl(fd.get(), FS_IOC_GETFLAGS, &flags) < 0 || !(flags & FS_IMMUTABLE_FL))
        return {};
    flags &= ~FS_IMMUTABLE_FL;
    if (ioctl(fd.get(), FS_IOC_SETFLAGS, &flags) < 0)
        return failErrno("Could not make " + path.string() + " changeable");
    return {};
}

void appendUtf8(std::string &text, char32_t c)
{
    if (c < 0x80) {
        text += static_cast<char>(c);
    } else if (c < 0x800) {
        text += static_cast<char>(0xC0U | c >> 6U);
        text += static_cast<char>(0x80U | (c & 0x3FU));
    } else if (c < 0x10000) {
        text += static_cast<char>(0xE0U | c >> 12U);
        text += static_cast<char>(0x80U | (c >> 6U & 0x3FU));
        text += static_cast<char>(0x80U | (c & 0x3FU));
    } else {
        text += static_cast<char>(0xF0U | c >> 18U);
        text += static_cast<char>(0x80U | (c >> 12U & 0x3FU));
        text += static_cast<char>(0x80U | (c >> 6U & 0x3FU));
        text += static_cast<char>(0x80U | (c & 0x3FU));
    }
}

// One code point at the front of text, which it shortens.
char32_t takeUtf8(std::string_view &text)
{
    constexpr char32_t replacement = 0xFFFD;
    const auto first = static_cast<unsigned char>(text.front());
    text.remove_prefix(1);
    if (first < 0x80)
        return first;
    const std::size_t more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    if (first < 0xC2 || first > 0xF4 || text.size() < more)
        return replacement;
    char32_t c = first & (0x3FU >> more);
    for (std::size_t i = 0; i < more; ++i) {
        const auto next = static_cast<unsigned char>(text[i]);
        if ((next & 0xC0U) != 0x80)
            return replacement;
        c = c << 6U | (next & 0x3FU);
    }
    constexpr std::array<char32_t, 4> smallest{0, 0x80, 0x800, 0x10000};
    if (c < smallest[more] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
        return replacement;
    text.remove_prefix(more);
    return c;
}

void appendUnit(Bytes &data, char32_t unit)
{
    data.push_back(static_cast<std::byte>(unit & 0xFFU));
    data.push_back(static_cast<std::byte>(unit >> 8U & 0xFFU));
}

} // namespace

const Uuid &globalVendor()
{
    static const Uuid id = *Uuid::parse("8be4df61-93ca-11d2-aa0d-00e098032b8c");
    return id;
}

const Uuid &loaderVendor()
{
    static const Uuid id = *Uuid::parse("4a67b082-0a4c-41cf-b6c7-440b29bb8c4f");
    return id;
}

bool hasEfiVariables(const Host &host)
{
    // The mount point exists, but stays empty, where efivarfs is not mounted.
    std::error_code ignored;
    return std::filesystem::is_directory(host.efivars, ignored) && !std::filesystem::is_empty(host.efivars, ignored);
}

Result<EfiVariable> readVariable(const Host &host, std::string_view name, const Uuid &vendor)
{
    auto content = readFile(variablePath(host, name, vendor), largestVariable);
    if (!content)
        return std::unexpected(content.error().during(variableTitle(name) + " could not be read"));
    if (content->size() < attributeSize)
        return fail(ErrorCode::BadFormat, variableTitle(name) + " is too short", std::to_string(content->size()) + " bytes");
    EfiVariable variable;
    for (std::size_t i = 0; i < attributeSize; ++i)
        variable.attributes |= std::to_integer<std::uint32_t>((*content)[i]) << 8U * i;
    variable.data.assign(content->begin() + attributeSize, content->end());
    return variable;
}

Result<void> writeVariable(const Host &host, std::string_view name, const Uuid &vendor, ByteView data, std::uint32_t attributes)
{
    const std::filesystem::path path = variablePath(host, name, vendor);
    PREON_CHECK(clearImmutable(path));
    Bytes content;
    content.reserve(attributeSize + data.size());
    for (unsigned i = 0; i < attributeSize; ++i)
        content.push_back(static_cast<std::byte>(attributes >> 8U * i & 0xFFU));
    content.insert(content.end(), data.begin(), data.end());

    PREON_TRY(const Fd fd, openFile(path, O_WRONLY | O_CREAT | O_NOCTTY, 0644));
    // efivarfs takes a variable in one write call, whole, and sets the length itself; it knows no truncation.
    const ssize_t written = ::write(fd.get(), content.data(), content.size());
    if (written < 0)
        return failErrno(variableTitle(name) + " could not be written");
    if (static_cast<std::size_t>(written) != content.size())
        return fail(ErrorCode::Io, variableTitle(name) + " could not be written", "the firmware took only a part of it");
    if (struct stat status{}; fstat(fd.get(), &status) == 0 && static_cast<std::size_t>(status.st_size) > content.size())
        static_cast<void>(!ftruncate(fd.get(), written)); // a plain folder: the longer old content must go
    return {};
}

Result<void> removeVariable(const Host &host, std::string_view name, const Uuid &vendor)
{
    const std::filesystem::path path = variablePath(host, name, vendor);
    PREON_CHECK(clearImmutable(path));
    if (::unlink(path.c_str()) < 0 && errno != ENOENT)
        return failErrno(variableTitle(name) + " could not be removed");
    return {};
}

std::string fromUtf16(ByteView data)
{
    constexpr char32_t replacement = 0xFFFD;
    std::string text;
    const auto unitAt = [&](std::size_t i) {
        return std::to_integer<char32_t>(data[i]) | std::to_integer<char32_t>(data[i + 1]) << 8U;
    };
    std::size_t i = 0;
    for (; i + 1 < data.size(); i += 2) {
        const char32_t unit = unitAt(i);
        if (unit == 0)
            return text;
        if (unit < 0xD800 || unit >= 0xE000) {
            appendUtf8(text, unit);
            continue;
        }
        const char32_t next = i + 3 < data.size() ? unitAt(i + 2) : 0;
        if (unit < 0xDC00 && next >= 0xDC00 && next < 0xE000) {
            appendUtf8(text, 0x10000 + ((unit - 0xD800) << 10U) + (next - 0xDC00));
            i += 2;
        } else {
            appendUtf8(text, replacement);
        }
    }
    if (i < data.size())
        appendUtf8(text, replacement);
    return text;
}

Bytes toUtf16(std::string_view text)
{
    Bytes data;
    data.reserve(2 * text.size() + 2);
    while (!text.empty()) {
        const char32_t c = takeUtf8(text);
        if (c >= 0x10000) {
            appendUnit(data, 0xD800 + ((c - 0x10000) >> 10U));
            appendUnit(data, 0xDC00 + ((c - 0x10000) & 0x3FFU));
        } else {
            appendUnit(data, c);
        }
    }
    appendUnit(data, 0);
    return data;
}

Result<std::optional<std::string>> loaderString(const Host &host, std::string_view name)
{
    auto variable = readVariable(host, name, loaderVendor());
    if (variable)
        return fromUtf16(variable->data);
    if (variable.error().code == ErrorCode::NotFound)
        return std::nullopt;
    return std::unexpected(variable.error());
}

Result<std::optional<Uuid>> loaderPartition(const Host &host)
{
    PREON_TRY(const auto text, loaderString(host, "LoaderDevicePartUUID"));
    if (!text)
        return std::nullopt;
    const auto id = Uuid::parse(*text);
    if (!id)
        return fail(ErrorCode::BadFormat, "The loader names its partition by something that is no UUID", *text);
    return id;
}

} // namespace Preon::Boot
