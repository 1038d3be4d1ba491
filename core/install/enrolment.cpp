// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/install/enrolment.h"

#include "core/install/homevolume.h"

#include <algorithm>
#include <array>

#include <fcntl.h>
#include <openssl/crypto.h>
#include <unistd.h>

namespace Preon::Install
{

namespace
{
Result<Secret> readEnrolmentKey(const std::filesystem::path &keyFile)
{
    PREON_TRY(Bytes bytes, readFile(keyFile, volumeKeyFileSize));
    Secret key = Secret::copyOf(bytes);
    OPENSSL_cleanse(bytes.data(), bytes.size());
    return key;
}

Result<void> removeFile(const std::filesystem::path &file)
{
    if (::unlink(file.c_str()) < 0 && errno != ENOENT)
        return failErrno(file.string() + " could not be removed");
    PREON_TRY(const Fd folder, openFile(file.parent_path(), O_RDONLY | O_DIRECTORY));
    return flush(folder);
}

// Only a hint, which saves the stretching of passphrases that are tried in vain.
std::vector<int> likelySlots(const Luks::Volume &volume)
{
    std::vector<int> likely;
    for (const Luks::Slot &slot : volume.slots()) {
        if (slot.kdf == "pbkdf2")
            likely.push_back(slot.number);
    }
    return likely;
}

bool isNamed(const Luks::Volume &volume)
{
    return std::ranges::contains(volume.slots(), Luks::enrolmentToken, &Luks::Slot::token);
}
}

Result<Secret> makeEnrolmentKey(const std::filesystem::path &root)
{
    PREON_CHECK(makeKeyFolder(root));
    return volumeKey(root / keyFolder / enrolmentKeyFile);
}

Result<int> unlockByEnrolmentKey(Luks::Volume &volume, const std::filesystem::path &keyFile)
{
    PREON_TRY(const Secret key, readEnrolmentKey(keyFile));
    if (key.size() != volumeKeyFileSize) // too short to be tried: it was not made by us
        return fail(ErrorCode::Permission, keyFile.string() + " is no enrolment key", "it has " + std::to_string(key.size()) + " bytes");
    for (const int slot : likelySlots(volume)) {
        const auto opened = volume.unlockSlot(slot, key);
        if (opened)
            return slot;
        if (opened.error().code != ErrorCode::Permission)
            return std::unexpected(opened.error());
    }
    return fail(ErrorCode::Permission, keyFile.string() + " does not open this volume", "no key slot takes this key");
}

Result<void> endEnrolment(const std::filesystem::path &partition, const std::filesystem::path &keyFile, int tested)
{
    PREON_TRY(Luks::Volume volume, Luks::Volume::load(partition));
    const auto slot = unlockByEnrolmentKey(volume, keyFile);
    if (slot && *slot != tested)
        PREON_CHECK(volume.removeSlot(*slot, std::array{tested}));
    if (!slot && slot.error().code != ErrorCode::Permission && slot.error().code != ErrorCode::NotFound && slot.error().code != ErrorCode::BadFormat)
        return std::unexpected(slot.error());
    // What still claims to name it names another slot, or none. Without a file that was seen to open one, the name is all that tells of the slot.
    if (slot || !isNamed(volume))
        PREON_CHECK(volume.removeTokens(Luks::enrolmentToken));
    return removeFile(keyFile);
}

} // namespace Preon::Install
