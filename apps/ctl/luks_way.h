// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// By which way the commands of `preonctl luks` unlock a volume, with the same options everywhere: a passphrase (asked for), a key file, or the TPM.

#include "core/base/host.h"
#include "core/luks/volume.h"

#include <CLI/CLI.hpp>

namespace Preon::Ctl
{

struct LuksWay {
    std::string volume, keyFile, pinFile, signature, tpmDevice;
    bool tpm = false;

    // "VOLUME" and the options.
    void addTo(CLI::App &command);
    Host hostWithTpm(Host host) const;
    Result<std::optional<nlohmann::json>> signatures(const Host &host) const; // those given, or those that came with the kernel
    Result<void> unlock(Luks::Volume &opened, const Host &host) const;
    Result<Luks::Volume> open(const Host &host) const; // loaded and unlocked
};

// "7+11" as programs read it: [7, 11].
nlohmann::ordered_json pcrList(Tpm::PcrMask mask);

} // namespace Preon::Ctl
