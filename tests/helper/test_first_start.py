#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The first account through the helper: an ordinary one on a tree of files (encrypted ones: tests/vm/test_first_start.py), and callers that mean ill."""

import json
import os
import subprocess
import unittest

from gi.repository import GLib
from stage import JOB, OWNER, STRANGER, Stage, spin

FIRST = "org.preon.FirstStart1"
PASSWORD = "Drei blaue Pferde 17"
ANNA = {"user-name": "anna", "real-name": "Anna Blüm", "account": "ordinary"}


class FirstStart(Stage):
    OPTIONS = None

    def setUp(self):
        super().setUp()
        self.machine = self.disks / ".machine"
        for path, text in {
            "etc/passwd": "root:x:0:0::/root:/bin/sh\n",
            "etc/group": "root:x:0:\nsudo:x:27:\n",
            "etc/shadow": "root:*:20000:0:99999:7:::\n",
            "etc/gshadow": "",
            "usr/lib/os-release": 'NAME=Particle\nVERSION_ID="1"\nPRETTY_NAME="Particle 1"\n',
            "run/preon/mode-disk": "",
            "home/.keep": "",
        }.items():
            (self.machine / path).parent.mkdir(parents=True, exist_ok=True)
            (self.machine / path).write_text(text)
        subprocess.run(["chown", "-R", f"{OWNER}:{OWNER}", self.machine], check=True)
        self.start_helper()
        self.window = self.caller()

    def ask(self, method, arguments=None, caller=None):
        return (caller or self.window).call(method, arguments, FIRST)

    def describe(self):
        return json.loads(self.ask("Describe")[0])

    def plan(self, caller=None, **options):
        typed = {name.replace("_", "-"): value if isinstance(value, GLib.Variant) else GLib.Variant("b" if isinstance(value, bool) else "s", value) for name, value in options.items()}
        plan_id, plan = self.ask("Plan", GLib.Variant("(a{sv})", (typed,)), caller)
        return plan_id, json.loads(plan)

    def apply(self, plan_id, password=PASSWORD, key="", picture=b"", caller=None):
        return self.ask("Apply", GLib.Variant("(sssay)", (plan_id, password, key, picture)), caller)[0]

    def written(self, path):
        file = self.machine / path
        return file.read_text() if file.exists() else None


class Way(FirstStart):
    def test_from_nobody_to_somebody(self):
        facts = self.describe()
        self.assertEqual((facts["over"], facts["system"]["title"], facts["known"]["language"]), (False, "Particle 1", ""))
        self.assertTrue(facts["accounts"]["encrypted"]["what"])  # there is no systemd-homed on this bus
        self.assertIsNone(facts["accounts"]["ordinary"])
        plan_id, plan = self.plan(hostname="laptop", keyboard="de neo", **ANNA)
        self.assertEqual((plan["account"]["home"], plan["account"]["groups"], plan["settings"]), ("/var/home/anna", ["sudo"], {"keyboard": "de neo", "hostname": "laptop"}))
        self.assertIn("Make the account anna", plan["text"])
        self.assertEqual((self.written("etc/hostname"), "anna" in self.written("etc/passwd")), (None, False))
        job = self.apply(plan_id)
        self.assertEqual(self.window.wait_for_state(job, "done", "failed"), "done", self.window.call("Describe", None, JOB, job))
        result = json.loads(self.window.call("Describe", None, JOB, job)[1])
        self.assertEqual(result, {"account": "anna", "recoveryKey": "skipped"})
        self.assertIn("anna:x:1000:1000:Anna Blüm:/var/home/anna:", self.written("etc/passwd"))
        self.assertIn("sudo:x:27:anna", self.written("etc/group"))
        shadow = next(line for line in self.written("etc/shadow").splitlines() if line.startswith("anna:"))
        self.assertTrue(shadow.split(":")[1].startswith("$y$"), "the password is hashed by yescrypt")
        self.assertTrue((self.machine / "var/home/anna").is_dir())
        self.assertEqual((self.written("etc/hostname"), self.written("run/preon/first-login")), ("laptop\n", "anna\n"))
        # Nothing of what was typed is kept, and there is no second one.
        self.assertEqual(subprocess.run(["grep", "-rlF", PASSWORD, self.disks], capture_output=True, check=False).stdout, b"")
        self.assertTrue(self.describe()["over"])
        self.refused("exists", self.plan, **ANNA | {"user-name": "otto"})
        self.refused("exists", self.ask, "MakeRecoveryKey")
        self.refused("exists", self.apply, plan_id)

    def test_what_was_cut_off_is_made_anew_with_the_same_name(self):
        (self.machine / "var/lib/preon/first-start.json").write_text('{"state":"begun","account":"anna","kind":"ordinary"}')
        with (self.machine / "etc/passwd").open("a") as users, (self.machine / "etc/group").open("a") as groups, (self.machine / "etc/shadow").open("a") as passwords:
            users.write("anna:x:1000:1000::/var/home/anna:/bin/bash\n")
            groups.write("anna:x:1000:\n")
            passwords.write("anna:!:20000:0:99999:7:::\n")
        self.assertFalse(self.describe()["over"])
        job = self.apply(self.plan(**ANNA)[0])
        self.assertEqual(self.window.wait_for_state(job, "done", "failed"), "done", self.window.call("Describe", None, JOB, job))
        self.assertEqual(self.written("etc/passwd").count("anna:x:"), 1)
        self.assertIn("anna:$y$", self.written("etc/shadow"))


