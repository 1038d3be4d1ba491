#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Installing through the helper: what a window does, and what one that means ill would try."""

import json
import os
import signal
import subprocess
import time
import unittest

from gi.repository import GLib
from stage import HELPER, JOB, OWNER, STRANGER, Refused, Stage, as_user, spin


WIFI_PASSWORD = "correct horse 4711"


def table(path):
    done = subprocess.run(["sfdisk", "--json", path], capture_output=True, text=True, check=False)
    return json.loads(done.stdout)["partitiontable"]["partitions"] if done.returncode == 0 else []


class Asking(Stage):
    def test_what_a_window_wants_to_know(self):
        self.disk()
        self.disk("small", 100 << 20)
        caller = self.caller()
        machine = json.loads(caller.call("DescribeMachine")[0])
        self.assertEqual((machine["system"]["name"], machine["firmware"]), ("Particle", "none"))
        disks = caller.disks()
        self.assertEqual(set(disks), {"disk", "small"})
        self.assertEqual((disks["disk"]["size"], disks["disk"]["content"], disks["disk"]["modes"]["erase"]), (8 << 30, [], None))
        self.assertEqual(disks["small"]["modes"]["erase"]["code"], "no-space")
        self.assertEqual(disks["disk"]["modes"]["beside"]["code"], "bad-argument")
        self.assertEqual(caller.call("Get", GLib.Variant("(ss)", (HELPER, "Session")), "org.freedesktop.DBus.Properties")[0], "sandbox")

    def test_a_plan_says_everything_and_does_nothing(self):
        disk = self.disk()
        before = disk.stat().st_blocks, disk.stat().st_mtime_ns
        caller = self.caller()
        plan = caller.plan(caller.disks()["disk"]["token"])[1]
        self.assertEqual((plan["mode"], plan["lost"]), ("erase", []))
        self.assertIn("Copying the system", [phase["name"] for phase in plan["phases"]])
        self.assertIn("home", [partition["type"] for partition in plan["firstBoot"]["partitions"]])
        self.assertEqual((disk.stat().st_blocks, disk.stat().st_mtime_ns), before)

    def test_disks_come_and_go(self):
        caller = self.caller()
        self.assertEqual(caller.disks(), {})
        path = self.disk("new")
        spin(lambda: any(name == "DisksChanged" for _, _, name, _ in caller.signals), what="word of the new disk")
        token = caller.disks()["new"]["token"]
        path.unlink()
        self.assertEqual(caller.disks(), {})
        self.refused("changed", caller.plan, token)

    def test_tokens_and_plans_belong_to_who_got_them(self):
        self.disk()
        first, second = self.caller(), self.caller()
        token = first.disks()["disk"]["token"]
        self.assertEqual(first.disks()["disk"]["token"], token)
        self.assertNotEqual(second.disks()["disk"]["token"], token)
        self.refused("not-found", second.plan, token)
        plan_id, _ = first.plan(token)
        self.refused("not-found", second.apply, plan_id)
        self.assertEqual(table(self.disks / "disk.raw"), [])

    def test_nonsense_is_refused_in_words(self):
        self.disk()
        caller = self.caller()
        token = caller.disks()["disk"]["token"]
        for nonsense in ("", "x" * 100_000, str(self.disks / "disk.raw"), "/dev/sda", "../../disk", token[:-1], token.upper() + "\n"):
            self.refused("not-found", caller.plan, nonsense)
            self.refused("not-found", caller.apply, nonsense)
        for mode in ("", "Erase", "erase ", "shrink", "e" * 100_000):
            self.refused("bad-argument", caller.plan, token, mode)
        self.refused("bad-argument", caller.plan, token, nonsense=True)
        self.refused("bad-argument", lambda: caller.call("Plan", GLib.Variant("(ssa{sv})", (token, "erase", {"allow-removable": GLib.Variant("s", "yes")}))))
        for name, value in (("language", "de_DE"), ("keyboard", "-x"), ("time-zone", "../../etc"), ("hostname", "a b"), ("protection", "none"), ("password", "x"), ("language", 1), ("network", "AAAA"),
                            ("wifi", ""), ("wifi", "Home wpa-psk " + WIFI_PASSWORD), ("wifi", "486f6d65 wpa-psk short"), ("wifi", "486f6d65 wpa-psk " + WIFI_PASSWORD + "\n"), ("wifi", 1)):
            value = GLib.Variant("s", value) if isinstance(value, str) else GLib.Variant("u", value)
            self.refused("bad-argument", lambda: caller.call("Plan", GLib.Variant("(ssa{sv})", (token, "erase", {name: value}))))
        wrong = {"Plan": [None, GLib.Variant("(s)", (token,)), GLib.Variant("(uss)", (1, "a", "b")), GLib.Variant("(ssa{ss})", (token, "erase", {"a": "b"}))],
                 "Apply": [None, GLib.Variant("(o)", ("/",)), GLib.Variant("(ss)", ("a", "b"))],
                 "ListDisks": [GLib.Variant("(s)", ("/dev",))], "Restart": [None]}  # fmt: skip
        for method, calls in wrong.items():
            for arguments in calls:
                with self.assertRaises(GLib.Error):
                    caller.call(method, arguments)
        with self.assertRaises(GLib.Error):
            caller.call("Cancel", interface=JOB, path="/org/preon/Helper1/job/00000000000000000000000000000000")
        self.assertEqual(len(caller.disks()), 1)

    def test_a_stranger_is_refused_everything(self):
        self.disk()
        stranger = self.caller(STRANGER)
        for method in ("DescribeMachine", "ListDisks"):
            self.refused("permission", stranger.call, method)
        owner = self.caller()
        token = owner.disks()["disk"]["token"]
        self.refused("not-found", stranger.plan, token)

    def test_a_prepared_disk_hides_no_other(self):
        self.disk("other")
        strange, huge = self.disk("strange"), self.disk("huge")
        # Noncharacters of Unicode, which the bus takes for no text.
        subprocess.run(["sfdisk", "--quiet", strange], input="label: gpt\nsize=8M, name=\"\uffff\ufdd0x\"\n".encode(), check=True)
        subprocess.run(["sfdisk", "--quiet", huge], input=b"label: gpt\ntable-length: 4000\nsize=8M\n", check=True)
        disks = self.caller().disks()
        self.assertEqual(set(disks), {"other", "strange", "huge"})
        self.assertIsNone(disks["strange"]["modes"]["erase"])
        self.assertIn("4000 entries", disks["huge"]["damage"])

    def test_a_flood_is_answered_or_refused_and_others_are_served(self):
        self.disk()
        flooder, other = self.caller(), self.caller()
        answers = [flooder.send("ListDisks") for _ in range(120)]  # the bus itself stops more than 128
        self.assertEqual(len(other.disks()), 1)
        spin(lambda: all(answers), what="an answer to each")
        refused = [each[0] for each in answers if isinstance(each[0], Refused)]
        self.assertEqual({each.code for each in refused}, {"busy"})
        self.assertTrue(0 < len(refused) < 120)
        self.assertEqual(len(flooder.disks()), 1)

    def test_so_many_plans_and_no_more(self):
        self.disk()
        caller = self.caller()
        token = caller.disks()["disk"]["token"]
        plans = [caller.plan(token)[0] for _ in range(9)]
        self.refused("not-found", caller.apply, plans[0])

    def test_one_user_with_many_connections_keeps_nobody_out(self):
        self.disk()
        strangers = [self.caller(STRANGER) for _ in range(200)]
        for stranger in strangers:
            stranger.send("ListDisks")
        self.assertEqual(len(self.caller().disks()), 1)

    @staticmethod
    def try_disks(caller):
        try:
            return caller.disks()
        except Refused as refused:
            return refused

    def test_who_leaves_in_the_middle_of_a_question_harms_nobody(self):
        self.disk()
        for _ in range(20):
            caller = self.caller()
            for _ in range(5):
                caller.send("ListDisks")
            caller.connection.flush_sync(None)
            caller.leave()
        caller = self.caller()
        spin(lambda: not isinstance(self.try_disks(caller), Refused), 10, "the end of questions that nobody waits for")


