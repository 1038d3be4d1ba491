// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The keyboard of the text console, where the initrd asks for passphrases. Keymaps are made from XKB's layouts when the image is made, one file a layout and variant.

#include "core/base/host.h"
#include "core/base/progress.h"

#include <string_view>

namespace Preon::Install
{

// Tells the log whether it did, and why not: whoever waits for a person goes on either way. Refuses what is no name of a keymap (letters, digits, dashes, underscores), and names that this system has no keymap for.
void useKeymap(const Host &host, std::string_view name, Progress &progress);

} // namespace Preon::Install
