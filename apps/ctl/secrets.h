// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// How preonctl comes by passphrases, keys and PINs: asked for without echo on a terminal, else one line of standard input, or out of a file.

#include "core/base/secret.h"

#include <string>

namespace Preon::Ctl
{

// One line, without its end. BadArgument when it is longer than cryptsetup's own prompt takes (512 bytes).
Result<Secret> askSecret(const std::string &prompt);
// On a terminal asked for twice; BadArgument when the two differ, or when it is empty.
Result<Secret> askNewSecret(const std::string &prompt);
Result<Secret> readKeyFile(const std::string &path); // all of it, at most 8 MiB
Result<Secret> readSecretLine(const std::string &path); // a file with one line, whose end does not count

} // namespace Preon::Ctl
