// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/install/wifi.h"

#include <cstdlib>
#include <string>

#include <nlohmann/json.hpp>

using namespace Preon;

// What a caller of the helper says, and what comes out of the TPM, which whoever holds the computer can have sealed.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    // Whatever is no sealed network is refused before a TPM is asked: there is none here.
    Host host;
    host.dev = "/nonexistent";
    if (Install::unsealNetwork(host, asBytes(text), {}, {}, std::string(64, 'a')))
        std::abort();
    const auto network = Install::parseWirelessNetwork(text);
    if (!network)
        return 0;
    const Secret again = Install::describe(*network);
    const auto second = Install::parseWirelessNetwork({again.chars(), again.size()});
    if (!second || second->ssid != network->ssid)
        std::abort();
    // One line of each kind, whatever the name and the password are.
    const Secret file = Install::keyfileOf(*network);
    const std::string keyfile(file.chars(), file.size());
    const auto count = [&keyfile](const std::string &begin) {
        std::size_t found = 0;
        for (std::size_t at = keyfile.find('\n' + begin); at != std::string::npos; at = keyfile.find('\n' + begin, at + 1))
            ++found;
        return found;
    };
    if (count("[") != (network->protection == Install::Protection::None ? 3 : 4) || count("psk=") > 1 || count("ssid=") != 1 || keyfile.contains('\0'))
        std::abort();
    return 0;
}
