#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Installer in a window of the desktop that this is started from, over the real helper and virtual disks: ./dev try --sandbox. It ends with the window."""
import os
import signal
import sys

from desktop import Desktop

GIB = 1 << 30
SECTOR = 512


def make_disks(desktop):
    desktop.disk("Empty disk", 64 * GIB)
    desktop.windows("Disk with Windows", 40 * GIB, locked=True)
    photos = 20 * GIB // SECTOR
    desktop.disk("Disk with photos", 64 * GIB, f"label: gpt\nstart=2048, size={photos}, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7, name=photos\n", {2048: ("PHOTOS", photos)})
    desktop.disk("Small disk", GIB)


def main():
    # Ended from outside the desktop is taken down like at the end of the window.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with Desktop(display=os.environ["DISPLAY"]) as desktop:
        make_disks(desktop)
        desktop.helper()
        window = desktop.installer("--network")
        print("The Installer is in its window. Its disks are virtual: nothing of this computer can be changed from there. Close the window to end.", flush=True)
        window.wait()
        if window.returncode:
            print(desktop.log("installer"), file=sys.stderr)
        return window.returncode


sys.exit(main())
