# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A person who logs in on the first console gets a session with a picture.
if [ "$(tty)" = /dev/tty1 ] && [ "$(id -u)" -ge 1000 ] && [ -z "${WAYLAND_DISPLAY:-}" ]; then
    exec /usr/lib/particle/session
fi
