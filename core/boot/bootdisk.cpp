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

void addByUuid(const Disk::Table &table, Role role, std::string_view typeName, const Uuid &uuid, std::vector<OwnPartition> &own)
{
    const auto type = Disk::partitionType(typeName);
    const auto found
        = std::ranges::find_if(table.partitions, [&](const Disk::Partition &partition) { return partition.type == type && partition.uuid == uuid; });
    if (type && found != table.partitions.end())
        own.push_back({role, found->number});
}

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

std::vector<OwnPartition> ownPartitions(const Disk::Table &table, const Uuid &esp, ByteView rootHash)
{
    std::vector<OwnPartition> own;
    addByUuid(table, Role::Esp, "esp", esp, own);
    if (own.empty() || esp.isNull())
        return {};
    if (rootHash.size() == 32) {
        addByUuid(table, Role::Usr, "usr", halfOf(rootHash, 0), own);
        addByUuid(table, Role::UsrVerity, "usr-verity", halfOf(rootHash, 1), own);
    }
    for (const RoleType &each : made)
        addByUuid(table, each.role, each.type, ownPartitionUuid(esp, Disk::partitionType(each.type).value_or(Uuid())), own);
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
