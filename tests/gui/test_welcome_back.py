#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The welcome of a system that was installed anew around people's homes: whoever has the password of one is back in it, others make an account of their own."""
import unittest

from test_firststart import NO_HOMED, Story, desktop, key

from desktop import HOME_PASSWORD, wait_for

ANNA = {"userName": "anna", "storage": "luks", "size": 120 * 10**9}
OTTO = {"userName": "otto", "storage": "directory", "size": 0}
WRONG = "Apple tree and pear"


class WelcomeBack(Story):
    def tearDown(self):
        super().tearDown()
        self.assertNotIn(HOME_PASSWORD, desktop.log("installer"))

    def arrive(self, *homes, **facts):
        self.machine(homes=list(homes), **facts)
        self.window.page("Welcome to Particle")
        self.window.press("button", "Continue")
        self.window.page("Welcome back")

    def chosen(self, name):
        wait_for(f"“{name}” chosen", lambda: (lambda card: card and card.has("CHECKED"))(self.window.look("radio button", name)))

    def open_home(self, password=HOME_PASSWORD):
        self.fill("homePassword", password)
        self.window.press("button", "Continue")

    def test_the_only_home_needs_its_password_and_nothing_else(self):
        self.arrive(ANNA)
        self.chosen("anna")
        self.assertIn("An encrypted home, 120", self.window.find("radio button", "anna").description)
        self.window.find(name="Step 2 of 4")
        self.open_home()
        self.window.page("Keep this recovery key")
        self.window.press("button", "I have it")
        self.type_group()
        self.window.page("Ready, Anna?")
        self.window.find("label", "Anna Schmidt, signing in as “anna”")
        self.window.find("label", "Your home as you left it")
        plan = self.asked_for("Plan")[-1]
        self.assertIn('"account": "kept"', plan)
        self.assertIn('"user-name": "anna"', plan)
        self.assertNotIn("real-name", plan)
        desktop.owned(self.mock, result={"account": "anna", "recoveryKey": "tested"})
        self.window.press("button", "Open my home and begin")
        self.window.page("Welcome, Anna")
        self.assertTrue(any(HOME_PASSWORD in line for line in self.asked_for("Apply")))

    def test_another_password_opens_nothing(self):
        self.arrive(ANNA)
        self.blocked()
        self.open_home(WRONG)
        self.note("homePassword", "This password does not open it.")
        self.assertEqual(len(self.window.find(id="homePasswordField").text), len(WRONG))
        self.fill("homePassword", WRONG[:-1])
        self.note("homePassword", "The recovery key of this home opens it as well.")
        self.open_home()
        self.window.page("Keep this recovery key")

    def test_of_several_one_is_chosen(self):
        self.arrive(ANNA, OTTO)
        self.blocked()
        self.assertIsNone(self.window.look(id="homePasswordField"))
        self.window.find("radio button", "otto").press()
        self.chosen("otto")
        self.assertIn("A home in a folder", self.window.find("radio button", "otto").description)
        self.open_home()
        self.window.page("Keep this recovery key")
        self.window.press("button", "Go on without one")
        self.window.page("Ready, Otto?")
        # Somebody else after all: nothing of the first one stays.
        key("Escape")
        self.window.page("Keep this recovery key")
        key("Escape")
        self.window.page("Welcome back")
        self.window.find("radio button", "anna").press()
        self.chosen("anna")
        self.assertEqual(self.window.find(id="homePasswordField").text, "")
        self.open_home()
        self.window.page("Keep this recovery key")
        self.window.press("button", "Go on without one")
        self.window.page("Ready, Anna?")

    def test_a_new_account_is_made_as_ever(self):
        self.arrive(ANNA)
        self.window.find("radio button", "Make a new account").press()
        self.chosen("Make a new account")
        self.window.press("button", "Continue")
        self.introduce("Carla Blum")
        self.lock()
        self.window.press("button", "Go on without one")
        self.window.page("Ready, Carla?")
        self.assertIn('"account": "encrypted"', self.asked_for("Plan")[-1])
        self.assertEqual(self.asked_for("OpenHome"), [])

    def test_back_from_a_home_to_a_new_account_forgets_its_person(self):
        self.arrive(ANNA)
        self.open_home()
        self.window.page("Keep this recovery key")
        key("Escape")
        self.window.page("Welcome back")
        self.assertEqual(len(self.window.find(id="homePasswordField").text), len(HOME_PASSWORD))
        # What opened it before does not count for what is typed now.
        self.open_home(WRONG)
        self.note("homePassword", "This password does not open it.")
        self.window.find("radio button", "Make a new account").press()
        self.chosen("Make a new account")
        self.window.press("button", "Continue")
        self.window.page("Who uses this computer?")
        self.assertEqual((self.window.find(id="realNameField").text, self.window.find(id="userNameField").text), ("", ""))

    def test_is_gone_round_and_speaks(self):
        self.arrive(ANNA, OTTO)
        self.window.find("radio button", "anna").press()
        self.chosen("anna")
        self.window.round()

    def test_is_not_there_without_homes(self):
        self.machine(homes=[])
        self.go_on("Welcome to Particle", "Who uses this computer?")

    def test_is_not_there_without_who_opens_homes(self):
        self.machine(homes=[ANNA], accounts={"encrypted": None, "ordinary": None, "kept": NO_HOMED})
        self.go_on("Welcome to Particle", "Who uses this computer?")


if __name__ == "__main__":
    unittest.main()
