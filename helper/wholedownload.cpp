// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/wholedownload.h"

#include <utility>

namespace Preon::Helper
{

WholeDownload::WholeDownload(Progress &watcher, std::uint64_t all)
    : m_watcher(watcher)
    , m_all(all)
{
}

void WholeDownload::phase(std::string_view name, std::uint64_t total)
{
    m_isFetching = name == fetchingPhase;
    if (!m_isFetching)
        return m_watcher.phase(name, total);
    if (total == 0) {
        m_before += std::exchange(m_ofThis, 0);
        if (!std::exchange(m_hasBegun, true))
            m_watcher.phase(name, m_all);
    } else if (std::exchange(m_ofThis, 0) > 0) {
        m_watcher.phase(name, m_all);
        m_watcher.advance(m_before);
    }
}

void WholeDownload::advance(std::uint64_t bytes)
{
    if (m_isFetching)
        m_ofThis += bytes;
    m_watcher.advance(bytes);
}

void WholeDownload::log(std::string_view line)
{
    m_watcher.log(line);
}

bool WholeDownload::isCancelled() const
{
    return m_watcher.isCancelled();
}

} // namespace Preon::Helper
