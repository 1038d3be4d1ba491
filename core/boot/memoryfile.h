// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// A file's content in memory that another program can also read or write (a memfd): how whole kernels pass between us and mtools without a temporary file
// on somebody's disk and without a second copy.

#include "core/base/fd.h"

namespace Preon::Boot
{

class MemoryFile
{
public:
    static Result<MemoryFile> empty();
    static Result<MemoryFile> copyOf(ByteView content);
    MemoryFile(MemoryFile &&other) noexcept;
    MemoryFile &operator=(MemoryFile &&other) noexcept;
    ~MemoryFile();

    const Fd &fd() const
    {
        return m_fd;
    }
    ByteView bytes() const
    {
        return m_view;
    }
    std::string_view text() const
    {
        return {reinterpret_cast<const char *>(m_view.data()), m_view.size()};
    }
    // After another program wrote to fd(): bytes() shows what is there now. NoSpace when it is more than limit.
    Result<void> refresh(std::size_t limit);

private:
    MemoryFile() = default;
    void unmap();
    Fd m_fd;
    ByteView m_view;
};

} // namespace Preon::Boot
