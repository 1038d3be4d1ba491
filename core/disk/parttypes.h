// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The partition types of the Discoverable Partitions Specification (UAPI.2), by name and by UUID.

#include "core/base/uuid.h"

namespace Preon::Disk
{

// "esp", "xbootldr", "usr", "usr-verity", "root-x86-64", "home", "swap", "linux-generic" …, or a UUID. Names without an architecture mean the one given,
// else this machine's; "root-secondary" means its 32-bit sibling's.
std::optional<Uuid> partitionType(std::string_view identifier, std::string_view architecture = {});
// Whether the specification has types for it: "x86-64", "arm64" …
bool isArchitecture(std::string_view name);
// "usr-x86-64" for what partitionType knows, as systemd prints it; the UUID's text otherwise.
std::string partitionTypeName(const Uuid &type);

enum class Designator {
    Root,
    Usr,
    Home,
    Srv,
    Esp,
    Xbootldr,
    Swap,
    RootVerity,
    UsrVerity,
    RootVeritySig,
    UsrVeritySig,
    Tmp,
    Var,
    UserHome,
    LinuxGeneric,
    Other
};
Designator designator(const Uuid &type);

} // namespace Preon::Disk
