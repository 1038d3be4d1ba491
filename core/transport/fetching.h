// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// A file from whichever of its mirrors can give it, from a byte on: tried again where that can help, gone on with where it broke off, begun anew where the file
// is another one. Everything about the bytes themselves is left to whom they are for, who has their hash.

#include "core/fetch/frames.h"
#include "core/fetch/request.h"

#include <chrono>

namespace Preon::Transport
{

// Where the frames go. False: nobody listens any more.
class Outlet
{
public:
    virtual ~Outlet() = default;
    virtual bool start(const Fetch::Start &start) = 0;
    virtual bool data(ByteView bytes) = 0; // at most Fetch::frameLimit bytes
    virtual bool setback(const Fetch::Failure &failure) = 0;
    virtual bool done(std::uint64_t size) = 0;
    virtual bool failed(const Fetch::Failure &failure) = 0;
    // Nothing for that long, unless nobody listens any more.
    virtual bool wait(std::chrono::milliseconds time) = 0;
};

// Says all there is to say to the outlet, last of all done or failed.
void fetch(const Fetch::Request &request, Outlet &outlet);

} // namespace Preon::Transport
