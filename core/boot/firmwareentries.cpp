// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/boot/firmwareentries.h"

#include "core/boot/efivars.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <format>

namespace Preon::Boot
{

namespace
{

// Device path nodes (UEFI 2.10, section 10.3): type, subtype.
constexpr unsigned mediaType = 4, hardDriveNode = 1, filePathNode = 4, endType = 0x7F, endAll = 0xFF;
constexpr std::size_t nodeHeader = 4, hardDriveLength = 42;
constexpr unsigned gptFormat = 2, guidSignature = 2;

template<typename Number>
void put(Bytes &data, Number value)
{
    for (std::size_t i = 0; i < sizeof(Number); ++i)
        data.push_back(static_cast<std::byte>(value >> 8U * i & 0xFFU));
}

void addBytes(Bytes &data, ByteView more)
{
    data.insert(data.end(), more.begin(), more.end());
}

template<typename Number>
Number take(ByteView data, std::size_t at)
{
    Number value = 0;
    for (std::size_t i = 0; i < sizeof(Number); ++i)
        value = static_cast<Number>(value | static_cast<Number>(std::to_integer<Number>(data[at + i]) << 8U * i));
    return value;
}

// A GUID in a device path has its first three fields little-endian; Uuid keeps the order of the text.
std::array<std::byte, 16> swappedGuid(ByteView bytes)
{
    constexpr std::array<std::size_t, 16> order{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    std::array<std::byte, 16> swapped{};
    for (std::size_t i = 0; i < order.size(); ++i)
        swapped[i] = bytes[order[i]];
    return swapped;
}

// The HD()/File() pair of a device path; nullopt for any other shape, and for one that is cut off.
std::optional<HardDriveFile> parseDevicePath(ByteView path)
{
    HardDriveFile file;
    bool drive = false;
    while (path.size() >= nodeHeader) {
        const auto type = std::to_integer<unsigned>(path[0]) & 0x7FU;
        const auto subtype = std::to_integer<unsigned>(path[1]);
        const std::size_t length = take<std::uint16_t>(path, 2);
        if (length < nodeHeader || length > path.size())
            return std::nullopt;
        const ByteView node = path.first(length);
        if (type == endType)
            break;
        if (type == mediaType && subtype == hardDriveNode && length == hardDriveLength) {
            if (std::to_integer<unsigned>(node[40]) != gptFormat || std::to_integer<unsigned>(node[41]) != guidSignature)
                return std::nullopt;
            file.partition = take<std::uint32_t>(node, 4);
            file.start = take<std::uint64_t>(node, 8);
            file.size = take<std::uint64_t>(node, 16);
            file.partitionUuid = Uuid(swappedGuid(node.subspan(24, 16)));
            drive = true;
        } else if (type == mediaType && subtype == filePathNode) {
            file.path += fromUtf16(node.subspan(nodeHeader));
        }
        path = path.subspan(length);
    }
    if (!drive || file.path.empty())
        return std::nullopt;
    return file;
}

// FAT names, and so firmware paths, ignore case.
bool samePath(const std::string &a, const std::string &b)
{
    return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string variableName(std::uint16_t number)
{
    return std::format("Boot{:04X}", number);
}

// The number in "Boot0007-8be4…"; nullopt for BootOrder and all other names.
std::optional<std::uint16_t> entryNumber(const std::string &fileName)
{
    const std::string suffix = '-' + globalVendor().text();
    if (fileName.size() != 8 + suffix.size() || !fileName.starts_with("Boot") || !fileName.ends_with(suffix))
        return std::nullopt;
    const auto digits = fromHex(std::string_view(fileName).substr(4, 4));
    if (!digits)
        return std::nullopt;
    return static_cast<std::uint16_t>(std::to_integer<unsigned>((*digits)[0]) << 8U | std::to_integer<unsigned>((*digits)[1]));
}

Result<void> writeBootOrder(const Host &host, const std::vector<std::uint16_t> &order)
{
    Bytes data;
    for (const std::uint16_t number : order)
        put(data, number);
    return writeVariable(host, "BootOrder", globalVendor(), data);
}

Result<std::vector<std::uint16_t>> entryNumbers(const Host &host)
{
    std::vector<std::uint16_t> numbers;
    std::error_code error;
    for (std::filesystem::directory_iterator file(host.efivars, error), end; !error && file != end; file.increment(error)) {
        if (const auto number = entryNumber(file->path().filename().string()))
            numbers.push_back(*number);
    }
    if (error)
        return failErrno(error.value(), "The EFI variables could not be listed");
    std::ranges::sort(numbers);
    return numbers;
}

} // namespace

Bytes encodeLoadOption(const FirmwareEntry &entry)
{
    Bytes path;
    if (entry.file) {
        const HardDriveFile &file = *entry.file;
        put<std::uint8_t>(path, mediaType);
        put<std::uint8_t>(path, hardDriveNode);
        put<std::uint16_t>(path, hardDriveLength);
        put<std::uint32_t>(path, file.partition);
        put<std::uint64_t>(path, file.start);
        put<std::uint64_t>(path, file.size);
        addBytes(path, swappedGuid(file.partitionUuid.bytes()));
        put<std::uint8_t>(path, gptFormat);
        put<std::uint8_t>(path, guidSignature);

        const Bytes name = toUtf16(file.path);
        put<std::uint8_t>(path, mediaType);
        put<std::uint8_t>(path, filePathNode);
        put<std::uint16_t>(path, static_cast<std::uint16_t>(nodeHeader + name.size()));
        addBytes(path, name);
    }
    put<std::uint8_t>(path, endType);
    put<std::uint8_t>(path, endAll);
    put<std::uint16_t>(path, nodeHeader);

    Bytes data;
    put<std::uint32_t>(data, entry.attributes);
    put<std::uint16_t>(data, static_cast<std::uint16_t>(path.size()));
    addBytes(data, toUtf16(entry.title));
    addBytes(data, path);
    return data;
}

Result<FirmwareEntry> parseLoadOption(std::uint16_t number, ByteView data)
{
    constexpr std::size_t header = 6;
    FirmwareEntry entry;
    entry.number = number;
    const std::string what = "The firmware's entry " + variableName(number) + " makes no sense";
    if (data.size() < header)
        return fail(ErrorCode::BadFormat, what, "it is too short");
    entry.attributes = take<std::uint32_t>(data, 0);
    const std::size_t pathLength = take<std::uint16_t>(data, 4);
    std::size_t at = header;
    while (at + 1 < data.size() && take<std::uint16_t>(data, at) != 0)
        at += 2;
    if (at + 1 >= data.size())
        return fail(ErrorCode::BadFormat, what, "its title has no end");
    entry.title = fromUtf16(data.subspan(header, at - header));
    at += 2;
    if (pathLength > data.size() - at)
        return fail(ErrorCode::BadFormat, what, "its device path is cut off");
    entry.file = parseDevicePath(data.subspan(at, pathLength));
    return entry;
}

Result<std::vector<FirmwareEntry>> firmwareEntries(const Host &host)
{
    PREON_TRY(const auto numbers, entryNumbers(host));
    std::vector<FirmwareEntry> entries;
    for (const std::uint16_t number : numbers) {
        const auto variable = readVariable(host, variableName(number), globalVendor());
        if (!variable)
            continue;
        if (auto entry = parseLoadOption(number, variable->data))
            entries.push_back(std::move(*entry));
    }
    return entries;
}

Result<std::vector<std::uint16_t>> bootOrder(const Host &host)
{
    std::vector<std::uint16_t> order;
    const auto variable = readVariable(host, "BootOrder", globalVendor());
    if (!variable) {
        if (variable.error().code == ErrorCode::NotFound)
            return order;
        return std::unexpected(variable.error());
    }
    for (std::size_t at = 0; at + 1 < variable->data.size(); at += 2)
        order.push_back(take<std::uint16_t>(variable->data, at));
    return order;
}

Result<std::uint16_t> placeFirst(const Host &host, const std::string &title, const HardDriveFile &file)
{
    PREON_TRY(const auto numbers, entryNumbers(host));
    PREON_TRY(const auto entries, firmwareEntries(host));
    std::optional<std::uint16_t> ours;
    std::vector<std::uint16_t> stale;
    for (const FirmwareEntry &entry : entries) {
        if (!entry.file || entry.file->partitionUuid != file.partitionUuid || !samePath(entry.file->path, file.path))
            continue;
        if (ours)
            stale.push_back(entry.number);
        else
            ours = entry.number;
    }
    if (!ours) {
        std::uint32_t number = 0;
        while (number <= 0xFFFF && std::ranges::binary_search(numbers, number))
            ++number;
        if (number > 0xFFFF)
            return fail(ErrorCode::NoSpace, "The firmware has no free place for a boot entry");
        ours = static_cast<std::uint16_t>(number);
    }
    // The entry first, the order second, leftovers last: a power cut between them leaves nothing dangling in front.
    FirmwareEntry entry;
    entry.number = *ours;
    entry.title = title;
    entry.file = file;
    PREON_CHECK(writeVariable(host, variableName(*ours), globalVendor(), encodeLoadOption(entry)));
    PREON_TRY(auto order, bootOrder(host));
    std::erase_if(order, [&](std::uint16_t number) { return number == *ours || std::ranges::contains(stale, number); });
    order.insert(order.begin(), *ours);
    PREON_CHECK(writeBootOrder(host, order));
    for (const std::uint16_t number : stale)
        PREON_CHECK(removeVariable(host, variableName(number), globalVendor()));
    return *ours;
}

Result<void> removeEntries(const Host &host, const std::vector<Uuid> &partitions, const std::string &path)
{
    PREON_TRY(const auto entries, firmwareEntries(host));
    std::vector<std::uint16_t> gone;
    for (const FirmwareEntry &entry : entries) {
        if (entry.file && std::ranges::contains(partitions, entry.file->partitionUuid) && samePath(entry.file->path, path))
            gone.push_back(entry.number);
    }
    if (gone.empty())
        return {};
    PREON_TRY(auto order, bootOrder(host));
    std::erase_if(order, [&](std::uint16_t number) { return std::ranges::contains(gone, number); });
    PREON_CHECK(writeBootOrder(host, order));
    for (const std::uint16_t number : gone)
        PREON_CHECK(removeVariable(host, variableName(number), globalVendor()));
    return {};
}

} // namespace Preon::Boot
