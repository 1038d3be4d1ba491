// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/base/format.h"
#include "core/disk/parttypes.h"
#include "core/repart/definition_parser.h"
#include "core/repart/flags.h"

#include <charconv>
#include <climits>

namespace Preon::Repart
{

namespace
{
constexpr std::uint64_t sizeUnit = 4096;
constexpr std::uint32_t maximumWeight = 1000000;
constexpr std::size_t labelUnits = 36; // UTF-16 units of a GPT entry

// strtoull's bases as systemd reads numbers: 0x, 0o, 0b and a leading zero.
std::optional<std::uint64_t> parseUnsigned(std::string_view text)
{
    int base = 10;
    if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'o' || text[1] == 'b')) {
        base = text[1] == 'x' ? 16 : text[1] == 'o' ? 8 : 2;
        text.remove_prefix(2);
    } else if (text.size() > 1 && text[0] == '0') {
        base = 8;
        text.remove_prefix(1);
    }
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc() || end != text.data() + text.size() || text.empty())
        return std::nullopt;
    return value;
}

// UTF-16 units, nullopt when the text is no UTF-8.
std::optional<std::size_t> utf16Length(std::string_view text)
{
    std::size_t units = 0;
    for (std::size_t i = 0; i < text.size();) {
        const auto first = static_cast<unsigned char>(text[i]);
        const std::size_t length = first < 0x80 ? 1
            : first >= 0xc2 && first < 0xe0     ? 2
            : first >= 0xe0 && first < 0xf0     ? 3
            : first >= 0xf0 && first < 0xf5     ? 4
                                                : 0;
        if (length == 0 || i + length > text.size())
            return std::nullopt;
        std::uint32_t point = length == 1 ? first : first & (0xffU >> (length + 1));
        for (std::size_t k = 1; k < length; ++k) {
            const auto next = static_cast<unsigned char>(text[i + k]);
            if ((next & 0xc0U) != 0x80)
                return std::nullopt;
            point = (point << 6U) | (next & 0x3fU);
        }
        if ((length == 3 && point < 0x800) || (length == 4 && (point < 0x10000 || point > 0x10ffff)) || (point >= 0xd800 && point < 0xe000))
            return std::nullopt;
        units += point >= 0x10000 ? 2 : 1;
        i += length;
    }
    return units;
}
}

DefinitionParser::Outcome DefinitionParser::takeSize(const UnitEntry &entry, std::optional<std::uint64_t> &into, bool up)
{
    const auto parsed = parseSize(entry.value);
    if (!parsed)
        return refuse(entry, "Failed to parse size value: " + entry.value);
    std::uint64_t rounded = *parsed / sizeUnit * sizeUnit;
    if (up && rounded != *parsed)
        rounded = rounded > UINT64_MAX - sizeUnit ? UINT64_MAX : rounded + sizeUnit;
    if (rounded != *parsed)
        warn(entry, "Rounded " + entry.key + "= size " + std::to_string(*parsed) + " → " + std::to_string(rounded) + ", a multiple of 4096.");
    into = rounded;
    return {};
}

void DefinitionParser::takeLabel(const UnitEntry &entry, std::optional<std::string> &into)
{
    // The empty label is one to set, not a reset to the default. The limit on the expansion is in bytes, that of the entry in UTF-16 units.
    const auto label = options.specifiers.expand(entry.value, labelUnits);
    if (!label) {
        warn(entry, "Failed to expand specifiers in Label=, ignoring: " + entry.value);
        return;
    }
    const auto units = utf16Length(*label);
    if (!units)
        warn(entry, "Partition label not valid UTF-8, ignoring: " + entry.value);
    else if (*units > labelUnits)
        warn(entry, "Partition label too long for GPT table, ignoring: \"" + *label + "\" (from \"" + entry.value + "\")");
    else
        into = *label;
}

void DefinitionParser::takeUuid(const UnitEntry &entry)
{
    if (entry.value.empty()) {
        definition.uuid.reset();
        return;
    }
    const auto uuid = entry.value == "null" ? Uuid() : Uuid::parse(entry.value);
    if (uuid)
        definition.uuid = *uuid;
    else
        warn(entry, "Failed to parse 128-bit ID/UUID, ignoring: " + entry.value);
}

