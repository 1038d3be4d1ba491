// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What the last look at the server came to, and which download was begun and is not done: kept over a restart of whoever looked
// (/var/lib/preon/update, checked.json and begun.json). Both are read as strictly as what comes from outside; what makes no sense counts as nothing.
// Asks nobody.

#include "core/base/fd.h"
#include "core/base/hash.h"
#include "core/base/host.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace Preon::Update
{

struct CandidatePart {
    std::string name; // of the transfer, "10-usr"
    std::uint64_t fetch = 0, write = 0; // bytes; 0 also where it is not known
    std::string target; // for people
    bool operator==(const CandidatePart &) const = default;
};

struct Candidate {
    std::string version, notes; // notes: plain text
    std::string changeLog; // an https address, or empty
    std::uint64_t fetch = 0, write = 0; // bytes
    std::vector<CandidatePart> parts;
    unsigned percent = 100; // of computers that get it now; below 100: this one is not among them yet (rollout.h)
    bool operator==(const Candidate &) const = default;
};

struct Checked {
    std::int64_t when = 0; // seconds since 1970; 0: never
    std::int64_t heard = 0; // when an answer came last that could be trusted, or, before there was one, when it was asked first
    std::optional<Error> error; // of that time
    std::optional<Candidate> candidate; // the last that was answered
    std::int64_t found = 0; // when its version was answered first, without another one in between; 0: not known
};

Checked parseChecked(std::string_view text);
std::string checkedText(const Checked &checked);
Checked readChecked(const Host &host);
Result<void> writeChecked(const Host &host, const Checked &checked);

// A download on its way.
struct Begun {
    std::string version;
    std::uint64_t fetch = 0; // bytes of all files, as they lie on the server
    std::vector<Sha256Digest> hashes; // of the files
    bool operator==(const Begun &) const = default;
};
std::optional<Begun> parseBegun(std::string_view text);
std::string begunText(const Begun &begun);
std::optional<Begun> readBegun(const Host &host);
Result<void> writeBegun(const Host &host, const Begun &begun);
Result<void> forgetBegun(const Host &host); // no error where there is none

} // namespace Preon::Update
