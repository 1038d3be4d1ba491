// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/base/units.h"
#include "core/repart/mounttables.h"
#include "core/repart/plan.h"
#include "core/repart/print.h"

#include <algorithm>
#include <cstdlib>

using namespace Preon;

// Two definitions from the input (parted by a zero byte), planned on a disk that has one foreign partition: a plan never harms that, never overlaps and never
// leaves the usable area.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    const std::string_view input(reinterpret_cast<const char *>(data), size);
    const std::size_t cut = std::min(input.find('\0'), input.size());
    Repart::Snapshot snapshot;
    snapshot.device = "disk.img";
    snapshot.empty = Repart::Empty::Allow;
    snapshot.table = Disk::emptyTable(200 * mebibyte, 512, *Uuid::parse("11111111-2222-4333-8444-555555555555"));
    const Disk::Partition foreign{.number = 3,
                                  .start = 30 * mebibyte,
                                  .size = 20 * mebibyte + 512,
                                  .type = *Uuid::parse("99999999-9999-4999-8999-999999999999"),
                                  .uuid = *Uuid::parse("aaaaaaaa-1111-4111-8111-111111111111"),
                                  .label = "theirs",
                                  .flags = 1};
    snapshot.table.partitions = {foreign};
    for (const std::string_view text : {input.substr(0, cut), input.substr(std::min(cut + 1, input.size()))}) {
        UnitFile file;
        file.name = snapshot.definitions.empty() ? "10-a.conf" : "20-b.conf";
        file.path = file.name;
        parseUnitText(text, file.path, file);
        Repart::DefinitionOptions options;
        options.privateKey = options.certificate = true;
        auto definition = Repart::parseDefinition(file, options);
        if (!definition)
            return 0;
        definition->copyBlocks.clear();
        definition->copyBlocksAuto = false;
        if (definition->type != foreign.type)
            snapshot.definitions.push_back(std::move(*definition));
    }
    const auto plan = Repart::plan(snapshot);
    if (!plan)
        return 0;
    if (!std::ranges::contains(plan->after.partitions, foreign))
        std::abort();
    auto partitions = plan->after.partitions;
    std::ranges::sort(partitions, {}, &Disk::Partition::start);
    std::uint64_t end = plan->after.firstUsable;
    for (const Disk::Partition &partition : partitions) {
        if (partition.start < end || partition.size == 0 || partition.size > plan->after.endUsable - partition.start)
            std::abort();
        end = partition.start + partition.size;
    }
    (void)Repart::toJson(*plan, true);
    (void)Repart::toTable(*plan);
    (void)Repart::toBar(*plan, 80);
    if (!Repart::fstabOf(snapshot) || !Repart::crypttabOf(snapshot))
        std::abort();
    return 0;
}
