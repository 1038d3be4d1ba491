// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/repart/allocation.h"

#include <algorithm>
#include <utility>

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
    return claim.foreign ? claim.currentSize : claim.bounds().minimum;
}

std::uint64_t maximumOf(const Claim &claim)
{
    return claim.foreign ? claim.currentSize : std::max(claim.bounds().minimum, claim.bounds().maximum);
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
        const Bounds &bounds = claim.bounds();
        if (!claim.size) {
            if (phase == Phase::Foreign) {
                if (claim.foreign) {
                    claim.size = claim.currentSize;
                    sharing.charge(*claim.size, bounds.weight, space.grain);
                }
            } else {
                again |= settle(claim.size, phase, sharing, bounds.weight, minimumOf(claim), maximumOf(claim), space.grain);
            }
        }
        if (!claim.padding && phase != Phase::Foreign)
            again |= settle(claim.padding, phase, sharing, bounds.paddingWeight, bounds.minimumPadding, bounds.maximumPadding, space.grain);
    }
    return again;
}

// What rounding left over, to one claim of those that are new in the area. systemd-repart means the partition before the area too, and yet passes over it.
void donate(Space &space, std::size_t area, Claim &claim, std::uint64_t &span)
{
    if (span == 0 || claim.allocatedTo != area || claim.foreign)
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
            sharing.weights += std::uint64_t{claim.bounds().weight} + claim.bounds().paddingWeight;
    }
    sharing.span = area.size;
    if (area.after) {
        const Claim &before = space.claims[*area.after];
        sharing.span = saturatingAdd(sharing.span, roundUp(saturatingAdd(before.offset, before.currentSize), space.grain) - before.offset);
    }
    for (const Phase phase : {Phase::Foreign, Phase::Overcharge, Phase::Undercharge, Phase::Distribute}) {
        while (runPhase(space, index, phase, sharing)) { }
    }
    for (Claim &claim : space.claims)
        donate(space, index, claim, sharing.span);
    if (area.after)
        space.claims[*area.after].padding = saturatingAdd(*space.claims[*area.after].padding, sharing.span);
}
}

std::uint64_t neededSize(const Space &space, const Claim &claim)
{
    const std::uint64_t size = saturatingAdd(minimumOf(claim), claim.bounds().minimumPadding);
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
    for (Claim &claim : space.claims)
        claim.allocatedTo.reset();
    for (std::size_t i = 0; i < space.claims.size(); ++i) {
        Claim &claim = space.claims[i];
        if (claim.dropped || claim.existing || isSuppressed(space, i))
            continue;
        const std::uint64_t needed = neededSize(space, claim);
        const auto fitting = std::ranges::find_if(space.order, [&](std::size_t area) { return usable(space, space.areas[area]) >= needed; });
        if (fitting == space.order.end())
            return false;
        claim.allocatedTo = *fitting;
        space.areas[*fitting].allocated += needed;
    }
    return true;
}

namespace
{
// Frees a claim from what it supplements or is supplemented by.
void unlinkSupplement(Space &space, std::size_t index)
{
    Claim &claim = space.claims[index];
    for (Claim &other : space.claims) {
        if (other.supplements == index)
            other.supplements.reset();
        if (other.suppressing == index)
            other.suppressing.reset();
    }
    claim.supplements.reset();
    claim.suppressing.reset();
}

void giveUpOne(Space &space, std::size_t index, std::vector<std::size_t> &given)
{
    Claim &claim = space.claims[index];
    if (claim.dropped || claim.foreign)
        return;
    given.push_back(index);
    if (claim.existing) {
        claim.foreign = true;
        claim.priority = 0;
        claim.own = Bounds();
        unlinkSupplement(space, index);
        return;
    }
    claim.dropped = true;
    claim.allocatedTo.reset();
    if (isSuppressed(space, index))
        space.claims[*claim.supplements].suppressing.reset();
}

// Lets one more supplement stand for itself, then two more, and so on. budget bounds the tries: there are as many combinations as subsets.
bool allocateWithout(Space &space, unsigned &budget)
{
    std::uint64_t largest = 0;
    for (Claim &claim : space.claims) {
        if (!claim.suppressing || budget == 0)
            continue;
        const auto suppressed = std::exchange(claim.suppressing, std::nullopt);
        --budget;
        if (allocate(space, largest))
            return true;
        claim.suppressing = suppressed;
    }
    for (Claim &claim : space.claims) {
        if (!claim.suppressing || budget == 0)
            continue;
        const auto suppressed = std::exchange(claim.suppressing, std::nullopt);
        if (allocateWithout(space, budget))
            return true;
        claim.suppressing = suppressed;
    }
    return false;
}
}

bool isSuppressed(const Space &space, std::size_t claim)
{
    const auto &target = space.claims[claim].supplements;
    return target && space.claims[*target].suppressing == claim;
}

bool allocateUnmerged(Space &space)
{
    unsigned budget = 20000;
    return allocateWithout(space, budget);
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
        if (space.claims[i].priority < highest)
            continue;
        giveUpOne(space, i, given);
        for (const std::size_t sibling : space.claims[i].siblings)
            giveUpOne(space, sibling, given);
    }
    return given;
}

void distribute(Space &space)
{
    for (const std::size_t area : space.order)
        shareOut(space, area);
    for (std::size_t i = 0; i < space.claims.size(); ++i) {
        Claim &claim = space.claims[i];
        if (claim.dropped || isSuppressed(space, i) || (claim.size && claim.padding))
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
