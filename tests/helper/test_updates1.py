#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Updating through the helper: a computer in a folder, its maker's server (the real nginx), what a window does, and callers and servers that mean ill."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from gi.repository import GLib

sys.path.insert(1, str(Path(os.environ["PREON_TOP"]) / "tests/interop"))

import test_polkit  # noqa: E402
from releases import KEPT, MIB, Key, Machine, Release  # noqa: E402
from servers import Nginx, Server  # noqa: E402
from stage import HELPER, JOB, OWNER, STRANGER, UPDATES, Refused, Stage, spin  # noqa: E402

SLOW = 2 * MIB  # bytes a second, so that there is time to do something meanwhile
PHASES = ["Making room", "Fetching", "Checking what was written", "Putting into place"]
LOADER = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
BOOT_ID = "11111111-1111-4111-8111-11111111111{}"

maker = {}


def setUpModule():
    folder = Path(unittest.enterModuleContext(tempfile.TemporaryDirectory(prefix="maker-", dir="/tmp")))
    maker["key"] = Key(folder / "key")
    unittest.addModuleCleanup(maker["key"].close)
    maker["releases"] = {version: Release(version, folder / f"release-{version}") for version in (1, 2, 3)}


class Computer(Machine):
    """Runs version 1; in the helper's sandbox."""

    INSTALLS = False
    OPTIONS = None

    def setUp(self):
        super().setUp()
        self.key, self.releases = maker["key"], maker["releases"]
        (self.folder / "nginx").mkdir(mode=0o755)
        self.nginx = self.enterContext(Nginx(self.folder / "nginx"))
        self.root = self.disks / ".machine"
        self.target = self.root / "disk.raw"
        self.fetcher = self.folder / "preon-fetch"
        shutil.copy(shutil.which("preon-fetch"), self.fetcher)
        # Not the services of the computer that runs this.
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = self.address
        self.addCleanup(os.environ.pop, "DBUS_SYSTEM_BUS_ADDRESS")
        self.lay()
        (self.root / "dev/disk/by-preon").mkdir(parents=True)
        (self.root / "dev/disk/by-preon/disk").symlink_to("../../../disk.raw")
        self.own()

    def own(self):
        subprocess.run(["chown", "-hR", f"{OWNER}:{OWNER}", self.root], check=True)

    def write(self, path, text):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        self.own()

    def start_helper(self, *options):
        super().start_helper(f"--fetcher={self.fetcher}", *options)
        self.window = self.caller()

    def ask(self, method, arguments=None, caller=None, limit=60):
        return (caller or self.window).call(method, arguments, UPDATES, limit=limit)

    def describe(self, caller=None):
        return json.loads(self.ask("Describe", None, caller)[0])

    def versions(self):
        return {each["version"]: each for each in self.describe()["versions"]}

    def check(self, caller=None):
        return json.loads(self.ask("Check", None, caller)[0])["candidate"]

    def plan(self, version="", caller=None, **options):
        typed = {name: GLib.Variant("b", value) for name, value in options.items()}
        plan_id, plan = self.ask("Plan", GLib.Variant("(sa{sv})", (version, typed)), caller)
        return plan_id, json.loads(plan)

    def apply(self, plan_id, caller=None):
        return self.ask("Apply", GLib.Variant("(s)", (plan_id,)), caller)[0]

    def policy(self, caller=None, **values):
        typed = {name: GLib.Variant({bool: "b", str: "s", int: "t"}[type(value)], value) for name, value in values.items()}
        self.ask("SetPolicy", GLib.Variant("(a{sv})", (typed,)), caller)

    def job_says(self, job):
        plan, result, error, log = self.window.call("Describe", None, JOB, job)
        return json.loads(plan), json.loads(result), json.loads(error or "null"), log

    def updated(self, job):
        self.assertEqual(self.window.wait_for_state(job, "done", "failed"), "done", self.job_says(job))
        return self.job_says(job)[1]

    def update(self, version=""):
        return self.updated(self.apply(self.plan(version)[0]))

    def half_fetched(self, after=2 * MIB):
        """A job that has kept so many bytes."""
        self.policy(rate=SLOW)
        job = self.apply(self.plan()[0])

        def kept():
            notes = (self.root / KEPT).glob("*.json")
            return sum(json.loads(path.read_text())["bytes"] for path in notes) if (self.root / KEPT).exists() else 0

        spin(lambda: kept() >= after, what="half of it")
        return job

    def is_as_before(self):
        self.assertEqual(self.labels(), ["OS_1", "OS_1", "_empty", "_empty"])
        self.assertEqual([name for name in self.kernels() if not name.startswith(".sysupdate.partial.")], ["OS_1.efi"])

    def changed(self):
        return [each for each in self.window.signals if each[1:3] == (UPDATES, "Changed")]


class Updates(Computer, Stage):
    def setUp(self):
        super().setUp()
        self.start_helper()