class Attacks(FirstStart):
    def test_only_where_nobody_lives(self):
        (self.machine / "run/preon/mode-disk").unlink()
        self.assertTrue(self.describe()["over"])
        self.refused("exists", self.plan, **ANNA)
        self.refused("exists", self.ask, "MakeRecoveryKey")
        (self.machine / "run/preon/mode-disk").touch()
        plan_id, _ = self.plan(**ANNA)
        with (self.machine / "etc/passwd").open("a") as users:
            users.write("otto:x:1000:1000::/var/home/otto:/bin/bash\n")
        self.refused("exists", self.apply, plan_id)
        self.assertNotIn("anna", self.written("etc/passwd"))

    def test_others_may_nothing(self):
        stranger = self.caller(STRANGER)
        plan_id, _ = self.plan(**ANNA)
        for act in (lambda: self.ask("Describe", None, stranger), lambda: self.ask("MakeRecoveryKey", None, stranger), lambda: self.plan(stranger, **ANNA)):
            self.refused("permission", act)
        self.refused("not-found", self.apply, plan_id, caller=stranger)
        self.refused("not-found", self.apply, plan_id, caller=self.caller())

    def test_plans_of_other_work_are_none(self):
        self.disk()
        install, _ = self.window.plan(self.window.disks()["disk"]["token"])
        self.refused("not-found", self.apply, install)
        self.refused("not-found", self.window.apply, self.plan(**ANNA)[0])
        for nonsense in ("", "x" * 100_000, "/etc/passwd"):
            self.refused("not-found", self.apply, nonsense)

    def test_wishes_of_no_form_are_refused(self):
        for name in ("user-name", "real-name", "account", "language", "keyboard", "time-zone", "hostname", "protection", "nonsense", "home-size", "recovery-key"):
            for value in (GLib.Variant("u", 7), GLib.Variant("as", ["anna"]), GLib.Variant("s", "../\n:"), GLib.Variant("s", "x" * 100_000)):
                self.refused("bad-argument", self.plan, **ANNA | {name: value})
        for name in ("root", "sudo"):
            self.refused("exists", self.plan, **ANNA | {"user-name": name})
        self.refused("bad-argument", self.plan, **ANNA | {"home-size": GLib.Variant("t", 1 << 40)})
        self.assertIsNone(self.written("etc/hostname"))

    def test_secrets_of_no_form_are_refused(self):
        plan_id, _ = self.plan(**ANNA)
        key = self.ask("MakeRecoveryKey")[0]
        self.assertRegex(key, r"^([cbdefghijklnrtuv]{8}-){7}[cbdefghijklnrtuv]{8}$")
        self.assertNotEqual(key, self.ask("MakeRecoveryKey")[0])
        for password, given, picture in (("", "", b""), ("x" * 513, "", b""), (PASSWORD, key, b""), (PASSWORD, "", b"x" * ((512 << 10) + 1))):
            self.refused("bad-argument", self.apply, plan_id, password, given, picture)
        wished, _ = self.plan(**ANNA, recovery_key=True)
        for given in ("", "correct horse", key[:-1], key + "c"):
            self.refused("bad-argument", self.apply, wished, PASSWORD, given)
        self.assertIsNone(self.written("var/lib/preon/first-start.json"))

    def test_a_job_that_fails_says_so_and_can_be_begun_again(self):
        os.chmod(self.machine / "etc", 0o555)
        job = self.apply(self.plan(**ANNA)[0])
        self.assertEqual(self.window.wait_for_state(job, "done", "failed"), "failed")
        error = json.loads(self.window.call("Describe", None, JOB, job)[2])
        self.assertTrue(error["what"])
        self.assertNotIn(PASSWORD, json.dumps(error))
        os.chmod(self.machine / "etc", 0o755)
        job = self.apply(self.plan(**ANNA)[0])
        self.assertEqual(self.window.wait_for_state(job, "done", "failed"), "done", self.window.call("Describe", None, JOB, job))

    def test_two_at_once_are_one(self):
        plans = [self.plan(**ANNA)[0], self.plan(**ANNA | {"user-name": "otto"})[0]]
        answers = [self.window.send("Apply", GLib.Variant("(sssay)", (plan, PASSWORD, "", b"")), FIRST) for plan in plans]
        spin(lambda: all(answers), what="both answers")
        jobs = [answer[0][0] for answer in answers if isinstance(answer[0], tuple)]
        self.assertEqual(len(jobs), 1, answers)
        self.window.wait_for_state(jobs[0], "done")
        self.assertEqual(("anna:" in self.written("etc/passwd")) + ("otto:" in self.written("etc/passwd")), 1)


if __name__ == "__main__":
    unittest.main()
