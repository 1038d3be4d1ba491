#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the installer says in other languages than English: at once where one is chosen, and of what is lost and what stays. The machine is a stand-in."""
import atexit
import subprocess
import unittest

from desktop import Desktop, wait_for

desktop = Desktop()
desktop.__enter__()
atexit.register(desktop.__exit__, None, None, None)

import words  # noqa: E402
from window import Window  # noqa: E402  (accessibility looks for its bus when it is imported)

LANGUAGES = {"العربية": "ar", "Deutsch": "de", "Español": "es", "Français": "fr", "日本語": "ja", "Português (Brasil)": "pt_BR", "简体中文": "zh_CN"}
GB = 10**9
NOT_POSSIBLE = {"code": "not-found", "what": "-"}
OLD = {"number": 2, "start": 10**6 + GB, "size": 60 * GB, "type": "usr-x86-64", "label": "Particle_1", "content": "erofs", "name": ""}
HOME = {"number": 4, "start": 10**6 + 61 * GB, "size": 300 * GB, "type": "home", "label": "home", "content": "crypto_LUKS", "name": ""}
DISK = {"token": "1", "device": "/dev/nvme0n1", "name": "Samsung SSD 990 PRO", "size": 1000 * GB, "transport": "nvme", "removable": False, "refusal": None, "content": [],
        "partitions": [OLD, HOME], "damage": "", "modes": {"erase": None, "beside": NOT_POSSIBLE, "reinstall": None}}
# In core's words (core/install/installed.cpp, plan.cpp).
PLAN = {"mode": "reinstall", "target": {"size": 1000 * GB}, "source": {"title": "Particle 2"}, "removed": [OLD], "before": {"partitions": [OLD, HOME]},
        "after": {"partitions": [{**OLD, "number": 3, "start": 400 * GB, "label": "Particle_2"}, HOME]},
        "lost": ["The system Particle 1 with its settings and its root file system", "Accounts whose files lie in /var/home, on that root file system, and these files"],
        "kept": ['Partition 4: "home", 300G, with the homes that lie on it'],
        "notes": ["The new system does not have the home partition's key: there it stays shut, and nothing on it is changed, until \"preonctl home-volume adopt\" was run once. "
                  "It asks for the recovery key: have it at hand.",
                  "Its first start on this computer asks for a new passphrase, which then locks the disk. The TPM cannot hold the key of this system's disk: this computer has "
                  "none, or it is switched off. In the firmware's settings a TPM is often called \"Security Device\", \"PTT\" or \"fTPM\"."]}


class LanguagesTest(unittest.TestCase):
    def setUp(self):
        (desktop.logs / "installer").unlink(missing_ok=True)
        self.machine, mock = desktop.machine([DISK])
        self.addCleanup(desktop.stop, self.machine)
        mock.AddMethod("org.preon.Installer1", "Plan", "ssa{sv}", "ss", f"import json\nret = ('1', json.dumps({PLAN!r}))")

    def tearDown(self):
        self.assertNotIn(".qml", desktop.log("installer"))

    def open(self, language=""):
        desktop.env["LANGUAGE"] = language or "en"
        program = desktop.installer()
        self.addCleanup(desktop.stop, program)
        return Window(program, language)

    def said(self, window):
        """All that a page says, once its words stand still."""

        def now():
            return {text for control in window.controls() for text in (control.name, control.description) if text}

        def settled():
            first = now()
            return first if first == now() else None

        return wait_for("a page that stands still", settled)

    def test_the_window_speaks_each_language_as_soon_as_it_is_chosen(self):
        window = self.open()
        window.page("Welcome to Particle")
        for name, language in LANGUAGES.items():
            with self.subTest(language):
                window.press("list item", name)
                window.language = language
                window.page("Welcome to Particle")
                window.find("button", "Continue")
                self.assertEqual(words.left_in_english(self.said(window), language), [])
        window.language = ""
        window.press("list item", "Deutsch")
        window.find("button", "Weiter")
        # Also the names in lists that were made before.
        window.press("button", "Weiter")
        window.find("text", "Hier tippen, um „Deutsch“ auszuprobieren")
        window.press("button", "Weiter")
        window.find("list item", "Berlin")
        wait_for("countries in German", lambda: any("Deutschland · jetzt" in text for text in self.said(window)))
        for _ in range(2):
            window.press("button", "Zurück")
        window.press("list item", "English")
        window.find("button", "Continue")
        window.page("Welcome to Particle")

    def test_no_page_on_the_way_to_a_reinstallation_speaks_english(self):
        window = self.open("de")
        for page in ("Welcome to Particle", "Which keyboard", "Where are you", "Which network", "Where should", "How should", "How your files", "Install Particle?"):
            window.page(page)
            if page == "Where are you":
                window.find("list item", "Berlin")
                self.assertTrue(any("Deutschland · jetzt" in text for text in self.said(window)))
            if page == "How should":
                window.find("list", "Afterwards")
                window.find("list item", "Ihre Dateien, 300 GB, bleibt")
            self.assertEqual(words.left_in_english(self.said(window), "de"), [], page)
            if page != "Install Particle?":
                window.press("button", "Continue")
        window.find("button", "Neu installieren")
        window.find("label", "Partition 4: „home“, 300G, mit den persönlichen Ordnern darauf")
        window.find("label", "Das neue System hat den Schlüssel der Home-Partition nicht: Dort bleibt sie verschlossen")
        window.find("label", "Der erste Start auf diesem Rechner fragt nach einer neuen Passphrase, die dann den Datenträger verschließt. Ein TPM kann")
        window.press("button", "Details")
        # What is below the window's edge is not shown; the page follows the keyboard there.
        window.find("button", "Details").focus()
        subprocess.run(["xdotool", "key", "Tab"], env=desktop.env, check=True)
        self.assertIn("Das System Particle 1 mit seinen Einstellungen und seinem Wurzeldateisystem", window.find(id="detailsText").text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
