#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Updating through the helper: a computer in a folder, its maker's server (the real nginx), what a window does, and callers and servers that mean ill."""

import json
import os
import shutil
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
from stage import JOB, OWNER, STRANGER, UPDATES, Refused, Stage, spin  # noqa: E402

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



class Versions(Updates):
    def efi(self, name, value):
        self.write(f"efivars/{name}-{LOADER}", b"\x07\0\0\0" + value)

    def chosen(self):
        path = self.root / f"efivars/LoaderEntryDefault-{LOADER}"
        return path.read_bytes()[4:].decode("utf-16-le").rstrip("\0") if path.exists() else None

    def starts(self, *starts):
        self.write("var/lib/preon/starts.json", json.dumps([{"bootId": BOOT_ID.format(i), "began": 1000 + i, "kernel": "", "reasons": []} | start for i, start in enumerate(starts)]))

    def give_up(self, version="2"):
        """As the loader leaves a version that did not come up three times."""
        folder = self.root / "efi/EFI/Linux"
        (folder / f"OS_{version}+3-0.efi").rename(folder / f"OS_{version}+0-3.efi")
        self.starts({"version": "1", "outcome": "came-up"}, {"version": version, "outcome": "failed", "reasons": ["The unit x.service failed"], "triesLeft": 0, "triesDone": 3})

    def test_a_version_that_was_given_up_is_offered_by_its_name_only(self):
        self.offer(1, 2)
        self.update()
        self.give_up()
        state = self.describe()
        self.assertEqual((state["pending"], [each["version"] for each in state["versions"] if each["startsNext"]]), ("", ["1"]))
        two = self.versions()["2"]
        self.assertEqual(two["left"], {"tries": 3, "gotToRoot": True, "reasons": ["The unit x.service failed"], "last": 1001})
        self.assertEqual(two["starts"], [{"began": 1001, "outcome": "failed", "reasons": ["The unit x.service failed"], "try": 3}])
        self.assertTrue(self.versions()["1"]["lastGood"])
        found = self.check()
        self.assertEqual((found["version"], found["failedHere"], found["fetch"]), ("2", True, len(self.releases[2].kernel)))
        self.assertTrue(self.describe()["candidate"]["failedHere"])
        self.refused("not-found", self.plan)
        plan_id, plan = self.plan("2")
        self.assertEqual((plan["removes"], plan["keeps"], [part["name"] for part in plan["parts"]]), ([], ["1"], ["90-kernel"]))
        self.updated(self.apply(plan_id))
        self.is_there(2)
        self.assertEqual(self.kernels(), ["OS_1.efi", "OS_2+3-0.efi"])
        self.assertEqual(self.describe()["pending"], "2")

    def test_what_is_newer_than_a_version_that_was_given_up_is_offered(self):
        self.offer(1, 2)
        self.update()
        self.give_up()
        self.offer(1, 2, 3)
        self.assertEqual((self.check()["version"], self.check()["failedHere"]), ("3", False))
        self.assertEqual(self.plan()[1]["removes"], ["2"])
        self.update()
        self.is_there(3)

    def test_a_version_that_failed_and_is_gone_is_still_known(self):
        self.starts({"version": "2", "outcome": "failed"}, {"version": "1", "outcome": "came-up"})
        self.offer(1, 2)
        self.assertTrue(self.check()["failedHere"])
        self.refused("not-found", self.plan)
        self.assertEqual(self.plan("2")[1]["version"], "2")

    def test_choosing_what_is_started(self):
        self.offer(1, 2, 3)
        self.update("2")
        # A loader that cannot be told, or that is not there.
        self.refused("unsupported", self.ask, "StartFrom", GLib.Variant("(s)", ("1",)))
        self.efi("LoaderFeatures", bytes(8))
        self.refused("unsupported", self.ask, "StartFrom", GLib.Variant("(s)", ("1",)))
        self.efi("LoaderFeatures", (4).to_bytes(8, "little"))
        self.ask("StartFrom", GLib.Variant("(s)", ("1",)))
        self.assertEqual(self.chosen(), "os_1.efi")
        self.assertEqual((self.describe()["pending"], self.versions()["1"]["startsNext"]), ("", True))
        self.ask("StartFrom", GLib.Variant("(s)", ("",)))
        self.assertEqual((self.chosen(), self.describe()["pending"]), (None, "2"))
        self.refused("not-found", self.ask, "StartFrom", GLib.Variant("(s)", ("3",)))
        for nonsense in ("../1", "os_1.efi\n", "x" * 100_000, "1/../2", "OS_1 "):
            self.refused("bad-argument", self.ask, "StartFrom", GLib.Variant("(s)", (nonsense,)))
        self.refused("not-found", self.ask, "StartFrom", GLib.Variant("(s)", ("os_1.efi",)))
        self.give_up()
        self.refused("unsupported", self.ask, "StartFrom", GLib.Variant("(s)", ("2",)))
        # It holds until the next update.
        self.ask("StartFrom", GLib.Variant("(s)", ("1",)))
        self.update("3")
        self.assertEqual((self.chosen(), self.describe()["pending"]), (None, "3"))

    def test_keeping_a_version(self):
        self.offer(1, 2, 3)
        self.update("2")
        self.ask("Keep", GLib.Variant("(sb)", ("2", True)))
        self.assertTrue(self.versions()["2"]["kept"])
        error = self.refused("no-space", self.plan)
        self.assertTrue(error["why"])
        # It is there all the same, with its size.
        self.assertEqual((self.check()["version"], self.check()["fetch"]), ("3", self.releases[3].bytes))
        self.ask("Keep", GLib.Variant("(sb)", ("2", False)))
        self.assertEqual(self.plan()[1]["removes"], ["2"])
        self.refused("not-found", self.ask, "Keep", GLib.Variant("(sb)", ("9", True)))
        self.refused("bad-argument", self.ask, "Keep", GLib.Variant("(sb)", ("a\nb", True)))
        self.ask("Keep", GLib.Variant("(sb)", ("9", False)))

    def test_an_update_that_goes_on_takes_nothing_that_is_to_be_kept(self):
        self.offer(1, 2)
        job = self.half_fetched()
        self.refused("busy", self.ask, "Keep", GLib.Variant("(sb)", ("1", True)))
        self.updated(job)

    def test_features(self):
        self.write("usr/lib/sysupdate.d/devel.feature", "[Feature]\nDescription=Tools for developers\nDocumentation=https://example.com/devel\nEnabled=false\n")
        self.write("usr/lib/sysupdate.d/50-devel.transfer", (self.root / "usr/lib/sysupdate.d/90-kernel.transfer").read_text().replace("OS_@v", "devel_@v").replace("[Transfer]", "[Transfer]\nFeatures=devel"))
        feature = {"id": "devel", "description": "Tools for developers", "documentation": "https://example.com/devel", "enabled": False}
        self.assertEqual(self.describe()["features"], [feature])
        self.ask("SetFeature", GLib.Variant("(sb)", ("devel", True)))
        self.assertEqual(self.describe()["features"], [feature | {"enabled": True}])
        ours = self.root / "etc/sysupdate.d/devel.feature.d/50-preon.conf"
        self.assertEqual(ours.read_text(), "[Feature]\nEnabled=yes\n")
        # systemd's own switch is read after ours.
        theirs = ours.with_name("50-systemd-sysupdate-enabled.conf")
        self.write(theirs.relative_to(self.root), "[Feature]\nEnabled=true\n")
        self.ask("SetFeature", GLib.Variant("(sb)", ("devel", False)))
        self.assertEqual((self.describe()["features"], theirs.read_text()), ([feature], "[Feature]\nEnabled=no\n"))
        self.write("etc/sysupdate.d/devel.feature.d/90-admin.conf", "[Feature]\nEnabled=no\n")
        self.refused("unsupported", self.ask, "SetFeature", GLib.Variant("(sb)", ("devel", True)))
        for nonsense in ("", "games", "../../x", "/etc/passwd", "x" * 100_000):
            self.refused("not-found", self.ask, "SetFeature", GLib.Variant("(sb)", (nonsense, True)))

    def test_policy_stays_and_is_kept_in_bounds(self):
        self.policy(automatic="fetch", metered=True, rate=2_000_000, notify=False)
        wished = {"automatic": "fetch", "metered": True, "rate": 2_000_000, "notify": False}
        self.policy(automatic="fetch")
        self.policy()
        self.end(self.helper)
        self.start_helper()
        self.assertEqual(self.describe()["policy"], wished)
        for name, value in (("automatic", GLib.Variant("s", "always")), ("automatic", GLib.Variant("b", True)), ("metered", GLib.Variant("s", "yes")), ("rate", GLib.Variant("t", 1)),
                            ("rate", GLib.Variant("t", (1 << 64) - 1)), ("rate", GLib.Variant("i", -1)), ("rate", GLib.Variant("u", 2_000_000)), ("nonsense", GLib.Variant("b", True)),
                            ("notify", GLib.Variant("v", GLib.Variant("b", True))), ("x" * 100_000, GLib.Variant("as", ["x"] * 1000))):
            self.refused("bad-argument", self.ask, "SetPolicy", GLib.Variant("(a{sv})", ({"metered": GLib.Variant("b", False), name: value},)))
        self.assertEqual(self.describe()["policy"], wished)
        for nonsense in ("", "[]", "{" * 100_000, '{"automatic": 3, "metered": "yes", "rate": -5}'):
            self.write("var/lib/preon/update/policy.json", nonsense)
            self.assertEqual(self.describe()["policy"], {"automatic": "check", "metered": False, "rate": 0, "notify": True})

    def test_what_cannot_be_updated_says_why(self):
        self.write("run/preon/mode-live", "")
        self.assertEqual((self.describe()["problem"]["code"], self.describe()["versions"]), ("unsupported", []))
        for act in (self.check, self.plan, lambda: self.policy(metered=True), lambda: self.ask("Discard"), lambda: self.ask("StartFrom", GLib.Variant("(s)", ("",)))):
            self.refused("unsupported", act)
        (self.root / "run/preon/mode-live").unlink()
        shutil.rmtree(self.root / "usr/lib/sysupdate.d")
        self.assertEqual(self.describe()["problem"]["code"], "not-found")
        self.refused("not-found", self.check)


