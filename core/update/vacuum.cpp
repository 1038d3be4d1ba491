// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/update/plan.h"

#include <algorithm>

namespace Preon::Update
{

namespace
{
// How many instances of one transfer go, and which.
class Vacuum
{
public:
    Vacuum(const Seen &seen, std::size_t index, const VacuumOptions &options, bool disabled, VacuumPlan &plan)
        : m_seen(seen)
        , m_index(index)
        , m_options(options)
        , m_disabled(disabled)
        , m_plan(plan)
    {
    }
    Result<std::uint64_t> run();

private:
    Result<std::uint64_t> limit() const;
    Result<std::uint64_t> limitOfSlots(std::uint64_t limit) const;
    bool stays(const Instance &instance) const;
    void remove(std::size_t position);

    const Seen &m_seen;
    std::size_t m_index;
    const VacuumOptions &m_options;
    bool m_disabled;
    VacuumPlan &m_plan;
    std::vector<Instance> m_left = {};
    std::uint64_t m_removed = 0;
};

Result<std::uint64_t> Vacuum::limitOfSlots(std::uint64_t limit) const
{
    const std::uint64_t taken = m_left.size(), free = m_seen.target.emptySlots.size() + m_removed;
    const std::string what = "There is no room for another version of " + m_seen.transfer->id;
    const std::string where = m_seen.target.path.string();
    if (taken + free < 2)
        return fail(ErrorCode::NoSpace, what, where + " has " + std::to_string(taken + free) + " partitions for it, and two are needed at least");
    if (m_options.space >= taken + free)
        return fail(ErrorCode::NoSpace, what, "all " + std::to_string(taken + free) + " partitions for it would have to be emptied");
    const std::uint64_t toEmpty = m_options.space > free ? m_options.space - free : 0;
    return std::min(limit, taken > toEmpty ? taken - toEmpty : 0);
}

Result<std::uint64_t> Vacuum::limit() const
{
    std::uint64_t limit = UINT64_MAX;
    const auto most = m_options.instancesMax ? m_options.instancesMax : m_seen.transfer->instancesMax;
    // Slots without a limit stay, as with systemd.
    if (m_disabled)
        return most ? 0 : limit;
    if (most) {
        if (m_options.space >= *most)
            return fail(ErrorCode::NoSpace, "There is no room for another version of " + m_seen.transfer->id,
                        "at most " + std::to_string(*most) + " are kept, and one has to stay");
        limit = *most - m_options.space;
    }
    return m_seen.target.isSlots ? limitOfSlots(limit) : limit;
}

bool Vacuum::stays(const Instance &instance) const
{
    // What is cut off is of no use to anybody, whatever its version, unless it is gone on with right now.
    if (instance.stage == Stage::Partial)
        return instance.fields.version == m_options.extraProtected;
    return isProtected(*m_seen.transfer, instance.fields.version, m_options.kept) || instance.fields.version == m_options.extraProtected;
}

void Vacuum::remove(std::size_t position)
{
    const Holdings &target = m_seen.target;
    Removal removal{.transfer = m_index,
                    .type = m_seen.transfer->target.type,
                    .folder = target.path,
                    .sectorSize = target.sectorSize,
                    .instance = m_left[position],
                    .emptied = {},
                    .disabled = m_disabled};
    if (removal.instance.slot) {
        removal.emptied = *removal.instance.slot;
        removal.emptied.label = "_empty";
        removal.emptied.type = m_seen.transfer->target.partitionType;
    }
    m_plan.removals.push_back(std::move(removal));
    m_left.erase(m_left.begin() + static_cast<std::ptrdiff_t>(position));
    ++m_removed;
}

Result<std::uint64_t> Vacuum::run()
{
    const Holdings &target = m_seen.target;
    if (m_seen.transfer->removeTemporary)
        m_plan.temporary.insert(m_plan.temporary.end(), target.temporary.begin(), target.temporary.end());
    m_left = target.instances;
    // First what never became a version: oldest first.
    for (const Stage stage : {Stage::Partial, Stage::Pending}) {
        for (std::size_t i = m_left.size(); i-- > 0;) {
            if (m_left[i].stage == stage && !stays(m_left[i]))
                remove(i);
        }
    }
    PREON_TRY(const std::uint64_t limit, this->limit());
    for (std::size_t i = m_left.size(); i-- > 0 && m_left.size() > limit;) {
        if (!stays(m_left[i]))
            remove(i);
    }
    return m_removed;
}
}

Result<VacuumPlan> planVacuum(const std::vector<Seen> &enabled, const std::vector<Seen> &disabled, const VacuumOptions &options)
{
    VacuumPlan plan;
    for (std::size_t i = 0; i < enabled.size(); ++i) {
        // What has the version already gets nothing new.
        const Instance *there = options.extraProtected.empty() ? nullptr : enabled[i].target.find(options.extraProtected);
        if (there && there->stage != Stage::Partial)
            continue;
        VacuumOptions own = options;
        // A place that is gone on with is taken already.
        if (there)
            own.space -= std::min<std::uint64_t>(own.space, 1);
        PREON_TRY(const std::uint64_t removed, Vacuum(enabled[i], i, own, false, plan).run());
        plan.removed = std::max(plan.removed, removed);
    }
    // The version that comes is none of theirs.
    VacuumOptions others = options;
    others.extraProtected.clear();
    for (std::size_t i = 0; i < disabled.size(); ++i) {
        PREON_TRY(const std::uint64_t removed, Vacuum(disabled[i], enabled.size() + i, others, true, plan).run());
        plan.disabledTransfers += removed > 0 ? 1 : 0;
    }
    return plan;
}

} // namespace Preon::Update
