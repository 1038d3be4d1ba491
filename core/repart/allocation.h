// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Who gets which bytes: free areas, first fit by minimum, then shares by weight. The planner's inner half; knows no names, types or tables.
// All sizes in bytes; sums saturate at 2^64−1, so absurd wishes end as "does not fit".

#include <cstdint>
#include <optional>
#include <vector>

namespace Preon::Repart
{

// What a partition may become.
struct Bounds {
    std::uint64_t minimum = 0; // at least this, whatever else is said
    std::uint64_t maximum = UINT64_MAX;
    std::uint64_t minimumPadding = 0, maximumPadding = UINT64_MAX;
    std::uint32_t weight = 1000, paddingWeight = 0;
};

// One partition as the allocator sees it.
struct Claim {
    // What is wished and what is there.
    bool foreign = false; // not ours to change
    bool existing = false;
    std::uint64_t currentSize = 0, currentPadding = 0, offset = 0; // of existing ones; currentPadding: free bytes behind it
    Bounds own, merged; // of ours; merged: together with the supplement that it suppresses
    std::int32_t priority = 0;
    std::vector<std::size_t> siblings; // given up together with it
    std::optional<std::size_t> supplements; // the claim that it may be merged into
    std::optional<std::size_t> suppressing; // the supplement that is merged into it: that one gets no place of its own

    // What became of it.
    bool dropped = false;
    std::optional<std::size_t> allocatedTo; // the area that a new one was put in
    std::optional<std::size_t> areaBehind; // the area that begins behind an existing one
    std::optional<std::uint64_t> size, padding;

    const Bounds &bounds() const
    {
        return suppressing ? merged : own;
    }
};

struct FreeArea {
    std::uint64_t size = 0;
    std::optional<std::size_t> after; // the claim (existing) that it follows
    std::uint64_t allocated = 0;
};

struct Space {
    std::uint64_t grain = 4096;
    std::uint64_t start = 0; // where the first partition may begin
    std::vector<Claim> claims;
    std::vector<FreeArea> areas;
    std::vector<std::size_t> order; // of areas, smallest first
};

// Puts each new claim into an area. False when one fits nowhere, or an existing one cannot grow to its minimum; largest: the biggest area then.
bool allocate(Space &space, std::uint64_t &largest);
// As allocate(), with as few supplements standing for themselves as will do; for when they cannot all be merged.
bool allocateUnmerged(Space &space);
bool isSuppressed(const Space &space, std::size_t claim);
// Gives up the claims with the highest priority number above 0: new ones are dropped, existing ones become foreign. Returns their indexes; empty: none left.
std::vector<std::size_t> giveUp(Space &space);
// After a successful allocate(): sizes and paddings of all claims.
void distribute(Space &space);
// After distribute(): offsets of new claims, in the order in which they get their numbers.
std::vector<std::size_t> place(Space &space);

std::uint64_t roundUp(std::uint64_t value, std::uint64_t grain);
std::uint64_t roundDown(std::uint64_t value, std::uint64_t grain);
std::uint64_t saturatingAdd(std::uint64_t a, std::uint64_t b);
// Minimum and padding of a claim, up to where the next one may begin.
std::uint64_t neededSize(const Space &space, const Claim &claim);

} // namespace Preon::Repart
