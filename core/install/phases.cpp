// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/install/phases.h"

#include "core/install/plan.h"

#include <numeric>

namespace Preon::Install
{

namespace
{

std::uint64_t bootFilesSize(const Plan &plan, bool onNewPartitions)
{
    return std::accumulate(plan.files.begin(), plan.files.end(), std::uint64_t{0}, [&](std::uint64_t sum, const PlannedFile &file) {
        const bool counts = !file.kept && plan.makes(file.partition) == onNewPartitions;
        return counts ? sum + plan.source.bootFiles[file.source].size : sum;
    });
}

void addPreparation(const Plan &plan, std::vector<Phase> &phases)
{
    phases.push_back({.name = PhaseName::checkSource});
    if (plan.mode == Mode::Reinstall) {
        phases.push_back({.name = PhaseName::checkSourceData, .bytes = plan.source.system.usr.size});
        phases.push_back({.name = PhaseName::removeKernels});
        phases.push_back({.name = PhaseName::eraseKeys});
    }
    phases.push_back({.name = plan.mode == Mode::Erase ? PhaseName::erase : PhaseName::clear});
}

} // namespace

std::vector<Phase> phases(const Plan &plan)
{
    const Image::System &system = plan.source.system;
    const std::uint64_t signature = system.signature ? system.signature->size : 0;
    const std::uint64_t fresh = bootFilesSize(plan, true), added = bootFilesSize(plan, false);
    std::vector<Phase> phases;
    addPreparation(plan, phases);
    phases.push_back({.name = PhaseName::copy, .bytes = system.usr.size + system.verity.size + signature});
    phases.push_back({.name = PhaseName::bootFiles, .bytes = fresh});
    phases.push_back({.name = PhaseName::flush});
    phases.push_back({.name = PhaseName::check, .bytes = system.usr.size + fresh});
    phases.push_back({.name = PhaseName::publish, .cancellable = false});
    if (added > 0)
        phases.push_back({.name = PhaseName::addBootFiles, .bytes = added, .cancellable = false});
    if (plan.makesBootEntry)
        phases.push_back({.name = PhaseName::firmware, .cancellable = false});
    return phases;
}

} // namespace Preon::Install
