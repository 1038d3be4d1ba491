// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What an encrypted home (NAME.home of systemd-homed: a partition table, in it a LUKS2 volume) says of its user, read by whoever has a password or recovery key of it.
// Nothing is mounted, mapped or changed: the header of the volume is copied into memory and opened there. The file may have been made by anybody.

#include "core/base/fd.h"
#include "core/home/record.h"

#include <nlohmann/json.hpp>

namespace Preon::Home
{

constexpr const char *homeToken = "systemd-homed"; // its type

// What the token holds: the user record under the volume's key.
struct SealedRecord {
    Bytes iv, record; // iv: 16 bytes
};
// BadFormat where it is none, or longer than records are.
Result<SealedRecord> sealedRecordFrom(const nlohmann::json &token);
nlohmann::json toToken(const SealedRecord &sealed); // as systemd-homed writes it

// image: opened for reading. Permission: the key opens none of the slots. BadFormat: no home image, or one whose names are not this user's. Unsupported: a slot
// that would take more memory or time than systemd-homed ever asks for, and no other opens.
Result<Record> openHomeImage(const Fd &image, const std::string &userName, const Secret &passwordOrKey);

} // namespace Preon::Home
