// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/update/print.h"

#include "core/base/format.h"

#include <algorithm>
#include <ctime>
#include <format>
#include <ranges>

namespace Preon::Update
{

namespace
{
enum class Align { Left, Right, Centre };

struct Column {
    std::string title;
    Align align = Align::Left;
};

// How many places a text takes: UTF-8 that has no wide characters, but for the arrow of what is under way.
std::size_t width(std::string_view text)
{
    if (text == "⤵️")
        return 2;
    return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }));
}

std::string padded(const std::string &text, std::size_t to, Align align, bool last)
{
    const std::size_t missing = to - std::min(to, width(text));
    switch (align) {
    case Align::Right:
        return std::string(missing, ' ') + text;
    case Align::Centre:
        return std::string(missing / 2, ' ') + text + std::string(last ? 0 : missing - missing / 2, ' ');
    default:
        return text + std::string(last ? 0 : missing, ' ');
    }
}

// Columns as wide as their widest cell, one blank between them.
std::string table(const std::vector<Column> &columns, std::vector<std::vector<std::string>> rows, bool legend)
{
    if (legend) {
        std::vector<std::string> titles;
        for (const Column &column : columns)
            titles.push_back(column.title);
        rows.insert(rows.begin(), std::move(titles));
    }
    std::string text;
    for (const auto &row : rows) {
        for (std::size_t i = 0; i < columns.size(); ++i) {
            std::size_t widest = 0;
            for (const auto &other : rows)
                widest = std::max(widest, width(other[i]));
            text += padded(row[i], widest, columns[i].align, i + 1 == columns.size()) + (i + 1 == columns.size() ? '\n' : ' ');
        }
    }
    return text;
}

const char *yesNo(bool value)
{
    return value ? "yes" : "no";
}

std::string glyph(const UpdateSet &set)
{
    if (set.partial || set.pending)
        return "⤵️";
    if (set.obsolete)
        return "×";
    if (set.installed)
        return set.newest ? "●" : set.isProtected ? "○" : " ";
    return set.newest ? "↻" : " ";
}

std::string timeText(std::uint64_t microseconds)
{
    const auto seconds = static_cast<std::time_t>(microseconds / 1000000U);
    std::tm local{};
    char text[64];
    if (!localtime_r(&seconds, &local) || std::strftime(text, sizeof text, "%a %Y-%m-%d %H:%M:%S %Z", &local) == 0)
        return "-";
    return text;
}

// One of the details of an instance: its column, its key, and how each form tells it.
struct Detail {
    const char *title;
    Align align;
    const char *key;
    nlohmann::ordered_json (*json)(const Part &part, const Seen &seen); // null: not known
    std::string (*text)(const nlohmann::ordered_json &value);
};

template<typename T>
nlohmann::ordered_json orNull(const std::optional<T> &value)
{
    return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
}

std::string plainText(const nlohmann::ordered_json &value)
{
    return value.is_string() ? value.get_ref<const std::string &>() : value.dump();
}

std::string yesNoText(const nlohmann::ordered_json &value)
{
    return yesNo(value == true);
}

std::uint64_t numberOf(const nlohmann::ordered_json &value)
{
    return value.is_number() ? value.get<std::uint64_t>() : 0;
}

using Json = nlohmann::ordered_json;
const Detail details[] = {
    {"TYPE", Align::Left, "type",
     [](const Part &part, const Seen &seen) { return Json(resourceTypeName(part.installed ? seen.transfer->target.type : seen.transfer->source.type)); },
     plainText},
    {"PATH", Align::Left, "path", [](const Part &part, const Seen &) { return Json(part.instance.path); }, plainText},
    {"PTUUID", Align::Left, "ptuuid", [](const Part &part, const Seen &) { return part.instance.slot ? Json(part.instance.slot->uuid.text()) : Json(); },
     plainText},
    {"PTFLAGS", Align::Right, "ptflags", [](const Part &part, const Seen &) { return part.instance.slot ? Json(part.instance.slot->flags) : Json(); },
     [](const Json &value) {
         return std::format("{:x}", numberOf(value));
     }},
    {"MTIME", Align::Right, "mtime", [](const Part &part, const Seen &) { return orNull(part.instance.fields.modified); },
     [](const Json &value) {
         return timeText(numberOf(value));
     }},
    {"MODE", Align::Left, "mode", [](const Part &part, const Seen &) { return orNull(part.instance.fields.mode); },
     [](const Json &value) {
         return std::format("{:04o}", numberOf(value));
     }},
    {"SIZE", Align::Right, "size", [](const Part &part, const Seen &) { return orNull(part.instance.fields.size); },
     [](const Json &value) {
         return formatBinarySize(numberOf(value));
     }},
    {"TRIES-DONE", Align::Right, "tries-done", [](const Part &part, const Seen &) { return orNull(part.instance.fields.triesDone); }, plainText},
    {"TRIES-LEFT", Align::Right, "tries-left", [](const Part &part, const Seen &) { return orNull(part.instance.fields.triesLeft); }, plainText},
    {"NOAUTO", Align::Left, "noauto", [](const Part &part, const Seen &) { return orNull(part.instance.fields.noAuto); }, yesNoText},
    {"RO", Align::Left, "ro", [](const Part &part, const Seen &) { return orNull(part.instance.fields.readOnly); }, yesNoText},
    {"GROWFS", Align::Left, "growfs", [](const Part &part, const Seen &) { return orNull(part.instance.fields.growFileSystem); }, yesNoText},
    {"SHA256", Align::Left, "sha256",
     [](const Part &part, const Seen &) { return part.instance.fields.sha256 ? Json(toHex(*part.instance.fields.sha256)) : Json(); }, plainText},
};

