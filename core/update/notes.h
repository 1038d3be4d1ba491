// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What a version brings, in its maker's words: of the addresses that ChangeLog= names, one that lies beside the version's files and that their list names with its hash is
// the text itself; another one is a page for a browser.

#include "core/update/acquire.h"
#include "core/update/sets.h"

namespace Preon::Update
{

constexpr std::size_t longestNotes = 1U << 16U; // bytes

struct Notes {
    std::string text; // plain, of several lines; may be empty
    std::string page; // an https address, or empty
    bool operator==(const Notes &) const = default;
};
// Asks the server for the text. One that cannot be had, or is not the one that was signed, is told to `progress` and left out: nobody's update hangs on it.
Notes notesOf(const UpdateSet &set, const std::vector<Seen> &seen, const Fetching &fetching, Progress &progress);

} // namespace Preon::Update
