#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Homes that outlived their system: what the real systemd-homed does with them, and that preonctl home adopt lets people back in.

Homes are folders here (see homed.py); encrypted ones are opened in tests/unit/home/test_adopt.cpp and by tests/vm.
"""

import json
import os
import shutil
import subprocess
import unittest
from pathlib import Path

import homed
from test_homed import CHANGED, PASSWORD, THIRD, Case

MANAGER = ("org.freedesktop.home1", "/org/freedesktop/home1", "org.freedesktop.home1.Manager")


class Adopted(Case):
    def setUp(self):
        super().setUp()
        self.stage.manager()

    def anew(self, keep_key=None):
        """The system is made anew, /home stays: no record, no key, another machine."""
        self.stage.stop()
        old = self.folder / "old"
        old.mkdir(exist_ok=True)
        for file in list(homed.STATE.iterdir()):
            shutil.move(file, old / file.name)
        for folder in Path("/var/cache/systemd/home").iterdir():
            shutil.rmtree(folder)
        Path("/run/machine-id").write_text(subprocess.run(["systemd-id128", "new"], check=True, capture_output=True, text=True).stdout)
        if keep_key:
            shutil.copy(old / "local.public", homed.STATE / keep_key)
        self.stage.start()

    def call(self, method, *arguments):
        return subprocess.run(["busctl", "call", *MANAGER, method, *arguments], capture_output=True, text=True, timeout=homed.LIMIT, check=False)

    def activate(self, password=PASSWORD):
        """Which is what a login does; a mount that this place does not allow comes after all that matters here."""
        return self.call("ActivateHome", "ss", "zoe", json.dumps({"password": [password]}))

    def state(self, name="zoe"):
        homes = json.loads(subprocess.run(["homectl", "list", "--json=short"], capture_output=True, text=True, timeout=homed.LIMIT, check=True).stdout)
        return next((home["state"] for home in homes if home["name"] == name), None)

    def adopt(self, *words, password=PASSWORD, **options):
        return self.home("adopt", "zoe", "--password-file", self.file(password), *words, **options)


class Systemd(Adopted):
    """Why it is done as it is."""

    def test_lists_a_kept_home_and_lets_nobody_in(self):
        self.create()
        self.anew()
        self.assertEqual(self.state(), "unfixated")
        done = self.activate()
        self.assertIn("not signed by any known key", done.stderr)
        self.assertEqual(self.state(), "unfixated")

    def test_reads_keys_when_it_starts_only(self):
        self.create()
        self.anew()
        shutil.copy(self.folder / "old/local.public", homed.STATE / "old.public")
        self.assertIn("not signed by any known key", self.activate().stderr)
        self.stage.stop()
        self.stage.start()
        self.assertEqual(self.activate().returncode, 0)

    def test_lets_nobody_change_what_a_foreign_key_signed(self):
        """Not even the password: this is why the old key is not simply trusted."""
        self.create()
        self.anew(keep_key="old.public")
        self.assertEqual(self.activate().returncode, 0)
        error = self.home("passwd", "zoe", "--password-file", self.file(PASSWORD), "--new-password-file", self.file(CHANGED), refused="permission")
        self.assertIn("another computer", error["why"])

    def test_registers_no_record_of_a_home_that_it_found_itself(self):
        self.create()
        self.anew()
        record = Path("/home/zoe.homedir/.identity").read_text()
        self.assertIn("exists already", self.call("RegisterHome", "s", record).stderr)
        self.assertIn("not registered", self.call("UnregisterHome", "s", "zoe").stderr)


class Homes(Adopted):
    def test_that_were_kept_are_listed(self):
        self.assertEqual(self.home("adopt", "--list"), [])
        self.create()
        self.assertEqual(self.home("adopt", "--list"), [])
        self.anew()
        self.assertEqual(self.home("adopt", "--list"), [{"userName": "zoe", "storage": "directory", "size": 0, "path": "/home/zoe.homedir"}])

    def test_open_to_those_who_lived_there(self):
        self.create("--group", "games", "--time-zone", "Europe/Berlin", "--password-hint", "wie immer")
        Path("/home/zoe.homedir/letter").write_text("Liebe Zoë")
        self.anew()
        planned = self.adopt("--dry-run")
        self.assertEqual((planned["realName"], planned["groups"], planned["adopted"]), ("Zoë Ångström", [], False))
        self.assertIn({"member": "memberOf", "value": "games"}, [{key: lost[key] for key in ("member", "value")} for lost in planned["notTakenOver"]])
        self.assertEqual((self.stage.asked, list(homed.STATE.iterdir())), ([], []))
        self.assertTrue(self.adopt("--group", "audio")["adopted"])
        self.assertEqual(self.stage.asked, [("RestartUnit", "systemd-homed.service", "replace")])
        self.assertEqual(self.home("adopt", "--list"), [])
        (listed,) = self.home("list")
        self.assertEqual((listed["userName"], listed["realName"], listed["state"]), ("zoe", "Zoë Ångström", "inactive"))
        seen = self.inspect()
        self.assertEqual((seen["memberOf"], seen["timeZone"], seen["privileged"]["passwordHint"]), (["audio"], "Europe/Berlin", "wie immer"))
        self.assertTrue(self.opens(PASSWORD))
        self.assertEqual(self.activate().returncode, 0)
        self.assertEqual(Path("/home/zoe.homedir/letter").read_text(), "Liebe Zoë")
        # No key was let in, and the record is this computer's to change: so it stays over restarts, and so does a new password.
        self.assertEqual(sorted(file.name for file in homed.STATE.iterdir()), ["local.private", "local.public", "zoe.identity"])
        self.home("passwd", "zoe", "--password-file", self.file(PASSWORD), "--new-password-file", self.file(CHANGED))
        self.stage.stop()
        self.stage.start()
        self.assertEqual(self.state(), "inactive")
        self.assertTrue(self.opens(CHANGED))
        self.assertFalse(self.opens(PASSWORD))
        for path in (homed.STATE / "zoe.identity", Path("/home/zoe.homedir/.identity")):
            self.assertEqual(self.record("verify", path.read_text(), homed.STATE / "local.public"), "yes", path)

    def test_open_beside_others_that_are_here_already(self):
        self.create()
        self.anew()
        self.create(name="amy")
        key = (homed.STATE / "local.public").read_text()
        self.adopt()
        self.assertEqual(sorted(home["userName"] for home in self.home("list")), ["amy", "zoe"])
        self.assertTrue(self.opens(PASSWORD) and self.opens(PASSWORD, "amy"))
        self.assertEqual((homed.STATE / "local.public").read_text(), key)
        self.assertEqual(len({home["uid"] for home in self.home("list")}), 2)

    def test_open_by_their_recovery_key(self):
        key = self.create("--recovery-key")["recoveryKey"]
        self.anew()
        self.adopt(password=key)
        self.assertTrue(self.opens(PASSWORD) and self.opens(key))
        self.home("passwd", "zoe", "--recovery-key-file", self.file(key), "--new-password-file", self.file(THIRD))
        self.assertTrue(self.opens(THIRD))

    def test_that_were_adopted_once_are_so_again_on_the_next_system(self):
        self.create()
        for _ in range(2):
            self.anew()
            self.adopt()
            self.assertEqual(self.activate().returncode, 0)
        self.assertTrue(self.opens(PASSWORD))

    def test_a_picture_is_chosen_anew(self):
        picture = self.folder / "zoe.png"
        picture.write_bytes(b"\x89PNG\r\n" + bytes(5000))
        self.create("--picture", str(picture))
        self.anew()
        self.assertIn("blobManifest", json.dumps(self.adopt()["notTakenOver"]))
        self.assertEqual(self.activate().returncode, 0)
        self.assertNotIn("blobManifest", self.inspect())


class Refusals(Adopted):
    def nothing_happened(self):
        self.assertEqual((self.stage.asked, [file.name for file in homed.STATE.iterdir()]), ([], []))

    def test_are_of_whoever_cannot_open_it(self):
        self.create()
        self.anew()
        error = self.adopt(password=CHANGED, refused="permission")
        self.assertEqual(error["what"], "This password does not open the home of zoe")
        self.nothing_happened()

    def test_are_of_names_that_are_not_there(self):
        self.create()
        self.home("adopt", "zoe", "--password-file", self.file(PASSWORD), refused="not-found")
        self.home("adopt", "amy", "--password-file", self.file(PASSWORD), refused="not-found")
        self.home("adopt", "../zoe", "--password-file", self.file(PASSWORD), refused="not-found")
        self.home("adopt", refused="bad-argument")
        self.anew()
        self.adopt("--group", "nosuchgroup", refused="not-found")
        self.nothing_happened()

    def test_are_of_those_who_are_no_administrators(self):
        os.chmod(self.folder, 0o755)
        self.home("adopt", "--list", refused="permission", user=65534)

    def test_are_of_records_that_ask_for_more(self):
        """A home that somebody prepared, who has a key of their own to sign with."""
        self.create()
        self.anew()
        private = self.folder / "mine.private"
        private.write_text(self.record("key"))
        identity = Path("/home/zoe.homedir/.identity")
        record = json.loads(identity.read_text())
        for change in ({"uid": 0}, {"gid": 0}, {"homeDirectory": "/root"}, {"disposition": "system"}, {"userName": "root"}):
            identity.write_text(self.record("sign", json.dumps(record | change), private))
            self.assertIn(self.adopt(refused="bad-format" if "userName" in change else "untrusted")["code"], ("untrusted", "bad-format"))
        identity.write_text(json.dumps(record | {"memberOf": ["sudo"]}))  # signed before it was changed
        self.adopt(refused="untrusted")
        self.nothing_happened()
        # What it may not give is not given.
        identity.write_text(self.record("sign", json.dumps(record | {"memberOf": ["sudo"], "aliases": ["root"], "capabilityAmbientSet": ["cap_sys_admin"]}), private))
        self.adopt()
        seen = self.inspect()
        self.assertFalse({"memberOf", "aliases", "capabilityAmbientSet"} & set(seen), seen)
        # And the key that signed it gives nothing later either.
        record = json.loads(identity.read_text()) | {"memberOf": ["sudo"], "lastChangeUSec": seen["lastChangeUSec"] + 10**9}
        identity.write_text(self.record("sign", json.dumps(record), private))
        self.assertIn("not signed by any known key", self.activate().stderr)
        self.assertNotIn("memberOf", self.inspect())

    def test_are_of_a_systemd_that_does_not_start_it_anew(self):
        self.create()
        self.anew()
        subprocess.run(["busctl", "status", "org.freedesktop.systemd1"], check=True, capture_output=True)
        self.stage.refuses = True
        error = self.adopt(refused="permission")
        self.assertIn("could not be adopted", error["what"])
        self.assertFalse((homed.STATE / "zoe.identity").exists())
        self.assertEqual(self.home("adopt", "--list")[0]["userName"], "zoe")

    def test_are_of_a_homed_that_does_not_run(self):
        self.create()
        self.anew()
        self.stage.stop()
        self.adopt(refused="not-found")
        self.nothing_happened()
        self.stage.start()


if __name__ == "__main__":
    homed.enter_namespaces()
    unittest.main()
