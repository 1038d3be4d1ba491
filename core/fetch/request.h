// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What root asks preon-fetch for. It goes to the fetcher's standard input as JSON: a child trusts its parent, so this may be text.

#include "core/fetch/frames.h"

#include <chrono>
#include <string>
#include <vector>

namespace Preon::Fetch
{

struct Mirror {
    std::string url; // http or https, without a user's name or password
    Validator validator{}; // of the state of the file whose beginning is here already, as this mirror's Start said; all zeros: not known
};

struct Request {
    std::vector<Mirror> mirrors{}; // of one file, the best first; one at least
    std::uint64_t offset = 0; // how many bytes are here already
    std::optional<std::uint64_t> expectedSize{}; // of the whole file
    std::uint64_t limit = 1ULL << 40U; // a file of more bytes is not fetched
    std::uint64_t bytesPerSecond = 0; // no faster than that; 0: as fast as it goes
    std::string proxy{}; // as libcurl takes it ("http://proxy:3128", "socks5h://…"); empty: none
    std::string caFile{}; // PEM of those who may vouch for servers; empty: the system's
    std::chrono::seconds stallTime{30}; // slower than stallBytes in that time: another try
    std::uint64_t stallBytes = 4096;
    std::uint32_t tries = 6; // in a row without getting further, of each mirror
    bool sizeOnly = false; // nothing but Start is wanted: the server is not asked for bytes, and what comes after Start means nothing
    std::chrono::milliseconds retryDelay{500}; // before the second try; doubled each time, at most a minute
};

std::string toJson(const Request &request);
// BadFormat when it is none; BadArgument when there is no mirror.
Result<Request> requestFromJson(std::string_view text);

} // namespace Preon::Fetch
