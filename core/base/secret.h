// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Bytes that must not outlive their use: wiped when destroyed, impossible to print or to copy by accident.

#include "core/base/fd.h"

namespace Preon
{

class Secret
{
public:
    Secret() = default;
    explicit Secret(std::size_t size); // zeroed
    static Secret copyOf(ByteView bytes);
    Secret(Secret &&) noexcept = default;
    Secret &operator=(Secret &&other) noexcept;
    ~Secret();

    // size bytes from the kernel's random source.
    static Result<Secret> random(std::size_t size);

    ByteView bytes() const
    {
        return m_bytes;
    }
    std::span<std::byte> writable()
    {
        return m_bytes;
    }
    bool empty() const
    {
        return m_bytes.empty();
    }
    const char *chars() const // for C interfaces; not terminated
    {
        return reinterpret_cast<const char *>(m_bytes.data());
    }
    std::size_t size() const
    {
        return m_bytes.size();
    }

private:
    void wipe();
    Bytes m_bytes; // never resized after construction, so that no stale copy is left on the heap
};

} // namespace Preon
