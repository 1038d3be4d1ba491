// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

// What `preonctl repart` is told about the TPM: which PCRs, which signer.

#include "apps/ctl/command_repart.h"

#include "core/tpm/pcrs.h"

#include <charconv>

namespace Preon::Ctl
{

namespace
{
constexpr unsigned defaultSignedPcr = 11;
constexpr unsigned defaultPcr = 7;
}

Result<void> checkRepartTpm(const RepartOptions &options)
{
    PREON_CHECK(Tpm::parsePcrs(Tpm::joinPcrLists(options.tpmPcrs)));
    PREON_CHECK(Tpm::parsePcrMask(options.tpmPublicKeyPcrs));
    const std::string &handle = options.tpmSealKeyHandle;
    std::uint32_t number = 0;
    const char *begin = handle.data() + (handle.starts_with("0x") || handle.starts_with("0X") ? 2 : 0);
    const auto [end, error] = std::from_chars(begin, handle.data() + handle.size(), number, 16);
    if (!handle.empty() && (error != std::errc() || end != handle.data() + handle.size()))
        return badOption("--tpm2-seal-key-handle", handle, "Use a hexadecimal number.");
    return {};
}

Result<Tpm::SealPolicy> repartTpmPolicy(const RepartOptions &options, const Host &host)
{
    const auto lacks = [](const char *option) {
        return fail(ErrorCode::Unsupported, std::string(option) + "= is something that preonctl does not do", {}, "Use systemd-repart for this.");
    };
    constexpr auto storageRootKey = "81000001";
    if (!options.tpmDeviceKey.empty())
        return lacks("--tpm2-device-key");
    if (!options.tpmPcrlock.empty())
        return lacks("--tpm2-pcrlock");
    if (!options.tpmSealKeyHandle.empty() && options.tpmSealKeyHandle.find_first_not_of("0x") != std::string::npos
        && !options.tpmSealKeyHandle.ends_with(storageRootKey))
        return lacks("--tpm2-seal-key-handle");
    Tpm::SealPolicy policy;
    policy.literalPcrs = 1U << defaultPcr;
    if (!options.tpmPcrs.empty()) // an empty list means none
        PREON_CHECK(Tpm::chooseLiteralPcrs(Tpm::joinPcrLists(options.tpmPcrs), policy));
    policy.signedPcrs = 1U << defaultSignedPcr;
    if (options.tpmPublicKeyPcrsGiven) {
        PREON_TRY(policy.signedPcrs, Tpm::parsePcrMask(options.tpmPublicKeyPcrs));
        if (policy.signedPcrs == 0)
            return policy;
    }
    if (!options.tpmPublicKey.empty()) {
        PREON_TRY(policy.publicKeyPem, readTextFile(options.tpmPublicKey));
        return policy;
    }
    // As systemd-repart: the signer that the booted kernel brought along, where there is one.
    for (const char *folder : {"/etc/systemd", "/run/systemd", "/usr/lib/systemd"}) {
        if (auto key = readTextFile(host.path(std::filesystem::path(folder) / "tpm2-pcr-public-key.pem"))) {
            policy.publicKeyPem = std::move(*key);
            break;
        }
    }
    return policy;
}

} // namespace Preon::Ctl
