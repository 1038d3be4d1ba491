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

// Columns that are there only when some partition has something for them.
struct Extras {
    bool rootHash = false, dropIns = false, splitPath = false, encryption = false;

    explicit Extras(const Plan &plan)
    {
        for (const PlannedPartition &planned : plan.partitions) {
            rootHash |= planned.verity.has_value();
            dropIns |= !planned.dropIns.empty();
            splitPath |= !planned.splitPath.empty();
            encryption |= planned.encryptChosen;
        }
    }
};

std::string_view encryptionName(Encrypt encrypt)
{
    switch (encrypt) {
    case Encrypt::KeyFile:
        return "key-file";
    case Encrypt::Tpm2:
        return "tpm2";
    case Encrypt::KeyFileAndTpm2:
        return "key-file+tpm2";
    case Encrypt::Tpm2OrPassphrase:
        return "tpm2-or-passphrase";
    case Encrypt::Tpm2OrRecoveryKey:
        return "tpm2-or-recovery-key";
    case Encrypt::Passphrase:
        return "passphrase";
    case Encrypt::RecoveryKey:
        return "recovery-key";
    case Encrypt::IntegrityKey:
        return "integrity";
    case Encrypt::Off:
        break;
    }
    return "off";
}

std::string rootHashOf(const PlannedPartition &planned)
{
    if (!planned.verity)
        return "";
    return planned.verity->rootHash ? toHex(*planned.verity->rootHash) : "TBD";
}

// The label that is printed: the type's name where the partition has none and no definition gave one.
std::string shownLabel(const PlannedPartition &planned)
{
    if (planned.partition.label.empty() && !planned.definition)
        return Disk::designator(planned.partition.type) == Disk::Designator::Other ? "" : Disk::partitionTypeName(planned.partition.type);
    return planned.partition.label;
}

Fields fieldsOf(const PlannedPartition &planned, const Extras &extras)
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
    if (extras.rootHash)
        fields.emplace_back("roothash", planned.verity ? nlohmann::json(rootHashOf(planned)) : nlohmann::json());
    if (extras.dropIns) {
        nlohmann::json files = planned.file.empty() ? nlohmann::json() : nlohmann::json::array();
        for (const auto &file : planned.dropIns)
            files.push_back(file.string());
        fields.emplace_back("drop-in_files", files);
    }
    if (extras.splitPath)
        fields.emplace_back("split_path", orDash(planned.splitPath.string()));
    if (extras.encryption)
        fields.emplace_back("encryption", encryptionName(planned.encrypt));
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
    const Extras extras(plan);
    std::string text = pretty ? "[\n" : "[";
    for (std::size_t i = 0; i < plan.partitions.size(); ++i) {
        const Fields fields = fieldsOf(plan.partitions[i], extras);
        const bool last = i + 1 == plan.partitions.size();
        text += pretty ? prettyRow(fields) + (last ? "\n" : ",\n") : shortRow(fields) + (last ? "" : ",");
    }
    return text + "]\n";
}

