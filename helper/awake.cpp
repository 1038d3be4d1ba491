// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/awake.h"

namespace Preon::Helper
{

Awake::Awake(sdbus::IConnection &connection)
    : m_logind(sdbus::createProxy(connection, sdbus::ServiceName("org.freedesktop.login1"), sdbus::ObjectPath("/org/freedesktop/login1")))
{
}

void Awake::keep(bool awake)
{
    if (awake == m_wanted)
        return;
    m_wanted = awake;
    if (!awake)
        return m_lock.reset();
    try {
        take();
    } catch (const sdbus::Error &) {
        // The work is worth more than its comfort.
    }
}

void Awake::take()
{
    m_logind->callMethodAsync("Inhibit")
        .onInterface("org.freedesktop.login1.Manager")
        .withArguments("sleep:shutdown:idle:handle-lid-switch", "Preon", "A disk is being worked on", "block")
        .uponReplyInvoke([this](std::optional<sdbus::Error> error, const sdbus::UnixFd &lock) {
            // The work may have ended meanwhile.
            if (!error && m_wanted)
                m_lock = lock;
        });
}

} // namespace Preon::Helper
