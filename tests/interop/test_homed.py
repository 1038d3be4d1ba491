#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Accounts through the real systemd-homed: made, opened, changed and removed by preonctl, looked at by homectl; and user records, signed by the one and checked by
the other."""

import json
import os
import pty
import re
import subprocess
import tempfile
import termios
import time
import unittest
from pathlib import Path

import homed

PREONCTL = os.environ.get("PREONCTL", "preonctl")
RECORD = os.environ.get("PREON_RECORD", "preon-test-record")
PASSWORD, CHANGED, THIRD = "Apfelbaum Kirsche 7", "Regen \"und\" Ähren\\", "Drei Kerzen im Wind"
RECOVERY = re.compile(r"([cbdefghijklnrtuv]{8}-){7}[cbdefghijklnrtuv]{8}")


class Case(unittest.TestCase):
    home_size = "64m"

    def setUp(self):
        self.stage = homed.Stage(self.home_size)
        self.addCleanup(self.stage.close)
        folder = tempfile.TemporaryDirectory(prefix="preon-homed-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def file(self, text):
        """A file with that line in it, as scripts hand over secrets."""
        descriptor, path = tempfile.mkstemp(dir=self.folder)
        os.write(descriptor, text.encode() + b"\n")
        os.close(descriptor)
        return path

    def home(self, *words, refused=None, user=None):
        """preonctl home …, as JSON; or the error that it must end with."""
        command = [PREONCTL, "home", *words, "--json"]
        if user is not None:
            command = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--", *command]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=homed.LIMIT, check=False)
        said = f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}"
        self.assertEqual(done.returncode, 1 if refused else 0, said)
        answer = json.loads(done.stdout)
        if refused:
            self.assertEqual(answer["error"]["code"], refused, said)
            return answer["error"]
        return answer

    def typed(self, words, answers, status=0):
        """preonctl home … at a terminal: each answer is typed at its prompt, secrets unseen."""
        terminal, end = pty.openpty()
        child = subprocess.Popen([PREONCTL, "home", *words], stdin=end, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.close(end)
        self.addCleanup(os.close, terminal)
        for prompt, answer, is_secret in answers:
            said = b""
            while prompt.encode() not in said:
                got = os.read(child.stderr.fileno(), 4096)
                self.assertTrue(got, said)
                said += got
            limit = time.monotonic() + homed.LIMIT
            while is_secret and termios.tcgetattr(terminal)[3] & termios.ECHO:
                self.assertLess(time.monotonic(), limit, "a secret would be seen")
                time.sleep(0.01)
            os.write(terminal, answer.encode() + b"\n")
        out, error = child.communicate(timeout=homed.LIMIT)
        self.assertEqual(child.returncode, status, error)
        return out.decode()

    def create(self, *words, name="zoe", password=PASSWORD):
        return self.home("create", name, "--storage", "directory", "--real-name", "Zoë Ångström", "--password-file", self.file(password), *words)

    def opens(self, password, name="zoe"):
        """What systemd-homed says to it; homectl would ask again where a password is wrong."""
        manager = ("org.freedesktop.home1", "/org/freedesktop/home1", "org.freedesktop.home1.Manager")
        secret = json.dumps({"password": [password]})
        done = subprocess.run(["busctl", "call", *manager, "AuthenticateHome", "ss", name, secret], capture_output=True, text=True, timeout=homed.LIMIT, check=False)
        self.assertTrue(done.returncode == 0 or "incorrect" in done.stderr, done.stderr)
        return done.returncode == 0

    def inspect(self, name="zoe"):
        done = subprocess.run(["homectl", "inspect", "--json=short", name], capture_output=True, text=True, timeout=homed.LIMIT, check=True)
        return json.loads(done.stdout)

    def record(self, verb, record="", *words):
        done = subprocess.run([RECORD, verb, *map(str, words)], input=record, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout


class Accounts(Case):
    def test_a_picture_is_kept(self):
        picture = self.folder / "zoe.png"
        picture.write_bytes(b"\x89PNG\r\n" + bytes(5000))
        self.create("--picture", str(picture))
        seen = self.inspect()
        self.assertEqual(Path("/var/cache/systemd/home/zoe/avatar").read_bytes(), picture.read_bytes())
        self.assertEqual(list(seen["blobManifest"]), ["avatar"])
        self.assertTrue(self.opens(PASSWORD))

    def test_are_made_listed_and_removed(self):
        self.assertEqual(self.home("list"), [])
        made = self.create("--group", "games", "--group", "audio", "--language", "de_DE.UTF-8", "--time-zone", "Europe/Berlin")
        self.assertEqual(made, {"userName": "zoe", "storage": "directory"})
        (listed,) = self.home("list")
        self.assertEqual((listed["userName"], listed["realName"], listed["state"], listed["storage"], listed["recoveryKeys"]), ("zoe", "Zoë Ångström", "inactive", "directory", 0))
        self.assertTrue(60001 <= listed["uid"] <= 60513)
        seen = self.inspect()
        self.assertEqual((seen["memberOf"], seen["preferredLanguage"], seen["timeZone"], seen["disposition"]), (["audio", "games"], "de_DE.UTF-8", "Europe/Berlin", "regular"))
        self.assertTrue(seen["enforcePasswordPolicy"])
        self.assertTrue(self.opens(PASSWORD))
        self.assertFalse(self.opens(CHANGED))
        self.assertTrue(Path("/home/zoe.homedir/.identity").exists())

        self.home("remove", "zoe", refused="bad-argument")  # nobody can be asked
        self.assertEqual(self.home("remove", "zoe", "--dry-run")["removes"], "/home/zoe.homedir")
        self.assertTrue(Path("/home/zoe.homedir").exists())
        self.home("remove", "zoe", "--yes")
        self.assertEqual(self.home("list"), [])
        self.assertFalse(Path("/home/zoe.homedir").exists())
        self.assertIn("zoe", self.home("remove", "zoe", "--yes", refused="not-found")["what"])

    def test_are_planned_without_asking_anything(self):
        plan = self.home("create", "zoe", "--storage", "directory", "--dry-run")
        self.assertEqual(plan["record"]["userName"], "zoe")
        self.assertNotIn("privileged", plan["record"])
        self.assertIn("who has the disk can read it", json.dumps(plan))
        self.assertEqual(self.home("list"), [])

    def test_have_names_of_their_own(self):
        self.create()
        for name in ("zoe", "games", "root"):
            self.home("create", name, "--storage", "directory", "--password-file", self.file(PASSWORD), refused="exists")
        self.home("create", "amy", "--storage", "directory", "--group", "nosuchgroup", "--password-file", self.file(PASSWORD), refused="not-found")

    def test_are_refused_to_whoever_may_not_make_them(self):
        error = self.home("create", "zoe", "--storage", "directory", "--password-file", "/dev/null", refused="bad-argument")
        self.assertIn("empty", error["what"])
        password = self.file(PASSWORD)
        os.chmod(self.folder, 0o755)
        os.chmod(password, 0o644)
        self.home("create", "zoe", "--storage", "directory", "--password-file", password, user=65534, refused="permission")
        self.assertEqual(self.home("list"), [])

    def test_are_made_by_the_words_that_systemd_knows(self):
        """All that is said of an encrypted home is understood; that it cannot be made here is the kernel's doing."""
        if os.path.exists("/dev/mapper/control"):
            return
        size = 600 << 20
        subprocess.run(["mount", "-o", "remount,size=4g", "/home"], check=True)
        error = self.home("create", "zoe", "--size", str(size), "--password-file", self.file(PASSWORD), refused=self.luks_refusal)
        self.assertNotIn("take", error["what"])
        self.assertNotRegex(self.stage.log(), r"(?i)(rebalanceWeight|autoResizeMode|luksOfflineDiscard|fileSystemType)[^\n]*(invalid|not a|fail)")

    luks_refusal = "unsupported"