// Details that are known of one part at least, a row a part.
struct Contents {
    std::vector<const Detail *> columns;
    std::vector<std::vector<Json>> rows;
};

bool isKnown(const Detail &detail, const UpdateSet &set, const std::vector<Seen> &seen)
{
    return std::ranges::any_of(std::views::iota(std::size_t{0}, set.parts.size()),
                               [&](std::size_t i) { return set.parts[i] && !detail.json(*set.parts[i], seen[i]).is_null(); });
}

Contents contentsOf(const UpdateSet &set, const std::vector<Seen> &seen)
{
    Contents contents;
    const auto isTries = [](const Detail &detail) {
        return std::string_view(detail.key).starts_with("tries-");
    };
    const bool tries = std::ranges::any_of(details, [&](const Detail &detail) { return isTries(detail) && isKnown(detail, set, seen); });
    for (const Detail &detail : details) {
        // The two counters are told together.
        if (isTries(detail) ? tries : isKnown(detail, set, seen))
            contents.columns.push_back(&detail);
    }
    for (std::size_t i = 0; i < set.parts.size(); ++i) {
        if (!set.parts[i])
            continue;
        auto &row = contents.rows.emplace_back();
        for (const Detail *detail : contents.columns)
            row.push_back(detail->json(*set.parts[i], seen[i]));
    }
    return contents;
}

std::string heading(const UpdateSet &set, bool told)
{
    const std::string_view going = !told ? "" : set.partial ? " (partial)" : set.pending ? " (pending)" : set.incomplete ? " (incomplete)" : "";
    return glyph(set) + " Version: " + set.version + "\n    State: " + assessment(set) + "\nInstalled: " + yesNo(set.installed)
        + (set.installed && set.newest ? " (newest)" : "") + (set.installed ? std::string(going) : "") + "\nAvailable: " + yesNo(set.available)
        + (set.available && !set.installed && set.newest ? " (newest)" : "") + "\nProtected: " + yesNo(set.installed && set.isProtected)
        + "\n Obsolete: " + yesNo(set.obsolete) + '\n';
}

void prettyJson(const Json &json, std::string &text, std::size_t depth)
{
    if (!json.is_structured() || json.empty()) {
        text += json.dump(-1, ' ', false, Json::error_handler_t::replace);
        return;
    }
    text += json.is_object() ? "{\n" : "[\n";
    bool first = true;
    for (const auto &[key, value] : json.items()) {
        text += first ? "" : ",\n";
        first = false;
        text += std::string(depth + 1, '\t');
        if (json.is_object())
            text += Json(key).dump(-1, ' ', false, Json::error_handler_t::replace) + " : ";
        prettyJson(value, text, depth + 1);
    }
    text += '\n' + std::string(depth, '\t') + (json.is_object() ? '}' : ']');
}

std::vector<std::string> transfersOf(const Feature &feature, const std::vector<Transfer> &transfers)
{
    std::vector<std::string> ids;
    for (const Transfer &transfer : transfers) {
        if (std::ranges::contains(transfer.features, feature.id) || std::ranges::contains(transfer.requisiteFeatures, feature.id))
            ids.push_back(transfer.id);
    }
    return ids;
}
}

std::vector<std::string> changeLogs(const UpdateSet &set, const std::vector<Seen> &seen)
{
    std::vector<std::string> urls;
    for (const Seen &one : seen) {
        for (std::string url : one.transfer->changeLogs) {
            for (std::size_t at = 0; (at = url.find("@v", at)) != std::string::npos; at += set.version.size())
                url.replace(at, 2, set.version);
            if (!std::ranges::contains(urls, url))
                urls.push_back(std::move(url));
        }
    }
    return urls;
}

std::string jsonText(const nlohmann::ordered_json &json, JsonStyle style)
{
    if (style == JsonStyle::Short)
        return json.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
    std::string text;
    prettyJson(json, text, 0);
    return text + '\n';
}

