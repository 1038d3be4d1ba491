#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Photographs each page of the update centre in one look (those of pictures.py) into out/screens/LOOK-updates, on machines that a stand-in describes."""
import os
import pathlib
import sys
import time

import words
from desktop import Desktop, wait_for
from pictures import LOOKS, Album

NOW = int(time.time())
NEXT = {"version": "3", "notes": "Sleep works on more laptops.\nTwo holes in the network are mended.\nPrinters are found without asking.", "changeLog": "https://example.com/particle/3",
        "fetch": 142000000, "write": 1100000000, "parts": [], "failedHere": False}
HALF = {"version": "3", "fetched": 48000000, "fetch": 142000000}
REASON = "The unit display-manager.service failed"
FAILED = [{"began": NOW - hours * 3600, "outcome": "failed", "reasons": [REASON], "try": number} for number, hours in ((3, 2), (2, 3), (1, 4))]
LEFT = {"tries": 3, "gotToRoot": True, "reasons": [REASON], "last": NOW - 7200}
OLD = {"version": "1", "starts": [{"began": NOW - 30 * 86400, "outcome": "came-up", "reasons": [], "try": 0}]}
RUNS = {"version": "2", "running": True, "startsNext": True, "lastGood": True, "starts": [{"began": NOW - 3600, "outcome": "running", "reasons": [], "try": 0}]
        + [{"began": NOW - days * 86400, "outcome": "came-up", "reasons": [], "try": 0} for days in (1, 2, 4, 7, 9, 12, 15)]}
FEATURES = [{"id": "devel", "description": "Tools for developers", "documentation": "https://example.com/devel", "enabled": False},
            {"id": "nvidia", "description": "Drivers for NVIDIA graphics", "documentation": "", "enabled": True}]
NO_ROOM = {"code": "no-space", "what": "Particle 3 does not fit on this computer", "why": "1.1 GB are needed, 600 MB are free", "todo": "Free some room, then try again."}
UNSIGNED = {"code": "untrusted", "what": "The signature of SHA256SUMS is wrong", "why": "it was made by another key", "todo": "Ask the maker."}
STALE = {"code": "stale", "what": "The list of versions at https://updates.example.com is out of date", "why": "it is good until 2026-11-01, and today is 2026-11-30 (UTC)",
         "todo": "Check this computer's date."}
INSECURE = {"code": "insecure", "what": "https://updates.example.com/SHA256SUMS could not be fetched", "why": "the certificate is not one that this computer knows", "todo": ""}
SILENT_SERVER = {"code": "timeout", "what": "The server gave no answer", "why": "example.com did not answer for 30 s", "todo": "Try again later."}
NO_DEFINITIONS = {"code": "not-found", "what": "This system cannot be updated from here", "why": "it has no sysupdate.d", "todo": "Update it as its maker says."}
METERED = {"online": True, "metered": True}
OFFLINE = {"online": False, "metered": False}
BY_HAND = {"automatic": "off", "metered": False, "rate": 0, "notify": True}


