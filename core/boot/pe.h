// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Unified kernels (UAPI.5): a PE program with the kernel, initrd, command line and os-release in sections, and profiles that override some of them. The bytes
// may come from an EFI partition that anybody can write to: every offset is checked, nothing is executed, nothing is decided from them that is not
// signed or compared elsewhere. Finds signatures, does not check them.

#include "core/base/fd.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace Preon::Boot
{

struct PeSection {
    std::string name; // ".osrel"; at most 8 bytes
    std::uint64_t offset = 0, size = 0; // in the file; without the padding behind the content
    bool operator==(const PeSection &) const = default;
};

// The section table of a PE32 or PE32+ file. BadFormat when it is none, or when a section reaches beyond the end.
Result<std::vector<PeSection>> readPeSections(ByteView file);

// The PKCS#7 of each Authenticode signature that the file carries (Microsoft PE format, "The Attribute Certificate Table"), as views into it; none where it is not signed. BadFormat
// when the table reaches beyond the end. Who signed, and whether it fits, is not looked at.
Result<std::vector<ByteView>> readPeSignatures(ByteView file);

struct KernelProfile {
    std::string id; // ID= of .profile; empty for the first of a kernel that has no profiles
    std::string title; // TITLE= of .profile
    std::string commandLine; // the profile's own .cmdline, or the base's
    bool hasPolicySignature = false; // .pcrsig of its own or the base's
    bool operator==(const KernelProfile &) const = default;
};

struct UnifiedKernel {
    std::map<std::string, std::string, std::less<>> osRelease; // unquoted
    std::string uname; // kernel release
    std::vector<KernelProfile> profiles; // at least one; the first is what boots by default
    std::vector<PeSection> sections; // all of the file, in its order

    // The value of the last KEY=VALUE on a profile's command line.
    std::optional<std::string> option(std::string_view key, std::size_t profile = 0) const;
};

// BadFormat when the file is no PE or has no .linux and .osrel section (then it may be another kind of EFI program).
Result<UnifiedKernel> readUnifiedKernel(ByteView file);

// KEY=VALUE lines as in os-release(5): comments skipped, quotes and backslashes resolved. Lines that make no sense are left out.
std::map<std::string, std::string, std::less<>> parseOsRelease(std::string_view text);

// The value of the last KEY=VALUE word of a command line, quotes resolved as the kernel does.
std::optional<std::string> commandLineOption(std::string_view line, std::string_view key);

} // namespace Preon::Boot
