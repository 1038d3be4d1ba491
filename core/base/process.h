// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Running another project's program (mkfs, mtools, gpgv …): no shell, a clean environment, its output kept for the error.

#include "core/base/fd.h"
#include "core/base/progress.h"

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace Preon
{

struct ProcessOptions {
    std::map<std::string, std::string> environment; // beside PATH and LANG=C.UTF-8; nothing else is inherited
    Bytes input; // to standard input
    std::vector<std::pair<const Fd *, int>> files; // descriptors the program gets, and under which number
    std::chrono::seconds timeout{600};
    const Progress *progress = nullptr; // cancelling kills the program
};

struct ProcessOutput {
    int status = 0; // exit status; 128 + signal when killed
    std::string output; // at most 16 MiB of each
    std::string errors;
};

// NotFound when there is no such program, Timeout, Cancelled; a status other than 0 is not an error here.
Result<ProcessOutput> runProcess(const std::vector<std::string> &command, const ProcessOptions &options = {});

// As runProcess; a status other than 0 is ToolFailed with the last lines of what the program said.
Result<ProcessOutput> runTool(const std::vector<std::string> &command, const ProcessOptions &options = {});

} // namespace Preon
