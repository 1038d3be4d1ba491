// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// LUKS2 volumes through libcryptsetup: made on a device, a file, or a range that a header will precede; key slots; tokens of systemd's kinds.
// Formatting and key slots work on plain files in user space; activating needs the kernel's device-mapper.

#include "core/base/secret.h"
#include "core/base/uuid.h"
#include "core/disk/device.h"
#include "core/luks/token.h"
#include "core/tpm/tpm.h"

#include <optional>

namespace Preon::Luks
{

struct FormatOptions {
    Uuid uuid; // null: random
    std::string label;
    std::uint32_t sectorSize = 512; // encryption sector: 512 … 4096
    std::uint64_t dataOffset = 0; // bytes; 0: the default (16 MiB)
};

// A key slot that is in use, and how it is opened.
struct Slot {
    int number = 0;
    std::string kdf; // "argon2id", "pbkdf2"
    std::string token; // type of the token that names it ("systemd-tpm2", "systemd-recovery"); empty: a passphrase or a key file
    bool operator==(const Slot &) const = default;
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
    // Seals 32 random bytes to the TPM, adds base64 of them as a key slot and the systemd-tpm2 token.
    Result<int> enrollTpm(Tpm::Context &tpm, const Tpm::SealPolicy &policy);

    // Unlocking: makes the volume key known to this object. PolicyMismatch etc. from the TPM are passed on; Permission: wrong key.
    Result<void> unlock(const Secret &passphraseOrKey);
    Result<void> unlockTpm(Tpm::Context &tpm, const nlohmann::json *signature, const Secret *pin = nullptr); // all systemd-tpm2 tokens in turn
    // /dev/mapper/NAME; needs an unlocked volume. Read-only on request.
    Result<void> activate(const std::string &name, bool readOnly = false);

    bool isUnlocked() const;
    Uuid uuid() const;
    std::string label() const;
    std::uint64_t dataOffset() const; // bytes
    std::uint32_t sectorSize() const; // bytes, of the encryption
    std::vector<Slot> slots() const;
    Result<std::vector<nlohmann::json>> tokens() const;
    // Writes plain bytes as the encrypted payload of a volume whose key is known, in user space: offset in bytes from the payload's begin; it and the size are
    // multiples of sectorSize(). volumeStart: where on the target the volume begins. Does not flush.
    Result<void> writePayload(const Disk::Device &target, std::uint64_t volumeStart, std::uint64_t offset, ByteView plain);

private:
    struct State;
    explicit Volume(std::unique_ptr<State> state);
    std::unique_ptr<State> m_state;
};

// Closes /dev/mapper/NAME. NotFound when there is none, Busy when it is in use.
Result<void> deactivate(const std::string &name);

} // namespace Preon::Luks