class Installing(Stage):
    def begin(self, caller, name="disk"):
        return caller.apply(caller.plan(caller.disks()[name]["token"])[0])

    def test_a_disk_is_installed_and_everybody_can_look_on(self):
        disk = self.disk()
        caller, window = self.caller(), self.caller()
        job = self.begin(caller)
        self.assertEqual(window.call("ListJobs", interface=HELPER)[0], [job])
        self.assertEqual(window.wait_for_state(job, "done", "failed"), "done")
        kinds = [partition["name"] for partition in table(disk)]
        self.assertEqual([name.split("_")[0] for name in kinds], ["ESP", "Particle", "Particle", "Particle"])
        plan, result, error, _ = window.call("Describe", interface=JOB, path=job)
        self.assertEqual((json.loads(plan)["mode"], error), ("erase", ""))
        self.assertGreater(json.loads(result)["written"], 100 << 20)
        self.assertIn("disk.raw", window.job(job, "Target"))
        told = lambda name: [each[3][1].get(name) for each in window.signals if each[0] == job and each[2] == "PropertiesChanged"]
        spin(lambda: "done" in told("State"), what="word of the end")
        phases = [phase["name"] for phase in json.loads(plan)["phases"]]
        self.assertEqual([phase for phase in told("Phase") if phase], [phase for phase in phases if phase in told("Phase")])
        self.assertTrue({"Copying the system", "Checking what was written", "Writing the partition table"} <= set(told("Phase")))
        self.assertTrue(any((done or 0) > 0 for done in told("Done")))

    def test_the_password_of_a_network_is_in_no_answer_and_no_record(self):
        disk, caller = self.disk(), self.caller()
        options = {"wifi": GLib.Variant("s", f"{'Home'.encode().hex()} wpa-psk {WIFI_PASSWORD}")}
        plan_id, plan = caller.call("Plan", GLib.Variant("(ssa{sv})", (caller.disks()["disk"]["token"], "erase", options)))
        self.assertEqual(json.loads(plan)["network"], "Home")
        job = caller.apply(plan_id)
        self.assertEqual(caller.wait_for_state(job, "done", "failed"), "done")
        described = caller.call("Describe", interface=JOB, path=job)
        # A disk in a file will be started by another computer: nothing is carried over, and that is said.
        self.assertIn("will be asked for again", described[1])
        known = plan + str(described) + str(caller.call("GetAll", GLib.Variant("(s)", (JOB,)), "org.freedesktop.DBus.Properties", job))
        self.assertNotIn(WIFI_PASSWORD, known)
        found = subprocess.run(["grep", "-rlaF", WIFI_PASSWORD, self.folder, "--exclude=image.raw"], capture_output=True, text=True, check=False)
        self.assertEqual((found.returncode, found.stdout), (1, ""), f"in files, {disk} among them")

    def test_a_plan_that_was_carried_out_is_no_longer_true(self):
        self.disk()
        caller = self.caller()
        plan_id, _ = caller.plan(caller.disks()["disk"]["token"])
        self.assertEqual(caller.wait_for_state(caller.apply(plan_id), "done", "failed"), "done")
        self.assertIn("what is on the disk is not what it was", self.refused("changed", caller.apply, plan_id)["why"])
        lost = caller.plan(caller.disks()["disk"]["token"])[1]["lost"]
        self.assertEqual(len(lost), 4)

    def test_a_disk_that_was_changed_or_exchanged_since_is_not_touched(self):
        disk = self.disk()
        caller = self.caller()
        for change in (lambda: subprocess.run(["sfdisk", "--quiet", disk], input="label: gpt\n,,linux\n", text=True, check=True, capture_output=True),
                       lambda: os.truncate(disk, 9 << 30), disk.unlink):  # fmt: skip
            plan_id, _ = caller.plan(caller.disks()["disk"]["token"])
            change()
            with self.assertRaises(Refused) as raised:
                caller.apply(plan_id)
            self.assertIn(raised.exception.code, ("changed", "not-found"))
        self.assertEqual(caller.call("ListJobs", interface=HELPER)[0], [])

    def test_one_disk_takes_one_installation_at_a_time(self):
        self.disk()
        first, second = self.caller(), self.caller()
        plans = [caller.plan(caller.disks()["disk"]["token"])[0] for caller in (first, second)]
        answers = [first.send("Apply", GLib.Variant("(s)", (plans[0],))), second.send("Apply", GLib.Variant("(s)", (plans[1],))),
                   first.send("Apply", GLib.Variant("(s)", (plans[0],)))]  # fmt: skip
        spin(lambda: all(answers), what="three answers")
        begun = [each[0][0] for each in answers if not isinstance(each[0], Refused)]
        self.assertEqual(len(begun), 1, answers)
        self.assertTrue(all(each[0].code in ("busy", "changed") for each in answers if isinstance(each[0], Refused)), answers)
        self.assertEqual(first.wait_for_state(begun[0], "done", "failed"), "done")

    def test_it_goes_on_when_the_window_is_killed_and_can_be_found(self):
        disk = self.disk()
        caller = self.caller()
        job = self.begin(caller)
        caller.leave()
        another = self.caller()
        self.assertEqual(another.call("ListJobs", interface=HELPER)[0], [job])
        self.assertEqual(another.wait_for_state(job, "done", "failed"), "done")
        self.assertEqual(len(table(disk)), 4)

    def begun_in(self, phase, act):
        """An installation to which something is done in that phase. Where it was faster than we it is begun anew."""
        disk, caller = self.disk(), self.caller()
        for _ in range(8):
            job = self.begin(caller)
            spin(lambda: caller.job(job, "Phase") == phase or caller.job(job, "State") != "running", what=phase)
            if caller.job(job, "Phase") == phase and act(caller, job):
                return disk, caller, job
            caller.wait_for_state(job, "done")
            caller.call("Forget", interface=JOB, path=job)
        raise AssertionError(f"{phase} was over each time before anything could be done")

    @staticmethod
    def cancel(caller, job):
        try:
            caller.call("Cancel", interface=JOB, path=job)
            return True
        except Refused as refused:
            if refused.code not in ("busy", "bad-argument"):  # too late
                raise
            return False

    def cancel_in(self, phase):
        disk, caller, job = self.begun_in(phase, self.cancel)
        self.assertEqual(caller.wait_for_state(job, "done", "failed"), "failed")
        error = json.loads(caller.call("Describe", interface=JOB, path=job)[2])
        self.assertEqual(error["code"], "cancelled")
        self.assertIn("no partition table now", error["why"])
        self.assertEqual(table(disk), [])
        self.assertFalse(caller.job(job, "Cancellable"))
        self.refused("bad-argument", caller.call, "Cancel", interface=JOB, path=job)
        return caller, job

    def test_cancelled_while_copying(self):
        caller, job = self.cancel_in("Copying the system")
        stranger = self.caller(STRANGER)
        self.refused("permission", stranger.call, "Forget", interface=JOB, path=job)
        caller.call("Forget", interface=JOB, path=job)
        self.assertEqual(caller.call("ListJobs", interface=HELPER)[0], [])
        again = self.begin(caller)
        self.assertEqual(caller.wait_for_state(again, "done", "failed"), "done")

    def test_cancelled_while_checking(self):
        self.cancel_in("Checking what was written")

    def test_a_stranger_can_neither_cancel_nor_read_the_log(self):
        self.disk()
        caller, stranger = self.caller(), self.caller(STRANGER)
        job = self.begin(caller)
        for method in ("Cancel", "Describe"):
            self.refused("permission", stranger.call, method, interface=JOB, path=job)
        self.assertEqual(caller.wait_for_state(job, "done", "failed"), "done")

    def test_work_that_was_cut_off_is_named_and_can_be_done_again(self):
        def kill(*_):
            self.helper.send_signal(signal.SIGKILL)
            return self.helper.wait() == -signal.SIGKILL

        disk, caller, job = self.begun_in("Copying the system", kill)
        self.assertEqual(table(disk), [])
        self.start_helper()
        self.assertEqual(caller.call("ListJobs", interface=HELPER)[0], [job])
        self.assertEqual(caller.job(job, "State"), "interrupted")
        self.assertIn("disk.raw", caller.job(job, "Target"))
        self.assertEqual(caller.wait_for_state(self.begin(caller), "done", "failed"), "done")
        caller.call("Forget", interface=JOB, path=job)
        self.assertEqual(len(caller.call("ListJobs", interface=HELPER)[0]), 1)
        self.assertEqual(len(table(disk)), 4)

    def test_a_helper_that_is_asked_to_end_stops_where_it_is_safe(self):
        def end(*_):
            self.helper.send_signal(signal.SIGTERM)
            return self.helper.wait(30) == 0

        disk, caller, job = self.begun_in("Copying the system", end)
        self.assertEqual(table(disk), [])
        self.start_helper()
        self.assertEqual(caller.job(job, "State"), "failed")
        self.assertEqual(json.loads(caller.call("Describe", interface=JOB, path=job)[2])["code"], "cancelled")

    def test_preonctl_is_seen_too(self):
        self.disk()
        caller = self.caller()
        self.assertEqual(caller.call("ListJobs", interface=HELPER)[0], [])
        record = {"id": "11111111-2222-4333-8444-555555555555", "kind": "install", "target": "A disk", "state": "running", "phase": "Copying the system",
                  "done": 5, "total": 10, "began": 1, "changed": 1, "plan": {}, "result": None}  # fmt: skip
        folder = self.disks / ".machine/var/lib/preon/jobs"
        folder.mkdir(parents=True, exist_ok=True)
        lock = folder / (record["id"] + ".lock")
        holder = self.start(["flock", lock, "cat"], stdin=subprocess.PIPE)
        spin(lock.exists)
        time.sleep(0.2)
        (folder / (record["id"] + ".json")).write_text(json.dumps(record))
        os.chmod(lock, 0o644)
        spin(lambda: caller.call("ListJobs", interface=HELPER)[0], what="sight of it")
        jobs = caller.call("ListJobs", interface=HELPER)[0]
        self.assertEqual((len(jobs), caller.job(jobs[0], "State"), caller.job(jobs[0], "Done"), caller.job(jobs[0], "Cancellable")), (1, "running", 5, False))
        # Nobody's by name, so it may be forgotten by whom polkit allows, but not while it goes on.
        self.refused("busy", caller.call, "Forget", interface=JOB, path=jobs[0])
        holder.stdin.close()
        holder.wait()
        spin(lambda: caller.job(jobs[0], "State") == "interrupted", what="the end of the other's work")


