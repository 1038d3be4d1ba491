// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/luks/ways.h"

#include <algorithm>

namespace Preon::Luks
{

namespace
{
bool asksForPin(const std::vector<nlohmann::json> &tokens, int slot)
{
    return std::ranges::any_of(tokens, [slot](const nlohmann::json &token) {
        const auto pin = token.find("tpm2-pin");
        return tokenType(token) == tpmToken && std::ranges::contains(tokenSlots(token), slot) && pin != token.end() && pin->is_boolean() && pin->get<bool>();
    });
}

WayKind kindOf(const Slot &slot, const std::vector<nlohmann::json> &tokens)
{
    const bool random = slot.kdf == "pbkdf2"; // ours and systemd's random keys are not stretched
    if (slot.token == tpmToken)
        return asksForPin(tokens, slot.number) ? WayKind::TpmPin : WayKind::Tpm;
    if (slot.token == recoveryToken)
        return WayKind::RecoveryKey;
    if (slot.token == "systemd-fido2")
        return WayKind::SecurityKey;
    if (slot.token == "systemd-pkcs11")
        return WayKind::SmartCard;
    // A passphrase of which somebody claims that it is an enrolment key is still one.
    if (slot.token.empty() || slot.token == enrolmentToken)
        return !random ? WayKind::Passphrase : slot.token.empty() ? WayKind::KeyFile : WayKind::EnrolmentKey;
    return WayKind::Other;
}
}

std::string_view wayName(WayKind kind)
{
    constexpr std::string_view names[]{"tpm", "tpm-pin", "recovery-key", "passphrase", "key-file", "enrolment-key", "fido2", "pkcs11", "other"};
    return names[static_cast<std::size_t>(kind)];
}

bool canBeTried(WayKind kind)
{
    return kind == WayKind::RecoveryKey || kind == WayKind::Passphrase || kind == WayKind::KeyFile || kind == WayKind::EnrolmentKey;
}

Result<std::vector<Way>> waysInto(const Volume &volume, const VolumeTests &tests)
{
    PREON_TRY(const auto tokens, volume.tokens());
    std::vector<Way> ways;
    for (const Slot &slot : volume.slots()) {
        Way way{.slot = slot.number, .kind = kindOf(slot, tokens)};
        if (const auto mark = tests.marks.find(slot.number); mark != tests.marks.end()) {
            PREON_TRY(const Sha256Digest digest, volume.slotDigest(slot.number));
            if (digest == mark->second.digest)
                way.tested = mark->second.when;
        }
        ways.push_back(way);
    }
    return ways;
}

Result<void> planRemoval(const std::vector<Way> &ways, int slot)
{
    const std::string what = "Key slot " + std::to_string(slot) + " stays";
    const auto going = std::ranges::find(ways, slot, &Way::slot);
    if (going == ways.end())
        return fail(ErrorCode::NotFound, what, "there is none of this number");
    const auto isLeft = [slot](const Way &way) {
        return way.slot != slot && way.kind != WayKind::EnrolmentKey;
    };
    if (std::ranges::none_of(ways, isLeft))
        return fail(ErrorCode::BadArgument, what, "it is the last way into the volume, and without one all that is on it would be lost",
                    "Add another way first: preonctl unlock add recovery-key.");
    if (std::ranges::none_of(ways, [&](const Way &way) { return isLeft(way) && way.tested; }))
        return fail(ErrorCode::BadArgument, what,
                    going->tested ? "it is the last way of which it was seen that it opens the volume" : "of no other way it was seen that it opens the volume",
                    "Try another one first: preonctl unlock test. Or add one: preonctl unlock add recovery-key.");
    return {};
}

} // namespace Preon::Luks
