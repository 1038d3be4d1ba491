// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Version comparison after the UAPI Group's Version Format Specification (UAPI.10), as systemd-analyze compare-versions does it.
// Freestanding: the loader shares this file. Works on bytes, allocates nothing.

namespace Preon
{

// <0: a is older; 0: equal; >0: a is newer. Lengths in bytes; the texts need no terminator.
int compareVersions(const char *a, unsigned long aLength, const char *b, unsigned long bLength);

template<typename Text>
int compareVersions(const Text &a, const Text &b)
{
    return compareVersions(a.data(), a.size(), b.data(), b.size());
}

} // namespace Preon
