// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The patterns of MatchPattern= in sysupdate.d(5): how a file or a partition's label is called for which version, read in both directions. A pure value; it knows
// names only, and looks at no file.

#include "core/base/uuid.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace Preon::Update
{

// What a name tells, and what a name is made from. Nothing but the version has to be known.
struct Fields {
    std::string version; // @v
    std::optional<Uuid> partitionUuid = {}; // @u
    std::optional<std::uint64_t> partitionFlags = {}; // @f: GPT attribute bits, hexadecimal
    std::optional<bool> noAuto = {}, growFileSystem = {}, readOnly = {}; // @a @g @r
    std::optional<std::uint64_t> modified = {}; // @t: microseconds since 1970
    std::optional<std::uint32_t> mode = {}; // @m: octal, bits of 0775 only
    std::optional<std::uint64_t> size = {}; // @s: bytes, once unpacked
    std::optional<std::uint64_t> triesDone = {}, triesLeft = {}; // @d @l
    std::optional<Sha256Digest> sha256 = {}; // @h: of the file as it is fetched, packed
    bool operator==(const Fields &) const = default;
};

// Whether the text is a version at all: letters, digits and what systemd 257 (.,_-+) or newer ones (.-~^) take besides.
bool isVersion(std::string_view text);

enum class Matched {
    No,
    Deeper, // the name is that of a folder in which names may match
    Yes,
};

struct Match {
    Matched matched = Matched::No;
    Fields fields; // with Yes
};

class Pattern
{
public:
    // BadFormat: an unknown, repeated or missing field, two fields with nothing between them, a character that no name may have.
    static Result<Pattern> parse(std::string_view text);

    // The name, or the path below the resource's folder, with single slashes.
    Match match(std::string_view name) const;
    // The name that these fields give; BadArgument names the field that the pattern has and that is not known.
    Result<std::string> format(const Fields &fields) const;

    bool has(char field) const; // 'v', 'u' …
    const std::string &text() const
    {
        return m_text;
    }
    bool operator==(const Pattern &other) const
    {
        return m_text == other.m_text;
    }

private:
    struct Element {
        char field = 0; // 0: a literal; '/' is an element of its own
        std::string literal;
    };
    std::string m_text;
    std::vector<Element> m_elements;
};

// The first pattern that matches counts; Deeper where none does but one may below.
Match matchFirst(const std::vector<Pattern> &patterns, std::string_view name);

} // namespace Preon::Update
