#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The screen reader's switch, over a stand-in for Orca: who needs it is not left alone when it crashes (tests/vm/test_live.py hears the real one)."""
import atexit
import os
import pathlib
import signal
import tempfile
import unittest

from desktop import Desktop, wait_for

desktop = Desktop()
desktop.__enter__()
atexit.register(desktop.__exit__, None, None, None)
bus = desktop.system_bus()

from window import Window  # noqa: E402  (accessibility looks for its bus when it is imported)

READER = """#!/bin/sh
echo "$$ $LANG" >> {folder}/lives
[ ! -e {folder}/broken ] || exit 1
exec sleep 1000
"""


class SpeechTest(unittest.TestCase):
    def setUp(self):
        (desktop.logs / "installer").unlink(missing_ok=True)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        reader = self.folder / "orca"
        reader.write_text(READER.format(folder=self.folder))
        reader.chmod(0o755)
        before = desktop.env["PATH"]
        desktop.env["PATH"] = f"{self.folder}:{before}"
        self.addCleanup(desktop.env.__setitem__, "PATH", before)
        helper, mock = desktop.machine()
        self.addCleanup(desktop.stop, helper)
        program = desktop.installer("--kiosk")
        self.addCleanup(desktop.stop, program)
        self.window = Window(program)
        self.window.page("Welcome to Particle")

    def tearDown(self):
        self.assertNotIn(".qml", desktop.log("installer"))

    def lives(self):
        path = self.folder / "lives"
        return [int(line.split()[0]) for line in path.read_text().splitlines()] if path.exists() else []

    def wait_for_lives(self, count):
        return wait_for(lambda: f"{count} lives in {self.lives()}", lambda: (lambda lives: lives if len(lives) >= count else None)(self.lives()))

    def switch(self):
        return self.window.find(name="Screen reader")

    def test_a_reader_that_crashes_is_begun_anew(self):
        self.switch().press()
        first = self.wait_for_lives(1)[0]
        os.kill(first, signal.SIGSEGV)
        second = self.wait_for_lives(2)[1]
        self.assertTrue(self.switch().has("CHECKED"))
        self.switch().press()
        wait_for("the reader to end", lambda: not pathlib.Path(f"/proc/{second}").exists())
        self.assertFalse(self.switch().has("CHECKED"))
        self.assertEqual(len(self.lives()), 2)

    def test_a_reader_that_cannot_stand_is_let_be_and_the_switch_says_so(self):
        (self.folder / "broken").touch()
        self.switch().press()
        self.wait_for_lives(3)
        wait_for("the switch to be off", lambda: not self.switch().has("CHECKED"))
        self.assertEqual(len(self.lives()), 3)
        # Mended, it can be switched on as ever.
        (self.folder / "broken").unlink()
        self.switch().press()
        self.wait_for_lives(4)
        self.assertTrue(self.switch().has("CHECKED"))

    def test_a_reader_that_is_ended_by_its_own_quit_stays_away(self):
        self.switch().press()
        reader = self.wait_for_lives(1)[0]
        # What a person's own "quit" looks like from here: an end without a complaint.
        (self.folder / "orca").write_text(f"#!/bin/sh\necho \"$$ $LANG\" >> {self.folder}/lives\nexit 0\n")
        os.kill(reader, signal.SIGTERM)
        wait_for("the second life", lambda: len(self.lives()) == 2)
        wait_for("the switch to be off", lambda: not self.switch().has("CHECKED"))
        self.assertEqual(len(self.lives()), 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
