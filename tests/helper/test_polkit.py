#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may do what, by the real polkitd and the policy that we ship.

There is no logind here, so nobody is at the screen: what the policy allows to an active user is seen in a virtual machine (tests/vm)."""

import os
import subprocess
import unittest
from pathlib import Path

from gi.repository import GLib
from stage import HELPER, JOB, OWNER, STRANGER, Stage, spin

POLICY = Path(os.environ["PREON_TOP"]) / "packaging/polkit"
OTHER = 2  # the user bin
RULE = 'polkit.addRule(function(action, subject) {{ if (action.id == "{action}" && subject.user == "{user}") return polkit.Result.YES; }});\n'


class Asked(Stage):
    BUS_KIND = "system"
    OPTIONS = None

    def setUp(self):
        super().setUp()
        self.polkit = Path("/run/polkit-1")
        self.polkit.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", self.polkit], check=True)
        self.addCleanup(subprocess.run, ["umount", self.polkit], check=True)
        for name in ("actions", "rules.d"):
            (self.polkit / name).mkdir()
        # Only root and the owner of an action may ask about others; here the helper is no root.
        owner = '<annotate key="org.freedesktop.policykit.owner">unix-user:nobody</annotate>\n  </action>'
        (self.polkit / "actions/org.preon.policy").write_text((POLICY / "org.preon.policy").read_text().replace("</action>", owner))

    def authority(self, rules):
        (self.polkit / "rules.d/50-test.rules").write_text(rules)
        log = self.folder / "polkit.log"
        environment = dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS=self.address)
        with log.open("w") as file:
            self.start(["setpriv", "--reuid=polkitd", "--regid=polkitd", "--clear-groups", "/usr/lib/polkit-1/polkitd"], env=environment, stdout=file, stderr=file)
        watcher = self.caller()
        name = GLib.Variant("(s)", ("org.freedesktop.PolicyKit1",))
        spin(lambda: watcher.connection.call_sync("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "NameHasOwner", name, None, 0, -1, None).unpack()[0], what="polkit's start")
        watcher.leave()
        self.assertNotIn("Error compiling", log.read_text())
        self.start_helper("--polkit")

    def test_without_being_at_the_screen_nobody_may_look_or_install(self):
        self.disk()
        self.authority((POLICY / "live.rules").read_text())
        for user in (OWNER, STRANGER):
            caller = self.caller(user)
            for method in ("ListDisks", "DescribeMachine"):
                self.assertIn("nobody was there to be asked", self.refused("permission", caller.call, method)["why"])

    def test_who_may_look_may_not_install(self):
        disk = self.disk()
        self.authority(RULE.format(action="org.preon.look", user="daemon"))
        caller, other = self.caller(STRANGER), self.caller(OTHER)
        plan_id, _ = caller.plan(caller.disks()["disk"]["token"])
        self.refused("permission", caller.apply, plan_id)
        self.refused("permission", other.disks)
        self.assertEqual((caller.call("ListJobs", interface=HELPER)[0], disk.stat().st_blocks), ([], 0))

    def test_who_may_install_and_who_may_stop_it(self):
        self.disk()
        self.authority(RULE.format(action="org.preon.look", user="daemon") + RULE.format(action="org.preon.install", user="daemon"))
        caller, same, other = self.caller(STRANGER), self.caller(STRANGER), self.caller(OTHER)
        job = caller.apply(caller.plan(caller.disks()["disk"]["token"])[0])
        for method in ("Cancel", "Forget", "Describe"):
            self.refused("permission", other.call, method, interface=JOB, path=job)
        caller.leave()
        self.assertEqual(same.wait_for_state(job, "done", "failed"), "done")
        self.refused("permission", other.call, "Forget", interface=JOB, path=job)
        same.call("Forget", interface=JOB, path=job)

    def test_without_an_authority_nothing_is_allowed(self):
        self.disk()
        self.start_helper("--polkit")
        self.assertIn("did not answer", self.refused("permission", self.caller().disks)["why"])

    def test_a_question_ends_with_who_asked(self):
        """Callers that leave while polkit is asked about them harm nobody."""
        self.disk()
        self.authority(RULE.format(action="org.preon.look", user="daemon"))
        leaving, staying = self.caller(OTHER), self.caller(STRANGER)
        for _ in range(8):
            leaving.send("ListDisks")
        leaving.connection.flush_sync(None)
        leaving.leave()
        self.assertEqual(len(staying.disks()), 1)


if __name__ == "__main__":
    unittest.main()
