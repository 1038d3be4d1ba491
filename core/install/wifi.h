// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The Wi-Fi network that a person joined before the installation, on its way to the first start. Its password is a secret, so it travels only sealed to this computer's TPM, under
// the policy that also guards the key of root: what opens it is the initrd of our signed kernel, before anything else runs. Nothing that comes back is believed: who holds the computer can
// seal a network of his own, so all that he can do is to name a network. What the new system then gets is made here, from checked parts (NetworkManager's keyfile).

#include "core/base/host.h"
#include "core/base/secret.h"
#include "core/tpm/tpm.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace Preon::Install
{

enum class Protection {
    None, // open
    Owe, // encrypted, no password
    WpaPsk,
    Sae,
};

struct WirelessNetwork {
    Bytes ssid; // 1 to 32 bytes of any kind (IEEE 802.11-2020, 9.4.2.2)
    Protection protection = Protection::None;
    Secret
        password; // WPA-PSK: 8 to 63 printable characters of ASCII, or 64 hexadecimal digits; SAE: 1 to 128 bytes of UTF-8 without control characters; else empty
};

// "SSID PROTECTION PASSWORD": the SSID in hexadecimal, "none", "owe", "wpa-psk" or "sae", and where these have one the password, as it is, to the end. One space between. BadArgument for
// anything else, in words that say nothing of the password.
Result<WirelessNetwork> parseWirelessNetwork(std::string_view text);
Secret describe(const WirelessNetwork &network);

// For a person: the SSID where it is text, its hexadecimal digits where it is not.
std::string nameOf(const WirelessNetwork &network);

constexpr std::size_t largestSealedNetwork = 1536; // bytes

// Sealed for the system with that root hash, to the TPM, under the policy of root (rootPolicy() in rootlock.h). The errors are those of the TPM.
Result<Bytes> sealNetwork(const Host &host, const WirelessNetwork &network, const Tpm::SealPolicy &policy, const std::string &rootHash);
// signatures: the content of tpm2-pcr-signature.json. BadFormat for what sealNetwork() did not write for that system, in whole or in part.
Result<WirelessNetwork> unsealNetwork(const Host &host, ByteView sealed, const Tpm::SealPolicy &policy, const nlohmann::json &signatures,
                                      const std::string &rootHash);

// nm-settings-keyfile(5); joined by itself.
Secret keyfileOf(const WirelessNetwork &network);
// Adds it to the files of a new root: FOLDER/etc/NetworkManager/system-connections/preon-wifi.nmconnection, for root's eyes only.
Result<void> writeNetwork(const WirelessNetwork &network, const std::filesystem::path &folder);

} // namespace Preon::Install