class Way(Updates):
    def test_from_what_is_to_what_comes(self):
        state = self.describe()
        self.assertEqual(state["system"], {"name": "OS", "version": "1", "title": "OS"})
        self.assertEqual({key: state[key] for key in ("problem", "pending", "partial", "checked", "checkError", "candidate", "silent", "features", "others")},
                         {"problem": None, "pending": "", "partial": None, "checked": 0, "checkError": None, "candidate": None, "silent": -1, "features": [], "others": 0})
        self.assertEqual(state["policy"], {"automatic": "check", "metered": False, "rate": 0, "notify": True})
        self.assertEqual((state["connection"], state["power"]), ({"online": True, "metered": False}, {"onBattery": False, "percent": -1}))
        self.assertEqual(state["versions"], [{"version": "1", "running": True, "startsNext": True, "lastGood": False, "kept": False, "complete": True, "left": None, "starts": []}])
        self.offer(1, 2)
        release = self.releases[2]
        found = self.check()
        self.assertEqual((found["version"], found["fetch"], found["notes"], found["changeLog"], found["failedHere"]), ("2", release.bytes, "", "", False))
        self.assertEqual([part["name"] for part in found["parts"]], ["20-verity", "30-usr", "90-kernel"])
        self.assertEqual([part["target"] for part in found["parts"]], ["partition 4", "partition 3", "OS_2+3-0.efi"])
        self.assertEqual(sum(part["fetch"] for part in found["parts"]), release.bytes)
        state = self.describe()
        self.assertEqual((state["candidate"], state["silent"], state["checkError"]), (found, 0, None))
        self.assertAlmostEqual(state["checked"], time.time(), delta=60)
        spin(self.changed, what="word of it")
        plan_id, plan = self.plan()
        self.assertEqual((plan["version"], plan["from"], plan["fetch"], plan["already"], plan["removes"], plan["keeps"]), ("2", "1", release.bytes, 0, [], ["1"]))
        self.assertEqual([phase["name"] for phase in plan["phases"]], PHASES)
        self.assertIn("Version 2, in the place of 1", plan["text"])
        self.is_as_before()
        job = self.apply(plan_id)
        self.assertEqual((self.window.job(job, "Kind"), self.window.job(job, "Target")), ("update", "OS 2"))
        self.assertEqual(self.updated(job) | {"written": 0}, {"version": "2", "fetched": release.bytes, "kept": 0, "written": 0})
        self.is_there(2)
        self.assertEqual(self.job_says(job)[0], plan)
        state = self.describe()
        self.assertEqual((state["pending"], state["candidate"], state["partial"]), ("2", None, None))
        self.assertEqual([(each["version"], each["running"], each["startsNext"], each["complete"]) for each in state["versions"]], [("2", False, True, True), ("1", True, False, True)])
        self.assertIsNone(self.check())
        self.refused("not-found", self.plan)
        self.refused("exists", self.plan, "2")

    def test_the_download_is_one_phase_of_all_its_bytes(self):
        self.offer(1, 2)
        job = self.half_fetched()
        self.updated(job)
        told = [each[3][1] for each in self.window.signals if each[0] == job and each[2] == "PropertiesChanged"]
        done, total, phase, seen = 0, 0, "", set()
        for values in told:
            phase, total = values.get("Phase", phase), values.get("Total", total)
            if phase == "Fetching" and "Done" in values:
                self.assertGreaterEqual(values["Done"], done)
                done = values["Done"]
                seen.add(total)
        self.assertEqual(seen, {self.releases[2].bytes})
        self.assertGreater(done, 2 * MIB)

    def test_what_makes_room_is_said_first(self):
        self.offer(1, 2, 3)
        self.update("2")
        plan = self.plan()[1]
        self.assertEqual((plan["version"], plan["removes"], plan["keeps"]), ("3", ["2"], ["1"]))
        self.assertIn("partition 3, OS_2 goes", [part["target"] for part in plan["parts"]])
        self.update()
        self.is_there(3)

    def test_pausing_and_going_on(self):
        self.offer(1, 2)
        job = self.half_fetched()
        self.assertIsNone(self.describe()["partial"])
        self.window.call("Cancel", None, JOB, job)
        self.assertEqual(self.window.wait_for_state(job, "done", "failed"), "failed")
        self.assertEqual(self.job_says(job)[2]["code"], "cancelled")
        self.window.call("Forget", None, JOB, job)
        self.is_as_before()
        partial = self.describe()["partial"]
        self.assertEqual((partial["version"], partial["fetch"]), ("2", self.releases[2].bytes))
        self.assertGreaterEqual(partial["fetched"], 2 * MIB)
        plan_id, plan = self.plan("2")
        self.assertEqual((plan["already"], plan["fetch"]), (partial["fetched"], self.releases[2].bytes - partial["fetched"]))
        self.policy(rate=0)
        done = self.updated(self.apply(plan_id))
        self.assertEqual(done["fetched"] + done["kept"], self.releases[2].bytes)
        self.assertGreaterEqual(done["kept"], MIB)
        self.is_there(2)
        self.assertIsNone(self.describe()["partial"])

    def test_going_on_after_the_helper_was_killed(self):
        self.offer(1, 2)
        self.check()
        job = self.half_fetched()
        before = self.describe()
        self.helper.kill()
        self.helper.wait()
        self.start_helper()
        self.assertEqual(self.window.job(job, "State"), "interrupted")
        self.is_as_before()
        state = self.describe()
        self.assertEqual((state["candidate"], state["checked"], state["policy"]), (before["candidate"], before["checked"], before["policy"]))
        self.assertEqual(state["partial"]["version"], "2")
        self.policy(rate=0)
        done = self.update("2")
        self.assertGreaterEqual(done["kept"], MIB)
        self.assertEqual(done["fetched"] + done["kept"], self.releases[2].bytes)
        self.is_there(2)

    def test_discarding(self):
        self.offer(1, 2)
        job = self.half_fetched()
        self.refused("busy", self.ask, "Discard")
        self.window.call("Cancel", None, JOB, job)
        self.window.wait_for_state(job, "failed")
        self.assertTrue(list((self.root / KEPT).iterdir()))
        self.ask("Discard")
        self.assertEqual(list((self.root / KEPT).iterdir()), [])
        self.assertEqual(self.kernels(), ["OS_1.efi"])
        self.assertIsNone(self.describe()["partial"])
        self.assertEqual(self.plan()[1]["already"], 0)
        self.ask("Discard")


if __name__ == "__main__":
    unittest.main()
