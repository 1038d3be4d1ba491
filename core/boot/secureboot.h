// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Secure Boot as this machine has it (UEFI 2.10, chapter 32): whether it is on, whose certificates its firmware trusts, and those that a person allowed besides, through shim
// and its MokManager ("machine owner keys"). Says whether a signed program would be started, by the certificates in its signatures: only an answer to plan with, the firmware
// decides itself. Asks shim to ask the person for one more.

#include "core/base/host.h"
#include "core/sign/pkcs7.h"

#include <string>
#include <vector>

namespace Preon::Boot
{

struct SecureBoot {
    enum class State {
        Unknown, // no EFI, or a firmware without it
        Off,
        Setup, // nobody's keys are there: systemd-boot may enrol ours
        On,
    };
    State state = State::Unknown;
    std::vector<Sign::Certificate> trusted; // db
    std::vector<Sign::Certificate> allowed; // MokListRT; empty unless shim was started in this boot
};

std::string_view stateName(SecureBoot::State state); // "unknown", "off", "setup", "on"

// Lists that cannot be read are empty: whoever plans with that asks for too much rather than too little.
SecureBoot readSecureBoot(const Host &host);

// The X.509 certificates of a chain of EFI_SIGNATURE_LIST (UEFI 2.10, 32.4.1); hashes and other kinds, and what is no certificate inside, are left out. BadFormat where lengths do
// not add up.
Result<std::vector<Sign::Certificate>> parseSignatureLists(ByteView lists);
// A list with one certificate, whose owner is shim's name.
Bytes signatureListOf(ByteView certificate);

// Of a signed EFI program, all that its signatures carry; none where it has none.
std::vector<Sign::Certificate> signersOf(ByteView program);
bool isVouchedFor(const std::vector<Sign::Certificate> &signers, const std::vector<Sign::Certificate> &trusted);
// Whether there is one among the trusted that does not vouch for these signers: it is there for other programs.
bool vouchesForOthers(const std::vector<Sign::Certificate> &trusted, const std::vector<Sign::Certificate> &signers);

// Leaves the request that the next start of shim shows to whoever sits at the screen (variables MokNew and MokAuth, as mokutil --import does), and gives the code of eight digits
// that they have to type there. Exists: another program asks for something else already. An earlier request for the same is replaced.
Result<std::string> requestPermission(const Host &host, const Sign::Certificate &certificate);

} // namespace Preon::Boot
