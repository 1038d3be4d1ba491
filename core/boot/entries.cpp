// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/boot/entries.h"

#include "core/base/version.h"

#include <algorithm>
#include <ranges>
#include <charconv>
#include <cctype>
#include <initializer_list>

namespace Preon::Boot
{

namespace
{

constexpr std::size_t largestConf = 1U << 20U, largestKernel = 1U << 30U;

std::string lowered(std::string_view text)
{
    std::string result(text);
    std::ranges::transform(result, result.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return result;
}

std::string fileNameOf(const std::string &path)
{
    return path.substr(path.rfind('/') + 1);
}

std::optional<unsigned> wholeNumber(std::string_view digits)
{
    unsigned value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || error != std::errc() || end != digits.data() + digits.size())
        return std::nullopt;
    return value;
}

std::string firstOf(const UnifiedKernel &kernel, std::initializer_list<std::string_view> keys)
{
    for (const std::string_view key : keys) {
        if (const auto field = kernel.osRelease.find(key); field != kernel.osRelease.end() && !field->second.empty())
            return field->second;
    }
    return {};
}

// <0: a stands before b. The order of systemd-boot's boot_entry_compare().
int compareEntries(const Entry &a, const Entry &b)
{
    const auto exhausted = [](const Entry &entry) {
        return entry.count && entry.count->left == 0;
    };
    if (exhausted(a) != exhausted(b))
        return exhausted(a) ? 1 : -1;
    if (a.sortKey.empty() != b.sortKey.empty())
        return a.sortKey.empty() ? 1 : -1;
    if (!a.sortKey.empty()) {
        if (const int order = a.sortKey.compare(b.sortKey))
            return order;
        if (const int order = a.machineId.compare(b.machineId))
            return order;
        if (const int order = compareVersions(b.version, a.version))
            return order;
    }
    const auto withoutProfile = [](const Entry &entry) {
        return entry.id.substr(0, entry.id.size() - (entry.profileIndex == 0 ? 0 : entry.profile.size() + 1));
    };
    if (const int order = compareVersions(withoutProfile(b), withoutProfile(a)))
        return order;
    if (a.profileIndex != b.profileIndex)
        return a.profileIndex < b.profileIndex ? -1 : 1;
    const BootCount countA = a.count.value_or(BootCount{~0U, 0}), countB = b.count.value_or(BootCount{~0U, 0});
    if (countA.left != countB.left)
        return countA.left > countB.left ? -1 : 1;
    return countA.done < countB.done ? -1 : countA.done > countB.done ? 1 : 0;
}

// NotFound is an empty folder: both places are optional.
Result<std::vector<FatEntry>> filesIn(const Fat &esp, std::string_view folder, std::string_view suffix)
{
    auto files = esp.list(folder);
    if (!files) {
        if (files.error().code == ErrorCode::NotFound)
            return std::vector<FatEntry>();
        return files;
    }
    std::erase_if(*files, [&](const FatEntry &file) { return file.folder || !lowered(file.path).ends_with(suffix); });
    return files;
}

} // namespace

CountedName parseCountedName(std::string_view fileName)
{
    CountedName result{std::string(fileName), std::nullopt};
    const auto dot = fileName.rfind('.');
    if (dot == std::string_view::npos)
        return result;
    const std::string_view stem = fileName.substr(0, dot);
    const auto plus = stem.rfind('+');
    if (plus == std::string_view::npos)
        return result;
    const std::string_view counter = stem.substr(plus + 1);
    const auto dash = counter.find('-');
    const auto left = wholeNumber(counter.substr(0, dash));
    const auto done = dash == std::string_view::npos ? std::optional<unsigned>(0) : wholeNumber(counter.substr(dash + 1));
    if (!left || !done)
        return result;
    result.name = std::string(stem.substr(0, plus)) + std::string(fileName.substr(dot));
    result.count = BootCount{*left, *done};
    return result;
}

std::vector<Entry> entriesOfKernel(const std::string &path, const UnifiedKernel &kernel)
{
    const CountedName name = parseCountedName(fileNameOf(path));
    std::vector<Entry> entries;
    for (std::size_t i = 0; i < kernel.profiles.size(); ++i) {
        const KernelProfile &profile = kernel.profiles[i];
        Entry entry;
        entry.type = EntryType::Type2;
        entry.path = path;
        entry.count = name.count;
        entry.profileIndex = i;
        entry.id = lowered(name.name);
        if (i > 0) {
            entry.profile = lowered(profile.id.empty() ? std::to_string(i) : profile.id);
            entry.id += '@' + entry.profile;
        }
        entry.title = firstOf(kernel, {"PRETTY_NAME", "IMAGE_ID", "NAME", "ID"});
        if (const std::string &more = profile.title.empty() ? profile.id : profile.title; !more.empty() && kernel.profiles.size() > 1)
            entry.title += " (" + more + ')';
        entry.version = firstOf(kernel, {"IMAGE_VERSION", "VERSION", "VERSION_ID", "BUILD_ID"});
        entry.sortKey = firstOf(kernel, {"IMAGE_ID", "ID"});
        entry.commandLine = profile.commandLine;
        entries.push_back(std::move(entry));
    }
    return entries;
}

Result<Entry> parseType1(const std::string &path, std::string_view text)
{
    const CountedName name = parseCountedName(fileNameOf(path));
    Entry entry;
    entry.type = EntryType::Type1;
    entry.path = path;
    entry.count = name.count;
    entry.id = lowered(name.name);
    bool starts = false;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        constexpr std::string_view blanks = " \t\r";
        line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
        if (line.empty() || line.front() == '#')
            continue;
        const auto keyEnd = std::min(line.find_first_of(blanks), line.size());
        const std::string_view key = line.substr(0, keyEnd);
        std::string_view value = line.substr(keyEnd);
        value.remove_prefix(std::min(value.find_first_not_of(blanks), value.size()));
        value = value.substr(0, value.find_last_not_of(blanks) + 1);
        if (key == "title")
            entry.title = value;
        else if (key == "version")
            entry.version = value;
        else if (key == "sort-key")
            entry.sortKey = value;
        else if (key == "machine-id")
            entry.machineId = lowered(value);
        else if (key == "options")
            entry.commandLine += (entry.commandLine.empty() ? "" : " ") + std::string(value);
        else if (key == "linux" || key == "efi" || key == "uki" || key == "uki-url")
            starts = starts || !value.empty();
    }
    if (!starts)
        return fail(ErrorCode::BadFormat, path + " is no boot entry", "it names neither a kernel nor an EFI program");
    if (entry.title.empty())
        entry.title = entry.id;
    return entry;
}