class Passwords(Case):
    def test_are_changed_by_the_old_one(self):
        self.create()
        wrong = self.home("passwd", "zoe", "--password-file", self.file(THIRD), "--new-password-file", self.file(CHANGED), refused="permission")
        self.assertEqual(wrong["what"], "The password of zoe is wrong")
        self.assertTrue(self.opens(PASSWORD))
        self.home("passwd", "zoe", "--password-file", self.file(PASSWORD), "--new-password-file", self.file(CHANGED))
        self.assertTrue(self.opens(CHANGED))
        self.assertFalse(self.opens(PASSWORD))

    def test_forgotten_are_replaced_by_the_recovery_key(self):
        key = self.create("--recovery-key")["recoveryKey"]
        self.assertRegex(key, RECOVERY)
        self.assertTrue(self.opens(key))
        self.assertEqual(self.home("list")[0]["recoveryKeys"], 1)
        self.home("passwd", "zoe", "--recovery-key-file", self.file("that is none"), "--new-password-file", self.file(CHANGED), refused="bad-argument")
        other = self.create("--recovery-key", name="amy")["recoveryKey"]
        self.home("passwd", "zoe", "--recovery-key-file", self.file(other), "--new-password-file", self.file(CHANGED), refused="permission")
        # As somebody types it: capitals, no dashes.
        self.home("passwd", "zoe", "--recovery-key-file", self.file(key.replace("-", "").upper()), "--new-password-file", self.file(CHANGED))
        self.assertTrue(self.opens(CHANGED))
        self.assertFalse(self.opens(PASSWORD))
        self.assertTrue(self.opens(key), "the recovery key went with the old password")

    def test_need_the_recovery_key_along_or_a_new_one(self):
        key = self.create("--recovery-key")["recoveryKey"]
        words = ("passwd", "zoe", "--password-file", self.file(PASSWORD), "--new-password-file", self.file(CHANGED))
        error = self.home(*words, refused="bad-argument")
        self.assertIn("--new-recovery-key", error["todo"])
        self.assertTrue(self.opens(PASSWORD))
        self.home(*words, "--recovery-key-file", self.file(key))
        self.assertTrue(self.opens(CHANGED) and self.opens(key))

        words = ("passwd", "zoe", "--password-file", self.file(CHANGED), "--new-password-file", self.file(THIRD))
        renewed = self.home(*words, "--new-recovery-key")["recoveryKey"]
        self.assertTrue(self.opens(THIRD) and self.opens(renewed))
        self.assertFalse(self.opens(key) or self.opens(CHANGED))

    def test_stay_when_a_recovery_key_is_made(self):
        self.create()
        self.home("recovery-key", "zoe", "--password-file", self.file(THIRD), refused="permission")
        self.assertEqual(self.home("list")[0]["recoveryKeys"], 0)
        first = self.home("recovery-key", "zoe", "--password-file", self.file(PASSWORD))["recoveryKey"]
        self.assertTrue(self.opens(first) and self.opens(PASSWORD))
        second = self.home("recovery-key", "zoe", "--password-file", self.file(PASSWORD))["recoveryKey"]
        self.assertTrue(self.opens(second) and self.opens(PASSWORD))
        self.assertFalse(self.opens(first))
        self.assertEqual(self.home("list")[0]["recoveryKeys"], 1)

    def test_are_typed_at_a_terminal(self):
        words = ("create", "zoe", "--storage", "directory", "--recovery-key")
        self.typed(words, [("Password for zoe", PASSWORD, True), ("once more", PASSWORD + "x", True)], status=1)
        self.assertEqual(self.home("list"), [])
        key = self.typed(words, [("Password for zoe", PASSWORD, True), ("once more", PASSWORD, True)]).strip()
        self.assertTrue(self.opens(PASSWORD) and self.opens(key))
        new = [("New password", CHANGED, True), ("once more", CHANGED, True)]
        self.typed(("passwd", "zoe"), [("Password of zoe", PASSWORD, True), ("Recovery key of zoe", key, True), *new])
        self.assertTrue(self.opens(CHANGED) and self.opens(key))
        new = [("New password", THIRD, True), ("once more", THIRD, True)]
        renewed = self.typed(("passwd", "zoe"), [("Password of zoe", CHANGED, True), ("Recovery key of zoe", "", True), *new]).strip()
        self.assertTrue(self.opens(THIRD) and self.opens(renewed))
        self.assertFalse(self.opens(key))
        self.typed(("remove", "zoe"), [("Type the user name", "amy", False)], status=1)
        self.assertTrue(self.opens(THIRD))
        self.typed(("remove", "zoe"), [("Type the user name", "zoe", False)])
        self.assertEqual(self.home("list"), [])

    def test_and_keys_are_nowhere_in_what_is_kept(self):
        key = self.create("--recovery-key")["recoveryKey"]
        self.home("passwd", "zoe", "--recovery-key-file", self.file(key), "--new-password-file", self.file(CHANGED))
        kept = [path for top in (homed.STATE, Path("/home")) for path in top.rglob("*") if path.is_file()] + [Path("/run/homed.log")]
        self.assertGreater(len(kept), 4)
        for path in kept:
            content = path.read_bytes()
            for secret in (PASSWORD, CHANGED, key):
                self.assertNotIn(secret.encode(), content, path)


