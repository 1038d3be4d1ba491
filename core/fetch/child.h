// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What both of preon-fetch's jobs need of their pipes. For this folder.

#include "core/base/process.h"
#include "core/base/progress.h"

#include <chrono>
#include <string>

#include <poll.h>

namespace Preon::Fetch
{

// As large as the kernel gives without privileges (1 MiB), so that both sides work at the same time.
void enlargePipe(const Fd &pipe);

// Adds what is there now to a text that stays short, as printable ASCII. Closes the descriptor at the end.
void collect(Fd &fd, std::string &into);

// What is still to come on its standard error once its work is over; a child that does not come to an end is killed. Its exit status, as ChildProcess::wait().
int lastWords(ChildProcess &child, Fd &errors, std::string &said);

// How a child ended, for people: "it ended with status 3: …".
std::string endOf(int status, const std::string &said);

// As poll(2), but cancelling and a deadline end it (Cancelled, Timeout).
Result<void> pollUntil(std::span<pollfd> watched, const Progress &progress, std::chrono::steady_clock::time_point deadline, const std::string &late);

} // namespace Preon::Fetch
