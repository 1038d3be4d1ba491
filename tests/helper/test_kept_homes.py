#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Homes from before the system was made anew, through the helper: who is told of them, whom they open to, and callers and homes that mean ill. Letting somebody in is systemd-homed's part, which no
sandbox has: tests/interop/test_adopt.py, tests/vm/test_first_start.py."""

import json
import os
import subprocess
import unittest

import homes
from gi.repository import GLib
from stage import OWNER, STRANGER
from test_first_start import ANNA, FIRST, PASSWORD, FirstStart

WRONG = "Drei blaue Pferde 18"


class KeptHomes(FirstStart):
    def setUp(self):
        super().setUp()
        self.home = self.machine / "home"
        (self.machine / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")

    def lay_image(self, name="anna", content=None, **options):
        self.give(homes.image(self.home, name, homes.signed(content or homes.record(name, PASSWORD)), PASSWORD, **options))

    def lay_folder(self, name="otto", content=None):
        self.give(homes.folder(self.home, name, content or homes.signed(homes.record(name, PASSWORD))))

    @staticmethod
    def give(path):
        subprocess.run(["chown", "-R", f"{OWNER}:{OWNER}", path], check=True)

    def open(self, name="anna", password=PASSWORD, caller=None):
        return json.loads(self.ask("OpenHome", GLib.Variant("(ss)", (name, password)), caller)[0])


class Way(KeptHomes):
    def test_from_a_home_to_its_person(self):
        self.assertEqual(self.describe()["homes"], [])
        self.lay_image()
        self.lay_folder()
        self.assertEqual(self.describe()["homes"], [{"userName": "anna", "storage": "luks", "size": 24 << 20}, {"userName": "otto", "storage": "directory", "size": 0}])
        for name in ("anna", "otto"):
            person = self.open(name)
            self.assertEqual((person["userName"], person["realName"], person["groups"]), (name, "Anna Blüm", ["sudo"]))
            self.refused("permission", self.open, name, WRONG)
        # Nothing was changed by looking, and nobody's hashes came along.
        self.assertNotIn("$6$", json.dumps(self.open()))
        self.assertIsNone(self.written("var/lib/systemd/home/local.private"))
        self.assertEqual(subprocess.run(["grep", "-rlF", PASSWORD, self.disks], capture_output=True, check=False).stdout, b"")

    def test_ends_where_nobody_keeps_homes(self):
        """There is no systemd-homed here, which is said before anything is asked for."""
        self.lay_image()
        self.assertTrue(self.describe()["accounts"]["kept"]["what"])
        self.refused("unsupported", self.plan, user_name="anna", account="kept")
        # A new person is made as ever, but not by a name whose home lies there.
        self.refused("exists", self.plan, **ANNA)
        self.assertEqual(self.plan(**ANNA | {"user-name": "carla"})[1]["account"]["name"], "carla")

    def test_says_what_does_not_hold_any_more(self):
        self.lay_image(content=homes.record("anna", PASSWORD, memberOf=["docker"], environment=["LD_PRELOAD=/tmp/x"], mountNoSuid=False))
        lost = json.dumps(self.open()["notTakenOver"])
        for word in ("docker", "environment", "mountNoSuid"):
            self.assertIn(word, lost)


class Attacks(KeptHomes):
    def test_guessing_is_slow_and_ends(self):
        self.lay_folder()
        refusals = []
        for number in range(40):
            try:
                self.open("otto", f"{WRONG} {number}")
            except Exception as error:  # noqa: BLE001 (counted below)
                refusals.append(error.code)
        self.assertEqual(refusals, ["permission"] * 30 + ["busy"] * 10)
        self.refused("busy", self.open, "otto")  # nor is the right one looked at

    def test_strangers_use_up_nobodys_tries(self):
        self.lay_folder()
        stranger = self.caller(STRANGER)
        for _ in range(35):
            self.refused("permission", self.open, "otto", PASSWORD, stranger)
        self.open("otto")

    def test_words_of_no_form_are_refused(self):
        self.lay_image()
        for name in ("", "../anna", "/etc/shadow", "Anna", "anna\n", "x" * 100_000):
            self.refused("bad-argument", self.open, name)
        for password in ("", "x" * 513):
            self.refused("bad-argument", self.open, "anna", password)
        self.refused("not-found", self.open, "carla")
        self.refused("not-found", self.plan, user_name="carla", account="kept")

    def test_links_are_no_homes(self):
        elsewhere = self.disks / "elsewhere"
        elsewhere.mkdir()
        self.give(homes.image(elsewhere, "anna", homes.signed(homes.record("anna", PASSWORD)), PASSWORD))
        os.symlink(elsewhere / "anna.home", self.home / "anna.home")
        os.symlink("/etc/shadow", self.home / "root.home")
        os.symlink(elsewhere, self.home / "otto.homedir")
        os.mkfifo(self.home / "hans.home")
        self.assertEqual(self.describe()["homes"], [])
        self.refused("not-found", self.open)
        self.lay_folder("eva", homes.signed(homes.record("eva", PASSWORD)))
        (self.home / "eva.homedir/.identity").unlink()
        os.symlink("/etc/passwd", self.home / "eva.homedir/.identity")
        with self.assertRaises(Exception):
            self.open("eva")

    def test_records_of_others_are_refused(self):
        self.lay_image(content=homes.record("root", PASSWORD))
        self.refused("bad-format", self.open)
        self.lay_image(label="otto")
        self.refused("bad-format", self.open)
        for more in ({"uid": 0}, {"gid": 0}, {"homeDirectory": "/root"}, {"disposition": "system"}, {"perMachine": [{"uid": 0}]}):
            self.lay_image(content=homes.record("anna", PASSWORD, **more))
            self.refused("untrusted", self.open)
        self.lay_folder("otto", homes.signed(homes.record("otto", PASSWORD)) | {"memberOf": ["sudo"]})
        self.refused("untrusted", self.open, "otto")
        (self.home / "otto.homedir/.identity").write_text("x" * (2 << 20))
        self.refused("bad-format", self.open, "otto")
        (self.home / "anna.home").write_bytes(b"EFI PART" * 1_000_000)
        self.refused("bad-format", self.open)

    def test_only_where_nobody_lives(self):
        self.lay_folder()
        with (self.machine / "etc/passwd").open("a") as users:
            users.write("carla:x:1000:1000::/var/home/carla:/bin/bash\n")
        self.refused("exists", self.open, "otto")
        self.refused("exists", self.plan, user_name="otto", account="kept")


if __name__ == "__main__":
    unittest.main()