namespace
{
using Row = std::vector<std::string>;
constexpr std::size_t sizeColumn = 6, paddingColumn = 7; // on the right

Row titlesOf(const Extras &extras)
{
    Row row{"TYPE", "LABEL", "UUID", "PARTNO", "FILE", "NODE", "SIZE", "PADDING"};
    for (const auto &[wanted, title] : {std::pair(extras.rootHash, "ROOTHASH"), std::pair(extras.dropIns, "DROP-IN FILES"),
                                        std::pair(extras.splitPath, "SPLIT PATH"), std::pair(extras.encryption, "ENCRYPTION")}) {
        if (wanted)
            row.emplace_back(title);
    }
    return row;
}

std::string joinedPaths(const std::vector<std::filesystem::path> &paths)
{
    std::string text;
    for (const auto &path : paths)
        text += (text.empty() ? "" : " ") + path.string();
    return text;
}

Row rowOf(const PlannedPartition &planned, const Extras &extras)
{
    const bool fresh = planned.activity == Activity::Create;
    const Disk::Partition &p = planned.partition;
    Row row{Disk::partitionTypeName(p.type),
            orDash(shownLabel(planned)),
            p.uuid.text(),
            std::to_string(p.number - 1),
            orDash(planned.file.filename().string()),
            planned.node.string(),
            change(planned.oldSize, p.size, fresh),
            change(planned.oldPadding, planned.padding, fresh)};
    if (extras.rootHash)
        row.push_back(orDash(rootHashOf(planned)));
    if (extras.dropIns)
        row.push_back(orDash(joinedPaths(planned.dropIns)));
    if (extras.splitPath)
        row.push_back(orDash(planned.splitPath.string()));
    if (extras.encryption)
        row.emplace_back(encryptionName(planned.encrypt));
    return row;
}

std::string inColumns(const std::vector<Row> &rows)
{
    std::vector<std::size_t> widths(rows.front().size());
    for (const Row &row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], width(row[i]));
    }
    std::string text;
    for (const Row &row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::string blanks(widths[i] - width(row[i]), ' ');
            line += (i ? " " : "") + (i == sizeColumn || i == paddingColumn ? blanks + row[i] : row[i] + blanks);
        }
        text += line.erase(line.find_last_not_of(' ') + 1) + '\n';
    }
    return text;
}
}

std::string toTable(const Plan &plan, bool legend)
{
    if (plan.partitions.empty())
        return "Empty partition table.\n";
    const Extras extras(plan);
    std::vector<Row> rows;
    if (legend)
        rows.push_back(titlesOf(extras));
    std::uint64_t size = 0, padding = 0;
    for (const PlannedPartition &planned : plan.partitions) {
        size += planned.partition.size;
        padding += planned.padding;
        rows.push_back(rowOf(planned, extras));
    }
    if (legend) {
        Row sums(rows.front().size());
        sums[sizeColumn] = "Σ = " + formatBinarySize(size);
        sums[paddingColumn] = "Σ = " + formatBinarySize(padding);
        rows.push_back(std::move(sums));
    }
    return inColumns(rows);
}

std::string toBar(const Plan &plan, std::size_t columns)
{
    const std::size_t cells = std::max<std::size_t>(columns, 4) - 2;
    const std::uint64_t total = std::max<std::uint64_t>(plan.after.deviceSize, 1);
    const auto cellOf = [&](std::uint64_t byte) {
        return static_cast<std::size_t>(std::min<std::uint64_t>(static_cast<std::uint64_t>(static_cast<long double>(byte) / total * cells), cells));
    };
    std::vector<bool> used(cells);
    std::vector<std::size_t> starts;
    for (const PlannedPartition &planned : plan.partitions) {
        const std::size_t first = cellOf(planned.partition.start), last = cellOf(planned.partition.start + planned.partition.size);
        std::fill(used.begin() + static_cast<std::ptrdiff_t>(first), used.begin() + static_cast<std::ptrdiff_t>(std::max(first, last)), true);
        starts.push_back(std::min(first, cells - 1));
    }
    std::string text = " ";
    for (const bool cell : used)
        text += cell ? "▓" : "░";
    text += '\n';
    // One line a partition, from the last one on; the lines of the others run past it.
    for (std::size_t line = 0; line < starts.size(); ++line) {
        const std::size_t own = starts.size() - 1 - line;
        std::vector<std::string> at(cells);
        for (std::size_t i = 0; i < own; ++i)
            at[starts[i]] = "│";
        const PlannedPartition &planned = plan.partitions[own];
        const std::string name = planned.file.empty() ? orDash(shownLabel(planned)) : planned.file.filename().string();
        at[starts[own]] = (at[starts[own]].empty() ? "└─ " : "├─ ") + name;
        text += ' ';
        for (std::size_t i = 0; i < cells;) {
            text += at[i].empty() ? " " : at[i];
            i += at[i].empty() ? 1 : width(at[i]);
        }
        text.erase(text.find_last_not_of(' ') + 1);
        text += '\n';
    }
    return text;
}

} // namespace Preon::Repart
