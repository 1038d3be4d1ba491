// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Inside core/luks only: what a Volume holds of libcryptsetup, and that library's failures in our words.

#include "core/luks/volume.h"

#include <libcryptsetup.h>

namespace Preon::Luks
{

struct CryptFree {
    void operator()(crypt_device *device) const
    {
        crypt_free(device);
    }
};
using CryptDevice = std::unique_ptr<crypt_device, CryptFree>;

// code: what the library returned. Takes the last that it said into the reason.
std::unexpected<Error> cryptFailure(int code, std::string what);

// A random key needs no stretching; more iterations would only cost time at each start.
crypt_pbkdf_type plainPbkdf(const char *hash);

struct Volume::State {
    std::filesystem::path path;
    CryptDevice device;
    Secret volumeKey; // empty: locked
    std::optional<int> openedBy; // the slot, once unlocked by one

    static Result<std::unique_ptr<State>> open(const std::filesystem::path &path);
    bool isActive(int slot) const;
    Result<int> addSlot(const Secret &passphrase, const crypt_pbkdf_type *pbkdf, int at = CRYPT_ANY_SLOT);
    // Tries one slot, or all with CRYPT_ANY_SLOT; says which one it was. The volume key is known afterwards.
    Result<int> tryKey(int slot, const Secret &key);
    // Writes the token of a new slot; the slot goes again where that fails, for nobody could use it.
    Result<void> describeSlot(int slot, const nlohmann::json &token);
    Result<void> destroySlot(int slot);
};

} // namespace Preon::Luks