std::string setsTable(const Sets &sets, bool legend)
{
    std::vector<std::vector<std::string>> rows;
    for (const UpdateSet &set : sets.all)
        rows.push_back({glyph(set), set.version, set.installed ? "✓" : "", set.available ? "✓" : "", assessment(set)});
    // With something under way the first column is as wide as the arrow, and others stand at its right.
    return table({{" ", Align::Right}, {"VERSION"}, {"INSTALLED", Align::Centre}, {"AVAILABLE", Align::Centre}, {"ASSESSMENT"}}, std::move(rows), legend);
}

nlohmann::ordered_json setsJson(const Sets &sets, const std::vector<Seen> &seen)
{
    Json json = {{"current", sets.current() ? Json(sets.current()->version) : Json()}, {"all", Json::array()}, {"appstreamUrls", Json::array()}};
    for (const UpdateSet &set : sets.all)
        json["all"].push_back(set.version);
    for (const Seen &one : seen) {
        for (const std::string &url : one.transfer->appStreams) {
            if (!std::ranges::contains(json["appstreamUrls"], Json(url)))
                json["appstreamUrls"].push_back(url);
        }
    }
    return json;
}

std::string setText(const UpdateSet &set, const std::vector<Seen> &seen, bool legend)
{
    // 257 says it twice, at first without what is missing.
    std::string text = heading(set, false) + '\n' + heading(set, true);
    for (const std::string &url : changeLogs(set, seen))
        text += "ChangeLog: " + url + '\n';
    const Contents contents = contentsOf(set, seen);
    std::vector<Column> columns;
    for (const Detail *detail : contents.columns)
        columns.push_back({detail->title, detail->align});
    std::vector<std::vector<std::string>> rows;
    for (const auto &values : contents.rows) {
        auto &row = rows.emplace_back();
        for (std::size_t i = 0; i < values.size(); ++i)
            row.push_back(values[i].is_null() ? "-" : contents.columns[i]->text(values[i]));
    }
    return text + '\n' + table(columns, std::move(rows), legend);
}

nlohmann::ordered_json setJson(const UpdateSet &set, const std::vector<Seen> &seen)
{
    Json json = {{"version", set.version}, {"newest", set.newest}, {"available", set.available}, {"installed", set.installed}};
    if (set.partial || set.pending) {
        json["partial"] = set.partial;
        json["pending"] = set.pending;
    }
    json["obsolete"] = set.obsolete;
    json["protected"] = set.isProtected;
    json["incomplete"] = set.incomplete;
    json["changelogUrls"] = changeLogs(set, seen);
    json["contents"] = Json::array();
    const Contents contents = contentsOf(set, seen);
    for (const auto &values : contents.rows) {
        Json row = Json::object();
        for (std::size_t i = 0; i < values.size(); ++i)
            row[contents.columns[i]->key] = values[i];
        json["contents"].push_back(std::move(row));
    }
    return json;
}

std::string featuresTable(const std::vector<Feature> &features, bool legend)
{
    std::vector<std::vector<std::string>> rows;
    for (const Feature &feature : features)
        rows.push_back({feature.enabled ? "✓" : "✗", feature.id, feature.description, feature.documentation});
    return table({{" "}, {"FEATURE"}, {"DESCRIPTION"}, {"DOCUMENTATION"}}, std::move(rows), legend);
}

nlohmann::ordered_json featuresJson(const std::vector<Feature> &features)
{
    Json json = {{"features", Json::array()}};
    for (const Feature &feature : features)
        json["features"].push_back(feature.id);
    return json;
}

std::string featureText(const Feature &feature, const std::vector<Transfer> &transfers, bool legend)
{
    std::vector<std::vector<std::string>> rows{{"Name:", feature.id}, {"Enabled:", yesNo(feature.enabled)}};
    std::string joined;
    for (const std::string &id : transfersOf(feature, transfers))
        joined += (joined.empty() ? "" : " ") + id;
    for (const auto &[key, value] : {std::pair("Description:", feature.description), std::pair("Documentation:", feature.documentation),
                                     std::pair("AppStream:", feature.appStream), std::pair("Transfers:", joined)}) {
        if (!value.empty())
            rows.push_back({key, value});
    }
    return table({{"KEY", Align::Right}, {"VALUE"}}, std::move(rows), legend);
}

nlohmann::ordered_json featureJson(const Feature &feature, const std::vector<Transfer> &transfers)
{
    Json json = {{"name", feature.id}, {"enabled", feature.enabled}};
    for (const auto &[key, value] :
         {std::pair("description", feature.description), std::pair("documentation", feature.documentation), std::pair("appStream", feature.appStream)}) {
        if (!value.empty())
            json[key] = value;
    }
    if (const auto ids = transfersOf(feature, transfers); !ids.empty())
        json["transfers"] = ids;
    return json;
}

} // namespace Preon::Update
