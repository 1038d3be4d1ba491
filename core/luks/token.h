// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The tokens in a LUKS2 header that tell systemd and us how a key slot is opened: "systemd-tpm2" as the releases 252 to 257 write it, both ways.
// Pure; the bytes come from a disk that anybody may have written.

#include "core/tpm/tpm.h"

#include <vector>

#include <nlohmann/json.hpp>

namespace Preon::Luks
{

constexpr auto tpmToken = "systemd-tpm2";
constexpr auto recoveryToken = "systemd-recovery";
constexpr auto enrolmentToken = "preon-enrolment"; // ours: names the slot of an enrolment key (install/enrolment.h)

// The token's JSON, as 257 writes it, and one member of ours beside: the values of the literal PCRs, so that a later refusal can name those that changed.
nlohmann::json toToken(const Tpm::SealedSecret &sealed, int keySlot);
// BadFormat when a member is missing or is not what it should be. Unsupported for what 258 and later add; what needs systemd-pcrlock is read, and refused when
// it is to be opened (Tpm::Context::unseal).
Result<Tpm::SealedSecret> fromToken(const nlohmann::json &token);

// The token of a recovery key, as systemd-cryptenroll writes it.
nlohmann::json recoveryTokenFor(int keySlot);
nlohmann::json enrolmentTokenFor(int keySlot);

// "type" and "keyslots" of any token; empty where they are not what LUKS2 says.
std::string tokenType(const nlohmann::json &token);
std::vector<int> tokenSlots(const nlohmann::json &token);

} // namespace Preon::Luks
