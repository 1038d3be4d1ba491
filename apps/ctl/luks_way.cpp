// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/ctl/luks_way.h"

#include "apps/ctl/secrets.h"

#include <algorithm>

#include <unistd.h>

namespace Preon::Ctl
{

void LuksWay::addTo(CLI::App &command)
{
    command.add_option("VOLUME", volume, "A block device or file")->required();
    auto *file = command.add_option("--key-file,--unlock-key-file", keyFile, "Unlock with the key in this file, all of it");
    auto *byTpm = command.add_flag("--tpm2,--unlock-tpm2", tpm, "Unlock with the TPM");
    byTpm->excludes(file);
    command.add_option("--pin-file", pinFile, "Read the PIN for unlocking with the TPM from this file (default: asked for where one is needed)")->needs(byTpm);
    command.add_option("--tpm2-device", tpmDevice, "TPM to use: auto, a device, or a TCTI (\"swtpm:path=SOCKET\")");
    command.add_option("--tpm2-signature", signature, "PCR signatures (default: those that came with the kernel)");
}

Host LuksWay::hostWithTpm(Host host) const
{
    if (!tpmDevice.empty() && tpmDevice != "auto")
        host.tpm = tpmDevice.contains(':') ? tpmDevice : "device:" + tpmDevice;
    return host;
}

Result<std::optional<nlohmann::json>> LuksWay::signatures(const Host &host) const
{
    std::vector<std::filesystem::path> places;
    if (!signature.empty())
        places = {signature};
    else // where the kernel's stub and systemd put what came with the kernel
        places
            = {host.path("/etc/systemd/tpm2-pcr-signature.json"), host.run / "systemd/tpm2-pcr-signature.json", host.path("/.extra/tpm2-pcr-signature.json")};
    for (const auto &place : places) {
        const auto text = readTextFile(place);
        if (!text && text.error().code == ErrorCode::NotFound && signature.empty())
            continue;
        if (!text)
            return std::unexpected(text.error());
        auto document = nlohmann::json::parse(*text, nullptr, false);
        if (document.is_discarded())
            return fail(ErrorCode::BadFormat, place.string() + " could not be read", "it is no JSON");
        return document;
    }
    return std::nullopt;
}

namespace
{
bool asksForPin(const Luks::Volume &volume)
{
    const auto tokens = volume.tokens();
    return tokens && std::ranges::any_of(*tokens, [](const nlohmann::json &token) {
               const auto sealed = Luks::tokenType(token) == Luks::tpmToken ? Luks::fromToken(token) : std::unexpected(Error());
               return sealed && sealed->pin;
           });
}

Result<void> unlockByTpm(const LuksWay &way, Luks::Volume &volume, const Host &host)
{
    PREON_TRY(const auto signatures, way.signatures(host));
    const nlohmann::json *signature = signatures ? &*signatures : nullptr;
    Secret pin;
    if (!way.pinFile.empty()) {
        PREON_TRY(pin, readSecretLine(way.pinFile));
    }
    PREON_TRY(Tpm::Context tpm, Tpm::Context::open(way.hostWithTpm(host)));
    auto opened = volume.unlockTpm(tpm, signature, pin.empty() ? nullptr : &pin);
    // Asked for only once it is clear that nothing opens without.
    if (!opened && opened.error().code == ErrorCode::Permission && pin.empty() && ::isatty(STDIN_FILENO) && asksForPin(volume)) {
        PREON_TRY(pin, askSecret("PIN of " + way.volume));
        opened = volume.unlockTpm(tpm, signature, &pin);
    }
    return opened;
}
}

Result<void> LuksWay::unlock(Luks::Volume &opened, const Host &host) const
{
    if (tpm)
        return unlockByTpm(*this, opened, host);
    if (!keyFile.empty()) {
        PREON_TRY(const Secret key, readKeyFile(keyFile));
        return opened.unlock(key);
    }
    PREON_TRY(const Secret passphrase, askSecret("Passphrase or recovery key of " + volume));
    return opened.unlock(passphrase);
}

nlohmann::ordered_json pcrList(Tpm::PcrMask mask)
{
    auto list = nlohmann::ordered_json::array();
    for (unsigned index = 0; index < 24; ++index) {
        if (mask >> index & 1U)
            list.push_back(index);
    }
    return list;
}

Result<Luks::Volume> LuksWay::open(const Host &host) const
{
    PREON_TRY(Luks::Volume opened, Luks::Volume::load(volume));
    PREON_CHECK(unlock(opened, host));
    return opened;
}

} // namespace Preon::Ctl
