// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// A fetch that runs, seen from root: a fresh `preon-fetch fetch` and the frames that it sends. What comes is nobody's word yet: hash it, and publish nothing
// before the hash is the manifest's (receive.h does so).

#include "core/base/process.h"
#include "core/base/progress.h"
#include "core/fetch/frames.h"
#include "core/fetch/request.h"

#include <chrono>
#include <filesystem>

namespace Preon::Fetch
{

// Where it is installed; developers and tests give the one that they built.
inline const std::filesystem::path installedProgram = "/usr/libexec/preon-fetch";

class Download
{
public:
    static Result<Download> start(const Request &request, const std::filesystem::path &program = installedProgram);

    // The next frame: Start, Data, Setback or Done, after which there is none. What ends a fetch is an error: of the network (what failed, in words), Cancelled,
    // Timeout when the fetcher says nothing for `patience` (it tells of each try, so this is a bug or an attack), BadFormat when it says nonsense.
    Result<Frame> next(const Progress &progress, std::chrono::seconds patience = std::chrono::minutes(10));

    // In words, for a setback's line in a log.
    Error explain(const Failure &failure) const;

private:
    Download(ChildProcess child, Fd frames, Fd errors, const Request &request);
    Result<bool> waitForMore(const Progress &progress, std::chrono::seconds patience);
    std::unexpected<Error> brokenOff();

    std::vector<Mirror> m_mirrors;
    FrameDecoder m_decoder;
    std::string m_said; // on its standard error
    ChildProcess m_child; // goes after the pipes are closed
    Fd m_frames, m_errors;
};

} // namespace Preon::Fetch
