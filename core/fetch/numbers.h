// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Little-endian numbers of the frames. For this folder.

#include "core/base/fd.h"

#include <cstdint>

namespace Preon::Fetch
{

template<typename T>
void put(Bytes &into, T number)
{
    for (std::size_t i = 0; i < sizeof(T); ++i)
        into.push_back(static_cast<std::byte>(static_cast<std::uint64_t>(number) >> (8 * i)));
}

// Of at least so many bytes, which it moves past.
template<typename T>
T take(ByteView &from)
{
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
        number |= std::to_integer<std::uint64_t>(from[i]) << (8 * i);
    from = from.subspan(sizeof(T));
    return static_cast<T>(number);
}

} // namespace Preon::Fetch