class Surroundings(Updates):
    """NetworkManager, UPower and logind, played."""

    def setUp(self):
        super().setUp()
        self.mocks = {}

    def play(self, name, path, interface, **properties):
        if name not in self.mocks:
            environment = dict(os.environ, DBUS_SESSION_BUS_ADDRESS=self.address)
            self.mocks[name] = path, interface
            self.start([sys.executable, "-m", "dbusmock", name, path, interface], env=environment, stdout=subprocess.DEVNULL)
            bus = self.window.connection
            spin(lambda: bus.call_sync("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "NameHasOwner", GLib.Variant("(s)", (name,)), None, 0, -1, None).unpack()[0], what=name)
        elif self.mocks[name][0] != path:
            self.tell(name, self.mocks[name][0], "AddObject", GLib.Variant("(ssa{sv}a(ssss))", (path, interface, {}, [])))
        for key, value in properties.items():
            self.tell(name, path, "AddProperty", GLib.Variant("(ssv)", (interface, key, value)))

    def tell(self, name, path, method, arguments):
        self.window.connection.call_sync(name, path, "org.freedesktop.DBus.Mock", method, arguments, None, 0, -1, None)

    def test_what_speaks_for_and_against_it(self):
        manager = "org.freedesktop.NetworkManager"
        self.play(manager, "/org/freedesktop/NetworkManager", manager, State=GLib.Variant("u", 20), Metered=GLib.Variant("u", 4))
        self.assertEqual(self.describe()["connection"], {"online": False, "metered": False})
        upower = "org.freedesktop.UPower"
        self.play(upower, "/org/freedesktop/UPower", upower, OnBattery=GLib.Variant("b", True))
        self.play(upower, "/org/freedesktop/UPower/devices/DisplayDevice", f"{upower}.Device", IsPresent=GLib.Variant("b", True), Percentage=GLib.Variant("d", 8.6))
        self.assertEqual(self.describe()["power"], {"onBattery": True, "percent": 9})
        login, root = "org.freedesktop.login1", "/org/freedesktop/login1"
        self.play(login, root, f"{login}.Manager")
        users = ((1000, "active"), (1001, "online"), (1002, "lingering"), (110, "active"), (OWNER, "active"))
        for user, state in users:
            self.tell(login, root, "AddObject", GLib.Variant("(ssa{sv}a(ssss))", (f"{root}/user/_{user}", f"{login}.User", {"State": GLib.Variant("s", state)}, [])))
        answer = "ret = dbus.Array([" + ", ".join(f"(dbus.UInt32({user}), 'u{user}', dbus.ObjectPath('{root}/user/_{user}'))" for user, _ in users) + "], signature='(uso)')"
        self.tell(login, root, "AddMethod", GLib.Variant("(sssss)", (f"{login}.Manager", "ListUsers", "", "a(uso)", answer)))
        self.assertEqual(self.describe()["others"], 2)

    def test_nothing_is_fetched_where_every_byte_costs_before_somebody_said_so(self):
        self.offer(1, 2)
        plan_id, _ = self.plan()
        manager = "org.freedesktop.NetworkManager"
        self.play(manager, "/org/freedesktop/NetworkManager", manager, State=GLib.Variant("u", 70), Metered=GLib.Variant("u", 3))
        self.assertEqual(self.describe()["connection"], {"online": True, "metered": True})
        self.refused("changed", self.apply, plan_id)
        self.is_as_before()
        knowing, _ = self.plan(metered=True)
        job = self.apply(knowing)
        self.updated(job)

    def test_services_that_hang_hold_nobody_up_for_long(self):
        for name in ("org.freedesktop.NetworkManager", "org.freedesktop.UPower", "org.freedesktop.login1"):
            self.caller().connection.call_sync("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "RequestName", GLib.Variant("(su)", (name, 0)), None, 0, -1, None)
        begun = time.monotonic()
        self.assertEqual(self.describe()["power"], {"onBattery": False, "percent": -1})
        self.assertLess(time.monotonic() - begun, 6)


class Attacks(Updates):
    def test_others_may_nothing(self):
        self.offer(1, 2)
        stranger, plan_id = self.caller(STRANGER), self.plan()[0]
        for act in (self.describe, self.check, lambda caller: self.plan(caller=caller), lambda caller: self.policy(caller, metered=True), lambda caller: self.ask("Discard", None, caller),
                    lambda caller: self.ask("StartFrom", GLib.Variant("(s)", ("",)), caller), lambda caller: self.ask("Keep", GLib.Variant("(sb)", ("1", True)), caller),
                    lambda caller: self.ask("SetFeature", GLib.Variant("(sb)", ("devel", True)), caller)):
            self.refused("permission", act, stranger)
        # Plans belong to who was shown them, and to nobody of the same user.
        self.refused("not-found", self.apply, plan_id, stranger)
        self.refused("not-found", self.apply, plan_id, self.caller())
        self.is_as_before()

    def test_arguments_of_no_form(self):
        self.offer(1, 2)
        for nonsense in ("", "1", "x" * 100_000, "/etc/passwd"):
            self.refused("not-found", self.apply, nonsense)
        for options in ({"metered": GLib.Variant("s", "yes")}, {"metered": GLib.Variant("i", 1)}, {"nothing": GLib.Variant("b", True)}, {"x" * 100_000: GLib.Variant("b", True)}):
            self.refused("bad-argument", self.ask, "Plan", GLib.Variant("(sa{sv})", ("", options)))
        for version in ("../2", "2\n", "x" * 100_000, "\u00fc", "2 "):
            self.refused("bad-argument", self.plan, version)
        self.refused("not-found", self.plan, "9")
        self.refused("exists", self.plan, "1")
        for method, arguments in (("Describe", GLib.Variant("(s)", ("x",))), ("Plan", GLib.Variant("(s)", ("2",))), ("Keep", GLib.Variant("(ss)", ("1", "yes"))), ("Nothing", None)):
            with self.assertRaises(GLib.Error):
                self.ask(method, arguments)
        self.assertEqual(self.plan()[1]["version"], "2")

    def test_a_list_that_is_not_the_makers(self):
        self.offer(1, 2)
        self.check()
        other = Key(self.folder / "other")
        self.addCleanup(other.close)
        self.offer(1, 2, 3, key=other)
        self.refused("untrusted", self.check)
        state = self.describe()
        self.assertEqual((state["checkError"]["code"], state["candidate"]["version"]), ("untrusted", "2"))
        self.refused("untrusted", self.plan)
        self.offer(1, 2, 3)
        (self.nginx.folder / "www/SHA256SUMS.gpg").unlink()
        self.assertTrue(self.refused("not-found", self.check)["why"])
        self.is_as_before()

    def test_what_became_other_since_it_was_planned(self):
        self.offer(1, 2)
        plan_id, _ = self.plan()
        self.offer(1, 2, change=lambda files: files.update({"OS_2.efi": self.releases[3].kernel}))
        self.assertIn("other files", self.refused("changed", self.apply, plan_id)["why"])
        self.offer(1, 2)
        self.updated(self.apply(plan_id))
        self.is_there(2)

    def test_two_at_once_are_one(self):
        self.offer(1, 2)
        self.policy(rate=SLOW)
        second = self.caller()
        mine, theirs = self.plan()[0], self.plan(caller=second)[0]
        job = self.apply(mine)
        self.refused("busy", self.apply, theirs, second)
        self.refused("busy", self.apply, mine)
        self.assertEqual(json.loads(self.ask("Describe", None, second)[0])["pending"], "")
        self.updated(job)
        self.is_there(2)
        self.refused("exists", self.apply, theirs, second)

    def test_a_flood_of_questions_is_one_question_for_the_server(self):
        self.offer(1, 2)
        other = self.caller()
        answers = [self.window.send("Check", None, UPDATES) for _ in range(120)]
        self.assertEqual(self.describe(other)["system"]["version"], "1")
        spin(lambda: all(answers), what="an answer to each")
        found = [json.loads(each[0][0])["candidate"]["version"] for each in answers if isinstance(each[0], tuple)]
        self.assertEqual({each[0].code for each in answers if isinstance(each[0], Refused)}, {"busy"})
        self.assertEqual(set(found), {"2"})
        self.assertLessEqual(self.nginx.log().count('"GET /SHA256SUMS HTTP'), 3)

    def test_a_server_that_loiters_keeps_nobody_waiting(self):
        with Server(lambda exchange: time.sleep(600)) as server:
            for path in (self.root / "usr/lib/sysupdate.d").glob("*.transfer"):
                path.write_text(path.read_text().replace(self.nginx.plain, server.url))
            answers = self.window.send("Check", None, UPDATES)
            spin(lambda: server.requests, what="the question")
            begun = time.monotonic()
            self.assertEqual(self.describe()["checked"], 0)
            self.assertLess(time.monotonic() - begun, 5)
            self.assertEqual(answers, [])
            # Nor does the helper's end.
            self.end(self.helper)
            self.assertLess(time.monotonic() - begun, 15)

    def test_callers_that_leave_harm_nobody(self):
        self.offer(1, 2)
        for _ in range(5):
            leaving = self.caller()
            for method in ("Check", "Describe"):
                leaving.send(method, None, UPDATES)
            leaving.connection.flush_sync(None)
            leaving.leave()
        leaving = self.caller()
        job = self.apply(self.plan(caller=leaving)[0], leaving)
        leaving.leave()
        self.updated(job)
        self.is_there(2)

    def test_what_was_checked_is_read_as_strictly_as_if_somebody_had_sent_it(self):
        self.offer(1, 2)
        self.check()
        path = self.root / "var/lib/preon/update/checked.json"
        whole = json.loads(path.read_text())
        self.assertEqual(self.describe()["candidate"]["version"], "2")
        for change in ({"version": "../2"}, {"version": 2}, {"changeLog": "file:///etc/passwd"}, {"fetch": -1}, {"fetch": 1 << 60}, {"parts": [{}]}, {"notes": ["x"]}):
            self.write(path.relative_to(self.root), json.dumps(whole | {"candidate": whole["candidate"] | change}))
            self.assertIsNone(self.describe()["candidate"], change)
        for nonsense in ("", "null", "[1]", "{" * 100_000, '{"when": "x", "heard": 1e300, "error": 5}'):
            self.write(path.relative_to(self.root), nonsense)
            self.assertEqual((self.describe()["checked"], self.describe()["candidate"], self.describe()["checkError"]), (0, None, None))


class Allowed(Computer, test_polkit.WithPolkit):
    """By the real polkitd."""

    def authority(self, *actions):
        self.polkit.joinpath("rules.d").mkdir(exist_ok=True)
        super().authority("".join(test_polkit.RULE.format(action=f"org.preon.{action}", user="daemon") for action in ("look", *actions)))
        self.window = self.caller(STRANGER)

    def test_who_may_look_may_change_nothing(self):
        self.offer(1, 2)
        self.authority()
        self.assertEqual(self.check()["version"], "2")
        plan_id, _ = self.plan()
        for act in (lambda: self.apply(plan_id), lambda: self.ask("Discard"), lambda: self.policy(metered=True), lambda: self.ask("Keep", GLib.Variant("(sb)", ("1", True))),
                    lambda: self.ask("StartFrom", GLib.Variant("(s)", ("",))), lambda: self.ask("SetFeature", GLib.Variant("(sb)", ("devel", True)))):
            self.refused("permission", act)
        self.refused("permission", self.describe, self.caller(OWNER))
        self.is_as_before()

    def test_who_may_update_may_not_choose_nor_update_to_what_nobody_signed(self):
        self.offer(1, 2)
        self.authority("update")
        signed, _ = self.plan()
        for act in (lambda: self.policy(metered=True), lambda: self.ask("Keep", GLib.Variant("(sb)", ("1", True))), lambda: self.ask("StartFrom", GLib.Variant("(s)", ("",)))):
            self.refused("permission", act)
        self.define(verify="no")
        self.own()
        unsigned, _ = self.plan()
        self.refused("permission", self.apply, unsigned)
        self.refused("changed", self.apply, signed)
        self.define()
        self.own()
        self.updated(self.apply(signed))
        self.is_there(2)


if __name__ == "__main__":
    unittest.main()
