// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What is remembered of the starts of this system: which version ran, whether it came up, and if not, why. So that a person can be told, after the loader left a
// version for the one before it, what happened. The record lies on the encrypted root; what a version that never got there leaves is its counter on the EFI partition.
// Decides nothing about what is started.

#include "core/base/host.h"
#include "core/base/uuid.h"
#include "core/boot/entries.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace Preon::Boot
{

enum class Outcome {
    Running, // of this start; of an earlier one: it ended without a verdict (the power went, it hung, somebody restarted at once)
    CameUp,
    Failed,
};
std::string_view outcomeName(Outcome outcome); // "running", "came-up", "failed"

struct StartRecord {
    Uuid bootId;
    std::int64_t began = 0; // seconds since 1970, by the clock of then
    std::string version; // IMAGE_VERSION, or what the system has in its place
    std::string kernel; // the loader's name for it, "particle_2.efi"; empty where it did not say
    std::optional<BootCount> count; // as the loader left it
    Outcome outcome = Outcome::Running;
    std::vector<std::string> reasons; // of one that failed: in English, one sentence each
    bool operator==(const StartRecord &) const = default;
};

constexpr std::size_t mostStarts = 64; // older ones are forgotten

// Oldest first. Empty where there is no record; one that makes no sense counts as none, entries of it that make none are left out.
Result<std::vector<StartRecord>> readStarts(const Host &host);
std::vector<StartRecord> parseStarts(std::string_view text);
std::string startsText(const std::vector<StartRecord> &starts);

// Adds this start (or finds it, asked a second time).
Result<StartRecord> noteStart(const Host &host, std::int64_t now);
// How this start went. Coming up after a failure is possible (somebody mended it), and the other way round is not: what came up once stays so.
Result<void> noteOutcome(const Host &host, Outcome outcome, const std::vector<std::string> &reasons = {});

// A version that was installed and is not what runs now though the loader would rather have started it.
struct LeftVersion {
    std::string version = {}, kernel = {};
    unsigned tries = 0;
    bool gotToRoot = false; // some of its starts reached the point where they could be recorded
    std::vector<std::string> reasons = {}; // of its last start that said why
    std::int64_t last = 0; // when it was tried last; 0: not known
    bool operator==(const LeftVersion &) const = default;
};
// Pure: kernels without tries left, as the menu has them (entries of the normal profile only), newest first, with what the record says of them.
std::vector<LeftVersion> leftVersions(const std::vector<Entry> &menu, const std::vector<StartRecord> &starts);
// Whether that version failed here and never came up: in the record, or among those left.
bool failedHere(std::string_view version, const std::vector<LeftVersion> &left, const std::vector<StartRecord> &starts);
// The version to fall back on, which nothing may remove: the newest other one that came up, as long as the one that runs has not itself (or failed since). Empty where the one that runs is the last known good
// one, so that of two slots one is free for the next update, and where none is known.
std::string lastGoodVersion(const std::vector<StartRecord> &starts, std::string_view runningVersion);

} // namespace Preon::Boot
