// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Which entry of its menu the loader shall start: for good, or once (Boot Loader Interface, LoaderEntryDefault and LoaderEntryOneShot). Which entries there are is in
// entries.h; the firmware's own menu is something else (firmwareentries.h).

#include "core/base/host.h"
#include "core/boot/entries.h"

namespace Preon::Boot
{

enum class HowLong { Always, Once };

// The entry that a person means by its id, or by a version ("2", "2@live" for another profile); pure. NotFound names what there is. One without tries left is
// found as well: who asks for it by name may have it.
Result<Entry> entryMeant(const EntryList &menu, std::string_view wanted);

// Unsupported where the loader that started this machine does not read the variable (LoaderFeatures), or there are no EFI variables.
Result<void> chooseEntry(const Host &host, const Entry &entry, HowLong howLong);
// Back to the loader's own order. No error where nothing was chosen.
Result<void> forgetChoice(const Host &host, HowLong howLong);

} // namespace Preon::Boot
