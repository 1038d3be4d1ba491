// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/awake.h"

namespace Preon::Helper
{

Awake::Awake(sdbus::IConnection &connection)
    : m_logind(sdbus::createProxy(connection, sdbus::ServiceName("org.freedesktop.login1"), sdbus::ObjectPath("/org/freedesktop/login1")))
{
}

void Awake::keep(Wish wish)
{
    if (wish == m_wanted)
        return;
    m_wanted = wish;
    if (wish == Wish::Nothing)
        return m_lock.reset();
    try {
        take();
    } catch (const sdbus::Error &) {
        // The work is worth more than its comfort.
    }
}

void Awake::take()
{
    const bool isAll = m_wanted == Wish::All;
    m_logind->callMethodAsync("Inhibit")
        .onInterface("org.freedesktop.login1.Manager")
        .withArguments(isAll ? "sleep:shutdown:idle:handle-lid-switch" : "idle", "Preon", isAll ? "A disk is being worked on" : "An update is being fetched",
                       "block")
        .uponReplyInvoke([this, wish = m_wanted](std::optional<sdbus::Error> error, const sdbus::UnixFd &lock) {
            // The work may have ended meanwhile, or other work begun.
            if (!error && m_wanted == wish)
                m_lock = lock;
        });
}

} // namespace Preon::Helper
