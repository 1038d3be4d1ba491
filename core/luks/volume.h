// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// LUKS2 volumes through libcryptsetup: made on a device, a file, or a range that a header will precede; key slots; tokens of systemd's kinds.
// Formatting and key slots work on plain files in user space; activating needs the kernel's device-mapper.

#include "core/base/hash.h"
#include "core/base/secret.h"
#include "core/base/uuid.h"
#include "core/disk/device.h"
#include "core/luks/token.h"
#include "core/tpm/tpm.h"

#include <optional>
#include <span>

namespace Preon::Luks
{

struct FormatOptions {
    Uuid uuid; // null: random
    std::string label, subsystem;
    std::uint32_t sectorSize = 512; // encryption sector: 512 … 4096
    std::uint64_t dataOffset = 0; // bytes; 0: the default (16 MiB)
};

// A key slot that is in use, and how it is opened.
struct Slot {
    int number = 0;
    std::string kdf; // "argon2id", "pbkdf2"
    std::string token; // type of the token that names it ("systemd-tpm2", "systemd-recovery"; ours only where no other does); empty: a passphrase or a key file
    bool operator==(const Slot &) const = default;
};

struct SlotCost {
    std::uint64_t rounds = 0; // of the key derivation
    std::uint64_t memory = 0; // KiB; of argon2
};

struct RotateOptions {
    const nlohmann::json *signature = nullptr; // PCR signatures of the running kernel, with which the new slot is tried
    // The old slots go also where the new one cannot be tried now, as long as the way by which the volume was unlocked remains (a recovery key in a drawer).
    bool trustOpenedSlot = false;
};

struct Rotation {
    int slot = -1; // under the new key
    std::vector<int> removed; // slots under other keys
    std::optional<Error> untested; // why the new slot could not be opened now; without trustOpenedSlot the old ones are all still there then
};

class Volume
{
public:
    // path: a device or file that holds (or will hold) the volume from its first byte. For a range of an image file use a loop device or a
    // file of its own that is copied into place. A new volume key is made; the header is written, the payload left as it is.
    // libcryptsetup locks a plain file (flock) and waits: this program must not hold a lock on it (Disk::Access::Exclusive).
    static Result<Volume> format(const std::filesystem::path &path, const FormatOptions &options); // aes-xts-plain64, 512-bit key, as systemd-repart
    static Result<Volume> load(const std::filesystem::path &path); // BadFormat when there is no LUKS2 header

    Volume(Volume &&) noexcept;
    Volume &operator=(Volume &&) noexcept;
    ~Volume();

    // After format() the volume key is known; after load() unlock first. Return the key slot.
    Result<int> addPassphrase(const Secret &passphrase); // argon2id
    Result<int> addKeyFile(const Secret &key); // pbkdf2-sha512, 1000 iterations: the key is random
    // The key as makeRecoveryKey() gives it (or typed: recoveryKeyFrom()); slot and systemd-recovery token as systemd-cryptenroll makes them.
    // at: into that slot, which is free (freeSlot()); nullopt: into any.
    Result<int> addRecoveryKey(const Secret &key, std::optional<int> at = {});
    std::optional<int> freeSlot() const; // the first that is not in use
    // Says of a slot that a recovery key opens it, where its token is missing (a cut between the two, or a header that was written to by others).
    Result<void> nameRecoverySlot(int slot);
    // As addKeyFile(), and a token of ours that names the slot.
    Result<int> addEnrolmentKey(const Secret &key);
    // Seals 32 random bytes to the TPM, adds base64 of them as a key slot and the systemd-tpm2 token.
    // A power cut between the two leaves a slot that nobody can open; nothing is lost by it.
    Result<int> enrollTpm(Tpm::Context &tpm, const Tpm::SealPolicy &policy);
    // A note of ours that speaks of no key slot: others pass over tokens of types that they do not know (LUKS2 specification, "Tokens"). note: an object with "type";
    // "keyslots" is added.
    Result<void> addNote(nlohmann::json note);
    // Takes away all tokens of that type; slots stay as they are.
    Result<void> removeTokens(std::string_view type);
    // Removes a slot and the token (systemd-tpm2, systemd-recovery, preon-enrolment) that speaks of it alone. tested: slots which the caller has seen to open this volume
    // (openedBy); BadArgument unless one of them is still there and is another one. NotFound when the slot is not in use.
    Result<void> removeSlot(int slot, std::span<const int> tested);
    // Binds an unlocked volume to a new policy key and lets go of the slots under other policy keys, in this order: a slot under the new key is added (or found,
    // where an earlier rotation was cut off), it is opened, and only then the old ones are removed. At each moment one way at least works.
    Result<Rotation> rotateTpm(Tpm::Context &tpm, const Tpm::SealPolicy &policy, const RotateOptions &options = {});