class Starting(Stage):
    OPTIONS = None

    def says(self, words, *command):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
        self.assertEqual(done.returncode, 1, done)
        self.assertIn(words, done.stderr)

    def test_a_sandbox_is_never_made_as_root_and_the_machine_never_by_others(self):
        sandbox = [f"--sandbox={self.disks}", f"--image={self.image}"]
        self.says("not made as root", self.preond, *sandbox, f"--bus={self.address}")
        self.says("for root", *as_user(OWNER, self.preond))
        for option in (f"--image={self.image}", f"--bus={self.address}", "--polkit"):
            self.says("of a sandbox", self.preond, option)
        self.says("needs a system", *as_user(OWNER, self.preond, sandbox[0]))
        self.says("no arguments", *as_user(OWNER, self.preond, *sandbox, "more"))
        self.says("could not be used", *as_user(OWNER, self.preond, f"--sandbox={self.disks}/none", sandbox[1]))

    def test_what_it_is_linked_with(self):
        """Nothing that speaks to a network or unpacks what came from there."""
        text = subprocess.run(["readelf", "--dynamic", "--wide", self.preond], capture_output=True, text=True, check=True).stdout
        needed = [line.split("[")[1].rstrip("]") for line in text.splitlines() if "(NEEDED)" in line]
        self.assertTrue(any(name.startswith("libsdbus-c++") for name in needed), needed)
        wrong = ("libcurl", "libzstd", "liblzma", "libz.", "libbz2", "libarchive", "libgnutls", "libnghttp", "libQt")
        self.assertEqual([name for name in needed if name.startswith(wrong)], [])

    def test_it_leaves_when_nobody_needs_it(self):
        self.helper = self.start(as_user(OWNER, self.preond, f"--sandbox={self.disks}", f"--image={self.image}", f"--bus={self.address}", "--idle=2"))
        time.sleep(1)
        caller = self.caller()
        spin(lambda: not isinstance(Asking.try_disks(caller), Refused))
        time.sleep(4)
        self.assertIsNone(self.helper.poll(), "it left while somebody had its tokens")
        caller.leave()
        self.assertEqual(self.helper.wait(10), 0)


if __name__ == "__main__":
    unittest.main()