void sortEntries(std::vector<Entry> &entries)
{
    std::ranges::stable_sort(entries, [](const Entry &a, const Entry &b) { return compareEntries(a, b) < 0; });
}

namespace
{
Result<void> addEntries(const Fat &esp, bool extended, EntryList &result)
{
    const std::size_t first = result.entries.size();
    PREON_TRY(const auto kernels, filesIn(esp, "/EFI/Linux", ".efi"));
    for (const FatEntry &file : kernels) {
        auto content = esp.read(file.path, largestKernel);
        auto kernel = content ? readUnifiedKernel(content->bytes()) : Result<UnifiedKernel>(std::unexpected(content.error()));
        if (kernel)
            std::ranges::move(entriesOfKernel(file.path, *kernel), std::back_inserter(result.entries));
        else
            result.warnings.push_back(kernel.error().during(file.path + " is no boot entry").text());
    }
    PREON_TRY(const auto confs, filesIn(esp, "/loader/entries", ".conf"));
    for (const FatEntry &file : confs) {
        auto content = esp.read(file.path, largestConf);
        auto entry = content ? parseType1(file.path, content->text()) : Result<Entry>(std::unexpected(content.error()));
        if (entry)
            result.entries.push_back(std::move(*entry));
        else
            result.warnings.push_back(entry.error().text());
    }
    for (Entry &entry : result.entries | std::views::drop(first))
        entry.extended = extended;
    return {};
}
}

Result<EntryList> listEntries(const Fat &esp, const Fat *xbootldr)
{
    EntryList result;
    PREON_CHECK(addEntries(esp, false, result));
    if (xbootldr) {
        if (const auto added = addEntries(*xbootldr, true, result); !added)
            result.warnings.push_back(added.error().during("The extended boot partition could not be read").text());
    }
    sortEntries(result.entries);
    return result;
}

} // namespace Preon::Boot
