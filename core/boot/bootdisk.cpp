// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/boot/bootdisk.h"

#include "core/disk/parttypes.h"

#include <algorithm>
#include <array>

namespace Preon::Boot
{

namespace
{
struct RoleType {
    Role role;
    std::string_view type;
};
constexpr std::array<RoleType, 3> made{{{Role::Root, "root"}, {Role::Swap, "swap"}, {Role::Home, "home"}}};

Uuid halfOf(ByteView rootHash, std::size_t half)
{
    std::array<std::byte, 16> bytes;
    std::ranges::copy(rootHash.subspan(half * 16, 16), bytes.begin());
    return Uuid(bytes);
}
}

std::string_view roleName(Role role)
{
    switch (role) {
    case Role::Esp:
        return "esp";
    case Role::Usr:
        return "usr";
    case Role::UsrVerity:
        return "usr-verity";
    case Role::Root:
        return "root";
    case Role::Swap:
        return "swap";
    case Role::Home:
        return "home";
    }
    return "";
}

std::string_view modeName(Mode mode)
{
    switch (mode) {
    case Mode::Live:
        return "live";
    case Mode::Disk:
        return "disk";
    case Mode::Setup:
        return "setup";
    }
    return "";
}

Uuid ownPartitionUuid(const Uuid &esp, const Uuid &type)
{
    return Uuid::derived(esp.bytes(), type.bytes());
}

std::vector<KnownPartition> knownPartitions(const Uuid &esp, ByteView rootHash)
{
    if (esp.isNull())
        return {};
    std::vector<KnownPartition> known;
    const auto add = [&known](Role role, std::string_view typeName, const auto &uuidOf) {
        if (const auto type = Disk::partitionType(typeName); type)
            known.push_back({role, *type, uuidOf(*type)});
    };
    add(Role::Esp, "esp", [&](const Uuid &) { return esp; });
    if (rootHash.size() == 32) {
        add(Role::Usr, "usr", [&](const Uuid &) { return halfOf(rootHash, 0); });
        add(Role::UsrVerity, "usr-verity", [&](const Uuid &) { return halfOf(rootHash, 1); });
    }
    for (const RoleType &each : made)
        add(each.role, each.type, [&](const Uuid &type) { return ownPartitionUuid(esp, type); });
    return known;
}

std::vector<OwnPartition> ownPartitions(const Disk::Table &table, const Uuid &esp, ByteView rootHash)
{
    std::vector<OwnPartition> own;
    for (const KnownPartition &each : knownPartitions(esp, rootHash)) {
        const auto found = std::ranges::find_if(table.partitions,
                                                [&](const Disk::Partition &partition) { return partition.type == each.type && partition.uuid == each.uuid; });
        if (found != table.partitions.end())
            own.push_back({each.role, found->number});
        else if (each.role == Role::Esp)
            return {};
    }
    return own;
}

std::optional<unsigned> numberOf(const std::vector<OwnPartition> &own, Role role)
{
    const auto found = std::ranges::find(own, role, &OwnPartition::role);
    return found == own.end() ? std::nullopt : std::optional(found->number);
}

std::optional<unsigned> xbootldrOf(const Disk::Table &table)
{
    const auto found = std::ranges::find(table.partitions, Disk::partitionType("xbootldr"), &Disk::Partition::type);
    return found == table.partitions.end() ? std::nullopt : std::optional(found->number);
}

Result<ModeDecision> planMode(const ModeFacts &facts)
{
    if (facts.asked == "live")
        return ModeDecision{Mode::Live, "the boot entry asks for a system in memory"};
    if (facts.asked == "setup") {
        if (facts.readOnly)
            return fail(ErrorCode::BadArgument, "This medium cannot be set up", "it is read-only", "Use its write switch, or another medium.");
        return ModeDecision{Mode::Setup, "the boot entry asks to set up this medium"};
    }
    if (facts.asked)
        return fail(ErrorCode::BadArgument, "preon.mode=" + *facts.asked + " is not known", {}, "Use live or setup, or leave it out.");
    if (facts.hasRoot)
        return ModeDecision{Mode::Disk, "this system has its root on the boot disk"};
    if (facts.readOnly)
        return ModeDecision{Mode::Live, "the boot disk is read-only"};
    if (facts.removable)
        return ModeDecision{Mode::Live, "the boot disk is a removable medium"};
    return ModeDecision{Mode::Disk, "the boot disk is built in and has no root yet"};
}

} // namespace Preon::Boot
