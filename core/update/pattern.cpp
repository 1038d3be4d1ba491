// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/update/pattern.h"

#include "core/base/format.h"
#include "core/update/numbers.h"

#include <algorithm>
#include <format>

namespace Preon::Update
{

namespace
{
constexpr std::string_view knownFields = "vufagrtmsdlh";
constexpr std::uint32_t allowedMode = 0775;
constexpr char slash = '/';

bool isLetterOrDigit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// What may stand for itself: printable ASCII that no shell and no path takes for something else.
bool isLiteral(char c)
{
    return c > ' ' && c < 127 && std::string_view("$*?[]!\\|").find(c) == std::string_view::npos;
}

std::unexpected<Error> refuse(std::string_view pattern, std::string why)
{
    return fail(ErrorCode::BadFormat, "The match pattern \"" + std::string(pattern) + "\" makes no sense", std::move(why));
}

template<typename T>
bool taken(std::optional<T> value, std::optional<T> &into)
{
    into = std::move(value);
    return into.has_value();
}

// The highest number stands for "not known" with systemd.
bool takeNumber(std::string_view text, std::optional<std::uint64_t> &into, int base = 0)
{
    return taken(parseUnsigned(text, base), into) && *into != UINT64_MAX;
}

bool takeMode(std::string_view text, std::optional<std::uint32_t> &into)
{
    const auto mode = parseMode(text);
    if (!mode || (*mode & ~allowedMode) != 0)
        return false;
    into = *mode;
    return true;
}

bool takeHash(std::string_view text, std::optional<Sha256Digest> &into)
{
    const auto bytes = fromHex(text);
    if (!bytes || bytes->size() != sizeof(Sha256Digest))
        return false;
    std::ranges::copy(*bytes, into.emplace().begin());
    return true;
}

bool take(char field, std::string_view text, Fields &fields)
{
    switch (field) {
    case 'v':
        fields.version = text;
        return isVersion(text);
    case 'u':
        return taken(Uuid::parse(text), fields.partitionUuid);
    case 'f':
        return taken(parseUnsigned(text, 16), fields.partitionFlags);
    case 'a':
        return taken(parseBoolean(text), fields.noAuto);
    case 'g':
        return taken(parseBoolean(text), fields.growFileSystem);
    case 'r':
        return taken(parseBoolean(text), fields.readOnly);
    case 't':
        return takeNumber(text, fields.modified);
    case 'm':
        return takeMode(text, fields.mode);
    case 's':
        return takeNumber(text, fields.size);
    case 'd':
        return takeNumber(text, fields.triesDone);
    case 'l':
        return takeNumber(text, fields.triesLeft);
    case 'h':
        return takeHash(text, fields.sha256);
    default:
        return false;
    }
}

std::optional<std::string> numberText(const std::optional<std::uint64_t> &number)
{
    return number.transform([](std::uint64_t value) { return std::to_string(value); });
}

std::optional<std::string> flagText(const std::optional<bool> &flag)
{
    return flag.transform([](bool value) { return std::string(value ? "1" : "0"); });
}

std::optional<std::string> fieldText(char field, const Fields &fields)
{
    switch (field) {
    case 'v':
        return fields.version;
    case 'u':
        return fields.partitionUuid.transform([](const Uuid &uuid) { return uuid.text(); });
    case 'f':
        return fields.partitionFlags.transform([](std::uint64_t flags) { return std::format("{:x}", flags); });
    case 'a':
        return flagText(fields.noAuto);
    case 'g':
        return flagText(fields.growFileSystem);
    case 'r':
        return flagText(fields.readOnly);
    case 't':
        return numberText(fields.modified);
    case 'm':
        return fields.mode.transform([](std::uint32_t mode) { return std::format("{:03o}", mode); });
    case 's':
        return numberText(fields.size);
    case 'd':
        return numberText(fields.triesDone);
    case 'l':
        return numberText(fields.triesLeft);
    case 'h':
        return fields.sha256.transform([](const Sha256Digest &digest) { return toHex(digest); });
    default:
        return std::nullopt;
    }
}
}

bool isVersion(std::string_view text)
{
    constexpr std::size_t longest = 255; // a name's
    return !text.empty() && text.size() <= longest
        && std::ranges::all_of(text, [](char c) { return isLetterOrDigit(c) || std::string_view(".,_-+~^").find(c) != std::string_view::npos; });
}

Result<Pattern> Pattern::parse(std::string_view text)
{
    Pattern pattern;
    pattern.m_text = text;
    bool marker = false; // an @ was read, and not yet what follows it
    for (const char c : text) {
        if (c == '@' && !marker) {
            marker = true;
            continue;
        }
        auto &elements = pattern.m_elements;
        if (marker && c != '@') {
            const std::string name = std::string("@") + c;
            if (knownFields.find(c) == std::string_view::npos)
                return refuse(text, "there is no field " + name);
            if (pattern.has(c))
                return refuse(text, "it has " + name + " twice");
            if (!elements.empty() && elements.back().field != 0 && elements.back().field != slash)
                return refuse(text, "nothing stands between @" + std::string(1, elements.back().field) + " and " + name);
            elements.push_back({.field = c, .literal = {}});
        } else if (c == slash) {
            elements.push_back({.field = slash, .literal = {}});
        } else if (!isLiteral(c)) {
            return refuse(text, std::format("it has a character (0x{:02x}) that no name may have", static_cast<unsigned char>(c)));
        } else {
            if (elements.empty() || elements.back().field != 0)
                elements.emplace_back();
            elements.back().literal += c;
        }
        marker = false;
    }
    if (marker)
        return refuse(text, "it ends with a single @");
    if (!pattern.has('v'))
        return refuse(text, "it has no @v, and so no version can be told");
    return pattern;
}

bool Pattern::has(char field) const
{
    return std::ranges::any_of(m_elements, [field](const Element &element) { return element.field == field && field != 0; });
}

Match Pattern::match(std::string_view name) const
{
    Match match;
    for (auto element = m_elements.begin(); element != m_elements.end(); ++element) {
        if (element->field == 0) {
            if (!name.starts_with(element->literal))
                return {};
            name.remove_prefix(element->literal.size());
        } else if (element->field == slash) {
            if (name.empty())
                return {.matched = Matched::Deeper, .fields = {}};
            if (name.front() != slash)
                return {};
            name.remove_prefix(1);
        } else {
            // A field ends at the first place where what follows it may begin.
            const auto next = std::next(element);
            std::size_t end = name.size();
            if (next != m_elements.end())
                end = next->field == slash ? std::min(name.find(slash), name.size()) : name.find(next->literal);
            if (end == std::string_view::npos || !take(element->field, name.substr(0, end), match.fields))
                return {};
            name.remove_prefix(end);
        }
    }
    if (!name.empty())
        return {};
    match.matched = Matched::Yes;
    return match;
}

Result<std::string> Pattern::format(const Fields &fields) const
{
    std::string name;
    for (const Element &element : m_elements) {
        if (element.field == 0) {
            name += element.literal;
        } else if (element.field == slash) {
            name += slash;
        } else if (const auto text = fieldText(element.field, fields)) {
            name += *text;
        } else {
            return fail(ErrorCode::BadArgument, "No name can be made from the match pattern \"" + m_text + "\"",
                        std::string("what @") + element.field + " stands for is not known");
        }
    }
    return name;
}

Match matchFirst(const std::vector<Pattern> &patterns, std::string_view name)
{
    Match best;
    for (const Pattern &pattern : patterns) {
        Match match = pattern.match(name);
        if (match.matched == Matched::Yes)
            return match;
        if (match.matched == Matched::Deeper)
            best = std::move(match);
    }
    return best;
}

} // namespace Preon::Update
