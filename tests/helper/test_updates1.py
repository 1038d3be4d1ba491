#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Updating through the helper: what a window asks for, from what is there to what comes, and back."""

import json
import os
import shutil
import subprocess
import sys
import time
import unittest

from computer import SLOW, Updates, setUpModule  # noqa: F401
from gi.repository import GLib
from releases import KEPT, MIB
from stage import JOB, OWNER, UPDATES, as_user, spin

PHASES = ["Making room", "Fetching", "Checking what was written", "Putting into place"]
LOADER = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
BOOT_ID = "11111111-1111-4111-8111-11111111111{}"


class Way(Updates):
    def test_from_what_is_to_what_comes(self):
        state = self.describe()
        self.assertEqual(state["system"], {"name": "OS", "version": "1", "title": "OS"})
        nothing = {"problem": None, "pending": "", "partial": None, "checked": 0, "checkError": None, "candidate": None, "silent": -1, "features": [],
                   "others": 0}
        self.assertEqual({key: state[key] for key in nothing}, nothing)
        self.assertEqual(state["policy"], {"automatic": "check", "metered": False, "rate": 0, "notify": True})
        self.assertEqual((state["connection"], state["power"]), ({"online": True, "metered": False}, {"onBattery": False, "percent": -1}))
        one = {"version": "1", "running": True, "startsNext": True, "lastGood": False, "kept": False, "complete": True, "left": None, "starts": []}
        self.assertEqual(state["versions"], [one])
        self.offer(1, 2)
        release = self.releases[2]
        found = self.check()
        self.assertEqual((found["version"], found["fetch"], found["failedHere"]), ("2", release.bytes, False))
        self.assertEqual((found["notes"], found["changeLog"]), ("", ""))
        self.assertEqual([part["name"] for part in found["parts"]], ["20-verity", "30-usr", "90-kernel"])
        self.assertEqual([part["target"] for part in found["parts"]], ["partition 4", "partition 3", "OS_2+3-0.efi"])
        self.assertEqual(sum(part["fetch"] for part in found["parts"]), release.bytes)
        state = self.describe()
        self.assertEqual((state["candidate"], state["silent"], state["checkError"]), (found, 0, None))
        self.assertAlmostEqual(state["checked"], time.time(), delta=60)
        spin(self.changed, what="word of it")
        plan_id, plan = self.plan()
        self.assertEqual((plan["version"], plan["from"], plan["fetch"], plan["already"]), ("2", "1", release.bytes, 0))
        self.assertEqual((plan["removes"], plan["keeps"]), ([], ["1"]))
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
        self.assertEqual([(each["version"], each["running"], each["startsNext"], each["complete"]) for each in state["versions"]],
                         [("2", False, True, True), ("1", True, False, True)])
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
        self.do("Discard")
        self.assertEqual(list((self.root / KEPT).iterdir()), [])
        self.assertEqual(self.kernels(), ["OS_1.efi"])
        self.assertIsNone(self.describe()["partial"])
        self.assertEqual(self.plan()[1]["already"], 0)
        self.do("Discard")



