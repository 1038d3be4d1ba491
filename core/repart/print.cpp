// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/repart/print.h"

#include "core/base/format.h"
#include "core/disk/parttypes.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

namespace Preon::Repart
{

namespace
{
using Fields = std::vector<std::pair<std::string, nlohmann::json>>;

std::string_view activityName(Activity activity)
{
    switch (activity) {
    case Activity::Create:
        return "create";
    case Activity::Resize:
        return "resize";
    case Activity::Unchanged:
        break;
    }
    return "unchanged";
}

std::string orDash(const std::string &text)
{
    return text.empty() ? "-" : text;
}

bool anyDropIns(const Plan &plan)
{
    return std::ranges::any_of(plan.partitions, [](const PlannedPartition &p) { return !p.dropIns.empty(); });
}

// The label that is printed: the type's name where the partition has none and no definition gave one.
std::string shownLabel(const PlannedPartition &planned)
{
    if (planned.partition.label.empty() && !planned.definition)
        return Disk::designator(planned.partition.type) == Disk::Designator::Other ? "" : Disk::partitionTypeName(planned.partition.type);
    return planned.partition.label;
}

Fields fieldsOf(const PlannedPartition &planned, bool dropIns)
{
    const Disk::Partition &partition = planned.partition;
    Fields fields{{"type", Disk::partitionTypeName(partition.type)},
                  {"label", orDash(shownLabel(planned))},
                  {"uuid", partition.uuid.text()},
                  {"partno", partition.number - 1},
                  {"file", planned.file.empty() ? nlohmann::json() : nlohmann::json(planned.file.string())},
                  {"node", planned.node.string()},
                  {"offset", partition.start},
                  {"old_size", planned.oldSize},
                  {"raw_size", partition.size},
                  {"old_padding", planned.oldPadding},
                  {"raw_padding", planned.padding},
                  {"activity", activityName(planned.activity)}};
    if (dropIns) {
        nlohmann::json files = planned.file.empty() ? nlohmann::json() : nlohmann::json::array();
        for (const auto &file : planned.dropIns)
            files.push_back(file.string());
        fields.emplace_back("drop-in_files", files);
    }
    return fields;
}

std::string dumped(const nlohmann::json &value)
{
    return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// systemd's spelling of a value in its pretty form: arrays go over several lines.
std::string prettyValue(const nlohmann::json &value)
{
    if (!value.is_array() || value.empty())
        return dumped(value);
    std::string text = "[\n";
    for (std::size_t i = 0; i < value.size(); ++i)
        text += "\t\t\t" + dumped(value[i]) + (i + 1 < value.size() ? ",\n" : "\n");
    return text + "\t\t]";
}

std::string prettyRow(const Fields &fields)
{
    std::string text = "\t{\n";
    for (std::size_t i = 0; i < fields.size(); ++i)
        text += "\t\t" + dumped(fields[i].first) + " : " + prettyValue(fields[i].second) + (i + 1 < fields.size() ? ",\n" : "\n");
    return text + "\t}";
}

std::string shortRow(const Fields &fields)
{
    std::string text = "{";
    for (std::size_t i = 0; i < fields.size(); ++i)
        text += (i ? "," : "") + dumped(fields[i].first) + ":" + dumped(fields[i].second);
    return text + "}";
}

std::string change(std::uint64_t from, std::uint64_t to, bool fresh)
{
    if (fresh)
        return "→ " + formatBinarySize(to);
    return from == to ? formatBinarySize(from) : formatBinarySize(from) + " → " + formatBinarySize(to);
}

// Columns on a terminal: a character is one wide unless it continues another.
std::size_t width(const std::string &text)
{
    return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }));
}
}

std::string toJson(const Plan &plan, bool pretty)
{
    if (plan.partitions.empty())
        return "[]\n";
    const bool dropIns = anyDropIns(plan);
    std::string text = pretty ? "[\n" : "[";
    for (std::size_t i = 0; i < plan.partitions.size(); ++i) {
        const Fields fields = fieldsOf(plan.partitions[i], dropIns);
        const bool last = i + 1 == plan.partitions.size();
        text += pretty ? prettyRow(fields) + (last ? "\n" : ",\n") : shortRow(fields) + (last ? "" : ",");
    }
    return text + "]\n";
}

std::string toTable(const Plan &plan, bool legend)
{
    if (plan.partitions.empty())
        return "Empty partition table.\n";
    constexpr std::array titles{"TYPE", "LABEL", "UUID", "PARTNO", "FILE", "NODE", "SIZE", "PADDING"};
    constexpr std::size_t firstOnTheRight = 6;
    using Row = std::array<std::string, titles.size()>;
    std::vector<Row> rows;
    if (legend)
        rows.emplace_back();
    for (std::size_t i = 0; legend && i < titles.size(); ++i)
        rows.front()[i] = titles[i];
    std::uint64_t size = 0, padding = 0;
    for (const PlannedPartition &planned : plan.partitions) {
        const bool fresh = planned.activity == Activity::Create;
        const Disk::Partition &p = planned.partition;
        size += p.size;
        padding += planned.padding;
        rows.push_back({Disk::partitionTypeName(p.type), orDash(shownLabel(planned)), p.uuid.text(), std::to_string(p.number - 1),
                        orDash(planned.file.filename().string()), planned.node.string(), change(planned.oldSize, p.size, fresh),
                        change(planned.oldPadding, planned.padding, fresh)});
    }
    if (legend)
        rows.push_back({"", "", "", "", "", "", "Σ = " + formatBinarySize(size), "Σ = " + formatBinarySize(padding)});

    std::array<std::size_t, titles.size()> widths{};
    for (const Row &row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], width(row[i]));
    }
    std::string text;
    for (const Row &row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::string blanks(widths[i] - width(row[i]), ' ');
            line += (i ? " " : "") + (i >= firstOnTheRight ? blanks + row[i] : row[i] + blanks);
        }
        text += line.erase(line.find_last_not_of(' ') + 1) + '\n';
    }
    return text;
}

} // namespace Preon::Repart
