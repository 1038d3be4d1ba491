#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""preonctl of whoever is not root: it asks the helper, and says what that says."""

import json
import os
import shutil
import signal
import subprocess
import unittest

from stage import HELPER, OWNER, STRANGER, Stage, as_user, spin


class ByHelper(Stage):
    def setUp(self):
        super().setUp()
        self.program = self.folder / "preonctl"  # where the build lies others than root may not look
        shutil.copy(shutil.which("preonctl"), self.program)

    def command(self, *words, uid=OWNER):
        return as_user(uid, self.program, *words), dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS=self.address)

    def preonctl(self, *words, uid=OWNER, stdin=subprocess.DEVNULL):
        command, environment = self.command(*words, uid=uid)
        return subprocess.run(command, env=environment, stdin=stdin, capture_output=True, text=True, timeout=120)

    def install(self, disk, *words, **options):
        return self.preonctl("install", "--helper", f"--target={disk}", "--mode=erase", *words, **options)

    def test_it_shows_the_helpers_plan_and_installs(self):
        disk = self.disk()
        shown = self.install(disk, "--dry-run", "--language=de_DE.UTF-8")
        self.assertEqual((shown.returncode, shown.stderr), (0, ""))
        for words in ("Install Particle 1 on", "The disk is empty: nothing is lost.", "language: de_DE.UTF-8"):
            self.assertIn(words, shown.stdout)
        self.assertEqual(disk.stat().st_blocks, 0)
        as_json = json.loads(self.install(disk, "--dry-run", "--json").stdout)
        self.assertEqual((as_json["mode"], "text" in as_json), ("erase", False))
        done = self.install(disk, "--yes", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreater(json.loads(done.stdout)["result"]["written"], 1 << 27)
        table = json.loads(subprocess.run(["sfdisk", "--json", disk], capture_output=True, check=True).stdout)["partitiontable"]
        self.assertEqual(len(table["partitions"]), 4)
        self.assertEqual(self.caller().call("ListJobs", interface=HELPER)[0], [], "what it saw to its end is let go of")

    def test_without_anybody_to_ask_nothing_is_done(self):
        disk = self.disk()
        refused = self.install(disk)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("there is nobody to ask whether it may be erased. Say --yes", refused.stderr)
        self.assertEqual(disk.stat().st_blocks, 0)

    def test_what_the_helper_refuses_is_said_in_its_words(self):
        small = self.disk("small", 1 << 30)
        refused = self.install(small, "--yes")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("is too small", refused.stderr)
        self.assertEqual(json.loads(self.install(small, "--yes", "--json").stdout)["error"]["code"], "no-space")
        nothing = self.install(self.folder / "none.raw", "--yes")
        self.assertIn("knows no disk", nothing.stderr)
        stranger = self.install(small, "--yes", uid=STRANGER)
        self.assertEqual(stranger.returncode, 1)
        self.assertIn("not allowed", stranger.stderr)
        file = self.preonctl("install", "--helper", "--source=/etc/hostname", f"--target={small}", "--mode=erase")
        self.assertIn("installs the system that is running", file.stderr)

    def test_where_there_is_no_helper_that_is_said(self):
        self.end(self.helper)
        said = self.install(self.disk())
        self.assertEqual(said.returncode, 1)
        self.assertIn("Install the package preon-helper, or run this as root.", said.stderr)

    def test_work_is_listed_watched_and_stopped(self):
        disk = self.disk()
        command, environment = self.command("install", "--helper", f"--target={disk}", "--mode=erase", "--yes")
        working = self.start(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        looking = self.caller()
        spin(lambda: looking.call("ListJobs", interface=HELPER)[0], what="the work's begin")
        self.helper.send_signal(signal.SIGSTOP)
        self.addCleanup(self.helper.send_signal, signal.SIGCONT)
        watch, _ = self.command("job", "watch")
        watching = self.start(watch, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        # Who watches does not stop the work with Ctrl-C, who installs does.
        other = self.start(watch, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.helper.send_signal(signal.SIGCONT)
        listed = json.loads(self.preonctl("job", "list", "--json").stdout)
        self.assertEqual([(each["kind"], each["state"] in ("running", "done")) for each in listed], [("install", True)])
        other.send_signal(signal.SIGINT)
        self.assertNotEqual(other.wait(10), 0)
        working.send_signal(signal.SIGINT)
        out, err = working.communicate(timeout=60)
        watched, seen = watching.communicate(timeout=60)
        # Who began it lets go of it at its end, which may come before a watcher's next look.
        gone = "The work has ended: whoever began it has seen that and let go of it"
        if working.returncode == 0:  # the disk was faster than the key
            self.assertIn("is installed and was checked", out)
            self.assertTrue('"written"' in watched or gone in seen, watched + seen)
        else:
            self.assertIn("Stopped as asked", err)
            self.assertTrue("Stopped as asked" in seen or gone in seen, seen)
        self.assertEqual(self.preonctl("job", "list").stdout, "No work goes on, and none ended that anybody has yet to see.\n")

    def test_what_was_cut_off_is_named_and_let_go_of(self):
        caller = self.caller()
        self.disk()
        caller.apply(caller.plan(caller.disks()["disk"]["token"])[0])
        self.helper.send_signal(signal.SIGKILL)
        self.helper.wait()
        self.start_helper()
        listed = self.preonctl("job", "list")
        self.assertIn("interrupted", listed.stdout)
        watched = self.preonctl("job", "watch", listed.stdout.split()[0])
        self.assertEqual(watched.returncode, 1)
        self.assertIn("was cut off", watched.stderr)
        self.assertEqual(self.preonctl("job", "forget").returncode, 0)
        self.assertIn("There is no work", self.preonctl("job", "forget", "nobody").stderr)


if __name__ == "__main__":
    unittest.main()
