// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/install/rootlock.h"

#include "core/base/hash.h"
#include "core/install/console.h"
#include "core/luks/recovery.h"

#include <algorithm>

namespace Preon::Install
{

namespace
{
const std::string what = "The TPM cannot hold the key of this system's disk";
const std::string remedy = "In the firmware's settings a TPM is often called \"Security Device\", \"PTT\" or \"fTPM\".";

// Zeroes, or ones: nobody has measured anything since the machine was switched on.
bool isUntouched(const Bytes &value)
{
    const auto all = [&value](std::byte byte) {
        return std::ranges::all_of(value, [byte](std::byte each) { return each == byte; });
    };
    return all(std::byte{0}) || all(std::byte{0xFF});
}

constexpr auto keymapToken = "preon-keymap";

std::string keymapOf(const std::vector<nlohmann::json> &tokens)
{
    for (const nlohmann::json &token : tokens) {
        const auto keymap = token.find("keymap");
        if (Luks::tokenType(token) == keymapToken && keymap != token.end() && keymap->is_string())
            return keymap->get<std::string>();
    }
    return {};
}

bool isTpmSlot(const Luks::Slot &slot)
{
    return slot.token == Luks::tpmToken;
}

// Nobody types an enrolment key.
bool isTyped(const Luks::Slot &slot)
{
    return !isTpmSlot(slot) && !(slot.token == Luks::enrolmentToken && slot.kdf == "pbkdf2");
}
}

Tpm::SealPolicy rootPolicy(std::string publicKeyPem)
{
    constexpr unsigned addedConfigPcr = 12; // UAPI.7, "kernel-config"
    Tpm::SealPolicy policy;
    policy.publicKeyPem = std::move(publicKeyPem);
    policy.literalPcrs = 1U << addedConfigPcr;
    policy.expected = {{addedConfigPcr, Bytes(Sha256Digest().size())}};
    return policy;
}

Result<void> canHold(const Host &host, const Tpm::SealPolicy &policy)
{
    if (!Tpm::isPresent(host))
        return fail(ErrorCode::NoTpm, what, "this computer has none, or it is switched off", remedy);
    auto tpm = Tpm::Context::open(host);
    if (!tpm)
        return std::unexpected(tpm.error().during(what));
    const auto values = tpm->readPcrs(policy.bank, policy.signedPcrs);
    if (!values)
        return std::unexpected(values.error().during(what));
    const auto untouched = std::ranges::find_if(*values, [](const Tpm::PcrValue &value) { return isUntouched(value.digest); });
    if (untouched != values->end())
        return fail(ErrorCode::Unsupported, what,
                    "this computer's firmware does not tell it what was started (PCR " + std::to_string(untouched->index) + " is empty)");
    return {};
}

Result<Lock> planLock(std::optional<Lock> wish, const Result<void> &holds, bool allowsPassphrase)
{
    if (!holds && !allowsPassphrase)
        return std::unexpected(holds.error().during("This system's disk cannot be encrypted"));
    if (!holds || (wish == Lock::Passphrase && allowsPassphrase))
        return Lock::Passphrase;
    return wish == Lock::TpmAndPin ? Lock::TpmAndPin : Lock::Tpm;
}

nlohmann::json keymapNote(const Choices &choices)
{
    const std::string keymap = consoleKeymap(choices);
    return keymap.empty() ? nlohmann::json() : nlohmann::json{{"type", keymapToken}, {"keymap", keymap}};
}

std::string unlockOptions(const std::vector<Luks::Slot> &slots, bool pin, bool tpm)
{
    const bool sealed = std::ranges::any_of(slots, isTpmSlot);
    const bool asked = std::ranges::any_of(slots, isTyped) || (pin && tpm);
    std::string options = "luks";
    // Without one systemd-cryptsetup would wait for it to appear.
    if (sealed && tpm)
        options += ",tpm2-device=auto";
    return options + (asked ? ",tries=0" : ",headless=true");
}

Result<void> writeUnlockOptions(const Host &host, const std::filesystem::path &partition, Progress &progress)
{
    PREON_TRY(const Luks::Volume volume, Luks::Volume::load(partition));
    PREON_TRY(const auto tokens, volume.tokens());
    const bool pin = std::ranges::any_of(tokens, [](const nlohmann::json &token) {
        const auto found = token.find("tpm2-pin");
        return found != token.end() && found->is_boolean() && found->get<bool>();
    });
    const std::vector<Luks::Slot> slots = volume.slots();
    const bool tpm = Tpm::isPresent(host);
    if (!tpm && std::ranges::any_of(slots, isTpmSlot)) {
        progress.log(
            "This system's disk is locked with a key in the computer's TPM, and there is none now: it is switched off, or the disk is in another computer.");
        progress.log(std::ranges::contains(slots, Luks::recoveryToken, &Luks::Slot::token) ? "Its recovery key opens it."
                         : std::ranges::any_of(slots, isTyped)                             ? "Its passphrase opens it."
                                                                                           : "Nothing else opens it. " + remedy);
    }
    const std::string options = unlockOptions(slots, pin, tpm);
    if (const std::string keymap = keymapOf(tokens); !keymap.empty() && options.contains("tries="))
        useKeymap(host, keymap, progress);
    const std::string text = "PREON_ROOT_OPTIONS=" + options + "\n";
    return replaceFile(host.run / "preon/root.options", asBytes(text), 0644);
}

} // namespace Preon::Install
