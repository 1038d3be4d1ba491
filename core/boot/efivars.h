// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// EFI variables through efivarfs (or a plain folder with such files, in a test): reading, writing and removing one, and the strings that the Boot Loader
// Interface keeps in them. What the firmware's own boot entries (Boot####, BootOrder) mean is in firmwareentries.h.

#include "core/base/fd.h"
#include "core/base/host.h"
#include "core/base/uuid.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace Preon::Boot
{

// EFI_GLOBAL_VARIABLE (UEFI 2.10, section 3.3): 8be4df61-93ca-11d2-aa0d-00e098032b8c
const Uuid &globalVendor();
// The Boot Loader Interface's: 4a67b082-0a4c-41cf-b6c7-440b29bb8c4f
const Uuid &loaderVendor();

// Attribute bits (UEFI 2.10, section 8.2).
constexpr std::uint32_t nonVolatile = 1, bootService = 2, runtimeAccess = 4;
constexpr std::uint32_t persistent = nonVolatile | bootService | runtimeAccess;

struct EfiVariable {
    std::uint32_t attributes = 0;
    Bytes data;
};

// False on a machine that was not started by EFI, or whose efivarfs is not mounted.
bool hasEfiVariables(const Host &host);

// NotFound when there is no such variable; BadFormat when it is shorter than its attributes.
Result<EfiVariable> readVariable(const Host &host, std::string_view name, const Uuid &vendor);
// Replaces or makes the variable in one write. Clears the immutable flag that the kernel puts on unknown variables.
Result<void> writeVariable(const Host &host, std::string_view name, const Uuid &vendor, ByteView data, std::uint32_t attributes = persistent);
// No error when there is none.
Result<void> removeVariable(const Host &host, std::string_view name, const Uuid &vendor);

// UTF-16LE without terminator → UTF-8, up to the first NUL. Unpaired surrogates and an odd last byte become U+FFFD.
std::string fromUtf16(ByteView data);
// UTF-8 → UTF-16LE with a terminating NUL. Bytes that are no UTF-8 become U+FFFD.
Bytes toUtf16(std::string_view text);

// A string variable of the loader ("LoaderInfo", "LoaderEntrySelected", …); nullopt when the loader did not set it.
Result<std::optional<std::string>> loaderString(const Host &host, std::string_view name);
// GPT UUID of the EFI partition that the loader was started from (LoaderDevicePartUUID); nullopt when the loader did not say.
Result<std::optional<Uuid>> loaderPartition(const Host &host);

} // namespace Preon::Boot
