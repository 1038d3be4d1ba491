// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/update/sets.h"

#include <algorithm>

namespace Preon::Update
{

namespace
{
enum class Side { Installed, Available };

// Goes through the versions of one side, from the newest on.
class Discovery
{
public:
    Discovery(const std::vector<Seen> &seen, const std::set<std::string> &kept, Sets &sets)
        : m_seen(seen)
        , m_kept(kept)
        , m_sets(sets)
    {
    }
    void run(Side side);

private:
    static const Holdings &holdings(const Seen &seen, Side side)
    {
        return side == Side::Installed ? seen.target : seen.source;
    }
    std::optional<std::string> nextBelow(const std::optional<std::string> &boundary, Side side) const;
    UpdateSet gather(const std::string &version, Side side) const;
    void add(UpdateSet found, Side side);
    void merge(UpdateSet &known, UpdateSet found, std::size_t index);

    const std::vector<Seen> &m_seen;
    const std::set<std::string> &m_kept;
    Sets &m_sets;
    bool m_newestFound = false;
};

std::optional<std::string> Discovery::nextBelow(const std::optional<std::string> &boundary, Side side) const
{
    std::optional<std::string> best;
    for (const Seen &seen : m_seen) {
        for (const Instance &instance : holdings(seen, side).instances) {
            const std::string &version = instance.fields.version;
            if (boundary && compareVersions(version, *boundary) >= 0)
                continue;
            if (!best || compareVersions(version, *best) > 0)
                best = version;
            break; // they are sorted
        }
    }
    return best;
}

UpdateSet Discovery::gather(const std::string &version, Side side) const
{
    UpdateSet set;
    set.version = version;
    (side == Side::Installed ? set.installed : set.available) = true;
    for (const Seen &seen : m_seen) {
        const auto &instances = holdings(seen, side).instances;
        const auto found = std::ranges::find_if(instances, [&](const Instance &instance) { return compareVersions(instance.fields.version, version) == 0; });
        set.obsolete = set.obsolete || isObsolete(*seen.transfer, version);
        set.isProtected = set.isProtected || isProtected(*seen.transfer, version, m_kept);
        if (found == instances.end()) {
            set.incomplete = true;
            set.parts.emplace_back();
            continue;
        }
        set.partial = set.partial || found->stage == Stage::Partial;
        set.pending = set.pending || found->stage == Stage::Pending;
        set.parts.emplace_back(Part{.instance = *found, .installed = side == Side::Installed});
    }
    return set;
}

void Discovery::merge(UpdateSet &known, UpdateSet found, std::size_t index)
{
    known.available = true;
    known.obsolete = known.obsolete || found.obsolete;
    for (std::size_t i = 0; i < known.parts.size(); ++i) {
        if (!known.parts[i])
            known.parts[i] = std::move(found.parts[i]);
    }
    // The newest one here that is not whole is one to go on with, unless something newer is on offer.
    if (known.newest && known.installed && !isWhole(known) && !m_sets.candidate && !known.obsolete)
        m_sets.candidate = index;
}

void Discovery::add(UpdateSet found, Side side)
{
    const auto known = std::ranges::find_if(m_sets.all, [&](const UpdateSet &set) { return compareVersions(set.version, found.version) == 0; });
    if (known != m_sets.all.end()) {
        m_newestFound = true;
        merge(*known, std::move(found), static_cast<std::size_t>(known - m_sets.all.begin()));
        return;
    }
    found.newest = !m_newestFound;
    m_newestFound = true;
    const std::size_t index = m_sets.all.size();
    if (found.newest && side == Side::Installed)
        m_sets.newestInstalled = index;
    if (found.newest && side == Side::Available && !found.obsolete)
        m_sets.candidate = index;
    m_sets.all.push_back(std::move(found));
}

void Discovery::run(Side side)
{
    m_newestFound = false;
    std::optional<std::string> boundary;
    while ((boundary = nextBelow(boundary, side))) {
        UpdateSet found = gather(*boundary, side);
        // What is not on offer for every transfer is not on offer.
        if (side == Side::Installed || !found.incomplete)
            add(std::move(found), side);
    }
    if (!m_sets.newestInstalled)
        return;
    const UpdateSet &newest = m_sets.all[*m_sets.newestInstalled];
    const bool going = newest.partial || newest.pending;
    if (side == Side::Available && going && !m_sets.candidate)
        m_sets.candidate = m_sets.newestInstalled;
    if (m_sets.candidate && isWhole(newest) && compareVersions(newest.version, m_sets.all[*m_sets.candidate].version) >= 0)
        m_sets.candidate.reset();
}
}

bool isWhole(const UpdateSet &set)
{
    return !set.incomplete && !set.partial && !set.pending;
}

bool isProtected(const Transfer &transfer, std::string_view version, const std::set<std::string> &kept)
{
    return std::ranges::contains(transfer.protectedVersions, version) || kept.contains(std::string(version));
}

bool isObsolete(const Transfer &transfer, std::string_view version)
{
    return (transfer.minVersion && compareVersions(*transfer.minVersion, version) > 0)
        || (transfer.maxVersion && compareVersions(*transfer.maxVersion, version) < 0);
}

const UpdateSet *Sets::find(std::string_view version) const
{
    const auto found = std::ranges::find_if(all, [version](const UpdateSet &set) { return compareVersions(set.version, version) == 0; });
    return found == all.end() ? nullptr : &*found;
}

Sets discoverSets(const std::vector<Seen> &seen, const std::set<std::string> &kept)
{
    Sets sets;
    Discovery discovery(seen, kept, sets);
    discovery.run(Side::Installed);
    discovery.run(Side::Available);
    const auto versionAt = [&](const std::optional<std::size_t> &index) {
        return index ? std::optional(sets.all[*index].version) : std::nullopt;
    };
    const auto newest = versionAt(sets.newestInstalled), candidate = versionAt(sets.candidate);
    std::ranges::stable_sort(sets.all, [](const UpdateSet &a, const UpdateSet &b) { return compareVersions(a.version, b.version) > 0; });
    const auto indexOf = [&](const std::optional<std::string> &version) -> std::optional<std::size_t> {
        if (!version)
            return std::nullopt;
        return static_cast<std::size_t>(std::ranges::find(sets.all, *version, &UpdateSet::version) - sets.all.begin());
    };
    sets.newestInstalled = indexOf(newest);
    sets.candidate = indexOf(candidate);
    return sets;
}

std::string assessment(const UpdateSet &set)
{
    std::string text;
    if (set.installed)
        text = set.newest ? "current" : set.isProtected ? "protected" : "installed";
    else
        text = set.newest && !set.obsolete ? "candidate" : "available";
    if (set.obsolete)
        text += "+obsolete";
    if (set.partial)
        text += "+partial";
    else if (set.pending)
        text += "+pending";
    else if (set.incomplete)
        text += "+incomplete";
    return text;
}

} // namespace Preon::Update
