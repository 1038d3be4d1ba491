// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Which key slots of which volumes were seen to open them, and when. A mark belongs to what lay in the slot then (Volume::slotDigest()): another key put into the
// slot has none. Pure; the note lies on the encrypted root (install/unlock.h), and one that makes no sense counts as none.

#include "core/base/hash.h"
#include "core/base/result.h"
#include "core/base/uuid.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace Preon::Luks
{

struct TestMark {
    Sha256Digest digest = {};
    std::int64_t when = 0; // seconds since 1970
    bool operator==(const TestMark &) const = default;
};

struct VolumeTests {
    std::map<int, TestMark> marks; // by key slot
    std::optional<int> adding; // a key slot that is being made for a recovery key; where it is still here the next time, that was cut off
    bool operator==(const VolumeTests &) const = default;
};

using TestRecord = std::map<Uuid, VolumeTests>; // by the volume

constexpr std::size_t largestTestRecord = 64U << 10U; // bytes

// BadFormat: not all of it is what testRecordText() writes.
Result<TestRecord> parseTestRecord(std::string_view text);
std::string testRecordText(const TestRecord &record);

} // namespace Preon::Luks
