// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/transport/judge.h"
#include "core/base/format.h"
#include "core/base/hash.h"

#include <charconv>
#include <limits>

namespace Preon::Transport
{

using Fetch::FailureKind;

namespace
{
// Digits only, within 63 bits; they are taken from the text.
std::optional<std::uint64_t> takeNumber(std::string_view &text)
{
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

bool take(std::string_view &text, std::string_view word)
{
    if (!text.starts_with(word))
        return false;
    text.remove_prefix(word.size());
    return true;
}

Fetch::Validator validatorOf(const Answer &answer, std::optional<std::uint64_t> total)
{
    if (answer.tag.empty() && answer.modified.empty())
        return {};
    const std::string state = answer.tag + '\n' + answer.modified + '\n' + (total ? std::to_string(*total) : std::string());
    return sha256(asBytes(state));
}

std::string number(std::uint64_t value)
{
    return std::to_string(value);
}

Judgement refuse(FailureKind kind, std::string text, Verdict verdict = Verdict::Refuse)
{
    return {.verdict = verdict, .kind = kind, .text = std::move(text)};
}

std::optional<Judgement> wrongSize(const Asked &asked, std::optional<std::uint64_t> total)
{
    if (total && asked.expectedSize && *total != *asked.expectedSize)
        return refuse(FailureKind::Size, "the server's file has " + number(*total) + " bytes, " + number(*asked.expectedSize) + " are expected");
    if (total && *total > asked.limit)
        return refuse(FailureKind::Size, "the server's file has " + number(*total) + " bytes, more than " + number(asked.limit) + " are not fetched");
    return std::nullopt;
}

Judgement judgeWhole(const Asked &asked, const Answer &answer)
{
    if (auto wrong = wrongSize(asked, answer.length))
        return *wrong;
    Judgement judgement{.verdict = Verdict::Take, .length = answer.length.value_or(0), .hasLength = answer.length.has_value(), .total = answer.length};
    judgement.ranges = lowerCase(answer.acceptRanges) == "bytes";
    judgement.validator = validatorOf(answer, answer.length);
    return judgement;
}

Judgement judgePart(const Asked &asked, const Answer &answer)
{
    if (asked.offset == 0)
        return refuse(FailureKind::Range, "the server sends a part of the file although all of it was asked for");
    const auto range = parseContentRange(answer.contentRange);
    if (!range || !range->first)
        return refuse(FailureKind::Range, "the server sends a part of the file without saying which (Content-Range: " + answer.contentRange + ")");
    if (*range->first != asked.offset)
        return refuse(FailureKind::Range, "the server sends byte " + number(*range->first) + " and following, byte " + number(asked.offset) + " was asked for");
    const std::uint64_t length = *range->last - *range->first + 1;
    if (answer.length && *answer.length != length)
        return refuse(FailureKind::Range, "the server says that it sends " + number(length) + " bytes, and that it sends " + number(*answer.length));
    if (auto wrong = wrongSize(asked, range->total))
        return *wrong;
    const Fetch::Validator validator = validatorOf(answer, range->total);
    if ((asked.validator != Fetch::Validator{} && validator != asked.validator) || (asked.total && range->total && *asked.total != *range->total))
        return refuse(FailureKind::Changed, "the server has another file now", Verdict::StartOver);
    return {
        .verdict = Verdict::Take, .first = asked.offset, .length = length, .hasLength = true, .total = range->total, .ranges = true, .validator = validator};
}

Judgement judgeNoSuchRange(const Asked &asked, const Answer &answer)
{
    if (asked.offset == 0)
        return refuse(FailureKind::Range, "the server says that there is no such part, but all of the file was asked for");
    const auto range = parseContentRange(answer.contentRange);
    const std::optional<std::uint64_t> total = range && !range->first ? range->total : std::nullopt;
    if (auto wrong = wrongSize(asked, total))
        return *wrong;
    if (total == asked.offset)
        return {.verdict = Verdict::Complete, .first = asked.offset, .total = total, .ranges = true, .validator = asked.validator};
    return refuse(FailureKind::Changed,
                  total ? "the server's file has " + number(*total) + " bytes, " + number(asked.offset) + " are here already"
                        : "the server's file has no byte " + number(asked.offset),
                  Verdict::StartOver);
}
}

std::optional<ContentRange> parseContentRange(std::string_view value)
{
    ContentRange range;
    value = trimmed(value);
    if (!take(value, "bytes "))
        return std::nullopt;
    if (!take(value, "*")) {
        range.first = takeNumber(value);
        if (!range.first || !take(value, "-"))
            return std::nullopt;
        range.last = takeNumber(value);
        if (!range.last || *range.last < *range.first)
            return std::nullopt;
    }
    if (!take(value, "/"))
        return std::nullopt;
    if (!take(value, "*")) {
        range.total = takeNumber(value);
        if (!range.total || (range.last && *range.last >= *range.total))
            return std::nullopt;
    }
    if (!value.empty() || (!range.first && !range.total))
        return std::nullopt;
    return range;
}

bool isStrongTag(std::string_view value)
{
    if (value.size() < 2 || value.front() != '"' || value.back() != '"')
        return false;
    return value.substr(1, value.size() - 2).find_first_of("\"\r\n") == std::string_view::npos;
}

Judgement judge(const Asked &asked, const Answer &answer)
{
    switch (answer.status) {
    case 200:
        return judgeWhole(asked, answer);
    case 206:
        return judgePart(asked, answer);
    case 416:
        return judgeNoSuchRange(asked, answer);
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
        if (answer.location.empty())
            return refuse(FailureKind::Redirect, "the server sends us elsewhere without saying where");
        return refuse(FailureKind::Redirect, "the file is elsewhere", Verdict::Moved);
    case 404:
    case 410:
        return refuse(FailureKind::Http, "the server does not have this file (status " + number(static_cast<std::uint64_t>(answer.status)) + ")");
    case 408:
    case 425:
    case 429:
        break;
    default:
        if (answer.status < 500 || answer.status > 599)
            return refuse(FailureKind::Http, "the server answers with status " + number(static_cast<std::uint64_t>(answer.status)));
    }
    return refuse(FailureKind::Http, "the server answers with status " + number(static_cast<std::uint64_t>(answer.status)), Verdict::Again);
}

} // namespace Preon::Transport