class Walk:
    def __init__(self, desktop, album, options):
        self.desktop, self.album, self.options = desktop, album, options
        self.logind, _ = desktop.logind(desktop.system_bus())

    def open(self, page, before=None, **facts):
        from window import Window

        self.helper, self.mock = self.desktop.updates(**({"features": FEATURES, "versions": [RUNS, OLD]} | facts))
        if before:
            before(self.mock)
        self.program = self.desktop.start("updates", ["preon-updates", "--session-bus", *self.options])
        self.window = Window(self.program, self.desktop.language)
        self.window.page(page)

    def add(self, name, moving=False):
        """A picture of what shows now; in a window that speaks another language none of its words is English."""
        self.album.add(name, moving)
        if self.desktop.language:
            texts = [text for control in self.window.controls() for text in (control.name, control.description) if text]
            left = words.left_in_english(texts, self.desktop.language)
            assert not left, f"{name} says in English: {left}"

    def close(self):
        self.desktop.stop(self.program)
        self.desktop.stop(self.helper)

    def shot(self, name, page, before=None, **facts):
        self.open(page, before, **facts)
        self.add(name)
        self.close()

    def standings(self):
        self.shot("current", "Particle 2 is up to date")
        self.shot("never", "This computer runs Particle 2", checked=0, silent=-1, policy=BY_HAND)
        self.shot("available", "Particle 3 is available", candidate=NEXT)
        self.shot("offline", "There is no connection to the internet", connection=OFFLINE, checkError=SILENT_SERVER)
        self.shot("unreached", "The maker's server does not answer", checkError=SILENT_SERVER)
        self.shot("unsigned", "The server's list is not signed", checkError=UNSIGNED)
        self.shot("stale", "The server's list of versions is out of date", checkError=STALE)
        self.shot("insecure", "There is no secure connection to the maker's server", checkError=INSECURE)
        self.shot("silent", "Particle 2 is up to date", silent=37)
        self.shot("no-room", "Particle 3 is available", lambda mock: self.desktop.answer(mock, "Plan", NO_ROOM, "sa{sv}", "ss"), candidate=NEXT)
        self.shot("left", "Particle 2 is up to date", versions=[{"version": "3", "left": LEFT, "starts": FAILED}, RUNS, OLD])
        self.shot("failed-here", "Particle 3 is available", candidate=NEXT | {"failedHere": True})
        self.shot("on-its-way", "Particle 3 is on its way", candidate=NEXT | {"percent": 25})
        self.shot("blocked", NO_DEFINITIONS["what"], problem=NO_DEFINITIONS, versions=[])
        self.open("Particle 2 is up to date", lambda mock: self.desktop.checked(mock, None, 60))
        self.window.press("button", "Check now")
        self.window.page("Looking for updates")
        self.add("checking", moving=True)
        self.close()

    def work(self):
        self.open("Particle 3 is available", self.desktop.updating, candidate=NEXT, connection=METERED)
        self.add("metered")
        self.window.press("button", "Update")
        self.window.find("button", "Not now")
        self.add("metered-asks")
        self.window.press("button", "Fetch 142 MB")
        self.window.page("Updating to Particle 3")
        self.add("progress")
        self.window.find(name="Details").press()
        self.add("progress-details")
        self.close()
        self.open("Particle 3 is paused", candidate=NEXT, partial=HALF)
        self.add("paused")
        self.window.press("button", "Discard…")
        self.window.find("button", "Keep it")
        self.add("discard")
        self.close()
        self.shot("cut-off", "The download of Particle 3 was cut off", lambda mock: self.desktop.updating(mock, "interrupted", listed=True), candidate=NEXT, partial=HALF)
        self.shot("failed", NO_ROOM["what"], lambda mock: self.desktop.updating(mock, "failed", NO_ROOM, listed=True), candidate=NEXT)

    def restart(self):
        self.open("Restart to use Particle 3", pending="3")
        self.add("restart")
        self.window.press("button", "Tonight at ")
        self.window.find("button", "Do not restart by itself")
        self.add("restart-tonight")
        self.window.press("button", "Do not restart by itself")
        self.window.press("button", "Later")
        self.window.page("Particle 3 waits for a restart")
        self.add("waiting")
        self.close()
        self.shot("restart-not-now", "Restart to use Particle 3", pending="3", others=2, power={"onBattery": True, "percent": 9})

    def pages(self):
        self.open("Particle 2 is up to date", versions=[{"version": "3", "left": LEFT, "starts": FAILED}, RUNS, OLD | {"kept": True}])
        self.window.press("button", "Versions on this computer")
        self.window.page("Versions on this computer")
        self.add("versions")
        self.window.press("button", "Particle 3")
        self.window.find(id="details")
        self.add("versions-failed")
        self.window.press("button", "Particle 3")
        self.window.press("button", "Particle 1")
        self.window.find("button", "Start this version from now on…")
        self.add("versions-old")
        self.window.press("button", "Start this version from now on…")
        self.window.find("button", "Leave it as it is")
        self.add("versions-asks")
        self.close()
        self.open("Particle 2 is up to date")
        self.window.press("button", "Optional features")
        self.window.page("Optional features")
        self.add("features")
        self.window.press("button", "Back")
        self.window.press("button", "How updates come")
        self.window.page("How should updates come?")
        self.add("policy")
        self.window.press("radio button", "By themselves")
        self.window.press("check box", "Leave room for others")
        wait_for("the limit", lambda: (lambda field: field and field.has("ENABLED"))(self.window.look(id="rate")))
        self.add("policy-changed")
        self.close()


def main(look):
    settings, options = LOOKS[look]
    with Desktop(**settings) as desktop:
        album = Album(desktop, pathlib.Path(os.environ["PREON_SCREENS"]) / f"{look}-updates")
        walk = Walk(desktop, album, options)
        walk.standings()
        walk.work()
        walk.restart()
        walk.pages()
        assert "qml" not in desktop.log("updates").lower(), desktop.log("updates")
    print(f"{album.count} pictures in {album.folder}")


if __name__ == "__main__":
    main(sys.argv[1])
