# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A computer in a folder that is updated through the helper, its maker's key and versions, and the real nginx: for tests of org.preon.Updates1."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from gi.repository import GLib

sys.path.insert(1, str(Path(os.environ["PREON_TOP"]) / "tests/interop"))

from releases import KEPT, MIB, Key, Machine, Release  # noqa: E402
from servers import Nginx  # noqa: E402
from stage import JOB, OWNER, UPDATES, Stage, spin  # noqa: E402

SLOW = 2 * MIB  # bytes a second, so that there is time to do something meanwhile
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

    def do(self, method, types="", *values, caller=None):
        self.ask(method, GLib.Variant(f"({types})", values), caller)

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
