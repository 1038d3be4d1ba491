# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The guest's serial console: a log file that is read while it grows."""

import re
import time

from .errors import Trouble

# Colours, cursor movements and the like, which would stand between the words that we look for.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][A-Z0-9]|[@-Z=>])")
# systemd's moving stars: hundreds of lines that say the same.
_WAITING = re.compile(r"^\[[ *]{3,6}\] ")


# The firmware's screens are drawn line by line, each placed by its coordinates.
_PLACED = re.compile(r"\x1b\[\d+;\d+H")


def plain(text):
    return _ESCAPES.sub("", _PLACED.sub("\n", text)).replace("\r", "")


class Serial:
    def __init__(self, path):
        self.path = path
        self._mark = 0

    def text(self):
        return plain(self.path.read_bytes().decode("utf-8", "replace")) if self.path.exists() else ""

    def tail(self, lines=40):
        return "\n".join([line for line in self.text().splitlines() if line.strip() and not _WAITING.match(line)][-lines:])

    def mark(self):
        """From here on, expect() and seen() look only at what comes after this moment."""
        self._mark = len(self.text())

    def since_mark(self):
        return self.text()[self._mark :]

    def seen(self, pattern):
        return re.search(pattern, self.since_mark(), re.MULTILINE)

    def expect(self, pattern, timeout, alive=lambda: True):
        """Waits until PATTERN (a regular expression) shows after the mark."""
        end = time.monotonic() + timeout
        while True:
            running = alive()
            found = self.seen(pattern)
            if found:
                return found
            if not running:
                raise Trouble(f"the machine stopped before its console showed /{pattern}/\n{self.tail()}")
            if time.monotonic() > end:
                raise Trouble(f"the console did not show /{pattern}/ within {timeout:.0f} s; it ends with\n{self.tail()}")
            time.sleep(0.3)
