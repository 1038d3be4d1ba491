// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// How long work tells what it does, and learns that it should stop. Core calls it; programs decide how it looks.

#include "core/base/result.h"

#include <cstdint>
#include <string_view>

namespace Preon
{

class Progress
{
public:
    virtual ~Progress() = default;
    // A new phase of `total` bytes (0: not measured in bytes). The name is a short phrase in English ("Copying the system"), the key of its translation.
    virtual void phase(std::string_view name, std::uint64_t total) = 0;
    // Bytes done since the last call in this phase. May come from several threads.
    virtual void advance(std::uint64_t bytes) = 0;
    virtual void log(std::string_view line) = 0;
    // Asked between chunks; true ends the work with ErrorCode::Cancelled at the next safe point.
    virtual bool isCancelled() const = 0;

    Result<void> check() const
    {
        if (isCancelled())
            return fail(ErrorCode::Cancelled, "Stopped as asked");
        return {};
    }
};

// For tests and for work nobody watches.
class SilentProgress : public Progress
{
public:
    void phase(std::string_view, std::uint64_t) override
    {
    }
    void advance(std::uint64_t) override
    {
    }
    void log(std::string_view) override
    {
    }
    bool isCancelled() const override
    {
        return false;
    }
};

} // namespace Preon
