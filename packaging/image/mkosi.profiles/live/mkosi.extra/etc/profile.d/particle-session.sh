# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A person who logs in on the first console gets a session with a picture. A display manager reads this file too, on that same console, for the session that was chosen there.
if [ "$(tty)" = /dev/tty1 ] && [ "$(id -u)" -ge 1000 ] && [ -z "${WAYLAND_DISPLAY:-}" ] && [ "${XDG_SESSION_TYPE:-tty}" = tty ]; then
    exec /usr/lib/particle/session
fi