    // Unlocking: makes the volume key known to this object. PolicyMismatch etc. from the TPM are passed on; Permission: wrong key.
    // A recovery key may be typed in any case and without its dashes.
    Result<void> unlock(const Secret &passphraseOrKey);
    Result<void> unlockSlot(int slot, const Secret &key); // that one alone
    // All systemd-tpm2 tokens in turn (or only the one of a slot), those without a PIN first; one that is broken, foreign or not for us does not stop the next.
    // When none opens, the error is of the one that a person can do most about.
    Result<void> unlockTpm(Tpm::Context &tpm, const nlohmann::json *signature, const Secret *pin = nullptr, std::optional<int> only = std::nullopt);
    std::optional<int> openedBy() const; // the key slot; nullopt while it is locked, and after format()
    // /dev/mapper/NAME; needs an unlocked volume. Read-only on request.
    Result<void> activate(const std::string &name, bool readOnly = false);

    bool isUnlocked() const;
    // A key of 32 bytes for a purpose, derived from the volume key of an unlocked volume (see integrity.h).
    Result<Secret> deriveKey(std::string_view label) const;
    Uuid uuid() const;
    std::string label() const;
    std::string subsystem() const; // a second label in the header; says what a volume is for
    std::uint64_t dataOffset() const; // bytes
    std::uint32_t sectorSize() const; // bytes, of the encryption
    std::vector<Slot> slots() const;
    // What trying a key at a slot takes, by its header. NotFound when it is not in use.
    Result<SlotCost> costOf(int slot) const;
    // Of what a slot holds: its entry in the header and its key material. Another key in the slot has another digest. NotFound when it is not in use.
    Result<Sha256Digest> slotDigest(int slot) const;
    Result<std::vector<nlohmann::json>> tokens() const;
    // Writes plain bytes as the encrypted payload of a volume whose key is known, in user space: offset in bytes from the payload's begin; it and the size are
    // multiples of sectorSize(). volumeStart: where on the target the volume begins. Does not flush.
    Result<void> writePayload(const Disk::Device &target, std::uint64_t volumeStart, std::uint64_t offset, ByteView plain);
    // Bytes under the key of an unlocked volume, as systemd-homed keeps the user record in a token of it: AES-XTS over all of them at once, iv (16 bytes) as the tweak,
    // no padding. 16 bytes at least, 16 MiB at most. What comes out is not authenticated.
    Result<Bytes> seal(ByteView iv, ByteView plain) const;
    Result<Bytes> unseal(ByteView iv, ByteView sealed) const;

private:
    struct State;
    Result<Rotation> slotForRotation(Tpm::Context &tpm, const Tpm::SealPolicy &policy, const nlohmann::json *signature, const std::vector<int> &present);
    explicit Volume(std::unique_ptr<State> state);
    std::unique_ptr<State> m_state;
};

// Closes /dev/mapper/NAME. NotFound when there is none, Busy when it is in use.
Result<void> deactivate(const std::string &name);

} // namespace Preon::Luks
