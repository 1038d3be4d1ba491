#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Photographs each page of the installer in one look (light, dark, large, mirrored: in Arabic, narrow, german, japanese) into out/screens/LOOK, on its way through a whole installation.

The way itself is checked too: each page has to come, by what a screen reader is told. Whether the pictures are good a person says. Pages beside that way are
in asides.py.
"""
import os
import pathlib
import shutil
import signal
import sys

import asides
from desktop import DARK, Desktop

LOOKS = {
    "light": ({}, []),
    "dark": ({"scheme": DARK}, []),
    "large": ({"scale": 2}, []),
    "mirrored": ({"language": "ar"}, []),
    "narrow": ({"width": 360, "height": 740}, []),
    "german": ({"language": "de"}, []),
    "japanese": ({"language": "ja"}, []),
}
GIB = 1 << 30
SECTOR = 512


class Album:
    def __init__(self, desktop, folder):
        self.desktop, self.folder, self.count = desktop, folder, 0

    def add(self, name, moving=False):
        self.count += 1
        self.desktop.picture(self.folder / f"{self.count:02}-{name}.png", moving)


def make_disks(desktop):
    desktop.disk("empty", 64 * GIB)
    desktop.disk("small", GIB)
    photos = 20 * GIB // SECTOR
    desktop.disk("photos", 64 * GIB, f"label: gpt\nstart=2048, size={photos}, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7, name=photos\n", {2048: ("PHOTOS", photos)})
    full = 60 * GIB // SECTOR
    desktop.disk("full", 60 * GIB + 4 * 1024 * 1024, f"label: gpt\nstart=2048, size={full}, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7, name=music\n", {2048: ("MUSIC", full)})


def walk(window, helper, album):
    """From the first page to the last one."""
    window.page("Welcome to Particle")
    album.add("welcome")
    window.press("button", "Continue")
    window.page("Which keyboard")
    album.add("keyboard")
    window.press("button", "Continue")
    window.page("Where are you")
    album.add("time-zone")
    window.press("button", "Continue")
    window.page("Where should")
    small = window.find("radio button", "small")
    assert window.language == "" or "too small" not in small.description, small.description
    album.add("disk")
    window.press("radio button", "full")
    window.press("button", "Continue")
    window.page("How should")
    album.add("how-no-room")
    window.press("radio button", "Beside")
    window.page("Make room")
    album.add("make-room")
    window.press("button", "Back")
    window.page("How should")
    window.press("button", "Back")
    window.page("Where should")
    window.press("radio button", "photos")
    window.press("button", "Continue")
    window.page("How should")
    window.find("list", "Afterwards")
    album.add("how-beside")
    window.press("radio button", "Use the whole disk")
    window.press("button", "Continue")
    window.page("How your files")
    album.add("protection")
    window.press("button", "Continue")
    window.page("Erase this disk")
    album.add("summary")
    # Pressed by a reader, it asks a second time instead of wanting to be held.
    window.press("button", "Erase and install")
    window.find("button", "Erase and install").press()
    window.page("Installing")
    helper.send_signal(signal.SIGSTOP)  # so that there is time to look
    album.add("progress")
    window.find(name="Details").press()
    album.add("progress-details")
    window.press("button", "Cancel")
    window.find("button", "Keep installing")
    album.add("cancel")
    window.press("button", "Stop")
    helper.send_signal(signal.SIGCONT)
    window.page("The installation was stopped")
    album.add("stopped")
    window.press("button", "Begin again")
    window.page("Where should")
    window.press("radio button", "empty")
    for page in ("How should", "How your files", "Install Particle?"):
        window.press("button", "Continue")
        window.page(page)
    album.add("summary-empty")
    window.press("button", "Install")
    window.page("Particle is installed", seconds=240)
    album.add("done")


def main(look):
    settings, options = LOOKS[look]
    with Desktop(**settings) as desktop:
        album = Album(desktop, pathlib.Path(os.environ["PREON_SCREENS"]) / look)
        make_disks(desktop)
        program = desktop.installer(*options)
        from window import Window

        window = Window(program, desktop.language)
        window.page("The part of Preon")
        album.add("no-helper")
        helper = desktop.helper()
        walk(window, helper, album)
        desktop.stop(program)
        desktop.stop(helper)
        shutil.rmtree(desktop.disks / ".machine")  # where the work that was done is remembered
        asides.walk(desktop, desktop.helper(), album, options)
        assert "qml" not in desktop.log("installer").lower(), desktop.log("installer")
    print(f"{album.count} pictures in {album.folder}")


if __name__ == "__main__":
    main(sys.argv[1])
