#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may do what, by the real polkitd and the policy that we ship.

There is no logind here, so nobody is at the screen: what the policy allows to an active user is seen in a virtual machine (tests/vm)."""

import os
import shutil
import subprocess
import time
import unittest
from pathlib import Path

from gi.repository import GLib
from stage import HELPER, JOB, OWNER, STRANGER, Refused, Stage, spin

POLICY = Path(os.environ["PREON_TOP"]) / "packaging/polkit"
ACTIONS = Path(shutil.which("preond")).parents[1] / "share/polkit-1/actions/org.preon.policy"  # with its translations in it
OTHER = 2  # the user bin
RULE = 'polkit.addRule(function(action, subject) {{ if (action.id == "{action}" && subject.user == "{user}") return polkit.Result.YES; }});\n'


class WithPolkit(Stage):
    """Who may do what is polkitd's word; authority() starts it, and the helper."""

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
        (self.polkit / "actions/org.preon.policy").write_text(ACTIONS.read_text().replace("</action>", owner))

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


class Asked(WithPolkit):
    def described(self, locale):
        """What polkit's dialog says when it asks whether our actions may be done."""
        caller = self.caller()
        found = caller.connection.call_sync("org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.PolicyKit1.Authority", "EnumerateActions",
                                            GLib.Variant("(s)", (locale,)), None, 0, -1, None).unpack()[0]
        caller.leave()
        return {action[0]: action[2] for action in found if action[0].startswith("org.preon.")}

    def test_people_are_asked_in_their_language(self):
        self.authority("")
        english = self.described("en_US.UTF-8")
        self.assertEqual(english["org.preon.install"], "Your password is needed to install an operating system on $(disk)")
        for locale in ("ar_EG", "de_DE", "es_ES", "fr_FR", "ja_JP", "pt_BR", "zh_CN"):
            said = self.described(f"{locale}.UTF-8")
            self.assertEqual((said.keys(), len(said)), (english.keys(), 7))
            for action, message in said.items():
                self.assertNotEqual(message, english[action], locale)
            self.assertIn("$(disk)", said["org.preon.install"])
        self.assertEqual(self.described("de_DE.UTF-8")["org.preon.install"], "Um ein Betriebssystem auf $(disk) zu installieren, wird Ihr Passwort gebraucht")

    def test_without_being_at_the_screen_nobody_may_look_or_install(self):
        self.disk()
        self.authority((POLICY / "live.rules").read_text())
        for user in (OWNER, STRANGER):
            caller = self.caller(user)
            for method in ("ListDisks", "DescribeMachine"):
                self.assertIn("nobody was there to be asked", self.refused("permission", caller.call, method, interactive=True)["why"])
                self.assertIn("did not allow to ask", self.refused("permission", caller.call, method)["why"])

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

    def test_a_flood_of_one_user_keeps_no_other_out(self):
        self.disk()
        self.authority("".join(RULE.format(action="org.preon.look", user=user) for user in ("daemon", "bin")))
        flooders = [self.caller(STRANGER) for _ in range(150)]
        answers = [flooder.send("ListDisks") for flooder in flooders for _ in range(8)]
        for flooder in flooders:
            flooder.connection.flush_sync(None)
        other = self.caller(OTHER)
        begun = time.monotonic()
        self.assertEqual(len(other.disks()), 1)
        self.assertLess(time.monotonic() - begun, 15)
        spin(lambda: all(answers), what="an answer to each")
        refused = [each[0] for each in answers if isinstance(each[0], Refused)]
        self.assertEqual({each.code for each in refused}, {"busy"})
        self.assertTrue(any("connected" in each.error["why"] for each in refused) and any("same user" in each.error["why"] for each in refused))
        self.assertTrue(len(refused) < len(answers))

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
