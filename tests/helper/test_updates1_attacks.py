#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Updating through the helper: callers, servers and records that mean ill; and who may what, by the real polkitd."""

import json
import time
import unittest

import test_polkit
from computer import SLOW, Computer, Updates, setUpModule  # noqa: F401
from gi.repository import GLib
from releases import Key
from servers import Server
from stage import OWNER, STRANGER, UPDATES, Refused, spin


class Attacks(Updates):
    def test_others_may_nothing(self):
        self.offer(1, 2)
        stranger, plan_id = self.caller(STRANGER), self.plan()[0]
        for act in (self.describe, self.check, lambda caller: self.plan(caller=caller), lambda caller: self.policy(caller, metered=True),
                    lambda caller: self.do("Discard", caller=caller), lambda caller: self.do("StartFrom", "s", "", caller=caller),
                    lambda caller: self.do("Keep", "sb", "1", True, caller=caller),
                    lambda caller: self.do("SetFeature", "sb", "devel", True, caller=caller)):
            self.refused("permission", act, stranger)
        # Plans belong to who was shown them, and to nobody of the same user.
        self.refused("not-found", self.apply, plan_id, stranger)
        self.refused("not-found", self.apply, plan_id, self.caller())
        self.is_as_before()

    def test_arguments_of_no_form(self):
        self.offer(1, 2)
        for nonsense in ("", "1", "x" * 100_000, "/etc/passwd"):
            self.refused("not-found", self.apply, nonsense)
        for name, value in (("metered", GLib.Variant("s", "yes")), ("metered", GLib.Variant("i", 1)), ("nothing", GLib.Variant("b", True)),
                            ("x" * 100_000, GLib.Variant("b", True))):
            self.refused("bad-argument", self.do, "Plan", "sa{sv}", "", {name: value})
        for version in ("../2", "2\n", "x" * 100_000, "\u00fc", "2 "):
            self.refused("bad-argument", self.plan, version)
        self.refused("not-found", self.plan, "9")
        self.refused("exists", self.plan, "1")
        for method, *arguments in (("Describe", "s", "x"), ("Plan", "s", "2"), ("Keep", "ss", "1", "yes"), ("Nothing",)):
            with self.assertRaises(GLib.Error):
                self.do(method, *arguments)
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
        # Nor is anybody told more than that.
        self.assertLessEqual(len(self.changed()), 3)

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
        for change in ({"version": "../2"}, {"version": 2}, {"changeLog": "file:///etc/passwd"}, {"fetch": -1}, {"fetch": 1 << 60}, {"parts": [{}]},
                       {"notes": ["x"]}):
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
        for act in (lambda: self.apply(plan_id), lambda: self.do("Discard"), lambda: self.policy(metered=True),
                    lambda: self.do("Keep", "sb", "1", True), lambda: self.do("StartFrom", "s", ""),
                    lambda: self.do("SetFeature", "sb", "devel", True)):
            self.refused("permission", act)
        self.refused("permission", self.describe, self.caller(OWNER))
        self.is_as_before()

    def test_who_may_update_may_not_choose_nor_update_to_what_nobody_signed(self):
        self.offer(1, 2)
        self.authority("update")
        signed, _ = self.plan()
        for act in (lambda: self.policy(metered=True), lambda: self.do("Keep", "sb", "1", True), lambda: self.do("StartFrom", "s", "")):
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
