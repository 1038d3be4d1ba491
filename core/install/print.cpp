// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/install/plan.h"

#include "core/base/format.h"

#include <algorithm>
#include <format>

namespace Preon::Install
{

namespace
{

using Json = nlohmann::ordered_json;

Json partitionJson(const Disk::Partition &partition, const Disk::Content *content = nullptr)
{
    Json json = {{"number", partition.number},    {"start", partition.start}, {"size", partition.size},  {"type", Disk::partitionTypeName(partition.type)},
                 {"uuid", partition.uuid.text()}, {"label", partition.label}, {"flags", partition.flags}};
    if (content && !content->type.empty())
        json["content"] = {{"type", content->type}, {"label", content->label}, {"uuid", content->uuid}};
    return json;
}

Json tableJson(const Disk::Table &table, const std::vector<Disk::Content> *contents = nullptr)
{
    Json partitions = Json::array();
    for (std::size_t i = 0; i < table.partitions.size(); ++i)
        partitions.push_back(partitionJson(table.partitions[i], contents && i < contents->size() ? &(*contents)[i] : nullptr));
    Json json = {{"kind",
                  table.kind == Disk::LabelKind::Gpt        ? "gpt"
                      : table.kind == Disk::LabelKind::Dos  ? "dos"
                      : table.kind == Disk::LabelKind::None ? "none"
                                                            : "other"}};
    if (table.kind == Disk::LabelKind::Gpt)
        json["diskUuid"] = table.diskUuid.text();
    json["partitions"] = std::move(partitions);
    return json;
}

// What a person calls a partition of ours.
std::string purpose(const Disk::Partition &partition)
{
    if (partition.label == "_empty")
        return "room for the next version";
    switch (Disk::designator(partition.type)) {
    case Disk::Designator::Xbootldr:
        return "the system's kernels";
    case Disk::Designator::Esp:
        return "what the firmware starts";
    case Disk::Designator::Usr:
        return "the system";
    case Disk::Designator::UsrVerity:
        return "its hash tree";
    case Disk::Designator::UsrVeritySig:
        return "its signature";
    case Disk::Designator::Root:
        return "settings and programs' data, encrypted";
    case Disk::Designator::Home:
        return "people's files";
    case Disk::Designator::Swap:
        return "memory's overflow, encrypted";
    default:
        return Disk::partitionTypeName(partition.type);
    }
}

bool isOurs(const Repart::Plan &layout, const Disk::Partition &partition)
{
    return std::ranges::any_of(layout.partitions,
                               [&](const Repart::PlannedPartition &each) { return each.definition && each.partition.number == partition.number; });
}

// What stays of a system that is installed anew: the EFI partition that it starts from, and its home.
bool isKept(const Plan &plan, const Disk::Partition &partition)
{
    return plan.mode == Mode::Reinstall && (partition.number == plan.esp.number || partition.number == plan.home);
}

void appendRow(std::string &text, const Disk::Partition &partition, const std::string &words)
{
    text += std::format("  {:>2}  {:>9}  {:<22} {:<14} {}\n", partition.number, formatSize(partition.size), Disk::partitionTypeName(partition.type),
                        partition.label, words);
}

// Only where files are already: on partitions that are made there is nothing to be said.
std::string filesInWords(const Plan &plan)
{
    std::string text;
    for (const PlannedFile &file : plan.files) {
        if (!plan.makes(file.partition))
            text += "  " + file.path + (file.kept ? " (is there already, stays as it is)" : "") + '\n';
    }
    if (!text.empty())
        text = (plan.sharesEsp ? "\nAdded to the EFI partition:\n" : "\nWritten to the EFI partition:\n") + text;
    if (!plan.removedFiles.empty())
        text += "\nRemoved from where the kernels are:\n";
    for (const RemovedFile &file : plan.removedFiles)
        text += "  " + file.path + '\n';
    return text;
}

std::string sentences(const char *heading, const std::vector<std::string> &lines)
{
    std::string text = heading;
    for (const std::string &line : lines)
        text += "  " + line + '\n';
    return lines.empty() ? "" : text;
}

std::string choicesInWords(const Plan &plan)
{
    std::vector<std::string> lines;
    const Json chosen = toJson(plan.choices);
    for (const auto &[name, value] : chosen.items())
        lines.push_back(name + ": " + value.get<std::string>());
    if (plan.network)
        lines.push_back("Wi-Fi: " + nameOf(*plan.network));
    return sentences("\nChosen for the new system:\n", lines);
}

// What becomes of what is there.
std::string changesInWords(const Plan &plan)
{
    switch (plan.mode) {
    case Mode::Beside:
        return "Everything that is on the disk stays as it is.\n";
    case Mode::Reinstall:
        return sentences("Removed, for good:\n", plan.lost) + sentences("\nKept as it is:\n", plan.kept)
            + "\nAll that belongs to other systems stays as it is.\n";
    case Mode::Erase:
        break;
    }
    return plan.lost.empty() ? "The disk is empty: nothing is lost.\n" : sentences("Erased, for good:\n", plan.lost);
}

} // namespace

std::string_view modeName(Mode mode)
{
    switch (mode) {
    case Mode::Erase:
        return "erase";
    case Mode::Beside:
        return "beside";
    case Mode::Reinstall:
        return "reinstall";
    }
    return "";
}

std::optional<Mode> parseMode(std::string_view name)
{
    for (const Mode mode : {Mode::Erase, Mode::Beside, Mode::Reinstall}) {
        if (modeName(mode) == name)
            return mode;
    }
    return std::nullopt;
}

Json toJson(const Plan &plan)
{
    const SourceFacts &source = plan.source;
    const TargetFacts &target = plan.target;
    Json json;
    json["mode"] = modeName(plan.mode);
    json["source"] = {{"kind", source.kind == SourceKind::Booted ? "booted" : "file"},
                      {"path", source.path.string()},
                      {"name", source.system.name},
                      {"version", source.system.version},
                      {"title", source.system.title},
                      {"rootHash", source.system.rootHash},
                      {"kernel", source.kernelPath}};
    json["target"] = {{"path", target.path.string()}, {"model", target.info.model},           {"serial", target.info.serial},
                      {"size", target.info.size},     {"sectorSize", target.info.sectorSize}, {"removable", target.info.removable}};
    json["before"] = tableJson(target.table, &target.contents);
    json["removed"] = Json::array();
    for (const Disk::Partition &partition : plan.removed)
        json["removed"].push_back(partitionJson(partition));
    json["after"] = tableJson(plan.layout.after);
    if (plan.firstBoot)
        json["firstBoot"] = tableJson(plan.firstBoot->after);
    for (const PlannedFile &file : plan.files)
        json["files"].push_back({{"partition", file.partition}, {"path", file.path}, {"kept", file.kept}});
    json["removedFiles"] = Json::array();
    for (const RemovedFile &file : plan.removedFiles)
        json["removedFiles"].push_back({{"partition", file.partition}, {"path", file.path}});
    json["lost"] = plan.lost;
    json["kept"] = plan.kept;
    if (plan.home)
        json["home"] = *plan.home;
    json["choices"] = toJson(plan.choices);
    if (plan.network)
        json["network"] = nameOf(*plan.network);
    json["start"] = {{"loader", plan.start.start == Boot::Start::Shim ? "shim" : "own"}, {"couldAsk", plan.start.couldAsk}, {"asks", plan.start.asks}};
    json["bootEntry"] = plan.makesBootEntry;
    json["notes"] = plan.notes;
    for (const Phase &phase : phases(plan))
        json["phases"].push_back({{"name", phase.name}, {"bytes", phase.bytes}, {"cancellable", phase.cancellable}});
    return json;
}

std::string toText(const Plan &plan)
{
    std::string text = "Install " + plan.source.system.title + (plan.mode == Mode::Reinstall ? " anew on " : " on ") + nameOf(plan.target) + "\n\n";
    text += changesInWords(plan);
    text += "\nAfterwards:\n";
    for (const Disk::Partition &partition : plan.layout.after.partitions)
        appendRow(text, partition,
                  isOurs(plan.layout, partition) ? purpose(partition)
                      : isKept(plan, partition)  ? purpose(partition) + ", kept"
                                                 : "stays as it is");
    text += filesInWords(plan);
    text += choicesInWords(plan);
    if (plan.firstBoot) {
        text += "\nAdded by the first start from this disk:\n";
        for (const Disk::Partition &partition : plan.firstBoot->after.partitions) {
            if (!std::ranges::contains(plan.layout.after.partitions, partition.number, &Disk::Partition::number))
                appendRow(text, partition, purpose(partition));
        }
    }
    if (plan.makesBootEntry)
        text += "\nThe firmware will start this disk first.\n";
    for (const std::string &note : plan.notes)
        text += "\n" + note + '\n';
    return text;
}

} // namespace Preon::Install
