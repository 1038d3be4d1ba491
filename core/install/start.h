// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// How the firmware of this machine is to start the new system: by our own loader, or by way of shim where it trusts other people's keys, and whether its owner has to allow our
// kernel's key for that. The facts are taken once; the decision is pure.

#include "core/boot/secureboot.h"
#include "core/install/source.h"

namespace Preon::Install
{

// What this machine's Secure Boot makes of the source's programs.
struct StartFacts {
    Boot::SecureBoot::State state = Boot::SecureBoot::State::Unknown;
    bool trustsOwn = false; // our loader and kernel
    bool trustsShim = false;
    bool trustsOthers = false; // has keys that vouch for more than our kernel
    bool allowsKernel = false; // the firmware's keys or those of the machine's owner vouch for the kernel, once shim runs
};
StartFacts readStartFacts(const Host &host, const Source &source);

struct StartWay {
    Boot::Start start = Boot::Start::Own;
    bool couldAsk = false; // with Secure Boot on it would start only once its owner allowed it; off, nothing hinders it
    bool asks = false; // the next start asks them
};
// ask: somebody wishes to switch Secure Boot on later. hasShim: the source has one. system: its name, for errors. Unsupported: Secure Boot is on and would not let it start in any way.
Result<StartWay> chooseStart(const StartFacts &facts, bool hasShim, bool ask, const std::string &system);

} // namespace Preon::Install
