// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/repart/allocation.h"

#include <algorithm>

namespace Preon::Repart
{

std::uint64_t saturatingAdd(std::uint64_t a, std::uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

std::uint64_t roundUp(std::uint64_t value, std::uint64_t grain)
{
    const std::uint64_t rest = value % grain;
    return rest == 0 ? value : saturatingAdd(value, grain - rest);
}

std::uint64_t roundDown(std::uint64_t value, std::uint64_t grain)
{
    return value - value % grain;
}

namespace
{
// What remains of a total, at least nothing.
std::uint64_t less(std::uint64_t total, std::uint64_t amount)
{
    return amount >= total ? 0 : total - amount;
}

std::uint64_t minimumOf(const Claim &claim)
{
    return claim.foreign ? claim.currentSize : claim.minimum;
}

std::uint64_t maximumOf(const Claim &claim)
{
    return claim.foreign ? claim.currentSize : std::max(claim.minimum, claim.maximum);
}

std::uint64_t areaEnd(const Space &space, const FreeArea &area)
{
    const std::uint64_t available = less(area.size, area.allocated);
    if (!area.after)
        return available;
    const Claim &before = space.claims[*area.after];
    return saturatingAdd(roundUp(saturatingAdd(before.offset, before.currentSize), space.grain), available);
}

// Where the partition before an area ends once it has what it needs.
std::uint64_t areaBegin(const Space &space, const FreeArea &area)
{
    if (!area.after)
        return 0;
    const Claim &before = space.claims[*area.after];
    return roundUp(saturatingAdd(before.offset, neededSize(space, before)), space.grain);
}

std::uint64_t usable(const Space &space, const FreeArea &area)
{
    return less(areaEnd(space, area), areaBegin(space, area));
}

bool belongs(const Claim &claim, std::size_t area)
{
    return claim.allocatedTo == area || claim.areaBehind == area;
}

// A weight's part of a span, rounded down. Where the product does not fit into 64 bits the weights lose precision, as they do in systemd-repart: the part
// is never larger than the true one, so that all parts together fit.
std::uint64_t share(std::uint64_t span, std::uint64_t weight, std::uint64_t sum)
{
    while (weight != 0 && weight != sum && span > UINT64_MAX / weight) {
        sum = sum / 2 + sum % 2;
        weight /= 2;
    }
    if (weight == 0)
        return 0;
    return weight == sum ? span : span * weight / sum;
}

// An area and the partition before it, being shared out.
struct Sharing {
    std::uint64_t span = 0, weights = 0;

    void charge(std::uint64_t amount, std::uint64_t weight, std::uint64_t grain)
    {
        span = less(span, roundUp(amount, grain));
        weights -= weight;
    }
};

enum class Phase { Foreign, Overcharge, Undercharge, Distribute };

// One value (a size or a padding) in one phase. True when it was settled at its bound, so that the others' shares change.
bool settle(std::optional<std::uint64_t> &value, Phase phase, Sharing &sharing, std::uint64_t weight, std::uint64_t low, std::uint64_t high,
            std::uint64_t grain)
{
    const std::uint64_t fair = share(sharing.span, weight, sharing.weights);
    if (phase == Phase::Overcharge && low > fair)
        value = low;
    else if (phase == Phase::Undercharge && high < fair)
        value = high;
    else if (phase == Phase::Distribute)
        value = std::min(std::max(roundDown(fair, grain), low), high);
    else
        return false;
    sharing.charge(*value, weight, grain);
    return phase != Phase::Distribute;
}

bool runPhase(Space &space, std::size_t area, Phase phase, Sharing &sharing)
{
    bool again = false;
    for (Claim &claim : space.claims) {
        if (!belongs(claim, area))
            continue;
        if (!claim.size) {
            if (phase == Phase::Foreign) {
                if (claim.foreign) {
                    claim.size = claim.currentSize;
                    sharing.charge(*claim.size, claim.weight, space.grain);
                }
            } else {
                again |= settle(claim.size, phase, sharing, claim.weight, minimumOf(claim), maximumOf(claim), space.grain);
            }
        }
        if (!claim.padding && phase != Phase::Foreign)
            again |= settle(claim.padding, phase, sharing, claim.paddingWeight, claim.minimumPadding, claim.maximumPadding, space.grain);
    }
    return again;
}

// What rounding left over, to one claim.
void donate(Space &space, std::size_t area, Claim &claim, std::uint64_t &span)
{
    if (span == 0 || !belongs(claim, area) || claim.foreign)
        return;
    std::uint64_t larger = std::max(roundDown(saturatingAdd(*claim.size, span), space.grain), *claim.size);
    larger = std::max(std::min(larger, maximumOf(claim)), *claim.size);
    span = less(span, roundUp(larger - *claim.size, space.grain));
    claim.size = larger;
}

void shareOut(Space &space, std::size_t index)
{
    const FreeArea &area = space.areas[index];
    Sharing sharing;
    for (const Claim &claim : space.claims) {
        if (belongs(claim, index))
            sharing.weights += std::uint64_t{claim.weight} + claim.paddingWeight;
    }
    sharing.span = area.size;
    if (area.after) {
        const Claim &before = space.claims[*area.after];
        sharing.span = saturatingAdd(sharing.span, roundUp(saturatingAdd(before.offset, before.currentSize), space.grain) - before.offset);
    }
    for (const Phase phase : {Phase::Foreign, Phase::Overcharge, Phase::Undercharge, Phase::Distribute}) {
        while (runPhase(space, index, phase, sharing)) { }
    }
    if (area.after)
        donate(space, index, space.claims[*area.after], sharing.span);
    for (Claim &claim : space.claims)
        donate(space, index, claim, sharing.span);
    if (area.after)
        space.claims[*area.after].padding = saturatingAdd(*space.claims[*area.after].padding, sharing.span);
}
}

std::uint64_t neededSize(const Space &space, const Claim &claim)
{
    const std::uint64_t size = saturatingAdd(minimumOf(claim), claim.minimumPadding);
    if (claim.existing) // what follows one that is not aligned is
        return roundUp(saturatingAdd(claim.offset, size), space.grain) - claim.offset;
    return roundUp(size, space.grain);
}

bool allocate(Space &space, std::uint64_t &largest)
{
    for (FreeArea &area : space.areas)
        area.allocated = 0;
    if (space.order.size() != space.areas.size()) {
        space.order.clear();
        for (std::size_t i = 0; i < space.areas.size(); ++i)
            space.order.push_back(i);
    }
    std::ranges::stable_sort(space.order, {}, [&space](std::size_t i) { return usable(space, space.areas[i]); });
    largest = space.order.empty() ? 0 : usable(space, space.areas[space.order.back()]);
    for (const FreeArea &area : space.areas) {
        if (areaEnd(space, area) < areaBegin(space, area))
            return false;
    }
    for (const Claim &claim : space.claims) {
        const std::uint64_t end = roundUp(saturatingAdd(claim.offset, claim.currentSize), space.grain);
        if (claim.existing && !claim.foreign && !claim.areaBehind && end - claim.offset < neededSize(space, claim))
            return false;
    }
    for (Claim &claim : space.claims) {
        if (claim.dropped || claim.existing)
            continue;
        const std::uint64_t needed = neededSize(space, claim);
        const auto fitting = std::ranges::find_if(space.order, [&](std::size_t i) { return usable(space, space.areas[i]) >= needed; });
        if (fitting == space.order.end())
            return false;
        claim.allocatedTo = *fitting;
        space.areas[*fitting].allocated += needed;
    }
    return true;
}

std::vector<std::size_t> giveUp(Space &space)
{
    std::int32_t highest = 0;
    for (const Claim &claim : space.claims) {
        if (!claim.dropped)
            highest = std::max(highest, claim.priority);
    }
    std::vector<std::size_t> given;
    if (highest <= 0)
        return given;
    for (std::size_t i = 0; i < space.claims.size(); ++i) {
        Claim &claim = space.claims[i];
        if (claim.dropped || claim.foreign || claim.priority < highest)
            continue;
        given.push_back(i);
        if (claim.existing) {
            claim.foreign = true;
            claim.priority = 0;
            claim.weight = 1000;
            claim.paddingWeight = 0;
            claim.minimumPadding = 0;
            claim.maximumPadding = UINT64_MAX;
        } else {
            claim.dropped = true;
            claim.allocatedTo.reset();
        }
    }
    return given;
}

void distribute(Space &space)
{
    for (const std::size_t area : space.order)
        shareOut(space, area);
    for (Claim &claim : space.claims) {
        if (claim.dropped || (claim.size && claim.padding))
            continue;
        // Existing, with nothing free behind it.
        claim.size = claim.currentSize;
        claim.padding = claim.currentPadding;
    }
}

std::vector<std::size_t> place(Space &space)
{
    std::vector<std::size_t> placed;
    for (const std::size_t index : space.order) {
        const FreeArea &area = space.areas[index];
        std::uint64_t at = space.start;
        if (area.after) {
            const Claim &before = space.claims[*area.after];
            at = before.offset + *before.size + *before.padding;
        }
        at = roundUp(at, space.grain);
        for (std::size_t i = 0; i < space.claims.size(); ++i) {
            Claim &claim = space.claims[i];
            if (claim.allocatedTo != index)
                continue;
            claim.offset = at;
            at += *claim.size + *claim.padding;
            placed.push_back(i);
        }
    }
    return placed;
}

} // namespace Preon::Repart
