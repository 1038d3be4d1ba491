// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Lists of PCRs as people write them, in the syntax of systemd-cryptenroll's --tpm2-pcrs=: numbers or names with "+" or "," between them, each with a bank and
// a value where wanted: "7+11", "secure-boot-policy+kernel-boot", "7:sha384", "12:sha256=0000…". Pure; the words may come from anybody.

#include "core/tpm/tpm.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace Preon::Tpm
{

struct PcrChoice {
    PcrMask mask = 0;
    std::string bank; // empty: none was named
    std::vector<PcrValue> values; // of those that were given one, in the order of their numbers
};

// What an option that was given several times means as one list: each adds to those before, an empty one begins anew.
std::string joinPcrLists(const std::vector<std::string> &lists);
// An empty list (also one of separators only) is an empty choice. BadArgument, which says the word, for one that is none: an unknown name or bank, a number
// beyond 23, a PCR that stands there twice, two banks, a value of another length than its bank's digests.
Result<PcrChoice> parsePcrs(std::string_view text);
// The same list where only numbers and names make sense: a bank or value is BadArgument.
Result<PcrMask> parsePcrMask(std::string_view text);
// What an option --tpm2-pcrs= means for a policy: its literal PCRs, their bank and expected values become those of the list, whatever stood there before.
Result<void> chooseLiteralPcrs(std::string_view text, SealPolicy &policy);

// Bytes in a digest of the bank ("sha256": 32); nullopt for a bank that TPMs do not know. Either case, as systemd takes it.
std::optional<std::size_t> digestSize(std::string_view bank);
// The name that systemd-analyze pcrs shows; empty where a PCR has none.
std::string_view pcrName(unsigned index);
std::string pcrText(PcrMask mask); // "7+11"
std::string describePcrs(PcrMask mask); // "PCR 7 (secure-boot-policy) and PCR 11 (kernel-boot)"

} // namespace Preon::Tpm
