# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""QEMU's machine protocol over a socket pair: pictures, keys, power."""

import json
import select
import socket
import time

from .errors import Trouble

_KEYS = {" ": "spc", "\n": "ret", "-": "minus", "=": "equal", "/": "slash", ".": "dot", ",": "comma", ";": "semicolon"}
_KEYS |= {"'": "apostrophe", "\\": "backslash", "[": "bracket_left", "]": "bracket_right", "`": "grave_accent"}
_SHIFTED = dict(zip('~!@#$%^&*()_+{}|:"<>?', "`1234567890-=[]\\;',./", strict=True))


class Qmp:
    def __init__(self):
        ours, self.theirs = socket.socketpair()
        self._socket = ours
        self._buffer = b""
        self.events = []

    def close(self):
        self._socket.close()

    def greet(self, timeout=20):
        self.theirs.close()
        self._message(timeout)
        self.command("qmp_capabilities")

    def _message(self, timeout):
        end = time.monotonic() + timeout
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self._socket], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise Trouble(f"QEMU did not answer within {timeout} s")
            data = self._socket.recv(65536)
            if not data:
                raise Trouble("QEMU ended while it was asked something")
            self._buffer += data
        line, self._buffer = self._buffer.split(b"\n", 1)
        return json.loads(line)

    def command(self, name, timeout=20, **arguments):
        self._socket.sendall(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
        while True:
            answer = self._message(timeout)
            if "event" in answer:
                self.events.append(answer)
            elif "error" in answer:
                raise Trouble(f"QEMU refused {name}: {answer['error'].get('desc')}")
            else:
                return answer["return"]

    def event_names(self):
        """The events so far, without waiting."""
        self.command("query-status")
        return [event["event"] for event in self.events]

    def screenshot(self, path):
        self.command("screendump", filename=str(path), format="png")

    def press(self, *keys):
        """Presses keys together, by QEMU's names: press("ctrl", "alt", "f2")."""
        self.command("send-key", keys=[{"type": "qcode", "data": key} for key in keys])

    def type(self, text, pace=0.06):
        for character in text:
            plain = _SHIFTED.get(character, character.lower())
            shift = ["shift"] if character in _SHIFTED or character.isupper() else []
            self.press(*shift, _KEYS.get(plain, plain))
            time.sleep(pace)
