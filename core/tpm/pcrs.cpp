// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/tpm/pcrs.h"

#include "core/base/format.h"
#include "core/base/hash.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <utility>

namespace Preon::Tpm
{

namespace
{
constexpr unsigned pcrCount = 24;

// UAPI.7, "Linux TPM PCR Registry"; 8 and 17 to 22 belong to others and have no name.
constexpr std::array<std::string_view, pcrCount> names{
    "platform-code",
    "platform-config",
    "external-code",
    "external-config",
    "boot-loader-code",
    "boot-loader-config",
    "host-platform",
    "secure-boot-policy",
    "",
    "kernel-initrd",
    "ima",
    "kernel-boot",
    "kernel-config",
    "sysexts",
    "shim-policy",
    "system-identity",
    "debug",
    "",
    "",
    "",
    "",
    "",
    "",
    "application-support",
};

constexpr std::array<std::pair<std::string_view, std::size_t>, 4> banks{{{"sha1", 20}, {"sha256", 32}, {"sha384", 48}, {"sha512", 64}}};

std::unexpected<Error> badWord(std::string_view word, std::string why)
{
    return fail(ErrorCode::BadArgument, "\"" + std::string(word) + "\" is no PCR that can be bound to", std::move(why),
                "Use numbers from 0 to 23 or names like secure-boot-policy, with + between them, and NUMBER:BANK=VALUE for an expected value.");
}

// A number may be written as in C, with blanks in front: systemd takes " 0x7" and "07" too.
std::optional<unsigned> numberOf(std::string_view text)
{
    text.remove_prefix(std::min(text.find_first_not_of(" \t\n\r"), text.size()));
    int base = 10;
    if (text.starts_with("0x") || text.starts_with("0X"))
        base = 16;
    else if (text.starts_with("0") && text.size() > 1)
        base = 8;
    if (base == 16)
        text.remove_prefix(2);
    unsigned number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    if (error != std::errc() || end != text.data() + text.size() || number >= pcrCount)
        return std::nullopt;
    return number;
}

std::optional<unsigned> indexOf(std::string_view text)
{
    if (text.empty())
        return std::nullopt;
    const auto named = std::ranges::find(names, text);
    return named != names.end() ? static_cast<unsigned>(named - names.begin()) : numberOf(text);
}

// The part of the text before the separator; what follows it stays.
std::string_view takeUntil(std::string_view &text, std::string_view separators)
{
    const std::size_t at = text.find_first_of(separators);
    const std::string_view part = text.substr(0, at);
    text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
    return part;
}

Result<void> addWord(std::string_view word, PcrChoice &choice)
{
    std::string_view rest = word;
    const auto index = indexOf(takeUntil(rest, ":"));
    if (!index)
        return badWord(word, "it has neither the number nor the name of one");
    if (choice.mask >> *index & 1U)
        return badWord(word, "PCR " + std::to_string(*index) + " stands in the list twice");
    choice.mask |= 1U << *index;
    if (rest.empty())
        return {};
    const std::string bank = lowerCase(takeUntil(rest, "="));
    const auto size = digestSize(bank);
    if (!size)
        return badWord(word, "there is no bank \"" + bank + "\"");
    if (!choice.bank.empty() && choice.bank != bank)
        return badWord(word, "all PCRs of a list are of one bank, and " + choice.bank + " was named before");
    choice.bank = bank;
    if (rest.empty())
        return {};
    if (rest.starts_with("0x"))
        rest.remove_prefix(2);
    auto digest = fromHex(rest);
    if (!digest)
        return badWord(word, "its value is not hexadecimal");
    if (digest->size() != *size)
        return badWord(word, "its value has " + std::to_string(digest->size()) + " bytes, those of " + bank + " have " + std::to_string(*size));
    choice.values.push_back({*index, std::move(*digest)});
    return {};
}
}

std::string joinPcrLists(const std::vector<std::string> &lists)
{
    std::string all;
    for (const std::string &list : lists) {
        if (list.empty())
            all.clear();
        else
            all += (all.empty() ? "" : "+") + list;
    }
    return all;
}

Result<PcrChoice> parsePcrs(std::string_view text)
{
    PcrChoice choice;
    while (!text.empty()) {
        const std::string_view word = takeUntil(text, "+,");
        if (!word.empty())
            PREON_CHECK(addWord(word, choice));
    }
    std::ranges::sort(choice.values, {}, &PcrValue::index);
    return choice;
}

Result<PcrMask> parsePcrMask(std::string_view text)
{
    PREON_TRY(const PcrChoice choice, parsePcrs(text));
    if (!choice.bank.empty())
        return badWord(text, "here neither banks nor values can be chosen");
    return choice.mask;
}

Result<void> chooseLiteralPcrs(std::string_view text, SealPolicy &policy)
{
    PREON_TRY(PcrChoice choice, parsePcrs(text));
    policy.literalPcrs = choice.mask;
    policy.expected = std::move(choice.values);
    policy.bank = choice.bank.empty() ? "sha256" : choice.bank;
    return {};
}

std::optional<std::size_t> digestSize(std::string_view bank)
{
    const auto found = std::ranges::find(banks, lowerCase(bank), [](const auto &each) { return std::string(each.first); });
    return found == banks.end() ? std::nullopt : std::optional(found->second);
}

std::string_view pcrName(unsigned index)
{
    return index < pcrCount ? names[index] : std::string_view();
}

std::string pcrText(PcrMask mask)
{
    std::string text;
    for (unsigned index = 0; index < 32; ++index) {
        if (mask >> index & 1U)
            text += (text.empty() ? "" : "+") + std::to_string(index);
    }
    return text;
}

std::string describePcrs(PcrMask mask)
{
    std::string text;
    for (int left = std::popcount(mask); mask != 0; mask &= mask - 1) {
        const auto index = static_cast<unsigned>(std::countr_zero(mask));
        if (!text.empty())
            text += left == 1 ? " and " : ", ";
        text += "PCR " + std::to_string(index);
        if (const std::string_view name = pcrName(index); !name.empty())
            text += " (" + std::string(name) + ")";
        --left;
    }
    return text;
}

} // namespace Preon::Tpm
