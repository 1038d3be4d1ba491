#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Secure Boot with its own keys, with others' and without any: what the installer says of it, what it recommends then, what it asks the helper for, and the code that the screen
after the restart asks for. A stand-in describes the machines.
"""
import atexit
import json
import pathlib
import subprocess
import unittest

import dbus
from desktop import Desktop, wait_for

NONE = {"code": "not-found", "what": "-"}
DISK = {"token": "1", "device": "/dev/vda", "name": "Disk", "serial": "A1", "size": 64000000000, "transport": "nvme", "removable": False, "refusal": None, "content": [],
        "partitions": [], "damage": "", "modes": {"erase": None, "beside": NONE, "reinstall": NONE}}
PLACES = {"language": "en_US", "keyboard": "us", "timeZone": "Europe/Berlin"}
OURS = {"loader": "own", "couldAsk": False, "asks": False, "trustsOthers": False}
ALLOWED = {"loader": "shim", "couldAsk": False, "asks": False, "trustsOthers": True}
ASKS = {"loader": "shim", "couldAsk": True, "asks": True, "trustsOthers": True}
COULD = {"loader": "shim", "couldAsk": True, "asks": False, "trustsOthers": True}
NOTE = "At the next start a blue screen asks whether this computer may start the new system, and for a code that is shown once it is installed."
PROBLEM = {"code": "unsupported", "what": "Secure Boot would not let Particle start on this computer",
           "why": "the firmware's keys are others' and this medium has no loader for them", "todo": "Switch Secure Boot off in the firmware's settings."}
CODE = "12345678"

desktop = Desktop()
desktop.__enter__()
atexit.register(desktop.__exit__, None, None, None)
desktop.system_bus()

from window import Window  # noqa: E402  (accessibility looks for its bus when it is imported)


class SecureBootTest(unittest.TestCase):
    def setUp(self):
        (desktop.logs / "installer").unlink(missing_ok=True)

    def tearDown(self):
        self.assertNotIn(".qml", desktop.log("installer"))

    def machine(self, state, start=None, plan=None, **facts):
        process, self.mock = desktop.machine([DISK], secureBoot=state, **({"start": start} if start else {}), **facts)
        self.addCleanup(desktop.stop, process)
        desktop.plan(self.mock, **(plan or {}))

    def open(self, *options):
        self.program = desktop.installer(*options)
        self.addCleanup(desktop.stop, self.program)
        self.window = Window(self.program)

    def answered(self, **answers):
        path = desktop.folder / "answers.json"
        path.write_text(json.dumps(PLACES | {"disk": "only", "mode": "erase"} | answers))
        self.open("--answers", path)

    def go_to(self, wanted):
        for page in ("Welcome to Particle", "Which keyboard", "Where are you", "Which network", "Where should", "How should", "How your files", "Install Particle?"):
            self.window.page(page)
            if page == wanted:
                return
            self.window.press("button", "Continue" if page != "Which network" else "Continue without network")

    def card(self, name, beginning, role="radio button"):
        return wait_for(lambda: f"“{name}” with “{beginning}” among {self.window.describe()}",
                        lambda: (lambda c: c if c and c.description.startswith(beginning) else None)(self.window.look(role, name)))

    def options(self):
        """Those of the last plan that was asked for."""
        calls = [call for call in self.mock.GetCalls() if str(call[1]) == "Plan"]
        return {str(key): value for key, value in calls[-1][2][2].items()}

    def choices(self):
        return [control.name for control in self.window.controls() if control.role == "radio button"]

    def test_it_is_told_as_it_is(self):
        for state, start, title, line in (
                ("on", OURS, "Secure Boot is on", "This computer starts only what Particle’s keys vouch for."),
                ("on", OURS | {"trustsOthers": True}, "Secure Boot is on", "This computer starts Particle, and other systems that its keys vouch for."),
                ("on", ALLOWED, "Secure Boot is on, with Microsoft’s keys", "This computer starts what Microsoft vouches for, and Particle, which its owner has allowed."),
                ("on", ASKS, "Secure Boot is on, with Microsoft’s keys", "This computer starts what Microsoft vouches for. At the next restart a blue screen asks whether it may start"),
                ("setup", OURS, "Secure Boot waits for keys", "Until it has some, this computer starts anything. It takes Particle’s when you choose “Enroll Secure Boot keys: auto”"),
                ("off", ALLOWED, "Secure Boot is off", "It can be switched on in the firmware’s settings: Particle is allowed there already."),
                ("off", COULD, "Secure Boot is off", "Your files are encrypted all the same."),
                ("unknown", OURS, "This computer has no Secure Boot", "Your files are encrypted all the same.")):
            with self.subTest(title, line=line):
                self.machine(state, start)
                self.open()
                self.go_to("How your files")
                self.card(title, line, "label")
                self.assertEqual(state == "off" and start == COULD, self.window.look("check box", "Prepare Secure Boot") is not None)
            self.doCleanups()

    def test_where_others_start_too_a_pin_is_best(self):
        self.machine("off", COULD)
        self.open()
        self.go_to("How your files")
        self.card("Unlocked by this computer and a PIN", "Best here: this computer starts other systems too")
        self.assertEqual(["Unlocked by this computer and a PIN", "Unlocked by this computer", "A passphrase at each start"], self.choices())
        self.assertTrue(self.window.find("radio button", "Unlocked by this computer and a PIN").has("CHECKED"))
        self.assertFalse(self.window.look("button", "Check again"))
        wait_for("the plan with a PIN", lambda: self.options()["protection"] == "tpm-pin")
        # The chip alone stays a choice, and says what it does not do.
        chip = next(control for control in self.window.controls() if control.name == "Unlocked by this computer")
        self.assertIn("whoever has the whole computer could get at your files", chip.description)
        chip.press()
        wait_for("the plan with the chip alone", lambda: self.options()["protection"] == "tpm")

    def test_where_only_our_keys_start_anything_the_chip_is_enough(self):
        self.machine("on", OURS)
        self.open()
        self.go_to("How your files")
        self.card("Unlocked by this computer", "Its security chip (TPM) gives the key to the untouched system only.")
        self.assertEqual("Unlocked by this computer", self.choices()[0])
        wait_for("the plan with the chip", lambda: self.options()["protection"] == "tpm")

    def test_an_answers_file_that_does_not_say_gets_what_is_best(self):
        for state, start, best in (("on", OURS, "tpm"), ("on", ALLOWED, "tpm-pin"), ("off", COULD, "tpm-pin")):
            with self.subTest(best, state=state):
                self.machine(state, start)
                desktop.done(self.mock)
                self.answered()
                self.window.page("Particle is installed")
                self.assertEqual(best, self.options()["protection"])
                self.assertNotIn("prepare-secure-boot", self.options())
            self.doCleanups()

    def test_it_is_prepared_only_where_somebody_chose_that(self):
        self.machine("off", COULD)
        self.open()
        self.go_to("How your files")
        switch = self.card("Prepare Secure Boot", "At the restart a blue screen asks for a code", "check box")
        self.assertFalse(switch.has("CHECKED"))
        self.assertNotIn("prepare-secure-boot", self.options())
        switch.press()
        wait_for("the plan that prepares", lambda: self.options().get("prepare-secure-boot") == dbus.Boolean(True))
        self.assertTrue(self.window.find("check box", "Prepare").has("CHECKED"))
        self.window.find("check box", "Prepare").focus()
        self.window.keys(" ")
        wait_for("the plan without", lambda: "prepare-secure-boot" not in self.options())
        subprocess.run(["xdotool", "key", "Return"], check=True)
        self.window.page("Install Particle?")

    def test_an_answers_file_prepares_it_and_a_saved_one_does(self):
        self.machine("off", COULD)
        desktop.done(self.mock, {"code": CODE, "notes": []}, {"start": ASKS})
        self.answered(secureBoot="prepare", afterwards="restart")
        self.window.page("Particle is installed")
        self.assertTrue(self.options()["prepare-secure-boot"])
        self.assertEqual("tpm-pin", self.options()["protection"])
        # Nobody restarts a computer while its code is being written down.
        self.window.find(id="code")
        self.assertIsNone(self.window.look("button", "Stay here"))
        self.window.press("button", "Save these answers")
        saved = pathlib.Path(self.window.find("label", "Saved as ").name.removeprefix("Saved as ")).read_text()
        self.assertEqual("prepare", json.loads(saved)["secureBoot"])
        self.assertNotIn(CODE, saved)

    def test_a_computer_that_would_not_start_it_says_so_before_anything_is_chosen(self):
        self.machine("on", startProblem=PROBLEM)
        self.open()
        self.window.page("Welcome to Particle")
        self.window.press("button", "Continue")
        self.window.page("Secure Boot would not let Particle start on this computer")
        self.window.find("label", "The firmware's keys are others' and this medium has no loader for them.")
        self.window.find("label", "Switch Secure Boot off in the firmware's settings.")
        desktop.describe(self.mock, {"system": {"name": "Particle", "version": "1", "title": "Particle 1"}, "firmware": "uefi", "secureBoot": "off", "start": OURS, "startProblem": None,
                                     "tpm": ""})
        self.window.press("button", "Check again")
        self.window.page("Which keyboard")

    def test_the_summary_says_what_the_blue_screen_will_ask(self):
        self.machine("on", ASKS, {"notes": [NOTE], "start": ASKS})
        self.open()
        self.go_to("Install Particle?")
        self.window.find("label", NOTE)

    def code_is_shown(self):
        self.window.page("Particle is installed")
        self.assertEqual("The code: 1, 2, 3, 4, 5, 6, 7, 8", self.window.find(id="code").name)
        for step in ("1. Press any key within ten seconds.", "2. Choose “Enroll MOK”, then “Continue”, then “Yes”.", "3. Type the code", "4. Choose “Reboot”."):
            self.window.find("list item", step)

    def test_the_code_is_shown_and_a_window_that_is_opened_later_shows_it_too(self):
        self.machine("on", ASKS)
        desktop.done(self.mock, {"code": CODE, "notes": []}, {"start": ASKS}, listed=True)
        self.open()
        self.code_is_shown()
        self.window.find("label", "It asks once. If you miss it, Particle does not start until you switch Secure Boot off")
        self.window.press("button", "Keep trying it out")
        self.program.wait(10)
        self.open()
        self.code_is_shown()

    def test_with_secure_boot_off_the_system_starts_before_the_answer(self):
        self.machine("off", COULD)
        desktop.done(self.mock, {"code": CODE, "notes": []}, {"start": ASKS}, listed=True)
        self.open()
        self.code_is_shown()
        self.window.find("label", "Then you can switch Secure Boot on in the firmware’s settings. It asks once: if you miss it, Particle starts all the same while Secure Boot is off")

    def test_work_that_ends_in_view_shows_its_code(self):
        self.machine("on", ASKS)
        desktop.done(self.mock, {"code": CODE, "notes": []}, {"start": ASKS, "phases": [{"name": "Flushing", "bytes": 0, "cancellable": False}]}, listed=True)
        job = dbus.Interface(dbus.bus.BusConnection(desktop.env["DBUS_SESSION_BUS_ADDRESS"]).get_object("org.preon.Helper1", "/org/preon/Job1/1"), "org.freedesktop.DBus.Mock")
        job.UpdateProperties("org.preon.Job1", {"State": "running"})
        self.open()
        self.window.page("Installing")
        job.UpdateProperties("org.preon.Job1", {"State": "done"})
        self.code_is_shown()

    def test_a_request_that_the_firmware_did_not_take_is_said(self):
        self.machine("on", ASKS)
        note = ("With Secure Boot on, this computer will not start the system: This computer's owner could not be asked to allow CN=Key: another program has asked for something else, "
                "which is shown at the next start. Restart, answer that, and try again.")
        desktop.done(self.mock, {"notes": [note]}, {"start": ASKS}, listed=True)
        self.open()
        self.window.page("Particle is installed")
        self.window.find(name="This computer did not take the request to allow Particle. With Secure Boot on it does not start it.")
        self.assertIsNone(self.window.look(id="code"))
        self.window.press("button", "Details")
        self.assertEqual(note, self.window.find(id="detailsText").text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
