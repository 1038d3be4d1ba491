#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Photographs each page of the first start in one look (those of pictures.py) into out/screens/LOOK-first-start, on machines that a stand-in describes."""
import os
import pathlib
import subprocess
import sys

from desktop import HOME_PASSWORD, RECOVERY_KEY, Desktop, wait_for
from pictures import LOOKS, Album

LANGUAGES = {"": "en_US.UTF-8", "ar": "ar_EG.UTF-8", "de": "de_DE.UTF-8", "ja": "ja_JP.UTF-8"}
NO_HOMED = {"code": "not-found", "what": "There can be no encrypted home", "why": "systemd-homed is not running", "todo": "Start this computer again."}
NO_ROOM = {"code": "no-space", "what": "The home could not be made", "why": "there is too little room", "todo": "Make room and try again."}
PASSWORD = "Three blue horses swim"
LOGO = ('<svg xmlns="http://www.w3.org/2000/svg" width="300" height="100"><rect width="300" height="100" rx="20" fill="#c2185b"/><circle cx="50" cy="50" r="30" fill="#fff"/></svg>')


class Walk:
    def __init__(self, desktop, album, options):
        self.desktop, self.album, self.options = desktop, album, options
        self.known = {"language": LANGUAGES[desktop.language], "keyboard": "us", "time-zone": "Europe/Berlin", "hostname": "anna-laptop"}

    def open(self, *options, job=None, **facts):
        from window import Window

        self.machine, self.mock = self.desktop.new_owner(**({"known": self.known} | facts))
        if job:
            self.desktop.owned(self.mock, listed=True, **job)
        self.program = self.desktop.start("installer", ["preon-installer", "--session-bus", "--first-start", *options, *self.options])
        self.window = Window(self.program, self.desktop.language)

    def close(self):
        self.desktop.stop(self.program)
        self.desktop.stop(self.machine)

    def seen(self, page, name, then=None):
        self.window.page(page)
        self.album.add(name)
        if then:
            self.window.press("button", then)

    def write(self, text, id=None):
        if id:
            self.window.find(id=id).focus()
            subprocess.run(["xdotool", "key", "ctrl+a", "BackSpace"], check=True)
        subprocess.run(["xdotool", "type", "--delay", "20", "--", text], check=True)

    def whole_way(self):
        """A machine that knows nothing, to the end."""
        self.open(known=dict.fromkeys(self.known, ""))
        self.seen("Welcome to Particle", "welcome", "Continue")
        self.seen("Which keyboard", "keyboard", "Continue")
        self.seen("Where are you", "time-zone", "Continue")
        self.seen("Who uses this computer?", "you-empty")
        self.write("Anna Schmidt", "realNameField")
        self.write("Anna", "userNameField")
        self.album.add("you-problem")
        self.write("anna", "userNameField")
        self.seen("Who uses this computer?", "you", "Continue")
        self.seen("What is this computer called?", "device", "Continue")
        self.seen("Choose a password", "password-empty")
        self.write("annaschmidt", "passwordField")
        self.write("annb", "repeatedField")
        self.album.add("password-weak")
        self.write(PASSWORD, "passwordField")
        self.write(PASSWORD, "repeatedField")
        self.seen("Choose a password", "password", "Continue")
        self.window.page("Keep this recovery key")
        self.window.find("list item", "Group 1")
        self.album.add("key")
        self.window.press("button", "Copy")
        self.seen("Keep this recovery key", "key-copied", "I have it")
        self.window.page("Do you have the recovery key?")
        self.write("bcdefghj", "typedGroup")
        subprocess.run(["xdotool", "key", "Return"], check=True)
        self.window.find(id="wrongGroup")
        self.album.add("key-wrong")
        self.write(self._group(), "typedGroup")
        self.window.page("Ready, Anna?")
        self.window.find("label", "Anna Schmidt, signing in as")
        self.album.add("ready")
        self.desktop.owned(self.mock, "running")
        self.window.press("button", "Create account and begin")
        self.seen("Getting everything ready", "progress")
        self.close()

    def _group(self):
        asked = "".join(sign for sign in self.window.find(id="typedGroup").name if sign.isdigit())
        return RECOVERY_KEY.split("-")[int(asked) - 1]

    def maker(self):
        """A computer with a maker, on which no encrypted home is possible."""
        folder = self.desktop.folder / "share/preon/oem"
        folder.mkdir(parents=True)
        (folder / "oem.conf").write_text("[OEM]\nName=Example Computers\nLogo=logo.svg\nAccentColor=#c2185b\nSupportUrl=https://example.com/help\nLegal=terms.txt\n")
        (folder / "logo.svg").write_text(LOGO)
        (folder / "terms.txt").write_text("Terms of Example Computers\n\n" + "All of it is yours. " * 150)
        usual = self.desktop.env["XDG_DATA_DIRS"]
        self.desktop.env["XDG_DATA_DIRS"] = f"{self.desktop.folder}/share:{usual}"
        self.open(accounts={"encrypted": NO_HOMED, "ordinary": None}, known=self.known | {"keyboard": ""}, lock="passphrase")
        self.desktop.env["XDG_DATA_DIRS"] = usual
        self.seen("Welcome to your new computer", "maker", "Continue")
        self.window.page("The terms of")
        self.window.press("check box", "I accept these terms")
        self.seen("The terms of", "terms", "Continue")
        self.window.page("Which keyboard")
        self.window.find(id="search").focus()
        subprocess.run(["xdotool", "key", "Down"], check=True)
        self.window.press("button", "Continue")
        self.window.page("Who uses this computer?")
        self.write("Anna Schmidt", "realNameField")
        self.write("anna", "userNameField")
        self.window.press("button", "Continue")
        self.window.page("How should your files be kept?")
        self.window.press("radio button", "In an ordinary account")
        self.seen("How should your files be kept?", "files", "Continue")
        self.window.page("Choose a password")
        subprocess.run(["xdotool", "key", "Caps_Lock"], check=True)
        try:
            self.write("ab", "passwordField")
            self.window.find(id="capsLock")
            self.album.add("password-warnings")
        finally:
            subprocess.run(["xdotool", "key", "Caps_Lock"], check=True)
        self.close()

    def back(self):
        """A system that was installed anew around the homes of two people."""
        self.open(homes=[{"userName": "anna", "storage": "luks", "size": 120 * 10**9}, {"userName": "otto", "storage": "directory", "size": 0}], hasRecoveryKey=True)
        self.window.page("Welcome to Particle")
        self.window.press("button", "Continue")
        self.seen("Welcome back", "back")
        self.window.find("radio button", "anna").press()
        self.window.find(id="homePasswordField")
        self.write(PASSWORD, "homePasswordField")
        self.window.press("button", "Continue")
        self.window.find("label", "This password does not open it.")
        self.album.add("back-refused")
        self.write(HOME_PASSWORD, "homePasswordField")
        self.window.press("button", "Continue")
        self.window.page("Ready, Anna?")
        self.window.find("label", "Anna Schmidt, signing in as")
        self.album.add("back-ready")
        self.close()

    def large_text(self):
        self.open()
        self.window.page("Welcome to Particle")
        self.album.add("known")
        # Another window takes its place.
        self.window.find(id="largeText").press()
        wait_for("large text", lambda: (lambda switch: switch and switch.has("CHECKED"))(self.window.look(id="largeText")))
        self.album.add("large-text")
        self.close()

    def ends(self):
        for name, page, job in (("done", "Welcome, Anna", {"state": "done", "result": {"account": "anna", "recoveryKey": "tested"}}),
                                ("done-without-key", "Welcome, Anna", {"state": "done", "result": {"account": "anna", "recoveryKey": "skipped"}}),
                                ("failed", "The home could not be made", {"state": "failed", "error": NO_ROOM}), ("cut-off", "It was cut off", {"state": "interrupted"})):
            self.open(job=job, over=job["state"] == "done")
            self.seen(page, name)
            self.close()
        self.open(over=True)
        self.seen("This computer is set up", "over")
        self.close()


def main(look):
    settings, options = LOOKS[look]
    with Desktop(**settings) as desktop:
        album = Album(desktop, pathlib.Path(os.environ["PREON_SCREENS"]) / f"{look}-first-start")
        walk = Walk(desktop, album, options)
        walk.whole_way()
        walk.maker()
        walk.back()
        walk.large_text()
        walk.ends()
        assert "qml" not in desktop.log("installer").lower(), desktop.log("installer")
    print(f"{album.count} pictures in {album.folder}")


if __name__ == "__main__":
    main(sys.argv[1])
