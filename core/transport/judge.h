// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What an HTTP server's answer is worth to who wants a file, or its rest (RFC 9110, ranges: section 14): decided from its status and headers alone, before a byte
// of the body is taken. Pure: no network, no libcurl.

#include "core/fetch/frames.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace Preon::Transport
{

// "bytes FIRST-LAST/TOTAL", "bytes FIRST-LAST/*" or "bytes */TOTAL".
struct ContentRange {
    std::optional<std::uint64_t> first, last; // both or none
    std::optional<std::uint64_t> total;
    bool operator==(const ContentRange &) const = default;
};
// nullopt for anything else, also for ranges that no file can have (last before first, behind the total, beyond 63 bits).
std::optional<ContentRange> parseContentRange(std::string_view value);

// An ETag as a server may be asked with in If-Range: quoted, and not weak.
bool isStrongTag(std::string_view value);

struct Answer {
    int status = 0;
    std::optional<std::uint64_t> length{}; // Content-Length
    std::string contentRange{}, tag{}, modified{}, acceptRanges{}, location{}; // empty where the header is missing
};

struct Asked {
    std::uint64_t offset = 0; // with a range from there to the end, unless it is 0
    std::optional<std::uint64_t> expectedSize{}; // of the whole file
    std::uint64_t limit = 0; // a larger file is not wanted
    std::optional<std::uint64_t> total{}; // of the file whose beginning is here, as another answer said
    Fetch::Validator validator{}; // of the state of the file on this server whose beginning is here
};

enum class Verdict {
    Take, // the body is the file from byte `first` on
    Complete, // there is no byte after those that are here
    StartOver, // not that file any more: ask for all of it
    Moved, // look at Answer::location
    Again, // a server in trouble: later, or another one
    Refuse, // never from this server
};

struct Judgement {
    Verdict verdict = Verdict::Refuse;
    std::uint64_t first = 0;
    std::uint64_t length = 0; // of the body, where it is known (hasLength)
    bool hasLength = false;
    std::optional<std::uint64_t> total{}; // of the whole file
    bool ranges = false;
    Fetch::Validator validator{};
    Fetch::FailureKind kind = Fetch::FailureKind::Http; // of what is no Take
    std::string text{}; // the reason in words
};

Judgement judge(const Asked &asked, const Answer &answer);

} // namespace Preon::Transport