class Versions(Updates):
    def efi(self, name, value):
        self.write(f"efivars/{name}-{LOADER}", b"\x07\0\0\0" + value)

    def chosen(self):
        path = self.root / f"efivars/LoaderEntryDefault-{LOADER}"
        return path.read_bytes()[4:].decode("utf-16-le").rstrip("\0") if path.exists() else None

    def starts(self, *starts):
        usual = [{"bootId": BOOT_ID.format(i), "began": 1000 + i, "kernel": "", "reasons": []} for i in range(len(starts))]
        self.write("var/lib/preon/starts.json", json.dumps([each | start for each, start in zip(usual, starts)]))

    def give_up(self, version="2"):
        """As the loader leaves a version that did not come up three times."""
        folder = self.root / "efi/EFI/Linux"
        (folder / f"OS_{version}+3-0.efi").rename(folder / f"OS_{version}+0-3.efi")
        self.starts({"version": "1", "outcome": "came-up"},
                    {"version": version, "outcome": "failed", "reasons": ["The unit x.service failed"], "triesLeft": 0, "triesDone": 3})

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

    def test_a_version_that_is_handed_out_in_steps_is_not_offered_before_its_turn(self):
        self.offer(1, 2, change=lambda files: files.update({"ROLLOUT-0-2": b""}))
        self.assertIsNone(self.check())
        # Without a machine ID this computer is the last one.
        self.offer(1, 2, change=lambda files: files.update({"ROLLOUT-99-2": b""}))
        found = self.check()
        self.assertEqual((found["version"], found["percent"], found["fetch"]), ("2", 99, self.releases[2].bytes))
        self.assertEqual(self.describe()["candidate"], found)
        first = self.describe()["found"]
        self.refused("not-found", self.plan)
        self.assertEqual(self.plan("2")[1]["version"], "2")
        time.sleep(1.1)
        self.offer(1, 2)
        self.assertEqual(self.check()["percent"], 100)
        # It counts as found once its turn has come.
        self.assertGreater(self.describe()["found"], first)
        self.assertEqual(self.plan()[1]["version"], "2")

    def test_notes_are_those_that_the_list_vouches_for(self):
        notes = "Sleeps better.\r\n\tAnd: \u00fcberall \x1b[31mred\x00\n\n".encode()
        transfer = self.root / "usr/lib/sysupdate.d/90-kernel.transfer"
        text = transfer.read_text()
        addresses = f"ChangeLog={self.nginx.plain}/OS_@v.txt\nChangeLog=https://example.invalid/@v\n"
        transfer.write_text(text.replace("[Transfer]\n", f"[Transfer]\n{addresses}"))

        def asked(change):
            self.offer(1, 2, change=change)
            found = self.check()
            return found["notes"], found["changeLog"]

        page = "https://example.invalid/2"
        self.assertEqual(asked(lambda files: files.update({"OS_2.txt": notes})), ("Sleeps better.\n\tAnd: \u00fcberall [31mred", page))
        self.assertEqual(self.describe()["candidate"]["notes"], "Sleeps better.\n\tAnd: \u00fcberall [31mred")
        # What is there without being listed, is another one, too large or no text is left out, and the version is offered all the same.
        self.assertEqual(asked(None), ("", page))
        self.offer(1, 2, change=lambda files: files.update({"OS_2.txt": notes}))
        self.nginx.put("OS_2.txt", notes + b"!")
        self.assertEqual(self.check()["notes"], "")
        self.assertEqual(asked(lambda files: files.update({"OS_2.txt": b"x" * 65537})), ("", page))
        self.assertEqual(asked(lambda files: files.update({"OS_2.txt": b"\xff\xfe"})), ("", page))
        self.assertEqual(asked(lambda files: files.update({"OS_2.txt": b"x" * 65536})), ("x" * 65536, page))

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
        self.refused("unsupported", self.do, "StartFrom", "s", "1")
        self.efi("LoaderFeatures", bytes(8))
        self.refused("unsupported", self.do, "StartFrom", "s", "1")
        self.efi("LoaderFeatures", (4).to_bytes(8, "little"))
        self.do("StartFrom", "s", "1")
        self.assertEqual(self.chosen(), "os_1.efi")
        self.assertEqual((self.describe()["pending"], self.versions()["1"]["startsNext"]), ("", True))
        self.do("StartFrom", "s", "")
        self.assertEqual((self.chosen(), self.describe()["pending"]), (None, "2"))
        self.refused("not-found", self.do, "StartFrom", "s", "3")
        for nonsense in ("../1", "os_1.efi\n", "x" * 100_000, "1/../2", "OS_1 "):
            self.refused("bad-argument", self.do, "StartFrom", "s", nonsense)
        self.refused("not-found", self.do, "StartFrom", "s", "os_1.efi")
        self.give_up()
        self.refused("unsupported", self.do, "StartFrom", "s", "2")
        # It holds until the next update.
        self.do("StartFrom", "s", "1")
        self.update("3")
        self.assertEqual((self.chosen(), self.describe()["pending"]), (None, "3"))

    def test_keeping_a_version(self):
        self.offer(1, 2, 3)
        self.update("2")
        self.do("Keep", "sb", "2", True)
        self.assertTrue(self.versions()["2"]["kept"])
        error = self.refused("no-space", self.plan)
        self.assertTrue(error["why"])
        # It is there all the same, with its size.
        self.assertEqual((self.check()["version"], self.check()["fetch"]), ("3", self.releases[3].bytes))
        self.do("Keep", "sb", "2", False)
        self.assertEqual(self.plan()[1]["removes"], ["2"])
        self.refused("not-found", self.do, "Keep", "sb", "9", True)
        self.refused("bad-argument", self.do, "Keep", "sb", "a\nb", True)
        self.do("Keep", "sb", "9", False)

    def test_an_update_that_goes_on_takes_nothing_that_is_to_be_kept(self):
        self.offer(1, 2)
        job = self.half_fetched()
        self.refused("busy", self.do, "Keep", "sb", "1", True)
        self.updated(job)

    def test_features(self):
        address = "https://example.com/devel"
        self.write("usr/lib/sysupdate.d/devel.feature", f"[Feature]\nDescription=Tools for developers\nDocumentation={address}\nEnabled=false\n")
        transfer = (self.root / "usr/lib/sysupdate.d/90-kernel.transfer").read_text()
        self.write("usr/lib/sysupdate.d/50-devel.transfer", transfer.replace("OS_@v", "devel_@v").replace("[Transfer]", "[Transfer]\nFeatures=devel"))
        feature = {"id": "devel", "description": "Tools for developers", "documentation": address, "enabled": False}
        self.assertEqual(self.describe()["features"], [feature])
        self.do("SetFeature", "sb", "devel", True)
        self.assertEqual(self.describe()["features"], [feature | {"enabled": True}])
        ours = self.root / "etc/sysupdate.d/devel.feature.d/50-preon.conf"
        self.assertEqual(ours.read_text(), "[Feature]\nEnabled=yes\n")
        # systemd's own switch is read after ours.
        theirs = ours.with_name("50-systemd-sysupdate-enabled.conf")
        self.write(theirs.relative_to(self.root), "[Feature]\nEnabled=true\n")
        self.do("SetFeature", "sb", "devel", False)
        self.assertEqual((self.describe()["features"], theirs.read_text()), ([feature], "[Feature]\nEnabled=no\n"))
        self.write("etc/sysupdate.d/devel.feature.d/90-admin.conf", "[Feature]\nEnabled=no\n")
        self.refused("unsupported", self.do, "SetFeature", "sb", "devel", True)
        for nonsense in ("", "games", "../../x", "/etc/passwd", "x" * 100_000):
            self.refused("not-found", self.do, "SetFeature", "sb", nonsense, True)

    def test_policy_stays_and_is_kept_in_bounds(self):
        self.policy(automatic="fetch", metered=True, rate=2_000_000, notify=False)
        wished = {"automatic": "fetch", "metered": True, "rate": 2_000_000, "notify": False}
        self.policy(automatic="fetch")
        self.policy()
        self.end(self.helper)
        self.start_helper()
        self.assertEqual(self.describe()["policy"], wished)
        wrong = [("automatic", "s", "always"), ("automatic", "b", True), ("metered", "s", "yes"), ("rate", "t", 1), ("rate", "t", (1 << 64) - 1),
                 ("rate", "i", -1), ("rate", "u", 2_000_000), ("nonsense", "b", True), ("notify", "v", GLib.Variant("b", True)),
                 ("x" * 100_000, "as", ["x"] * 1000)]
        for name, kind, value in wrong:
            values = {"metered": GLib.Variant("b", False), name: GLib.Variant(kind, value)}
            self.refused("bad-argument", self.do, "SetPolicy", "a{sv}", values)
        self.assertEqual(self.describe()["policy"], wished)
        for nonsense in ("", "[]", "{" * 100_000, '{"automatic": 3, "metered": "yes", "rate": -5}'):
            self.write("var/lib/preon/update/policy.json", nonsense)
            self.assertEqual(self.describe()["policy"], {"automatic": "check", "metered": False, "rate": 0, "notify": True})

    def test_what_cannot_be_updated_says_why(self):
        self.write("run/preon/mode-live", "")
        self.assertEqual((self.describe()["problem"]["code"], self.describe()["versions"]), ("unsupported", []))
        for act in (self.check, self.plan, lambda: self.policy(metered=True), lambda: self.do("Discard"), lambda: self.do("StartFrom", "s", "")):
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
            spin(lambda: self.daemon(self.window, "NameHasOwner", "(s)", name), what=name)
        elif self.mocks[name][0] != path:
            self.tell(name, self.mocks[name][0], "AddObject", GLib.Variant("(ssa{sv}a(ssss))", (path, interface, {}, [])))
        for key, value in properties.items():
            self.tell(name, path, "AddProperty", GLib.Variant("(ssv)", (interface, key, value)))

    @staticmethod
    def daemon(caller, method, types, *values):
        bus = "org.freedesktop.DBus"
        return caller.connection.call_sync(bus, "/", bus, method, GLib.Variant(types, values), None, 0, -1, None).unpack()[0]

    def tell(self, name, path, method, arguments):
        self.window.connection.call_sync(name, path, "org.freedesktop.DBus.Mock", method, arguments, None, 0, -1, None)

    def test_what_speaks_for_and_against_it(self):
        manager = "org.freedesktop.NetworkManager"
        self.play(manager, "/org/freedesktop/NetworkManager", manager, State=GLib.Variant("u", 20), Metered=GLib.Variant("u", 4))
        self.assertEqual(self.describe()["connection"], {"online": False, "metered": False})
        upower = "org.freedesktop.UPower"
        self.play(upower, "/org/freedesktop/UPower", upower, OnBattery=GLib.Variant("b", True))
        battery = {"IsPresent": GLib.Variant("b", True), "Percentage": GLib.Variant("d", 8.6)}
        self.play(upower, "/org/freedesktop/UPower/devices/DisplayDevice", f"{upower}.Device", **battery)
        self.assertEqual(self.describe()["power"], {"onBattery": True, "percent": 9})
        login, root = "org.freedesktop.login1", "/org/freedesktop/login1"
        self.play(login, root, f"{login}.Manager")
        users = ((1000, "active"), (1001, "online"), (1002, "lingering"), (110, "active"), (OWNER, "active"))
        for user, state in users:
            person = (f"{root}/user/_{user}", f"{login}.User", {"State": GLib.Variant("s", state)}, [])
            self.tell(login, root, "AddObject", GLib.Variant("(ssa{sv}a(ssss))", person))
        people = [f"(dbus.UInt32({user}), 'u{user}', dbus.ObjectPath('{root}/user/_{user}'))" for user, _ in users]
        answer = f"ret = dbus.Array([{', '.join(people)}], signature='(uso)')"
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

    def by_itself_command(self):
        program, state = self.folder / "preonctl", self.folder / "state"  # where the build lies others than root may not look
        if not program.exists():
            shutil.copy(shutil.which("preonctl"), program)
            state.mkdir()
            os.chown(state, OWNER, OWNER)
        return as_user(OWNER, program, "update", "automatic"), dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS=self.address, STATE_DIRECTORY=str(state))

    def test_preonctl_says_so_too_before_it_asks(self):
        self.offer(1, 2)
        _, environment = self.by_itself_command()
        command = as_user(OWNER, self.folder / "preonctl", "update", "install", f"--root={self.root}", f"--disk={self.target}", f"--fetcher={self.fetcher}")
        manager = "org.freedesktop.NetworkManager"
        for metered, says in ((4, False), (1, True)):
            self.play(manager, "/org/freedesktop/NetworkManager", manager, State=GLib.Variant("u", 70), Metered=GLib.Variant("u", metered))
            done = subprocess.run(command, env=environment, input="n\n", capture_output=True, text=True, timeout=120)
            self.assertIn("Update? [y/N]", done.stdout, done)
            self.assertEqual("Every byte may cost" in done.stdout, says, done)
            self.is_as_before()
            if not says:
                self.tell(manager, "/org/freedesktop/NetworkManager", "Reset", None)

    def by_itself(self):
        command, environment = self.by_itself_command()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done)
        return done.stdout

    def test_by_itself_it_does_what_the_policy_says(self):
        self.offer(1, 2)
        self.policy(automatic="off")
        self.assertIn("nobody looks before a person asks", self.by_itself())
        self.assertEqual(self.describe()["checked"], 0)
        self.policy(automatic="check")
        said = self.by_itself()
        self.assertIn("Asking the server", said)
        self.assertIn("version 2 is fetched when a person says so", said)
        self.assertEqual(self.describe()["candidate"]["version"], "2")
        self.is_as_before()
        self.assertNotIn("Asking", self.by_itself())
        self.policy(automatic="fetch")
        self.assertIn("Version 2 is installed", self.by_itself())
        self.is_there(2)
        self.assertEqual(self.describe()["pending"], "2")
        self.assertEqual(self.window.call("ListJobs", interface="org.preon.Helper1")[0], [], "what it saw to its end is let go of")
        self.assertIn("nothing newer was there", self.by_itself())

    def test_by_itself_it_takes_nothing_that_was_stopped_since_it_was_found(self):
        self.offer(1, 2)
        self.check()
        self.policy(automatic="fetch")
        self.offer(1, 2, change=lambda files: files.update({"ROLLOUT-0-2": b""}))
        said = self.by_itself()
        self.assertIn("Fetching: version 2 is there", said)
        self.assertIn("Version 2 is not offered to this computer any more", said)
        self.is_as_before()
        self.assertIn("nothing newer was there", self.by_itself())
        self.assertFalse((self.folder / "state/attempts.json").exists(), "that was no failure")

    def test_by_itself_it_waits_for_mains_and_for_nobody_to_be_there(self):
        self.offer(1, 2)
        self.policy(automatic="fetch")
        upower, login = "org.freedesktop.UPower", "org.freedesktop.login1"
        self.play(upower, "/org/freedesktop/UPower", upower, OnBattery=GLib.Variant("b", True))
        self.play(login, "/org/freedesktop/login1", f"{login}.Manager", IdleHint=GLib.Variant("b", False))
        self.assertFalse(self.describe()["idle"])
        self.assertIn("waits for mains power", self.by_itself())
        self.tell(upower, "/org/freedesktop/UPower", "UpdateProperties", GLib.Variant("(sa{sv})", (upower, {"OnBattery": GLib.Variant("b", False)})))
        self.assertIn("waits until nobody is at the computer", self.by_itself())
        self.is_as_before()
        idle = {"IdleHint": GLib.Variant("b", True)}
        self.tell(login, "/org/freedesktop/login1", "UpdateProperties", GLib.Variant("(sa{sv})", (f"{login}.Manager", idle)))
        self.assertIn("Version 2 is installed", self.by_itself())

    def test_by_itself_a_server_that_is_not_there_is_an_error_once(self):
        self.policy(automatic="fetch")
        with self.assertRaises(AssertionError) as failed:
            self.by_itself()
        self.assertIn("Asking the server", str(failed.exception))
        self.assertIsNotNone(self.describe()["checkError"])
        self.assertIn("nothing newer was there", self.by_itself())

    def test_by_itself_it_rests_after_a_fetch_that_failed(self):
        self.offer(1, 2)
        self.policy(automatic="fetch")
        self.check()
        found = self.describe()["found"]
        self.assertAlmostEqual(found, time.time(), delta=60)
        self.check()
        self.assertEqual(self.describe()["found"], found)
        for file in (self.nginx.folder / "www").iterdir():
            if not file.name.startswith("SHA256SUMS"):
                file.unlink()
        with self.assertRaises(AssertionError) as failed:
            self.by_itself()
        self.assertIn("Fetching", str(failed.exception))
        self.assertEqual(json.loads((self.folder / "state/attempts.json").read_text())["failures"], 1)
        self.assertIn("not long ago", self.by_itself())
        self.is_as_before()

    def test_by_itself_it_stops_when_the_plug_is_pulled(self):
        self.offer(1, 2)
        self.policy(automatic="fetch", rate=SLOW // 32)
        upower = "org.freedesktop.UPower"
        self.play(upower, "/org/freedesktop/UPower", upower, OnBattery=GLib.Variant("b", False))
        self.check()
        command, environment = self.by_itself_command()
        program = self.start(command, env=environment, stdout=subprocess.PIPE, text=True)
        spin(lambda: self.window.call("ListJobs", interface="org.preon.Helper1")[0], what="work")
        self.tell(upower, "/org/freedesktop/UPower", "UpdateProperties", GLib.Variant("(sa{sv})", (upower, {"OnBattery": GLib.Variant("b", True)})))
        said = program.communicate(timeout=90)[0]
        self.assertIn("What was fetched is kept", said)
        self.assertEqual(program.returncode, 0)
        self.assertEqual(self.describe()["partial"]["version"], "2")
        self.is_as_before()

    def test_services_that_hang_hold_nobody_up_for_long(self):
        for name in ("org.freedesktop.NetworkManager", "org.freedesktop.UPower", "org.freedesktop.login1"):
            self.daemon(self.caller(), "RequestName", "(su)", name, 0)
        begun = time.monotonic()
        self.assertEqual(self.describe()["power"], {"onBattery": False, "percent": -1})
        self.assertLess(time.monotonic() - begun, 6)


if __name__ == "__main__":
    unittest.main()