class Homed(Case):
    def test_that_does_not_run_is_said(self):
        self.stage.stop()
        error = self.home("list", refused="not-found")
        self.assertIn("systemd-homed", error["what"])
        self.assertTrue(error["todo"])
        self.stage.start()
        self.assertEqual(self.home("list"), [])

    def test_knows_the_homes_after_a_restart(self):
        self.create()
        self.stage.stop()
        self.stage.start()
        self.assertEqual([home["userName"] for home in self.home("list")], ["zoe"])


class Full(Case):
    home_size = "12k"

    def test_volume_is_said(self):
        error = self.home("create", "zoe", "--storage", "directory", "--password-file", self.file(PASSWORD), refused="no-space")
        self.assertIn("room", error["what"])
        self.home("create", "zoe", "--password-file", self.file(PASSWORD), refused="no-space")  # an encrypted one is not even tried
        self.assertEqual(self.home("list"), [])


class Records(Case):
    def test_of_systemd_have_its_signature_for_us(self):
        self.create("--recovery-key")
        for path in (homed.STATE / "zoe.identity", Path("/home/zoe.homedir/.identity")):
            text = path.read_text()
            self.assertEqual(self.record("verify", text, homed.STATE / "local.public"), "yes", path)
            other = self.folder / "other.public"
            private = self.folder / "other.private"
            private.write_text(self.record("key"))
            other.write_text(self.record("public", "", private))
            self.assertEqual(self.record("verify", text, other), "foreign")
            changed = json.loads(text)
            changed["realName"] += "."
            self.assertEqual(self.record("verify", json.dumps(changed), homed.STATE / "local.public"), "foreign")

    def test_are_printed_byte_for_byte_as_systemd_prints_them(self):
        """Whatever is in a record: its signature says that our bytes are systemd's."""
        strange = {
            "userName": "zoe",
            "realName": "Zoë \"\\/€😀",
            "storage": "directory",
            "niceLevel": -5,
            "org.example.numbers": [0, -1, 3.0, -20.0, 1e2, 0.0, -0.0, 18446744073709551615, -9223372036854775808],
            "org.example.nested": {"b": [{}, [], None, True, False], "a": {"Z": 1, "z": 2, "ä": 3, "": 4}},
            "org.example.text": "\u0001\u001f\b\f\n\r\t\u0080 </script> \\u0041",
            "privileged": {"passwordHint": "wie immer", "sshAuthorizedKeys": ["ssh-ed25519 AAAA zoe@example"]},
        }
        identity = self.folder / "identity"
        identity.write_text(json.dumps(strange, ensure_ascii=False))
        subprocess.run(["homectl", "create", f"--identity={identity}"], env=dict(os.environ, NEWPASSWORD=PASSWORD), stdin=subprocess.DEVNULL, timeout=homed.LIMIT, check=True)
        text = (homed.STATE / "zoe.identity").read_text()
        self.assertIn("org.example.numbers", text)
        self.assertEqual(self.record("verify", text, homed.STATE / "local.public"), "yes", self.record("signable", text))

    def test_signed_by_us_are_taken_by_systemd(self):
        self.create()
        identity = homed.STATE / "zoe.identity"
        self.stage.stop()
        private, public = self.folder / "ours.private", homed.STATE / "ours.public"
        private.write_text(self.record("key"))
        record = json.loads(identity.read_text())
        record["realName"] = "Zoë, von uns"
        record["lastChangeUSec"] += 1
        ours = self.record("sign", json.dumps(record), private)
        identity.write_text(ours)
        # Whose key it does not know, it does not take …
        self.stage.start()
        self.assertNotIn("Zoë, von uns", json.dumps(self.home("list"), ensure_ascii=False))
        self.stage.stop()
        # … and with the key it does, in the home itself too.
        identity.write_text(ours)
        public.write_text(self.record("public", "", private))
        portable = {name: value for name, value in json.loads(ours).items() if name != "binding"}
        Path("/home/zoe.homedir/.identity").write_text(json.dumps(portable))
        self.stage.start()
        self.assertEqual(self.home("list")[0]["realName"], "Zoë, von uns")
        self.assertTrue(self.opens(PASSWORD))
        # It is not this computer's to change.
        error = self.home("passwd", "zoe", "--password-file", self.file(PASSWORD), "--new-password-file", self.file(CHANGED), refused="permission")
        self.assertIn("another computer", error["why"])

    def test_signed_by_us_are_registered(self):
        """A home that comes from elsewhere with its record: the record is handed over, and the home opens."""
        self.create()
        identity = homed.STATE / "zoe.identity"
        self.stage.stop()
        private = self.folder / "ours.private"
        private.write_text(self.record("key"))
        ours = self.record("sign", identity.read_text(), private)
        identity.unlink()
        Path("/home/zoe.homedir").rename("/home/elsewhere")
        portable = json.dumps({name: value for name, value in json.loads(ours).items() if name != "binding"})
        Path("/home/elsewhere/.identity").write_text(portable)
        self.stage.start()
        self.assertEqual(self.home("list"), [])
        manager = ("org.freedesktop.home1", "/org/freedesktop/home1", "org.freedesktop.home1.Manager")
        register = ["busctl", "call", *manager, "RegisterHome", "s", portable]
        done = subprocess.run(register, capture_output=True, text=True, timeout=homed.LIMIT, check=False)
        self.assertNotEqual(done.returncode, 0, "a record was taken whose key nobody knows")
        self.assertIn("sign", done.stderr)
        self.stage.stop()
        (homed.STATE / "ours.public").write_text(self.record("public", "", private))
        self.stage.start()
        subprocess.run(register, timeout=homed.LIMIT, check=True)
        Path("/home/elsewhere").rename("/home/zoe.homedir")
        self.assertTrue(self.opens(PASSWORD))

    def test_altered_after_we_signed_are_not(self):
        self.create()
        identity = homed.STATE / "zoe.identity"
        self.stage.stop()
        private = self.folder / "ours.private"
        private.write_text(self.record("key"))
        (homed.STATE / "ours.public").write_text(self.record("public", "", private))
        record = json.loads(self.record("sign", identity.read_text(), private))
        record["realName"] = "jemand anders"
        identity.write_text(json.dumps(record))
        self.stage.start()
        self.assertNotIn("jemand anders", json.dumps(self.home("list")))


if __name__ == "__main__":
    homed.enter_namespaces()
    unittest.main()
