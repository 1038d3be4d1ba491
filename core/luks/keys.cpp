// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Key slots: adding them, trying them, letting them go.
#include "core/luks/recovery.h"
#include "core/luks/state.h"
#include "core/tpm/policy.h"

#include <algorithm>
#include <cerrno>

namespace Preon::Luks
{

namespace
{
// Of several failures the person is told the one that can be done something about.
std::ptrdiff_t rank(ErrorCode code)
{
    constexpr ErrorCode order[]{ErrorCode::NotFound,       ErrorCode::BadFormat, ErrorCode::Unsupported, ErrorCode::NoTpm,
                                ErrorCode::PolicyMismatch, ErrorCode::Io,        ErrorCode::Permission,  ErrorCode::TpmLockout};
    return std::ranges::find(order, code) - std::begin(order);
}

// Tokens that need no PIN come first: a wrong PIN is counted by the TPM, and may not have been needed.
std::vector<nlohmann::json> tpmTokens(std::vector<nlohmann::json> all)
{
    std::erase_if(all, [](const nlohmann::json &token) { return tokenType(token) != tpmToken; });
    std::ranges::stable_partition(all, [](const nlohmann::json &token) { return token.value("tpm2-pin", nlohmann::json()) != true; });
    return all;
}

// Is this what sealing under the policy would come to now?
Result<bool> isSameWay(const Tpm::SealedSecret &sealed, const Tpm::SealPolicy &policy, Tpm::Context &tpm)
{
    if (sealed.publicKeyPem != policy.publicKeyPem || sealed.literalPcrs != policy.literalPcrs || sealed.signedPcrs != policy.signedPcrs
        || sealed.bank != policy.bank || sealed.pin == policy.pin.empty())
        return false;
    PREON_TRY(const auto values, tpm.literalValues(policy));
    return values == sealed.literalValues;
}

// The slots of the volume that hang on a policy key, sorted for a rotation.
struct SignedSlots {
    std::vector<int> ofOthers; // keys
    std::vector<int> present; // which the rotation would make
};

Result<SignedSlots> signedSlots(const std::vector<nlohmann::json> &tokens, const Tpm::SealPolicy &policy, Tpm::Context &tpm)
{
    SignedSlots sorted;
    for (const auto &token : tokens) {
        const auto sealed = tokenType(token) == tpmToken ? fromToken(token) : std::unexpected(Error());
        if (!sealed || sealed->publicKeyPem.empty() || sealed->pcrlock) // what systemd-pcrlock has a part in stays with it
            continue;
        PREON_TRY(const bool same, isSameWay(*sealed, policy, tpm));
        const bool other = sealed->publicKeyPem != policy.publicKeyPem;
        std::vector<int> &list = other ? sorted.ofOthers : sorted.present;
        const std::vector<int> slots = tokenSlots(token);
        if (same || other)
            list.insert(list.end(), slots.begin(), slots.end());
    }
    return sorted;
}
}

bool Volume::State::isActive(int slot) const
{
    const crypt_keyslot_info state = crypt_keyslot_status(device.get(), slot);
    return state == CRYPT_SLOT_ACTIVE || state == CRYPT_SLOT_ACTIVE_LAST;
}

Result<int> Volume::State::addSlot(const Secret &passphrase, const crypt_pbkdf_type *pbkdf, int at)
{
    if (volumeKey.empty())
        return fail(ErrorCode::BadArgument, "A key can be added only to an unlocked volume");
    if (const int code = crypt_set_pbkdf_type(device.get(), pbkdf); code < 0)
        return cryptFailure(code, "The key of " + path.string() + " could not be set up");
    const int slot = crypt_keyslot_add_by_volume_key(device.get(), at, volumeKey.chars(), volumeKey.size(), passphrase.chars(), passphrase.size());
    if (slot < 0)
        return cryptFailure(slot, "A key could not be added to " + path.string());
    return slot;
}

Result<int> Volume::State::tryKey(int slot, const Secret &key)
{
    const int size = crypt_get_volume_key_size(device.get());
    if (size <= 0)
        return fail(ErrorCode::BadFormat, path.string() + " has no volume key");
    Secret found(static_cast<std::size_t>(size));
    std::size_t length = found.size();
    const int code = crypt_volume_key_get(device.get(), slot, reinterpret_cast<char *>(found.writable().data()), &length, key.chars(), key.size());
    if (code == -EPERM)
        return fail(ErrorCode::Permission, path.string() + " could not be unlocked", "no key slot takes this key");
    if (code == -ENOENT)
        return fail(ErrorCode::NotFound, path.string() + " could not be unlocked", "it has no such key slot");
    if (code < 0)
        return cryptFailure(code, path.string() + " could not be unlocked");
    volumeKey = std::move(found);
    openedBy = code;
    return code;
}

Result<void> Volume::State::describeSlot(int slot, const nlohmann::json &token)
{
    const int code = crypt_token_json_set(device.get(), CRYPT_ANY_TOKEN, token.dump().c_str());
    if (code >= 0)
        return {};
    auto error = cryptFailure(code, "The token of the new key could not be written to " + path.string());
    crypt_keyslot_destroy(device.get(), slot);
    return error;
}

Result<void> Volume::State::destroySlot(int slot)
{
    const std::string what = "Key slot " + std::to_string(slot) + " of " + path.string() + " could not be removed";
    // The slot first: its tokens are useless without it, and the same writing of the header takes it out of their lists.
    if (const int code = crypt_keyslot_destroy(device.get(), slot); code < 0)
        return cryptFailure(code, what);
    for (int number = 0; number < crypt_token_max(CRYPT_LUKS2); ++number) {
        const char *text = nullptr;
        if (crypt_token_json_get(device.get(), number, &text) < 0 || !text)
            continue;
        const auto token = nlohmann::json::parse(text, nullptr, false);
        const std::string type = tokenType(token);
        const bool ours = type == tpmToken || type == recoveryToken || type == enrolmentToken;
        if (!ours || std::ranges::any_of(tokenSlots(token), [this](int each) { return isActive(each); }))
            continue;
        if (const int code = crypt_token_json_set(device.get(), number, nullptr); code < 0)
            return cryptFailure(code, what + " with its token");
    }
    return {};
}

Result<int> Volume::addPassphrase(const Secret &passphrase)
{
    if (passphrase.empty())
        return fail(ErrorCode::BadArgument, "An empty passphrase cannot be added to " + m_state->path.string());
    return m_state->addSlot(passphrase, crypt_get_pbkdf_type_params(CRYPT_KDF_ARGON2ID));
}

Result<int> Volume::addKeyFile(const Secret &key)
{
    const crypt_pbkdf_type type = plainPbkdf("sha512");
    return m_state->addSlot(key, &type);
}

Result<int> Volume::addRecoveryKey(const Secret &key, std::optional<int> at)
{
    const auto passphrase = recoveryKeyFrom(key);
    if (!passphrase)
        return fail(ErrorCode::BadArgument, "This is no recovery key", "it has not the form of one");
    const crypt_pbkdf_type type = plainPbkdf("sha512");
    PREON_TRY(const int slot, m_state->addSlot(*passphrase, &type, at.value_or(CRYPT_ANY_SLOT)));
    PREON_CHECK(m_state->describeSlot(slot, recoveryTokenFor(slot)));
    return slot;
}

std::optional<int> Volume::freeSlot() const
{
    for (int number = 0; number < crypt_keyslot_max(CRYPT_LUKS2); ++number) {
        if (crypt_keyslot_status(m_state->device.get(), number) == CRYPT_SLOT_INACTIVE)
            return number;
    }
    return std::nullopt;
}

Result<void> Volume::nameRecoverySlot(int slot)
{
    const int code = crypt_token_json_set(m_state->device.get(), CRYPT_ANY_TOKEN, recoveryTokenFor(slot).dump().c_str());
    if (code < 0)
        return cryptFailure(code, "The token of the recovery key could not be written to " + m_state->path.string());
    return {};
}

Result<int> Volume::addEnrolmentKey(const Secret &key)
{
    PREON_TRY(const int slot, addKeyFile(key));
    PREON_CHECK(m_state->describeSlot(slot, enrolmentTokenFor(slot)));
    return slot;
}

Result<int> Volume::enrollTpm(Tpm::Context &tpm, const Tpm::SealPolicy &policy)
{
    PREON_TRY(const Secret secret, Secret::random(32));
    PREON_TRY(const Tpm::SealedSecret sealed, tpm.seal(secret, policy));
    PREON_TRY(const int slot, addKeyFile(Tpm::base64Of(secret)));
    PREON_CHECK(m_state->describeSlot(slot, toToken(sealed, slot)));
    return slot;
}

Result<void> Volume::addNote(nlohmann::json note)
{
    note["keyslots"] = nlohmann::json::array();
    const int code = crypt_token_json_set(m_state->device.get(), CRYPT_ANY_TOKEN, note.dump().c_str());
    if (code < 0)
        return cryptFailure(code, "The header of " + m_state->path.string() + " took no token");
    return {};
}

Result<void> Volume::removeTokens(std::string_view type)
{
    for (int number = 0; number < crypt_token_max(CRYPT_LUKS2); ++number) {
        const char *text = nullptr;
        if (crypt_token_json_get(m_state->device.get(), number, &text) < 0 || !text)
            continue;
        if (tokenType(nlohmann::json::parse(text, nullptr, false)) != type)
            continue;
        if (const int code = crypt_token_json_set(m_state->device.get(), number, nullptr); code < 0)
            return cryptFailure(code, "A token of " + m_state->path.string() + " could not be removed");
    }
    return {};
}

Result<void> Volume::unlock(const Secret &passphraseOrKey)
{
    // What looks like a recovery key is one, nearly for certain; only its usual form is the passphrase.
    if (const auto recovery = recoveryKeyFrom(passphraseOrKey)) {
        for (const Slot &slot : slots()) {
            if (slot.token == recoveryToken && m_state->tryKey(slot.number, *recovery))
                return {};
        }
        if (m_state->tryKey(CRYPT_ANY_SLOT, *recovery))
            return {};
    }
    PREON_CHECK(m_state->tryKey(CRYPT_ANY_SLOT, passphraseOrKey));
    return {};
}

Result<void> Volume::unlockSlot(int slot, const Secret &key)
{
    if (slot < 0 || slot >= crypt_keyslot_max(CRYPT_LUKS2) || !m_state->isActive(slot))
        return fail(ErrorCode::NotFound, m_state->path.string() + " has no key slot " + std::to_string(slot));
    PREON_CHECK(m_state->tryKey(slot, key));
    return {};
}

Result<void> Volume::unlockTpm(Tpm::Context &tpm, const nlohmann::json *signature, const Secret *pin, std::optional<int> only)
{
    PREON_TRY(auto all, tokens());
    const std::string what = m_state->path.string() + " could not be unlocked with the TPM";
    Error worth{ErrorCode::NotFound, what, only ? "key slot " + std::to_string(*only) + " is not bound to a TPM" : "it was never bound to a TPM", {}};
    const auto remember = [&](const Error &error) {
        if (rank(error.code) >= rank(worth.code))
            worth = error.during(what);
    };
    for (const auto &token : tpmTokens(std::move(all))) {
        const std::vector<int> slots = tokenSlots(token);
        if (only && !std::ranges::contains(slots, *only))
            continue;
        const auto sealed = fromToken(token);
        const auto secret = sealed ? tpm.unseal(*sealed, signature, pin) : std::unexpected(sealed.error());
        if (!secret) {
            remember(secret.error());
            continue;
        }
        const Secret passphrase = Tpm::base64Of(*secret);
        for (const int slot : slots) {
            const auto opened = m_state->tryKey(slot, passphrase);
            if (opened)
                return {};
            remember(opened.error());
        }
    }
    return std::unexpected(worth);
}

Result<void> Volume::removeSlot(int slot, std::span<const int> tested)
{
    const std::string what = "Key slot " + std::to_string(slot) + " of " + m_state->path.string() + " stays";
    if (slot < 0 || slot >= crypt_keyslot_max(CRYPT_LUKS2) || !m_state->isActive(slot))
        return fail(ErrorCode::NotFound, what, "there is none of this number");
    const bool another
        = std::ranges::any_of(tested, [&](int each) { return each != slot && each >= 0 && each < crypt_keyslot_max(CRYPT_LUKS2) && m_state->isActive(each); });
    if (!another)
        return fail(ErrorCode::BadArgument, what, "no other one was seen to open the volume, and without one all that is on it would be lost",
                    "Unlock it with the key that shall remain.");
    return m_state->destroySlot(slot);
}

// The slot under the new key, and whether it opens now. One that an earlier rotation left is taken unless this TPM did not make it.
Result<Rotation> Volume::slotForRotation(Tpm::Context &tpm, const Tpm::SealPolicy &policy, const nlohmann::json *signature, const std::vector<int> &present)
{
    const Secret *pin = policy.pin.empty() ? nullptr : &policy.pin;
    const auto tried = [&](int slot) {
        Rotation found;
        found.slot = slot;
        if (const auto opened = unlockTpm(tpm, signature, pin, slot); !opened)
            found.untested = opened.error();
        return found;
    };
    for (const int slot : present) {
        Rotation found = tried(slot);
        if (!found.untested || found.untested->code == ErrorCode::PolicyMismatch)
            return found;
    }
    PREON_TRY(const int slot, enrollTpm(tpm, policy));
    return tried(slot);
}

Result<Rotation> Volume::rotateTpm(Tpm::Context &tpm, const Tpm::SealPolicy &policy, const RotateOptions &options)
{
    if (!isUnlocked())
        return fail(ErrorCode::BadArgument, m_state->path.string() + " is locked");
    if (policy.publicKeyPem.empty())
        return fail(ErrorCode::BadArgument, "The policy key of " + m_state->path.string() + " could not be changed", "there is no new one");
    const std::optional<int> before = openedBy();
    PREON_TRY(const auto all, tokens());
    PREON_TRY(const SignedSlots slots, signedSlots(all, policy, tpm));
    PREON_TRY(Rotation done, slotForRotation(tpm, policy, options.signature, slots.present));
    m_state->openedBy = before;
    std::vector<int> tested;
    if (!done.untested)
        tested.push_back(done.slot);
    if (options.trustOpenedSlot && before && !std::ranges::contains(slots.ofOthers, *before))
        tested.push_back(*before);
    for (const int slot : tested.empty() ? std::vector<int>() : slots.ofOthers) {
        PREON_CHECK(removeSlot(slot, tested));
        done.removed.push_back(slot);
    }
    return done;
}

} // namespace Preon::Luks
