# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Commands in the guest, without any change to the image.

SMBIOS credentials add one service to the guest (systemd's `systemd.extra-unit.*`): a shell loop that reads requests from a
virtio-serial port and answers there. The service starts late, so an agent that speaks also says that the system is up.
A request is one line, `ID BASE64(script)`; an answer `ID STATUS BASE64(stdout) BASE64(stderr)`.
"""

import base64
import itertools
import select
import shlex
import socket
import time
from dataclasses import dataclass

from .errors import Trouble

PORT = "org.preon.probe"

_LOOP = f"""\
port=/dev/virtio-ports/{PORT}
work=$(mktemp -d /run/preon-probe.XXXXXX)
exec 3<>"$port"
printf 'ready %s\\n' "$(cat /proc/sys/kernel/random/boot_id)" >&3
while :; do
    IFS=' ' read -r -u 3 id script || {{ sleep 0.2; continue; }}
    [ -n "$script" ] || continue
    base64 -d <<<"$script" >"$work/script"
    bash "$work/script" </dev/null >"$work/out" 2>"$work/err" 3>&-
    status=$?
    printf '%s %s %s. %s.\\n' "$id" "$status" "$(base64 -w0 <"$work/out")" "$(base64 -w0 <"$work/err")" >&3
done
"""

_SERVICE = f"""\
[Unit]
Description=Command channel of the virtual machine
After=multi-user.target
DefaultDependencies=no
Conflicts=shutdown.target
Before=shutdown.target
ConditionPathExists=/dev/virtio-ports/{PORT}

[Service]
ImportCredential=preon.probe
ExecStart=/bin/bash ${{CREDENTIALS_DIRECTORY}}/preon.probe
KillMode=process
TimeoutStopSec=2
Environment=HOME=/root LC_ALL=C.UTF-8
"""

_WANTED = "[Unit]\nWants=preon-probe.service\n"


def credentials():
    """What a machine must carry for its guest to run the agent."""
    return {
        "preon.probe": _LOOP,
        "systemd.extra-unit.preon-probe.service": _SERVICE,
        "systemd.unit-dropin.multi-user.target": _WANTED,
    }


@dataclass
class Answer:
    status: int
    out: str
    err: str

    @property
    def ok(self):
        return self.status == 0

    def __str__(self):
        parts = [f"exit status {self.status}", self.out.strip(), self.err.strip()]
        return "\n".join(part for part in parts if part)


class Agent:
    def __init__(self):
        self._socket, self.theirs = socket.socketpair()
        self._buffer = b""
        self._ids = itertools.count(1)
        self.boot_id = None

    def close(self):
        self._socket.close()

    def _line(self, end):
        """The next line, or None when there is none before END."""
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self._socket], [], [], max(0, min(0.5, end - time.monotonic())))
            if ready:
                data = self._socket.recv(1 << 20)
                if not data:
                    raise Trouble("the machine stopped while its answer was awaited")
                self._buffer += data
            elif time.monotonic() >= end:
                return None
            else:
                return b""
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line

    def wait_ready(self, timeout, not_boot=None, look=lambda: None):
        """Waits for a system that is up; LOOK is called while waiting and may raise."""
        end = time.monotonic() + timeout
        while True:
            look()
            line = self._line(end)
            if line is None:
                raise Trouble(f"no system came up within {timeout:.0f} s")
            words = line.decode("utf-8", "replace").split()
            if words[:1] == ["ready"] and words[1:] and words[1] != not_boot:
                self.boot_id = words[1]
                return

    def run(self, script, timeout):
        number = str(next(self._ids))
        self._socket.sendall(f"{number} {base64.b64encode(script.encode()).decode()}\n".encode())
        end = time.monotonic() + timeout
        while True:
            line = self._line(end)
            if line is None:
                raise Trouble(f"no answer within {timeout:.0f} s to: {script.strip()}")
            words = line.split()
            if words and words[0] == b"ready":
                raise Trouble(f"the machine restarted during: {script.strip()}")
            if len(words) == 4 and words[0].decode() == number:
                # Each field ends in a dot, so that an empty one is still a word.
                out, err = (base64.b64decode(word[:-1]).decode("utf-8", "replace") for word in words[2:])
                return Answer(int(words[1]), out, err)

    def send(self, script):
        """Starts something that will end the connection, and does not wait."""
        number = next(self._ids)
        self._socket.sendall(f"{number} {base64.b64encode(script.encode()).decode()}\n".encode())


def push_script(path, data, mode="0644"):
    text = base64.b64encode(data).decode()
    return f"mkdir -p \"$(dirname {shlex.quote(path)})\" && base64 -d >{shlex.quote(path)} <<'E' && chmod {mode} {shlex.quote(path)}\n{text}\nE\n"