void DefinitionParser::takeWeight(const UnitEntry &entry, std::uint32_t &into)
{
    const auto weight = parseUnsigned(entry.value);
    if (!weight || *weight > UINT32_MAX)
        warn(entry, "Failed to parse weight value, ignoring: " + entry.value);
    else if (*weight > maximumWeight)
        warn(entry, "Weight needs to be in range 0…10000000, ignoring: " + std::to_string(*weight));
    else
        into = static_cast<std::uint32_t>(*weight);
}

void DefinitionParser::takePriority(const UnitEntry &entry)
{
    std::string_view text = entry.value;
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+'))
        text.remove_prefix(1);
    const auto value = parseUnsigned(text);
    const std::uint64_t limit = negative ? 1ULL << 31U : INT32_MAX;
    if (!value || *value > limit)
        warn(entry, "Failed to parse Priority=" + entry.value + ", ignoring: " + (value ? "Numerical result out of range" : "Invalid argument"));
    else
        definition.priority = static_cast<std::int32_t>(negative ? -static_cast<std::int64_t>(*value) : static_cast<std::int64_t>(*value));
}

void DefinitionParser::takeBoolean(const UnitEntry &entry, std::optional<bool> &into)
{
    if (entry.value.empty()) {
        into.reset();
        return;
    }
    if (const auto value = parseBoolean(entry.value))
        into = *value;
    else
        warn(entry, "Failed to parse " + entry.key + "=" + entry.value + ", ignoring: Invalid argument");
}

void DefinitionParser::takeFlags(const UnitEntry &entry)
{
    const auto flags = parseUnsigned(entry.value);
    if (!flags) {
        warn(entry, "Failed to parse Flags= value, ignoring: " + entry.value);
        return;
    }
    if ((*flags & ~typeFlags) != 0)
        warn(entry, "Only the bits 48 to 63 can be set; as with systemd-repart, the partition gets no attribute at all.");
    writtenFlags = *flags;
}

DefinitionParser::Outcome DefinitionParser::takeType(const UnitEntry &entry)
{
    const auto type = Disk::partitionType(entry.value, options.architecture);
    if (!type)
        return refuse(entry, "Failed to parse partition type: " + entry.value);
    definition.type = *type;
    return {};
}

DefinitionParser::Outcome DefinitionParser::takeBlockSize(const UnitEntry &entry, std::optional<std::uint32_t> &into)
{
    const auto size = parseSize(entry.value);
    if (!size)
        return refuse(entry, "Failed to parse size value: " + entry.value);
    if (*size < 512 || *size > 4096)
        return refuse(entry, "Value not between 512 and 4096: " + entry.value);
    if ((*size & (*size - 1)) != 0)
        return refuse(entry, "Value not a power of 2: " + entry.value);
    into = static_cast<std::uint32_t>(*size);
    return {};
}

std::optional<DefinitionParser::Outcome> DefinitionParser::takeValue(const UnitEntry &entry)
{
    const std::string &key = entry.key;
    std::optional<bool> flag;
    if (key == "Type")
        return takeType(entry);
    if (key == "SizeMinBytes")
        return takeSize(entry, definition.sizeMin, false);
    if (key == "SizeMaxBytes")
        return takeSize(entry, definition.sizeMax, true);
    if (key == "PaddingMinBytes")
        return takeSize(entry, definition.paddingMin, false);
    if (key == "PaddingMaxBytes")
        return takeSize(entry, definition.paddingMax, true);
    if (key == "VerityDataBlockSizeBytes")
        return takeBlockSize(entry, definition.verityDataBlock);
    if (key == "VerityHashBlockSizeBytes")
        return takeBlockSize(entry, definition.verityHashBlock);
    if (key == "Label")
        takeLabel(entry, definition.label);
    else if (key == "VolumeLabel")
        takeLabel(entry, definition.volumeLabel);
    else if (key == "UUID")
        takeUuid(entry);
    else if (key == "Priority")
        takePriority(entry);
    else if (key == "Weight")
        takeWeight(entry, definition.weight);
    else if (key == "PaddingWeight")
        takeWeight(entry, definition.paddingWeight);
    else if (key == "Flags")
        takeFlags(entry);
    else if (key == "ReadOnly")
        takeBoolean(entry, readOnly);
    else if (key == "NoAuto")
        takeBoolean(entry, noAuto);
    else if (key == "GrowFileSystem")
        takeBoolean(entry, growFileSystem);
    else if (key == "FactoryReset") {
        takeBoolean(entry, flag);
        definition.factoryReset = flag.value_or(definition.factoryReset);
    } else {
        return std::nullopt;
    }
    return Outcome();
}

} // namespace Preon::Repart
