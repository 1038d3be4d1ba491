// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/boot/choice.h"

#include "core/boot/efivars.h"

#include <algorithm>
#include <cctype>

namespace Preon::Boot
{

namespace
{

// Bits of LoaderFeatures.
constexpr std::uint64_t readsDefault = 1U << 2U, readsOneShot = 1U << 3U;

const char *variableOf(HowLong howLong)
{
    return howLong == HowLong::Once ? "LoaderEntryOneShot" : "LoaderEntryDefault";
}

std::uint64_t loaderFeatures(const Host &host)
{
    const auto variable = readVariable(host, "LoaderFeatures", loaderVendor());
    std::uint64_t features = 0;
    if (variable) {
        for (std::size_t i = 0; i < std::min<std::size_t>(variable->data.size(), sizeof features); ++i)
            features |= std::to_integer<std::uint64_t>(variable->data[i]) << (8U * i);
    }
    return features;
}

bool isMeant(const Entry &entry, const std::string &lower, std::string_view wanted)
{
    const std::string version = entry.profileIndex == 0 ? entry.version : entry.version + '@' + entry.profile;
    return entry.id == lower || version == wanted;
}

} // namespace

Result<Entry> entryMeant(const EntryList &menu, std::string_view wanted)
{
    std::string lower(wanted);
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto found = std::ranges::find_if(menu.entries, [&](const Entry &entry) { return isMeant(entry, lower, wanted); });
    if (found != menu.entries.end())
        return *found;
    std::string known;
    for (const Entry &entry : menu.entries)
        known += (known.empty() ? "" : ", ") + entry.id;
    return fail(ErrorCode::NotFound, "There is nothing to start by the name of \"" + std::string(wanted) + "\"",
                known.empty() ? "the menu is empty" : "there is " + known);
}

Result<void> chooseEntry(const Host &host, const Entry &entry, HowLong howLong)
{
    if (!hasEfiVariables(host))
        return fail(ErrorCode::Unsupported, "The loader cannot be told what to start", "this machine was not started by UEFI");
    if (!(loaderFeatures(host) & (howLong == HowLong::Once ? readsOneShot : readsDefault)))
        return fail(ErrorCode::Unsupported, "The loader cannot be told what to start",
                    "the one that started this machine does not read " + std::string(variableOf(howLong)));
    return writeVariable(host, variableOf(howLong), loaderVendor(), toUtf16(entry.id));
}

Result<void> forgetChoice(const Host &host, HowLong howLong)
{
    if (!hasEfiVariables(host))
        return {};
    return removeVariable(host, variableOf(howLong), loaderVendor());
}

} // namespace Preon::Boot
