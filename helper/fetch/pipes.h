// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// preon-fetch's ends of the pipes.

#include "core/fetch/unpacker.h"
#include "core/transport/fetching.h"

#include <string>
#include <string_view>

#include <unistd.h>

namespace Preon::Fetcher
{

// On standard error, for root's error message: one line.
void say(std::string_view text);

// Until its end, at most `limit` bytes.
Result<std::string> readAll(int descriptor, std::size_t limit);

// From one descriptor to the other, until the end.
Result<void> unpack(Fetch::Format format, int from, int to);

// An archive from the one descriptor, frames of its entries (core/fetch/treeframes.h) to the other, until the end.
Result<void> untar(int from, int to);

// Frames to root. Waits while root is busy; knows when root is gone.
class PipeOutlet : public Transport::Outlet
{
public:
    explicit PipeOutlet(int descriptor)
        : m_descriptor(descriptor)
    {
    }
    bool start(const Fetch::Start &start) override;
    bool data(ByteView bytes) override;
    bool setback(const Fetch::Failure &failure) override;
    bool done(std::uint64_t size) override;
    bool failed(const Fetch::Failure &failure) override;
    bool wait(std::chrono::milliseconds time) override;

private:
    int m_descriptor;
};

} // namespace Preon::Fetcher
